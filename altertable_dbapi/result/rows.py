"""The rows of a result: made some at a time, given one by one, and given back."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from ..errors import ProgrammingError
from ..process import fork
from ..rows.convert import RowConverter
from .result import Result

#: The first rows of a result are converted a few at a time, so that fetchone() answers at once
#: whatever the size of a batch; each slice is larger than the one before, up to the largest.
_FIRST_SLICE = 32
_LARGEST_SLICE = 16_384


class Rows:
    """The rows of a result as Python values, converted slice by slice.

    Parameters
    ----------
    result : Result
    make_row : callable
        What makes a row of the tuple of its values; None leaves it as it is.

    Attributes
    ----------
    ready : iterator
        Rows that are converted and not fetched yet. It is replaced when it has ended.
    """

    def __init__(self, result: Result, make_row: Callable[[tuple[Any, ...]], Any] | None) -> None:
        self._result = result
        # Rows that two threads fetch at once go to one of them.
        self._lock = result._lock
        self._converter = RowConverter(result.schema)
        self._make_row = make_row
        self._batch: pa.RecordBatch | None = None
        self._offset = 0
        self._slice = _FIRST_SLICE
        self._converted = 0
        # One iterator is shared by every way to fetch, so that they can be mixed freely.
        self.ready: Iterator[Any] = iter(())
        self._part: pa.RecordBatch | None = None
        fork.watch(self)

    def inherit(self) -> None:
        """In a forked child: have the next fetch ask the result, which refuses."""
        fork.leak(self._batch)
        fork.leak(self._part)
        self.ready, self._part, self._batch = iter(()), None, None

    @property
    def rownumber(self) -> int:
        """How many rows have been fetched."""
        return self._converted - operator.length_hint(self.ready)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        for row in self.ready:
            return row
        with self._lock:
            for row in self.ready:
                return row
            if self._refill():
                return next(self.ready)
        raise StopIteration

    def fetchmany(self, size: int) -> list[Any]:
        """The next `size` rows, fewer at the end."""
        with self._lock:
            rows = list(islice(self.ready, size))
            try:
                while len(rows) < size and self._refill(size - len(rows)):
                    rows.extend(islice(self.ready, size - len(rows)))
            except BaseException:
                self._take_back(rows)
                raise
            return rows

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        with self._lock:
            rows = list(self.ready)
            try:
                if self._have_batch():
                    assert self._batch is not None
                    with self._result.reading_ahead(self._batch):
                        self._extend_all(rows)
            except BaseException:
                self._take_back(rows)
                raise
            return rows

    def _take_back(self, rows: list[Any]) -> None:
        """Nothing was fetched by a call that failed, so all of it is still to come."""
        if rows:
            self.ready, self._part = iter([*rows, *self.ready]), None

    def give_back(self) -> list[pa.RecordBatch]:
        """The batches that were read but whose rows were not fetched."""
        waiting = operator.length_hint(self.ready)
        batches = []
        if waiting:
            if self._part is None:
                raise ProgrammingError(
                    f"{waiting} rows of this result have been converted to Python values by a "
                    "fetchall() that failed; execute the statement again to fetch it as Arrow"
                )
            batches.append(self._part.slice(self._part.num_rows - waiting))
        if self._batch is not None:
            batches.append(self._batch.slice(self._offset))
        self.ready, self._part, self._batch = iter(()), None, None
        self._converted -= waiting
        return batches

    def _extend_all(self, rows: list[Any]) -> None:
        while self._have_batch():
            batch = self._batch
            assert batch is not None
            self._extend(rows, batch.slice(self._offset))
            self._batch = None

    def _have_batch(self) -> bool:
        """Whether there is a batch with rows that are not converted yet."""
        if self._batch is None:
            self._batch, self._offset = self._result.read_batch(), 0
        return self._batch is not None

    def _refill(self, wanted: int = 0) -> bool:
        if not self._have_batch():
            return False
        batch = self._batch
        assert batch is not None
        size = min(max(self._slice, wanted), _LARGEST_SLICE)
        part = batch.slice(self._offset, size)
        # A slice that cannot be converted stays the next one.
        rows: list[Any] = []
        self._extend(rows, part)
        self.ready, self._part = iter(rows), part
        self._slice = min(self._slice * 4, _LARGEST_SLICE)
        self._offset += size
        if self._offset >= batch.num_rows:
            self._batch = None
        return True

    def _extend(self, rows: list[Any], batch: pa.RecordBatch) -> None:
        if self._make_row is None:
            self._converter.extend(rows, batch)
        else:
            # A list first: all of them or none, when one cannot be made.
            rows.extend(list(map(self._make_row, self._converter.rows(batch))))
        self._converted += batch.num_rows
