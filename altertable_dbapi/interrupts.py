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
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import adbc_driver_manager as adbc

from . import fork

T = TypeVar("T")

#: A call that has not begun to wait when it is cancelled is not cancelled, so it is tried again.
_TRIES, _SECONDS_BETWEEN = 100, 0.05


class _Watch:
    """Hears of signals during the calls of the main thread and cancels the one under way."""

    def __init__(self) -> None:
        self._hear, self._tell = socket.socketpair()
        self._tell.setblocking(False)
        self._fd = self._tell.fileno()
        self._changed = threading.Condition(threading.Lock())
        self._cancel: Callable[[], Any] | None = None
        # Where signals are told otherwise: an event loop, as a rule.
        self._other = -1
        fork.watch(self)
        fork.leak(self)
        threading.Thread(target=self._run, name="altertable-interrupts", daemon=True).start()

    def run(self, cancel: Callable[[], Any], function: Callable[..., T], *args: Any) -> T:
        outer, before = self._cancel, signal.set_wakeup_fd(self._fd, warn_on_full_buffer=False)
        try:
            if before != self._fd:
                self._other = before
            self._cancel = cancel
            return function(*args)
        finally:
            # With the lock, so that nothing is cancelled that comes after this call.
            with self._changed:
                self._cancel = outer
            signal.set_wakeup_fd(before)

    def _run(self) -> None:
        while signals := self._hear.recv(4096):
            if self._other != -1:
                with contextlib.suppress(OSError):
                    os.write(self._other, signals)
            if signal.SIGINT in signals:
                self._interrupt()

    def _interrupt(self) -> None:
        with self._changed:
            cancel = self._cancel
            for _ in range(_TRIES):
                if cancel is None or self._cancel is not cancel:
                    return
                with contextlib.suppress(adbc.Error):
                    cancel()
                self._changed.wait(_SECONDS_BETWEEN)

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
    if threading.current_thread() is not threading.main_thread():
        return function(*args)
    if _watch is None:
        _watch = _Watch()
    return _watch.run(cancel, function, *args)
