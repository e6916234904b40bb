"""A load under way: batches go from the calling thread to one that talks to the server."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode

from ..errors import OperationalError
from ..process.interrupts import WAIT_SECONDS

#: Batches that wait at once. One is enough to read the source while another is being sent.
_WAITING = 2

# The sending ends by itself, as a rule, as soon as it asks for the next batch. The driver loses a
# cancel that comes while a call begins, and every later one of that call with it.
_SOON_SECONDS = 0.2

# A call that waits for the server's answer cannot be recalled; the caller need not wait as well.
_ABORT_SECONDS = 3.0


class Aborted(Exception):
    """Raised inside the sending thread, in place of the next batch, when a load is given up."""


class Transfer:
    """Sends batches in a thread, so that their source runs in the caller's.

    A source may belong to its thread (``sqlite3``), or use locks that the caller holds; and Ctrl-C
    reaches the caller, whatever the network does.

    Parameters
    ----------
    send : callable
        Takes the batches, gives the number of rows loaded. It must end the call on the server in
        a way that loads nothing when the iterator raises `Aborted`.
    cancel : callable
        Makes a blocked `send` return; called by `cancel` and `abort`.
    """

    def __init__(
        self,
        send: Callable[[Iterator[pa.RecordBatch]], int],
        cancel: Callable[[], None] = lambda: None,
    ) -> None:
        self._send = send
        self._cancel = cancel
        self._changed = threading.Condition()
        self._waiting: deque[pa.RecordBatch] = deque()
        self._ended = self._aborted = self._done = False
        self._count = 0
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send; `abort` is called if this raises, as KeyboardInterrupt may in here."""
        self._thread = threading.Thread(target=self._run, name="altertable-load", daemon=True)
        self._thread.start()

    def put(self, batch: pa.RecordBatch) -> bool:
        """Hand a batch over; False when the sending has ended already, with an error or without."""
        with self._changed:
            while len(self._waiting) >= _WAITING and not self._done:
                self._changed.wait(WAIT_SECONDS)
            if self._done:
                return False
            self._waiting.append(batch)
            self._changed.notify_all()
            return True

    def finish(self) -> int:
        """Wait for the server; the number of rows, or what the sending has failed with."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
            while not self._done:
                self._changed.wait(WAIT_SECONDS)
        if self._error is not None:
            if self._aborted:
                raise OperationalError(
                    "the load was cancelled", status_code=AdbcStatusCode.CANCELLED
                ) from None
            raise self._error
        return self._count

    def cancel(self) -> None:
        """Make the load fail, from any thread."""
        if self._thread is None:
            return
        with self._changed:
            self._aborted = True
            self._waiting.clear()
            self._changed.notify_all()
            ended = self._changed.wait_for(lambda: self._done, _SOON_SECONDS)
        if not ended:
            self._cancel()

    def abort(self) -> None:
        """Give the load up; the thread is left to itself when it does not end in time."""
        self.cancel()
        with self._changed:
            self._changed.wait_for(lambda: self._done or self._thread is None, _ABORT_SECONDS)

    def _run(self) -> None:
        try:
            self._count = self._send(self._batches())
        except BaseException as error:
            self._error = error
        with self._changed:
            self._done = True
            self._waiting.clear()
            self._changed.notify_all()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while True:
            with self._changed:
                while not (self._waiting or self._ended or self._aborted):
                    self._changed.wait()
                if self._aborted:
                    raise Aborted
                if not self._waiting:
                    return
                batch = self._waiting.popleft()
                self._changed.notify_all()
            yield batch
