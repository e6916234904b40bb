"""Reading the next record batches while the caller makes rows of the ones before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pyarrow as pa

#: Batches that are read and not taken yet, the one under way included.
_AHEAD = 2

#: A call that has not begun to wait when it is cancelled is not cancelled, so it is tried again.
_SECONDS_BETWEEN = 0.05


class ReadAhead:
    """Reads record batches in a thread.

    The queues are not written in Python, where KeyboardInterrupt could come between two steps.

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
        self._room: SimpleQueue[None] = SimpleQueue()
        self._batches: SimpleQueue[pa.RecordBatch | BaseException] = SimpleQueue()
        for _ in range(_AHEAD):
            self._room.put(None)
        self._thread = threading.Thread(target=self._run, name="altertable-read", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether nothing will come of it any more."""
        return not self._thread.is_alive() and self._batches.empty()

    def take(self) -> pa.RecordBatch:
        """The next batch, or what reading it has failed with."""
        batch = self._batches.get()
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
        self._join(seconds)
        while self._thread.is_alive():
            self._cancel()
            self._join(_SECONDS_BETWEEN)

    def _join(self, seconds: float | None) -> None:
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while True:
                self._room.get()
                if self._stopped:
                    return
                self._batches.put(self._read())
        except BaseException as error:  # StopIteration, too: it is raised where it is awaited
            self._batches.put(error)
