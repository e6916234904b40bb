"""Many sets of parameters as Arrow columns, some rows at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..arrow_input.conversion import Conversion
from ..arrow_input.sources import open_source
from ..errors import DataError, ProgrammingError, reworded
from ..parameters.bind import Slots
from ..parameters.typed_values import TypedValues, of_arrow, typed_values
from ..parameters.values import column

#: Rows that are read before it is known how large they are, and the most that are read at once.
_FIRST_ROWS = 1_000
_MOST_ROWS = 65_536


class Rows(NamedTuple):
    """Some rows: the number of the first, counted from 1, and the values of each placeholder."""

    first: int
    columns: list[TypedValues]

    def slice(self, start: int, count: int) -> Rows:
        """Some of the rows."""
        return Rows(self.first + start, [values.slice(start, count) for values in self.columns])

    @property
    def length(self) -> int:
        """How many there are."""
        return self.columns[0].count


class Chunk(NamedTuple):
    """Some rows: the number of the first, counted from 1, and a column for each placeholder."""

    first: int
    columns: list[pa.Array]


def is_arrow(data: Any) -> bool:
    """Whether data is Arrow, or a data frame that can be read as such."""
    return any(
        hasattr(data, name) for name in ("__arrow_c_stream__", "__arrow_c_array__", "__dataframe__")
    )


def opened(sets: Any) -> tuple[Iterator[Any] | None, Iterator[pa.RecordBatch] | None]:
    """What `sets` is: an iterator of sets of parameters, or one of record batches.

    Raises
    ------
    ProgrammingError
        It is neither.
    """
    if is_arrow(sets):
        return None, open_source(sets).batches
    if isinstance(sets, (Mapping, str, bytes, bytearray)) or not isinstance(sets, Iterable):
        raise ProgrammingError(
            f"the parameters of executemany() are a {type(sets).__name__}; pass an iterable of "
            "sequences or mappings, or Arrow data"
        )
    items = iter(sets)
    for first in items:
        items = itertools.chain([first], items)
        return (None, open_source(items).batches) if is_arrow(first) else (items, None)
    return iter(()), None


def chunks(slots: Slots, sets: Any, size: int) -> Iterator[Chunk]:
    """The columns of the rows of `sets`, in chunks of about `size` bytes.

    All values of a column of a chunk have one type by themselves, the one that `execute` gives
    them, or are None: where a row has another type than the row before, a chunk begins.

    Raises
    ------
    ProgrammingError
        A row is no set of parameters for the statement; names the row.
    DataError
        A value cannot be bound; names the placeholder and the row.
    """
    for rows in typed_rows(slots, sets, size):
        changes = np.zeros(rows.length, bool)
        for values in rows.columns:
            changes |= values.changes()
        starts = [0, *np.flatnonzero(changes).tolist(), rows.length]
        for start, stop in itertools.pairwise(starts):
            some = rows.slice(start, stop - start)
            yield Chunk(some.first, [values.lone() for values in some.columns])


def typed_rows(slots: Slots, sets: Any, size: int) -> Iterator[Rows]:
    """The rows of `sets`, about `size` bytes at a time, whatever the types of their values.

    Raises
    ------
    ProgrammingError, DataError
        As `chunks` raises them.
    """
    rows, batches = opened(sets)
    if batches is not None:
        yield from _of_arrow(slots, batches, size)
        return
    assert rows is not None
    first, wanted = 1, _FIRST_ROWS
    while some := list(itertools.islice(rows, wanted)):
        columns = _typed(slots.names, transposed(slots, some, first), first)
        weight = sum(values.nbytes for values in columns)
        yield Rows(first, columns)
        first += len(some)
        wanted = min(max(1, size * len(some) // max(weight, 1)), _MOST_ROWS)


def named_row(error: ProgrammingError, row: int) -> ProgrammingError:
    """The error of one set of parameters, with its row."""
    return reworded(error, f"row {row}: {error}")


def transposed(slots: Slots, rows: list[Any], first: int) -> Sequence[Sequence[Any]]:
    """The values of each placeholder."""
    keys = slots.keys
    kinds = set(map(type, rows))
    if slots.statement.style == "named":
        if all(issubclass(kind, Mapping) for kind in kinds):
            try:
                return [[row[key] for row in rows] for key in keys]
            except KeyError:
                pass  # The way below finds the row.
    elif kinds <= {tuple, list} and set(map(len, rows)) == {slots.expected}:
        columns = list(zip(*rows, strict=True))
        return [columns[key] for key in keys]
    sets = []
    for number, row in enumerate(rows, start=first):
        try:
            sets.append(slots.values(row))
        except ProgrammingError as error:
            raise named_row(error, number) from None
    return list(zip(*sets, strict=True))


def _typed(names: list[str], columns: Sequence[Sequence[Any]], first: int) -> list[TypedValues]:
    try:
        return [
            typed_values(values, name, first) for name, values in zip(names, columns, strict=True)
        ]
    except DataError:
        # The first row that is wrong is named, whatever its column.
        for number, row in enumerate(zip(*columns, strict=True), start=first):
            for name, value in zip(names, row, strict=True):
                column([value], name, first_row=number)
        raise


def _of_arrow(slots: Slots, batches: Iterator[pa.RecordBatch], size: int) -> Iterator[Rows]:
    first, conversion = 1, None
    # Two names that differ in letter case alone may not stand side by side in a batch.
    distinct = len({name.lower() for name in slots.names}) == len(slots.names)
    names = slots.names if distinct else [str(i + 1) for i in range(len(slots.names))]
    for batch in batches:
        batch = slots.columns(batch).rename_columns(names)
        if conversion is None:
            conversion = Conversion(batch.schema)
        for piece in conversion.pieces(batch, size):
            if piece.num_rows:
                yield Rows(first, [of_arrow(column) for column in piece.columns])
            first += piece.num_rows
