"""The streams of one session: the one that is being read, and those that are done with."""

from __future__ import annotations

import weakref
from collections import deque

from ..process import fork, housekeeping
from ..result.result import Reading, Result
from ..result.stream import Stream

#: How many that were read to their end are kept for a quiet moment. Each holds some 14 KB.
_MOST = 64

#: A stream of more values is released with the next statement: beside what reading it took, that
#: is nothing, and it may hold more.
_SMALL = 8 * 1024


class Streams:
    """Streams of a session; whoever calls holds its lock, unless said otherwise.

    Releasing a stream makes the Go driver collect its whole garbage, which takes as long as a small
    statement on a server nearby. So those that were read to their end wait for a quiet moment. A
    release never runs beside another call of the session: a connection's objects are for one
    thread at a time (the ADBC specification, "Concurrency and Thread Safety"), and the driver
    crashes the process otherwise.
    """

    def __init__(self) -> None:
        # The result that is being read, and the stream that the server may be sending still.
        self._active: weakref.ref[Result] | None = None
        self._unread: Stream | None = None
        self._reading: Reading | None = None
        self._finished: deque[Stream] = deque()
        self._heavy: deque[Stream] = deque()
        self._abandoned = False

    @property
    def waiting(self) -> bool:
        """Whether there is something to release."""
        return bool(self._finished or self._heavy)

    @property
    def unfinished(self) -> bool:
        """Whether the server may be sending something still."""
        return self._unread is not None

    @property
    def result(self) -> Result | None:
        """The result that is being read; in any thread."""
        active = self._active
        return None if active is None else active()

    @property
    def forgotten(self) -> bool:
        """Whether nobody can read on what the server is sending; in any thread."""
        return self._unread is not None and self.result is None

    def opened(self, stream: Stream) -> None:
        """The server begins to send a stream."""
        self.release_old()
        self._unread = stream

    def read_by(self, result: Result) -> None:
        """A result reads the stream that was opened last."""
        self._reading = result.reading
        if result.finished:
            self._active = None
            return
        self._active = housekeeping.forgettable(result)

    def ended(self, stream: Stream, whole: bool) -> None:
        """A stream is not needed any more.

        Parameters
        ----------
        stream : Stream
        whole : bool
            Whether it was read to its end.
        """
        if stream is self._unread:
            if not whole:
                self._active = None  # a result read to a stream's end may open its next
            if not whole and stream.in_transaction:
                # To stop it may take a moment, which the caller need not wait for.
                housekeeping.needed()
                return
            self._unread = None
            if not (whole or self._abandoned):
                stream.stop()
        self._keep(stream)

    def free(self) -> None:
        """Free the session for another call: what is being read goes into memory."""
        result = self._let_go()
        if result is not None:
            result.buffer()
        self.stop()

    def close(self) -> None:
        """The session ends: whoever reads a result of it gets no more."""
        result = self._let_go()
        if result is not None:
            result.close()
        self.stop()

    def _let_go(self) -> Result | None:
        """The result that is being read, which from now on is not; one read to its end is none."""
        result = self.result if self.unfinished else None
        self._active = None
        return result

    def stop(self) -> None:
        """Have the server stop what nobody reads."""
        stream, self._unread = self._unread, None
        if stream is not None:
            if not self._abandoned:
                stream.stop()
            self._keep(stream)
            if self._reading is not None:
                self._reading.end(False)

    def _keep(self, stream: Stream) -> None:
        (self._finished if stream.size <= _SMALL else self._heavy).append(stream)
        if not self._abandoned:
            housekeeping.needed()

    def release_one(self) -> None:
        """Release one that is done with."""
        waiting = self._heavy or self._finished
        if waiting and not self._abandoned:
            waiting.popleft().close()

    def release_old(self) -> None:
        """Release those that cannot wait for a quiet moment."""
        if self._abandoned:
            return
        while self._heavy:
            self._heavy.popleft().close()
        if len(self._finished) >= _MOST:
            self._finished.popleft().close()

    def release_all(self) -> None:
        """Release all that are done with."""
        while self.waiting and not self._abandoned:
            self.release_one()

    def abandon(self) -> None:
        """Release nothing any more."""
        self._abandoned = True
        fork.leak(self)
