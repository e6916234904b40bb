"""How long a session may be used: to its close, the interpreter's exit, or a fork."""

from __future__ import annotations

import contextlib
import os
import threading

import adbc_driver_manager as adbc

from ..errors import InterfaceError
from ..process import exiting, fork
from .server_session import ServerSession

#: How long the interpreter's exit waits for a cancelled call of another thread.
_EXIT_SECONDS = 1.0


class Lifetime:
    """Ends a session once, in the process that opened it, and leaves it alone in every other.

    Parameters
    ----------
    lock : RLock
        The session's.
    server : ServerSession

    Attributes
    ----------
    closed : bool
    abandoned : bool
        Whether the driver must not be called for this session any more.
    """

    def __init__(self, lock: threading.RLock, server: ServerSession) -> None:
        self.closed = False
        self.abandoned = False
        self._lock = lock
        self._server = server
        self._pid = os.getpid()
        fork.watch(self)
        fork.note_use(fork.DRIVER)
        exiting.watch(self)

    @property
    def inherited(self) -> bool:
        """Whether it was opened before this process was forked."""
        return self._pid != os.getpid()

    @property
    def left(self) -> bool:
        """Whether the interpreter's exit has ended it."""
        return self.closed and exiting.is_over()

    def check_open(self) -> None:
        """Refuse to use what is closed.

        Raises
        ------
        InterfaceError
            The session is closed, or another process's.
        """
        if self.inherited:
            raise fork.inherited("this connection")
        if self.closed:
            raise InterfaceError("the connection is closed")

    def close(self) -> None:
        """End the session; an open transaction is rolled back. Idempotent."""
        if self.closed:
            return
        with self._lock:
            if self.closed or self.abandoned:
                return
            self._server.close()
            self.closed = True

    def leave(self, in_time: bool) -> None:
        """At the interpreter's exit: end the session, or leave it where that could take long."""
        if not in_time:
            self._abandon()
            return
        if not self._lock.acquire(blocking=False):
            # A thread that will not see the end of its call.
            with contextlib.suppress(adbc.Error):
                self._server.cancel()
            if not self._lock.acquire(timeout=_EXIT_SECONDS):
                self._abandon()
                return
        try:
            self.close()
        finally:
            self._lock.release()

    def inherit(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._abandon()

    def _abandon(self) -> None:
        """Never call the driver for this session again, not even to release what it holds."""
        self.abandoned = True
        self._server.abandon()
        fork.leak(self)
        fork.free(self._lock)
