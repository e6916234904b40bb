"""The session of a connection: one statement at a time, in the transaction that it belongs to."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode

from ..errors import Error, InterfaceError, InternalError, ProgrammingError
from ..logs import SessionLog
from ..parameters.bind import Bound
from ..process import exiting, fork, housekeeping
from ..protocol import _adbc
from ..result.result import Result
from ..result.stream import Stream
from ..settings.checks import check
from ..settings.limits import Limits, Timeouts, has_expired
from ..settings.settings import Settings
from ..statement.scan import Statement
from .handles import Handles
from .server_session import ServerSession
from .streams import Streams
from .transactions import Transactions

#: How long the interpreter's exit waits for a cancelled call of another thread.
_EXIT_SECONDS = 1.0

#: A call that has not begun to wait when it is cancelled is not cancelled, so it is tried again.
_CANCEL_AGAIN_SECONDS = 0.05


class Session:
    """One Flight SQL session, which is one connection of the server's engine.

    It serves one statement at a time: before another is sent, a result that is still being read
    is read into memory. Calls are serialised by a lock, so that misuse from two threads cannot
    mix two statements.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    settings : Settings
    autocommit : bool
        Whether a statement that may change something is committed by itself.
    lock : RLock
        Held during every operation.
    server : ServerSession
        What there is on the server.
    transactions : Transactions
    closed : bool

    Raises
    ------
    Error
        The session cannot be opened; as the driver says it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.autocommit = settings.autocommit
        self.lock = threading.RLock()
        self.closed = False
        self.log = SessionLog()
        self.streams = Streams()
        self.server = ServerSession(settings, self.log, self.streams)
        self.transactions = Transactions(self.server)
        self._pid = os.getpid()
        self._abandoned = False
        self._lent = False
        #: Cancels the load under way, if any.
        self.cancel_load: Callable[[], None] | None = None
        self._loading = False
        # Those of the operation under way, where they are not the connection's.
        self._limits: Limits | None = None
        # When the server was last sent a sign of life, and whether the next one is waited for.
        self._pinged = 0.0
        self._watched = False
        fork.watch(self)
        fork.note_use(fork.DRIVER)
        housekeeping.watch(self)
        exiting.watch(self)
        try:
            self.server.connect()
        except BaseException:
            self.closed = True
            self.server.close()
            raise
        if settings.keepalive_idle:
            self._watch()

    # Operations

    @contextlib.contextmanager
    def operation(self, limits: Limits | None = None) -> Iterator[None]:
        """A block that `cancel` cancels as a whole; the caller holds the lock.

        All of it is in `limits`, where they are given, instead of the connection's.

        The lock is not taken here, since KeyboardInterrupt may come between what is written in
        Python and the block.

        Raises
        ------
        InterfaceError
            The session is closed, or another process's.
        ProgrammingError
            A load is under way in this thread.
        """
        self.check_open()
        if self._loading:
            raise ProgrammingError(
                "this connection is loading; what the data comes from needs a connection of "
                "its own",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        cancellation = self.server.cancellation
        outer, before = cancellation.operations, self._limits
        try:
            cancellation.operations = outer + 1
            if limits is not None:
                self._limits = limits
            if not outer:
                self._watch()
                self.transactions.drop_orphan()
            yield
        finally:
            cancellation.operations, self._limits = outer, before
            if not outer:
                cancellation.requested = False

    def run(
        self,
        statement: Statement,
        text: str,
        bound: Bound | None = None,
        limits: Limits | None = None,
    ) -> Result | None:
        """Send a statement of the program's in the transaction that it belongs to.

        Parameters
        ----------
        statement : Statement
        text : str
            What is sent for it.
        bound : Bound, optional
            What the server is to bind.
        limits : Limits, optional

        Returns
        -------
        Result or None
            None for BEGIN, COMMIT and ROLLBACK.
        """
        limits = self.limits(limits)
        with self.lock, self.operation():
            if statement.transaction is not None:
                self._transact(statement, limits)
                return None
            self._enter(statement, limits)
            return self._execute(text, bound, limits, statement.text)

    def note(self, statement: Statement) -> None:
        """A statement has been executed: it may have left something in the session."""
        self.server.own.note(statement)

    def _transact(self, statement: Statement, limits: Limits) -> None:
        action = statement.transaction
        if action != "begin":
            self.transactions.check_owner(statement.verb)
            end = self.transactions.commit if action == "commit" else self.transactions.rollback
            end(limits)
            return
        if self.transactions.open:
            raise ProgrammingError(
                "a transaction is open already; commit() or rollback() before BEGIN",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        self.transactions.begin(limits, statement.read_only)

    def _enter(self, statement: Statement, limits: Limits) -> None:
        """What comes before a statement. PEP 249: no change is kept without a commit."""
        handles = self.server.handles
        if statement.may_change:
            if not self.autocommit:
                self.transactions.begin(limits)
            elif handles is not None and handles.in_transaction and handles.read_only:
                raise ProgrammingError(
                    f"the transaction was begun as READ ONLY, and {statement.verb} may change "
                    "something; commit() or rollback() first",
                    status_code=AdbcStatusCode.INVALID_STATE,
                )
        if not statement.keeps_schema:
            self.forget_current()

    def execute(
        self, text: str, bound: Bound | None = None, limits: Limits | None = None
    ) -> Result:
        """Send one statement of the driver's own: it begins nothing and leaves nothing."""
        with self.lock, self.operation():
            return self._execute(text, bound, self.limits(limits), text)

    def query(self, text: str, bound: Bound | None = None) -> pa.Table:
        """The answer to a question of the driver's own."""
        return self.execute(text, bound).read_table()

    def rows(
        self, text: str, kinds: Sequence[type | tuple[type, ...]], bound: Bound | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows that answer a question of the driver's own, one of `kinds` in each column.

        Raises
        ------
        InternalError
            The server answers something else.
        """
        table = self.query(text, bound)
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        if table.num_columns != len(kinds) or not all(
            isinstance(value, kind) for row in rows for value, kind in zip(row, kinds, strict=True)
        ):
            raise InternalError(f"the server answers {text!r} with {table.schema}")
        return rows

    def _execute(self, text: str, bound: Bound | None, limits: Limits, shown: str) -> Result:
        log = self.log.sending(text)

        def send(handles: Handles) -> Result:
            partitions, announced = handles.partitions(text, bound, limits, shown)
            streams = self._opened(handles, partitions, limits, shown)
            return Result(streams, announced, self.lock, self.streams, log)

        try:
            result = self.server.send(send)
        except BaseException as error:
            if log is not None:
                log.failed(error)
            raise
        self.streams.read_by(result)
        return result

    def _opened(
        self, handles: Handles, partitions: list[bytes], limits: Limits, shown: str
    ) -> Iterator[Stream]:
        for partition in partitions:
            stream = handles.stream(partition, limits, shown)
            self.streams.opened(stream)
            yield stream

    def partitions(
        self,
        statement: Statement,
        text: str,
        bound: Bound | None = None,
        limits: Limits | None = None,
    ) -> tuple[list[bytes], pa.Schema | None]:
        """Send one statement; the partitions of its result, and the schema announced for them."""
        limits = self.limits(limits)
        with self.lock, self.operation():
            self._enter(statement, limits)
            self.log.sending(text)
            return self.server.send(
                lambda handles: handles.partitions(text, bound, limits, statement.text)
            )

    def read_partition(self, partition: bytes, limits: Limits | None = None) -> Result:
        """Open the stream of one partition."""
        limits = self.limits(limits)
        with self.lock, self.operation():
            streams = self._opened(self.server.ready(), [partition], limits, "")
            result = Result(streams, None, self.lock, self.streams)
            self.streams.read_by(result)
            return result

    def prepare(self, statement: Statement, limits: Limits | None = None) -> pa.Schema | None:
        """Prepare a statement and give the schema of its parameters, where the server tells."""
        limits = self.limits(limits)
        with self.lock, self.operation():
            self._enter(statement, limits)
            return self.server.send(
                lambda handles: handles.prepare(statement.text, limits).parameter_schema
            )

    def announced_schema(self, statement: Statement, limits: Limits) -> pa.Schema:
        """Prepare a statement and give the schema that the server announces for its result."""

        def ask(handles: Handles) -> adbc.ArrowSchemaHandle:
            prepared = handles.prepare(statement.text, limits).statement
            return handles.call(prepared, prepared.execute_schema, limits=limits, trips=0)

        with self.lock, self.operation():
            return _adbc.import_schema(self.server.send(ask))

    @contextlib.contextmanager
    def loading(self) -> Iterator[tuple[Handles, adbc.AdbcStatement]]:
        """A block with the session to itself: the handles, and the statement of its bulk load.

        The caller holds the lock.
        """
        with self.operation():
            handles = self.server.ready()
            statement = handles.prepared.take()
            self._loading = True
            try:
                yield handles, statement
            except Error as error:
                if has_expired(error):
                    self.server.expired(error)
                raise
            finally:
                self._loading = False
                if handles.at_work:  # by a thread that did not end in time
                    self.server.end()
                else:
                    handles.prepared.give_back(statement)

    def limits(self, limits: Limits | None) -> Limits:
        """Those given, those of the operation, or those of a statement that begins now."""
        return limits or self._limits or self.server.limits.timeouts.begin()

    def timeouts(
        self,
        query: float | None,
        fetch: float | None,
        update: float | None,
        statement: float | None,
    ) -> Timeouts:
        """The time limits of a cursor."""
        given = {"query": query, "fetch": fetch, "update": update, "statement": statement}
        checked = {k: check(f"{k}_timeout", v) for k, v in given.items() if v is not None}
        return self.server.limits.timeouts._replace(**checked)

    # The current catalog and schema

    def current(self) -> tuple[str, str]:
        """The current catalog and schema, which the server is asked for once.

        Raises
        ------
        InternalError
            It answers something else.
        """
        with self.lock, self.operation():
            handles = self.server.ready()
            if handles.current is not None:
                return handles.current
            query = "SELECT current_catalog(), current_schema()"
            answers = self.rows(query, (str, str))
            if len(answers) != 1:
                raise InternalError(f"the server answers {query!r} with {len(answers)} rows")
            catalog, schema = answers[0]
            # Another session may have been opened for it.
            if not self._lent and self.server.handles is not None:
                self.server.handles.current = catalog, schema
            return catalog, schema

    def forget_current(self) -> None:
        """Ask for the current catalog and schema again: a statement may change them."""
        if self.server.handles is not None:
            self.server.handles.current = None

    def lend(self) -> Handles:
        """The handles, for somebody who may send statements of which this session is not told."""
        handles = self.at_hand()
        self._lent = True
        handles.current = None
        self.server.own.lent()
        return handles

    def at_hand(self) -> Handles:
        """The handles as they are, in any thread, also while a statement runs."""
        handles = self.server.handles
        if handles is None:
            with self.lock, self.operation():
                handles = self.server.ready()
        return handles

    # Transactions

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on the server."""
        return self.transactions.open

    def begin(self, owner: object | None = None) -> None:
        """Begin a transaction; nothing when one is open."""
        with self.lock, self.operation():
            self.transactions.begin(self.limits(None))
            if owner is not None:
                self.transactions.own(owner)

    def commit(self) -> None:
        """Commit the open transaction; nothing when none is open."""
        if self.inherited:
            return  # a block that a forked child leaves: it is the parent's
        with self.lock, self.operation():
            self.transactions.commit(self.limits(None))

    def rollback(self) -> None:
        """Roll the open transaction back; nothing when none is open."""
        with self.lock, self.operation():
            self.transactions.rollback(self.limits(None))

    def roll_back_quietly(self) -> None:
        """Roll back what an exception has left, which is told to the log if it fails."""
        if self.inherited:
            return  # it is the parent's
        try:
            self.rollback()
        except Error as error:
            self.log.rollback_failed(error)

    # Its life

    def is_usable(self) -> bool:
        """Whether a statement could be executed now, which is found by executing one."""
        if self.closed or self.inherited:
            return False
        with self.lock, self.operation():
            return self.server.answers()

    def cancel(self) -> None:
        """Cancel the operation under way, from any thread: its call, or the next one it makes."""
        cancellation, handles = self.server.cancellation, self.server.handles
        reading = self.streams.unfinished
        if cancellation.operations or reading:
            cancellation.requested = True
        cancel_load = self.cancel_load
        if cancel_load is not None:
            cancel_load()
        if handles is not None:
            handles.cancel(reading)
            housekeeping.needed()

    def keep_house(self, quiet: bool) -> float | None:
        """Do one small thing that is due; the housekeeping thread asks."""
        if self.closed or self._abandoned:
            return None
        pauses = []
        handles = self.server.handles
        if self.server.cancellation.requested and handles is not None and handles.at_work:
            handles.cancel(False)
            pauses.append(_CANCEL_AGAIN_SECONDS)
        if self.streams.forgotten or self.streams.waiting:
            pauses.append(self._tidy_up(quiet))
        if self._watched and self.settings.keepalive:
            pause = self._keep_alive(handles)
            if pause is not None:
                pauses.append(pause)
        return min(pauses, default=None)

    def _tidy_up(self, quiet: bool) -> float:
        if (quiet or self.streams.forgotten) and self.lock.acquire(blocking=False):
            try:
                if self.streams.forgotten:
                    self.streams.stop()
                else:
                    self.streams.release_one()
            finally:
                self.lock.release()
            return 0.0
        return housekeeping.QUIET_SECONDS

    def _watch(self) -> None:
        """Look after this session, should it need signs of life."""
        if not self._watched:
            self._watched = True
            housekeeping.needed()

    def _keep_alive(self, handles: Handles | None) -> float | None:
        """Seconds until the next sign of life; None where none is needed."""
        now = time.monotonic()
        used = handles.used if handles is not None else now
        left = max(used, self._pinged) + self.settings.keepalive - now
        if left > 0:
            return left
        if handles is None or not self._needs_sign_of_life(handles):
            self._watched = False
            return None
        self._pinged = now
        handles.ping()
        return self.settings.keepalive

    def _needs_sign_of_life(self, handles: Handles) -> bool:
        return (
            handles.at_work
            or handles.in_transaction
            or self.streams.unfinished
            or self.settings.keepalive_idle
        )

    def inherit(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._abandon()

    def leave(self, in_time: bool) -> None:
        """At the interpreter's exit: end the session, or leave it where that could take long."""
        if not in_time:
            self._abandon()
            return
        if not self.lock.acquire(blocking=False):
            # A thread that will not see the end of its call.
            with contextlib.suppress(adbc.Error):
                self.cancel()
            if not self.lock.acquire(timeout=_EXIT_SECONDS):
                self._abandon()
                return
        try:
            self.close()
        finally:
            self.lock.release()

    def _abandon(self) -> None:
        """Never call the driver for this session again, not even to release what it holds."""
        self._abandoned = True
        self.streams.abandon()
        fork.leak(self)
        fork.leak(self.server.handles)
        fork.free(self.lock)
        self.server.handles, self.server.lost = None, ""

    @property
    def left(self) -> bool:
        """Whether the interpreter's exit has ended it."""
        return self.closed and exiting.is_over()

    @property
    def inherited(self) -> bool:
        """Whether it was opened before this process was forked."""
        return self._pid != os.getpid()

    def check_open(self) -> None:
        if self.inherited:
            raise fork.inherited("this connection")
        if self.closed:
            raise InterfaceError("the connection is closed")

    def close(self) -> None:
        """End the session; an open transaction is rolled back. Idempotent."""
        if self.closed:
            return
        with self.lock:
            if self.closed or self._abandoned:
                return
            self.server.close()
            self.closed = True
