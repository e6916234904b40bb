"""Streams that are done with are released while the session has nothing else to do."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pyarrow as pa

_END_SECONDS = 1.0

#: What reading on to the end of a stream may take.
_MOMENT_SECONDS = 0.5


class Unread:
    """A stream that nobody will read to its end, of a statement in a transaction.

    A server may abort the transaction of a statement that it is told to stop, as DuckDB does. Most
    often nothing but the end of the stream is left, so it is read on for a moment before that.

    Parameters
    ----------
    stream : pyarrow.RecordBatchReader
    cancel : callable
        Cancels the call.
    """

    def __init__(self, stream: pa.RecordBatchReader, cancel: Callable[[], Any]) -> None:
        self._stream = stream
        self._cancel = cancel

    def close(self) -> None:
        """Read on, cancel the call if that was not enough, and close the stream."""
        try:
            if not self._ends():
                self._cancel()
        finally:
            self._stream.close()

    def _ends(self) -> bool:
        timer = threading.Timer(_MOMENT_SECONDS, self._cancel)
        try:
            timer.start()
            while True:
                self._stream.read_next_batch()
        except StopIteration:
            return True
        except Exception:
            # It has failed, was cancelled, or the interpreter starts no thread any more.
            return False
        finally:
            timer.cancel()
            if timer.ident is not None:
                timer.join()


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
        self._streams: deque[pa.RecordBatchReader | Unread] = deque()
        # Nothing of it is written in Python, where KeyboardInterrupt or the collector could come
        # between two steps.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._finalizer: weakref.finalize[..., Releases] | None = None
        self._ended = threading.Event()

    def add(self, stream: pa.RecordBatchReader | Unread) -> None:
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
        self._wake.put(None)

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
        self._wake.put(None)
        if self._finalizer is not None:
            self._finalizer.detach()


def _close_all(
    lock: threading.RLock,
    streams: deque[pa.RecordBatchReader | Unread],
    wake: SimpleQueue[None],
    ended: threading.Event,
) -> None:
    while True:
        wake.get()
        if ended.is_set():
            return
        with lock:
            if streams:
                streams.popleft().close()


def _end(wake: SimpleQueue[None], ended: threading.Event, thread: threading.Thread) -> None:
    ended.set()
    wake.put(None)
    if thread is not threading.current_thread():
        # It may have to wait for a call of another thread that never ends.
        thread.join(_END_SECONDS)
