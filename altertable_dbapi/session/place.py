"""Where a session is: its current catalog and schema, which the server is asked for once."""

from __future__ import annotations

import threading

from ..errors import InternalError
from .handles import Handles
from .operations import Operations
from .questions import answer_rows
from .server_session import ServerSession

_QUERY = "SELECT current_catalog(), current_schema()"


class Place:
    """The current catalog and schema, kept until a statement that may change them.

    Parameters
    ----------
    lock : RLock
        The session's.
    operations : Operations
    server : ServerSession
    """

    def __init__(
        self, lock: threading.RLock, operations: Operations, server: ServerSession
    ) -> None:
        self._lock = lock
        self._operations = operations
        self._server = server
        self._lent = False

    def current(self) -> tuple[str, str]:
        """The current catalog and schema.

        Raises
        ------
        InternalError
            The server answers something else.
        """
        with self._lock, self._operations.under_way():
            handles = self._server.ready()
            if handles.current is not None:
                return handles.current
            answers = answer_rows(
                self._server.query(_QUERY, None, self._operations.limits()), (str, str), _QUERY
            )
            if len(answers) != 1:
                raise InternalError(f"the server answers {_QUERY!r} with {len(answers)} rows")
            catalog, schema = answers[0]
            # Another session may have been opened for it.
            if not self._lent and self._server.handles is not None:
                self._server.handles.current = catalog, schema
            return catalog, schema

    @property
    def known(self) -> tuple[str, str] | None:
        """The current catalog and schema where they are known; the server is not asked."""
        handles = self._server.handles
        return None if handles is None else handles.current

    def forget(self) -> None:
        """Ask again the next time: a statement may change them."""
        if self._server.handles is not None:
            self._server.handles.current = None

    def lend(self) -> Handles:
        """The handles, for somebody who may send statements of which this session is not told."""
        handles = self._operations.at_hand()
        self._lent = True
        handles.current = None
        self._server.own.lent()
        return handles
