"""Many sets of parameters as Arrow columns, some rows at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from .arrow_input import open_source
from .batches import Conversion
from .errors import DataError, ProgrammingError
from .parameters import Slots
from .values import column

#: Rows that are read before it is known how large they are, and the most that are read at once.
_FIRST_ROWS = 1_000
_MOST_ROWS = 65_536


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

    Rows that have no common types go in chunks of their own.

    Raises
    ------
    ProgrammingError
        A row is no set of parameters for the statement; names the row.
    DataError
        A value cannot be bound; names the placeholder and the row.
    """
    rows, batches = opened(sets)
    if batches is not None:
        yield from _of_arrow(slots, batches, size)
        return
    assert rows is not None
    first, wanted = 1, _FIRST_ROWS
    while some := list(itertools.islice(rows, wanted)):
        weight = 0
        for chunk in _typed(slots.names, _transposed(slots, some, first), first):
            weight += sum(array.nbytes for array in chunk.columns)
            yield chunk
        first += len(some)
        wanted = min(max(1, size * len(some) // max(weight, 1)), _MOST_ROWS)


def named_row(error: ProgrammingError, row: int) -> ProgrammingError:
    """The error of one set of parameters, with its row."""
    return type(error)(f"row {row}: {error}")


def _transposed(slots: Slots, rows: list[Any], first: int) -> Sequence[Sequence[Any]]:
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


def _typed(names: list[str], columns: Sequence[Sequence[Any]], first: int) -> Iterator[Chunk]:
    try:
        arrays = [
            column(values, name, first_row=first)
            for name, values in zip(names, columns, strict=True)
        ]
    except DataError:
        count = len(columns[0])
        if count == 1:
            raise
        # No one type holds them all, or one of them cannot be bound: halves will tell.
        half = count // 2
        yield from _typed(names, [values[:half] for values in columns], first)
        yield from _typed(names, [values[half:] for values in columns], first + half)
    else:
        yield Chunk(first, arrays)


def _of_arrow(slots: Slots, batches: Iterator[pa.RecordBatch], size: int) -> Iterator[Chunk]:
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
                yield Chunk(first, piece.columns)
            first += piece.num_rows
