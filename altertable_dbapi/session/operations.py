"""The operation that is under way in a session: what `cancel` cancels, and its time limits."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from adbc_driver_manager import AdbcStatusCode

from ..errors import ProgrammingError
from ..settings.limits import Limits
from .handles import Handles
from .lifetime import Lifetime
from .server_session import ServerSession
from .transactions import Transactions
from .upkeep import Upkeep


class Operations:
    """One operation of the program at a time, which may make several calls of the server.

    An operation begins inside another one where the driver executes statements of its own for it;
    both are one then.

    Parameters
    ----------
    lock : RLock
        Held during every operation.
    lifetime : Lifetime
    server : ServerSession
    transactions : Transactions
    upkeep : Upkeep
    """

    def __init__(
        self,
        lock: threading.RLock,
        lifetime: Lifetime,
        server: ServerSession,
        transactions: Transactions,
        upkeep: Upkeep,
    ) -> None:
        self._lock = lock
        self._lifetime = lifetime
        self._server = server
        self._transactions = transactions
        self._upkeep = upkeep
        self._loading = False
        # Those of the operation under way, where they are not the connection's.
        self._limits: Limits | None = None

    @contextlib.contextmanager
    def under_way(self, limits: Limits | None = None) -> Iterator[None]:
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
        self._lifetime.check_open()
        if self._loading:
            raise ProgrammingError(
                "this connection is loading; what the data comes from needs a connection of "
                "its own",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        cancellation = self._server.cancellation
        outer, before = cancellation.operations, self._limits
        try:
            cancellation.operations = outer + 1
            if limits is not None:
                self._limits = limits
            if not outer:
                self._upkeep.watch()
                self._transactions.drop_orphan()
            yield
        finally:
            cancellation.operations, self._limits = outer, before
            if not outer:
                cancellation.requested = False

    def forget_cancel(self) -> None:
        """A cancelled operation has ended: the next one is not cancelled."""
        with self._lock:
            if not self._server.cancellation.operations:
                self._server.cancellation.requested = False

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """A block of an operation, in which no other one begins: what is loaded could try to."""
        self._loading = True
        try:
            yield
        finally:
            self._loading = False

    def limits(self, given: Limits | None = None) -> Limits:
        """Those given, those of the operation, or those of a statement that begins now."""
        return given or self._limits or self._server.limits.timeouts.begin()

    def at_hand(self) -> Handles:
        """The handles as they are, in any thread, also while a statement runs."""
        handles = self._server.handles
        if handles is None:
            with self._lock, self.under_way():
                handles = self._server.ready()
        return handles
