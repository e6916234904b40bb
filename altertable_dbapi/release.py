"""Streams that are done with are released while the session has nothing else to do."""

from __future__ import annotations

import threading
import weakref
from collections import deque

import pyarrow as pa

_END_SECONDS = 1.0


class Releases:
    """Closes the streams of one session, in a thread or before the session's next call.

    Each release makes the Go driver collect its whole garbage, which takes as long as a small
    statement on a server nearby, so the caller does not wait for it. It never runs beside another
    call of the session: a connection's objects are for one thread at a time (the ADBC
    specification, "Concurrency and Thread Safety"), and the driver crashes the process otherwise.

    Parameters
    ----------
    lock : RLock
        The session's, held during every call.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._abandoned = False
        self._streams: deque[pa.RecordBatchReader] = deque()
        self._wake = threading.Semaphore(0)
        self._finalizer: weakref.finalize[..., Releases] | None = None
        self._ended = threading.Event()

    def add(self, stream: pa.RecordBatchReader) -> None:
        """Close a stream soon; the caller has no other use for it."""
        self._streams.append(stream)
        if self._abandoned:
            return
        if self._finalizer is None:
            arguments = self._lock, self._streams, self._wake, self._ended
            thread = threading.Thread(
                target=_close_all, args=arguments, name="altertable-release", daemon=True
            )
            thread.start()
            # Also at the interpreter's exit, which must not meet the thread at work.
            self._finalizer = weakref.finalize(self, _end, *arguments[2:], thread)
        self._wake.release()

    def abandon(self) -> None:
        """Close nothing any more. What waits is kept for as long as this is."""
        self._abandoned = True
        # The thread, if there is one, keeps the other list.
        waiting, self._streams = self._streams, deque()
        while waiting:
            self._streams.append(waiting.popleft())
        if self._finalizer is not None:
            self._finalizer.detach()

    def flush(self) -> None:
        """Close what is waiting; the caller holds the session's lock."""
        while self._streams:
            self._streams.popleft().close()

    def finish(self) -> None:
        """Close what is waiting and let the thread end; the caller holds the session's lock."""
        self.flush()
        self._ended.set()
        self._wake.release()
        if self._finalizer is not None:
            self._finalizer.detach()


def _close_all(
    lock: threading.RLock,
    streams: deque[pa.RecordBatchReader],
    wake: threading.Semaphore,
    ended: threading.Event,
) -> None:
    while wake.acquire() and not ended.is_set():
        with lock:
            if streams:
                streams.popleft().close()


def _end(wake: threading.Semaphore, ended: threading.Event, thread: threading.Thread) -> None:
    ended.set()
    wake.release()
    if thread is not threading.current_thread():
        # It may have to wait for a call of another thread that never ends.
        thread.join(_END_SECONDS)
