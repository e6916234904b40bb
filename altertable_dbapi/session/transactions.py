"""The transaction of a session: begun, committed, rolled back, and what is known of it."""

from __future__ import annotations

import weakref
from typing import Any

from adbc_driver_manager import AdbcStatusCode

from ..errors import Error, OperationalError, ProgrammingError, reworded
from ..protocol.errors import ABORTED_STATE, is_aborted
from ..settings.limits import Limits, has_expired, was_broken_off
from .handles import Failure, Handles
from .server_session import LOST, ServerSession

#: How much of a statement's text an error shows.
_SHOWN = 120


class Transactions:
    """Begins and ends the transaction of a server session; the caller holds the session's lock.

    A call that begins or ends one is uncertain until it is answered. When it is interrupted or
    runs out of time, the session is ended, which ends whatever is open in it.
    """

    def __init__(self, server: ServerSession) -> None:
        self._server = server
        self._owner: weakref.ref[Any] | None = None

    @property
    def open(self) -> bool:
        """Whether a transaction is open on the server."""
        handles = self._server.handles
        return handles is not None and handles.in_transaction

    @property
    def read_only(self) -> bool:
        """Whether the open transaction was begun as one that changes nothing."""
        handles = self._server.handles
        return handles is not None and handles.in_transaction and handles.read_only

    def own(self, owner: object) -> None:
        """The open transaction is ended by `owner` alone; it is rolled back when that is gone."""
        self._owner = weakref.ref(owner)

    def check_owner(self, what: str) -> None:
        """Refuse to end the transaction of a block in the middle of it.

        Raises
        ------
        ProgrammingError
            The transaction belongs to a block.
        """
        if self._owner is not None and self._owner() is not None:
            raise ProgrammingError(
                f"{what} inside transaction(): the end of its block commits, and an exception "
                "rolls back",
                status_code=AdbcStatusCode.INVALID_STATE,
            )

    def drop_orphan(self) -> None:
        """Roll back the transaction of a block that was broken off before it began."""
        if self._owner is not None and self._owner() is None:
            self._owner = None
            self.rollback(self._server.limits)

    def begin(self, limits: Limits, read_only: bool = False) -> None:
        """Begin a transaction; nothing when one is open."""
        server = self._server
        if self.open:
            return
        server.own.begin()
        try:
            server.send(lambda handles: handles.begin(limits, read_only))
        except Error as error:
            # A server that has answered has not begun.
            if was_broken_off(error):
                self._uncertain()
            raise
        except BaseException:
            self._uncertain()
            raise

    def commit(self, limits: Limits) -> None:
        """Commit the open transaction; nothing when none is open.

        Raises
        ------
        OperationalError
            A failed statement had aborted it, or it is lost, or its fate is not known.
        Error
            What the server says against it. It is rolled back then.
        """
        server = self._server
        if not self.open and not server.lost:
            return
        handles = server.ready()
        if handles.failure is not None:
            self._check_not_aborted(handles, handles.failure, limits)
        try:
            handles.commit(limits)
        except BaseException as error:
            if not handles.in_transaction:  # it is committed, and tidying up has failed
                self._owner = None
                raise
            raise self._failed(error) from None
        self._owner = None

    def _failed(self, error: BaseException) -> BaseException:
        """The error of a commit that has failed, with the fate of the transaction."""
        self._owner = None
        # The driver can neither go on with that transaction nor leave it.
        gone = self._server.end()
        self._server.lost = ""
        if not isinstance(error, Error):
            return error
        self._server.told()
        kind: type[Error] = OperationalError
        if has_expired(error):
            fate = f"{LOST}, which had ended"
        elif was_broken_off(error):
            fate = "whether the transaction was committed is not known"
        elif gone:
            kind, fate = type(error), "the transaction was rolled back"
        else:
            return error
        if gone:
            fate += f", and the connection goes on in a new session, without {gone}"
        return reworded(error, f"{fate} ({error})", kind)

    def _check_not_aborted(self, handles: Handles, failure: Failure, limits: Limits) -> None:
        """Ask before a commit that would store nothing: servers say yes to it.

        DuckDB answers the commit of an aborted transaction with success, and rolls back.
        """
        try:
            handles.query("SELECT 1", limits)
        except Error as error:
            if not is_aborted(str(error)):
                raise
        else:
            handles.failure = None
            return
        self.rollback(limits)
        text = " ".join(failure.text.split())
        shown = f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
        said = failure.error.partition("\n")[0]
        raise OperationalError(
            f"nothing was committed: {shown!r} had failed ({said}), which aborted the "
            "transaction; it is rolled back",
            status_code=AdbcStatusCode.INVALID_STATE,
            sqlstate=ABORTED_STATE,
        )

    def rollback(self, limits: Limits) -> None:
        """Roll the open transaction back; nothing when none is open."""
        server = self._server
        self._owner = None
        if server.lost:
            server.lost = ""
            return
        if not self.open:
            return
        server.own.rolled_back()
        try:
            handles = server.ready()
        except OperationalError:
            if not server.lost:
                raise
            # With its session the transaction is rolled back as well.
            server.lost = ""
            return
        try:
            handles.rollback(limits)
        except Error as error:
            server.end()
            server.lost = ""
            if not (has_expired(error) or was_broken_off(error)):
                raise
        except BaseException:
            server.end()
            server.lost = ""
            raise

    def _uncertain(self) -> None:
        """Whether the server has begun is not known: its session is ended."""
        self._owner = None
        self._server.end()
        self._server.lost = ""
