"""One statement's stream of record batches, and the rows read from it."""

from __future__ import annotations

import operator
import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from .errors import InterfaceError
from .rows import RowConverter

#: The first rows of a result are converted a few at a time, so that fetchone() answers at once
#: whatever the size of a batch; each slice is larger than the one before, up to the largest.
_FIRST_SLICE = 32
_LARGEST_SLICE = 16_384


class Result:
    """The record batches of one statement, in order, each read once.

    Several partitions are one stream. Batches come from the server until another statement needs
    the session: then the rest is read into memory (`buffer`) and comes from there.

    Parameters
    ----------
    streams : iterator of pyarrow.RecordBatchReader
        One reader a partition, opened as it is asked for.
    schema : pyarrow.Schema
        What to say where there is no partition. A stream's own schema counts more: servers
        announce types that differ from those they send.
    read : callable
        Runs a blocking read so that it can be cancelled, with its errors as PEP 249 has them.
    lock : RLock
        The session's.

    Attributes
    ----------
    schema : pyarrow.Schema
    finished : bool
        Whether nothing is left on the server.
    """

    def __init__(
        self,
        streams: Iterator[pa.RecordBatchReader],
        schema: pa.Schema | None,
        read: Callable[[Callable[[], Any]], Any],
        lock: threading.RLock,
    ) -> None:
        self._streams = streams
        self._read = read
        self._lock = lock
        self._buffered: deque[pa.RecordBatch] = deque()
        self._closed = False
        self._stream: pa.RecordBatchReader | None = next(streams, None)
        if self._stream is not None:
            schema = self._stream.schema
        self.schema: pa.Schema = pa.schema([]) if schema is None else schema

    @property
    def finished(self) -> bool:
        return self._stream is None

    def read_batch(self) -> pa.RecordBatch | None:
        """The next record batch that has rows, or None at the end."""
        with self._lock:
            self._check_open()
            while True:
                if self._buffered:
                    batch = self._buffered.popleft()
                elif self._stream is not None:
                    batch = self._read_stream()
                else:
                    return None
                if batch is not None and batch.num_rows:
                    return batch

    def read_table(self) -> pa.Table:
        """All that is left, as a table."""
        with self._lock:
            self._check_open()
            tables = [pa.Table.from_batches(self._buffered, self.schema)] if self._buffered else []
            self._buffered.clear()
            while self._stream is not None:
                try:
                    tables.append(self._read(self._stream.read_all))
                    self._next_stream()
                except BaseException:
                    self._drop()
                    raise
            if len(tables) == 1:
                return tables[0]
            return pa.concat_tables(tables) if tables else self.schema.empty_table()

    def reader(self) -> pa.RecordBatchReader:
        """A reader of what is left. It owns this result and may outlive whoever asked."""

        def batches() -> Iterator[pa.RecordBatch]:
            while (batch := self.read_batch()) is not None:
                yield batch

        return pa.RecordBatchReader.from_batches(self.schema, batches())

    def put_back(self, batches: list[pa.RecordBatch]) -> None:
        """Make `batches` the next ones to be read."""
        with self._lock:
            self._buffered.extendleft(reversed(batches))

    def buffer(self) -> None:
        """Read what is left into memory, so that the session is free for another statement."""
        with self._lock:
            while self._stream is not None:
                batch = self._read_stream()
                if batch is not None:
                    self._buffered.append(batch)

    def close(self) -> None:
        """Drop what has not been read; the server stops the statement. Idempotent."""
        with self._lock:
            self._closed = True
            self._buffered.clear()
            self._drop()

    def _read_stream(self) -> pa.RecordBatch | None:
        """The stream's next batch; None when the stream ended and the next one is opened."""
        stream = self._stream
        assert stream is not None
        try:
            batch: pa.RecordBatch = self._read(stream.read_next_batch)
        except StopIteration:
            self._next_stream()
            return None
        except BaseException:
            self._drop()
            raise
        return batch

    def _next_stream(self) -> None:
        self._stream = None
        self._stream = next(self._streams, None)

    def _drop(self) -> None:
        stream, self._stream, self._streams = self._stream, None, iter(())
        if stream is not None:
            stream.close()

    def _check_open(self) -> None:
        if self._closed:
            raise InterfaceError("the result is closed: its cursor or connection was closed")


class Rows:
    """The rows of a result as Python values, converted slice by slice.

    Parameters
    ----------
    result : Result
    make_row : callable
        What makes a row of the tuple of its values; None leaves it as it is.
    """

    def __init__(self, result: Result, make_row: Callable[[tuple[Any, ...]], Any] | None) -> None:
        self._result = result
        self._converter = RowConverter(result.schema)
        self._make_row = make_row
        self._batch: pa.RecordBatch | None = None
        self._offset = 0
        self._slice = _FIRST_SLICE
        self._converted = 0
        # One iterator is shared by every way to fetch, so that they can be mixed freely.
        self._ready: Iterator[Any] = iter(())
        self._part: pa.RecordBatch | None = None

    @property
    def rownumber(self) -> int:
        """How many rows have been fetched."""
        return self._converted - operator.length_hint(self._ready)

    def fetchone(self) -> Any:
        """The next row, or None at the end. A row factory may make rows that are None."""
        for row in self:
            return row
        return None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        for row in self._ready:
            return row
        if self._refill():
            return next(self._ready)
        raise StopIteration

    def fetchmany(self, size: int) -> list[Any]:
        """The next `size` rows, fewer at the end."""
        rows = list(islice(self._ready, size))
        while len(rows) < size and self._refill(size - len(rows)):
            rows.extend(islice(self._ready, size - len(rows)))
        return rows

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows = list(self._ready)
        if self._batch is not None:
            rows.extend(self._convert(self._batch.slice(self._offset)))
            self._batch = None
        while (batch := self._result.read_batch()) is not None:
            rows.extend(self._convert(batch))
        return rows

    def _refill(self, wanted: int = 0) -> bool:
        if self._batch is None:
            self._batch, self._offset = self._result.read_batch(), 0
            if self._batch is None:
                return False
        size = min(max(self._slice, wanted), _LARGEST_SLICE)
        self._slice = min(self._slice * 4, _LARGEST_SLICE)
        part = self._batch.slice(self._offset, size)
        self._offset += size
        if self._offset >= self._batch.num_rows:
            self._batch = None
        self._part = part
        self._ready = iter(self._convert(part))
        return True

    def give_back(self) -> list[pa.RecordBatch]:
        """The batches that were read but whose rows were not fetched."""
        waiting = operator.length_hint(self._ready)
        batches = []
        if waiting and self._part is not None:
            batches.append(self._part.slice(self._part.num_rows - waiting))
        if self._batch is not None:
            batches.append(self._batch.slice(self._offset))
        self._ready, self._part, self._batch = iter(()), None, None
        self._converted -= waiting
        return batches

    def _convert(self, batch: pa.RecordBatch) -> list[Any]:
        rows = self._converter.rows(batch)
        self._converted += len(rows)
        return rows if self._make_row is None else list(map(self._make_row, rows))
