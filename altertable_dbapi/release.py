"""Streams are released beside the program, because the driver is slow to do it."""

from __future__ import annotations

import os
import threading
import weakref
from queue import SimpleQueue

import pyarrow as pa

_Queue = SimpleQueue["pa.RecordBatchReader | None"]


class Releases:
    """Closes the streams of one session in a thread.

    Each release makes the Go driver collect its whole garbage, which takes about a millisecond,
    as long as a statement on a server nearby. The thread begins with the first stream and ends
    with `finish`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: weakref.finalize[[_Queue, threading.Thread, int], Releases] | None = None
        self._queue: _Queue = SimpleQueue()
        self._pid = os.getpid()

    def add(self, stream: pa.RecordBatchReader) -> None:
        """Close a stream soon; the caller has no other use for it."""
        self._queue.put(stream)
        # A forked child only keeps the stream: it must not touch the driver.
        if self._running is None and self._pid == os.getpid():
            self._start()

    def finish(self) -> None:
        """Return when all streams are closed, with the thread ended."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running()

    def _start(self) -> None:
        with self._lock:
            if self._running is None:
                thread = threading.Thread(
                    target=_close_all, args=(self._queue,), name="altertable-release", daemon=True
                )
                thread.start()
                # It also runs at the interpreter's exit, which must not meet the thread at work.
                self._running = weakref.finalize(self, _end, self._queue, thread, os.getpid())


def _close_all(queue: _Queue) -> None:
    while (stream := queue.get()) is not None:
        stream.close()
        del stream


def _end(queue: _Queue, thread: threading.Thread, pid: int) -> None:
    # After a fork there is no such thread, and the driver is not to be touched.
    if pid == os.getpid():
        queue.put(None)
        if thread is not threading.current_thread():
            thread.join()
