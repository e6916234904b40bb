"""A sign of life now and then, so that nothing between client and server takes them for dead."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol


class Kept(Protocol):
    """What is kept alive: a session."""

    def needs_sign_of_life(self) -> bool: ...

    def send_sign_of_life(self) -> None: ...


class Keepalive:
    """Sends a small call every `interval` seconds for as long as a session needs it.

    The driver sends nothing while a statement runs or a transaction waits, and load balancers cut
    connections that are silent. The thread begins when it is first needed and ends at the first
    interval in which it is not, so a connection that does nothing has none.

    Parameters
    ----------
    kept : Kept
        Held weakly: a forgotten session is not kept alive by this.
    interval : float
        Seconds; 0 for never.
    """

    def __init__(self, kept: Kept, interval: float) -> None:
        self._kept = weakref.ref(kept)
        self._interval = interval
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin, unless it runs already."""
        if self._thread is not None or not self._interval:
            return
        with self._lock:
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._stop,), name="altertable-keepalive", daemon=True
                )
                self._thread.start()

    def stop(self) -> threading.Thread | None:
        """End; the thread to wait for before the connection is closed, if there is one."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stop.set()
        return None if thread is threading.current_thread() else thread

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._interval):
            kept = self._kept()
            if kept is None:
                return
            with self._lock:
                if stop.is_set():
                    return
                if not kept.needs_sign_of_life():
                    self._thread = None
                    return
            kept.send_sign_of_life()
            del kept
