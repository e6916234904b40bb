"""One statement's stream of record batches."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

import pyarrow as pa

from ..errors import Error, InterfaceError, OperationalError
from ..logs import StatementLog
from ..process import exiting, fork
from .bounds import Bounds
from .read_ahead import ReadAhead
from .stream import Stream

#: Values in a batch from which on it is worth a thread to read ahead.
_MANY_VALUES = 65_536

#: How long an interrupted program waits for the batch that is being read ahead, in seconds.
_MOMENT = 0.5


class Total:
    """How many rows a result had; -1 until it is read to its end.

    It is no part of the result, so that a cursor may know it of one that it has given away.
    """

    rows = -1


class Reading:
    """How far the result of one statement was read, for the log.

    Attributes
    ----------
    rows : int
    """

    __slots__ = ("_log", "rows")

    def __init__(self, log: StatementLog | None) -> None:
        self.rows = 0
        self._log = log

    def end(self, whole: bool) -> None:
        """It was read to its end, or will be read no further."""
        log, self._log = self._log, None
        if log is not None:
            log.ended(self.rows, whole)


class Owner(Protocol):
    """What takes the streams that are not needed any more."""

    def ended(self, stream: Stream, whole: bool) -> None: ...


class NoStreams:
    """The owner of a result that has its batches from elsewhere."""

    def ended(self, stream: Stream, whole: bool) -> None:
        raise AssertionError("there is no stream to end")


class Result:
    """The record batches of one statement, in order, each read once.

    Several partitions are one stream. Batches come from the server until another statement needs
    the session: then the rest is read into memory (`buffer`) and comes from there.

    It has no destructor, in which Ctrl-C would be lost: its session notices when it is forgotten.

    Parameters
    ----------
    streams : iterator of Stream
        One a partition, opened as it is asked for.
    schema : pyarrow.Schema
        What to say where there is no partition. A stream's own schema counts more: servers
        announce types that differ from those they send.
    lock : RLock
        The session's.
    owner : Owner
    log : StatementLog, optional

    Attributes
    ----------
    schema : pyarrow.Schema
    reading : Reading
    finished : bool
        Whether nothing is left on the server.
    total : Total
    """

    def __init__(
        self,
        streams: Iterator[Stream],
        schema: pa.Schema | None,
        lock: threading.RLock,
        owner: Owner,
        log: StatementLog | None = None,
    ) -> None:
        self._streams = streams
        self._lock = lock
        self._owner = owner
        self._ahead: ReadAhead | None = None
        self._failure: Error | None = None
        self._buffered: deque[pa.RecordBatch] = deque()
        self._closed = False
        self.reading = Reading(log)
        self.total = Total()
        self._inherited = False
        fork.watch(self)
        self._stream: Stream | None = next(streams, None)
        if self._stream is not None:
            schema = self._stream.schema
        else:
            self.reading.end(True)
        self.schema: pa.Schema = pa.schema([]) if schema is None else schema
        self._bounds = Bounds(self.schema)

    def inherit(self) -> None:
        """In a forked child: leave the stream to the parent."""
        fork.leak(self)
        self._inherited = True

    @property
    def finished(self) -> bool:
        return self._stream is None

    def read_batch(self) -> pa.RecordBatch | None:
        """The next record batch that has rows, or None at the end.

        Raises
        ------
        Error
            The stream broke off. Rows are missing then, so every later call raises it again.
        """
        with self._lock:
            self._check_open()
            while True:
                if self._buffered:
                    batch = self._buffered.popleft()
                    if batch.num_rows:
                        fork.keep(batch)
                        return batch
                elif self._stream is not None:
                    self._read_stream()
                else:
                    self._check_complete()
                    self.total.rows = self.reading.rows
                    return None

    def read_table(self) -> pa.Table:
        """All that is left, as a table."""
        with self._lock:
            self._check_open()
            tables = [pa.Table.from_batches(self._buffered, self.schema)] if self._buffered else []
            while self._stream is not None:
                with self._reading():
                    tables.append(self._stream.read_all())
                    self._bounds.check(tables[-1])
                    self.reading.rows += tables[-1].num_rows
                    self._next_stream()
            self._check_complete()
            self._buffered.clear()
            self.total.rows = self.reading.rows
            if not tables:
                return self.schema.empty_table()
            table = tables[0] if len(tables) == 1 else pa.concat_tables(tables)
            fork.keep(table)
            return table

    @contextlib.contextmanager
    def reading_ahead(self, batch: pa.RecordBatch) -> Iterator[None]:
        """A block in which the batches after `batch` are read while the caller makes rows of it.

        The caller holds the lock. What was read and not taken stays to be read.
        """
        stream = self._stream
        if stream is None or batch.num_rows * batch.num_columns < _MANY_VALUES:
            yield
            return
        self._ahead = ReadAhead(stream.read, stream.cancel)
        try:
            try:
                self._ahead.start()
            except RuntimeError:  # no more threads, as at the interpreter's exit
                self._ahead = None
            yield
        except Exception:
            self._read_no_further()
            raise
        except BaseException:
            self._read_no_further(_MOMENT)
            raise

    def _read_no_further(self, seconds: float | None = None) -> None:
        """Buffer what has been read ahead; an error among it is for whoever reads on."""
        ahead = self._ahead
        if ahead is not None:
            ahead.stop(seconds)
            with contextlib.suppress(Error):
                while not ahead.over:
                    self._read_stream()
            self._ahead = None

    def reader(self) -> pa.RecordBatchReader:
        """A reader of what is left. It owns this result and may outlive whoever asked."""
        # Not a generator, which after an error would look like one that has ended.
        return pa.RecordBatchReader.from_batches(self.schema, iter(self.read_batch, None))

    def put_back(self, batches: list[pa.RecordBatch]) -> None:
        """Make `batches` the next ones to be read."""
        with self._lock:
            self._buffered.extendleft(reversed(batches))

    def buffer(self) -> None:
        """Read what is left into memory, so that the session is free for another statement.

        An error of the stream is kept for whoever reads this result.
        """
        with self._lock, contextlib.suppress(Error):
            while self._stream is not None:
                self._read_stream()

    def close(self) -> None:
        """Drop what has not been read; the server stops the statement. Idempotent."""
        if self._inherited:
            return
        with self._alone():
            self._closed = True
            self._buffered.clear()
            self._drop()

    def _read_stream(self) -> None:
        """Buffer the stream's next batch, or open the next stream where it has ended."""
        stream = self._stream
        assert stream is not None
        with self._reading():
            try:
                if self._ahead is None:
                    batch = stream.read()
                else:
                    batch = self._ahead.take()
            except StopIteration:
                self._next_stream()
                return
            self._bounds.check(batch)
            self._buffered.append(batch)
            self.reading.rows += batch.num_rows

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """A block that reads; when it fails, the result is broken off for good."""
        try:
            yield
        except BaseException as error:
            self._drop()
            self._failure = (
                error
                if isinstance(error, Error)
                else OperationalError(
                    f"rows of this result are missing: reading it was broken off by "
                    f"{type(error).__name__}; execute the statement again"
                )
            )
            raise

    def _next_stream(self) -> None:
        ended, self._stream, self._ahead = self._stream, None, None
        if ended is not None:
            self._owner.ended(ended, True)
        self._stream = next(self._streams, None)
        if self._stream is not None and not self._stream.schema.equals(self.schema):
            raise OperationalError(
                f"the server sent the result in parts of different types: {self._stream.schema}"
                f" after {self.schema}"
            )
        if self._stream is None:
            self.reading.end(True)

    def _alone(self) -> contextlib.AbstractContextManager[Any]:
        # Threads that are gone may hold the lock at the interpreter's very end.
        return contextlib.nullcontext() if exiting.is_over() else self._lock

    def _drop(self) -> None:
        if self._ahead is not None:
            self._ahead.stop(0)
            self._ahead = None
        stream, self._stream, self._streams = self._stream, None, iter(())
        if stream is not None:
            self._owner.ended(stream, False)
            self.reading.end(False)

    def _check_open(self) -> None:
        if self._inherited:
            raise fork.inherited("this result")
        if self._closed:
            raise InterfaceError("the result is closed: its cursor or connection was closed")

    def _check_complete(self) -> None:
        if self._failure is not None:
            raise self._failure


def changed(result: Result | None) -> int:
    """The count of rows that a statement reports; -1 where it reports none."""
    if result is None:
        return -1
    # Servers may run a statement only as its stream is read.
    table = result.read_table()
    if table.column_names != ["Count"]:
        return -1
    return sum(count or 0 for count in table.column(0).to_pylist())
