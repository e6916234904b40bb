"""Ctrl-C while a call of the driver has the main thread.

Python notices a signal at once but handles it in the main thread alone, when that runs Python code
again: after the call, which may take an hour. The driver manager's own remedy
(``_lib._blocking_call``) puts another signal handler in place for the length of the call. A Ctrl-C
towards the end of one is lost there, and now and then the process hangs or crashes, since its
thread waits for the GIL with a lock that the main thread waits for with the GIL. Here Python's
handler stays where it is. What is added is a thread that hears of signals through
:func:`signal.set_wakeup_fd` and cancels the call; then Python goes on with the signal as ever.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import adbc_driver_manager as adbc

from . import fork

T = TypeVar("T")

#: Seconds for a wait of the main thread, again and again. One without end is not interrupted on
#: Windows, nor where a library's signal handler has system calls go on after it, as polars' has.
WAIT_SECONDS = 0.5

#: A call that has not begun to wait when it is cancelled is not cancelled, so it is tried again.
_TRIES, _SECONDS_BETWEEN = 100, 0.05


class _Call:
    """A call of the driver: what cancels it, whether it is over, and a lock for both."""

    __slots__ = ("cancel", "lock", "over")

    def __init__(self, cancel: Callable[[], Any]) -> None:
        self.cancel = cancel
        self.over = False
        self.lock = threading.Lock()


class _Watch:
    """Hears of signals during the calls of the main thread and cancels the one under way.

    The main thread holds no lock here that another call needs, since a signal handler may make
    one: each call has a lock of its own.
    """

    def __init__(self) -> None:
        self._hear, self._tell = socket.socketpair()
        self._hear.setblocking(False)
        self._tell.setblocking(False)
        self._fd = self._tell.fileno()
        self._call: _Call | None = None
        # Where signals are told otherwise: an event loop, as a rule.
        self._other = -1
        fork.watch(self)
        fork.leak(self)
        threading.Thread(target=self._run, name="altertable-interrupts", daemon=True).start()

    def run(self, cancel: Callable[[], Any], function: Callable[..., T], *args: Any) -> T:
        outer, call, before = self._call, _Call(cancel), self._other
        try:
            before = signal.set_wakeup_fd(self._fd, warn_on_full_buffer=False)
            if before != self._fd:
                self._other = before
            self._call = call
            return function(*args)
        finally:
            try:
                self._end(call, outer, before)
            finally:
                # KeyboardInterrupt is raised as soon as Python runs, so it may be in there.
                if self._call is call or not call.over:
                    self._end(call, outer, before)

    def _end(self, call: _Call, outer: _Call | None, before: int) -> None:
        signal.set_wakeup_fd(before)
        # Waits for a cancel that is under way, so that it does not meet the next call.
        with call.lock:
            call.over = True
        self._hear_signals()
        self._call = outer

    def _hear_signals(self) -> bytes:
        """The numbers of the signals that came, which are told to whoever is told otherwise."""
        try:
            signals = self._hear.recv(4096)
        except BlockingIOError:
            return b""
        if self._other != -1:
            with contextlib.suppress(OSError):
                os.write(self._other, signals)
        return signals

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._hear, selectors.EVENT_READ)
            while selector.select():
                # Before the signals are heard: those of this call are not heard in the next.
                call = self._call
                if signal.SIGINT in self._hear_signals() and call is not None:
                    self._interrupt(call)

    def _interrupt(self, call: _Call) -> None:
        for _ in range(_TRIES):
            if not call.lock.acquire(blocking=False):
                return  # it is being ended
            try:
                if call.over:
                    return
                with contextlib.suppress(adbc.Error):
                    call.cancel()
            finally:
                call.lock.release()
            time.sleep(_SECONDS_BETWEEN)

    def inherit(self) -> None:
        """In a forked child: tell its signals to nobody, least of all to the parent."""
        before = signal.set_wakeup_fd(-1)
        if before != self._fd:
            signal.set_wakeup_fd(before)


_watch: _Watch | None = None


def interruptible(cancel: Callable[[], Any], function: Callable[..., T], *args: Any) -> T:
    """Call `function`, and from another thread `cancel`, should Ctrl-C be pressed meanwhile.

    It is for the main thread; in others `function` is just called, for only the main one handles
    signals.
    """
    global _watch
    # Not current_thread(), which makes an object for a thread that has none.
    if threading.get_ident() != threading.main_thread().ident:
        return function(*args)
    if _watch is None:
        _watch = _Watch()
    return _watch.run(cancel, function, *args)
