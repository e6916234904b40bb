"""Reading the next record batches while the caller makes rows of the ones before."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import pyarrow as pa

from ..process.interrupts import WAIT_SECONDS

#: Batches that are read and not taken yet, the one under way included.
_AHEAD = 2

#: A call that has not begun to wait when it is cancelled is not cancelled, so it is tried again.
_SECONDS_BETWEEN = 0.05


class ReadAhead:
    """Reads record batches in a thread.

    A KeyboardInterrupt that is raised in Python code while an object dies is lost, and a
    `threading.Thread` has such code. So the thread is a bare one, and its lock says whether it
    runs. The queues are written in C, so that no KeyboardInterrupt comes between two steps.

    Parameters
    ----------
    read : callable
        Gives the next batch; StopIteration at the end.
    cancel : callable
        Cancels the call of `read` that is under way.
    """

    def __init__(self, read: Callable[[], pa.RecordBatch], cancel: Callable[[], Any]) -> None:
        self._read = read
        self._cancel = cancel
        self._stopped = False
        self._running = _thread.allocate_lock()
        self._room: SimpleQueue[None] = SimpleQueue()
        self._batches: SimpleQueue[pa.RecordBatch | BaseException] = SimpleQueue()
        for _ in range(_AHEAD):
            self._room.put(None)

    def start(self) -> None:
        """Begin to read.

        Raises
        ------
        RuntimeError
            There is no thread to be had, as at the interpreter's exit.
        """
        _thread.start_new_thread(self._run, ())

    @property
    def over(self) -> bool:
        """Whether nothing can be taken any more, after a `stop`."""
        return self._batches.empty()

    def take(self) -> pa.RecordBatch:
        """The next batch, or what reading it has failed with."""
        while True:
            try:
                batch = self._batches.get(timeout=WAIT_SECONDS)
            except Empty:
                continue
            self._room.put(None)
            if isinstance(batch, BaseException):
                raise batch
            return batch

    def stop(self, seconds: float | None = None) -> None:
        """Read no further; what is read can be taken still, and so can the batch under way.

        Parameters
        ----------
        seconds : float, optional
            Cancel the call that reads that batch when it takes longer.
        """
        self._stopped = True
        self._room.put(None)
        wait = WAIT_SECONDS if seconds is None else seconds
        while self._running.locked():
            if self._running.acquire(timeout=wait):
                self._running.release()
            elif seconds is not None:
                self._cancel()
                wait = _SECONDS_BETWEEN

    def _run(self) -> None:
        with self._running:
            try:
                while True:
                    self._room.get()
                    if self._stopped:
                        return
                    self._batches.put(self._read())
            except BaseException as error:  # StopIteration, too: it is raised where it is awaited
                self._batches.put(error)
