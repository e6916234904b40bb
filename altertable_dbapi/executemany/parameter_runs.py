"""Sets of parameters in runs whose values have one natural type each, and in rounds by key."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from ..arrow_input.conversion import Conversion
from ..errors import DataError
from ..parameters.bind import Bound, Slots
from ..parameters.key_values import INTEGER_DIGITS
from ..parameters.values import column, natural
from .parameter_rows import opened, transposed

#: Sets that are looked at together: of an iterator at first, and at most.
_FIRST_BLOCK = 1_000
_BLOCK = 16_384

_INTEGERS = frozenset(INTEGER_DIGITS)
# Types to which an integer of any width is cast with the same result.
_OF_INTEGERS = _INTEGERS | {"HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE", "VARCHAR", "BOOLEAN"}
# Types of Python whose values have one Arrow type.
_PLAIN = frozenset((bool, float, str, bytes))


class Use(NamedTuple):
    """What a placeholder's values may share a run with.

    Attributes
    ----------
    nulls : bool
        NULL beside others.
    integers, decimals : bool
        Those of another width.
    """

    nulls: bool
    integers: bool
    decimals: bool

    def __and__(self, other: Use) -> Use:
        return Use(*(a and b for a, b in zip(self, other, strict=True)))


#: A placeholder whose type decides about what stands around it.
INSIDE = Use(nulls=False, integers=False, decimals=False)
#: A placeholder that nothing is made of.
FREE = Use(nulls=True, integers=True, decimals=True)


def assigned_to(kind: str) -> Use:
    """What may share a run where values are cast to a type, in DuckDB's words."""
    decimal = kind.startswith("DECIMAL(")
    return Use(nulls=True, integers=decimal or kind in _OF_INTEGERS, decimals=decimal)


def compared_with(kind: str) -> Use:
    """What may share a run where values are compared with a column of a type."""
    numeric = kind in _INTEGERS or kind.startswith("DECIMAL(")
    return Use(nulls=True, integers=numeric, decimals=numeric)


class Run(NamedTuple):
    """Sets that follow each other, with a column for each placeholder.

    Attributes
    ----------
    rows : list of int
        The numbers of the sets, counted from 1.
    columns : list of pyarrow.Array
    bind : callable
        Gives one of them, by its index in the run, as `execute` sends it.
    """

    rows: range
    columns: list[pa.Array]
    bind: Callable[[int], Bound]


def peeked(sets: Any) -> Any:
    """The sets of parameters, none of them lost; None where there is none.

    Raises
    ------
    ProgrammingError
        They are no sets of parameters.
    """
    if isinstance(sets, (list, tuple)):
        return sets or None
    items, batches = opened(sets)
    given: Iterator[Any] = (
        iter(items or ()) if batches is None else (batch for batch in batches if batch.num_rows)
    )
    for first in given:
        return itertools.chain([first], given)
    return None


def runs(slots: Slots, sets: Any, uses: Sequence[Use], size: int) -> Iterator[Run]:
    """The sets in runs.

    Parameters
    ----------
    slots : Slots
    sets : iterable or Arrow data
        What `executemany` takes.
    uses : sequence of Use
        One for each number.
    size : int
        How many bytes a run has at most, about, where the sets are Arrow data.

    Raises
    ------
    ProgrammingError
        One is no set of parameters for the statement; names it.
    DataError
        A value cannot be bound; names the placeholder and the set.
    """
    items, batches = opened(sets)
    if batches is not None:
        yield from _of_arrow(slots, batches, size)
        return
    first, wanted = 1, _BLOCK if isinstance(sets, (list, tuple)) else _FIRST_BLOCK
    while block := list(itertools.islice(items or (), wanted)):
        weight = 0
        for run in _typed(slots, transposed(slots, block, first), uses, first):
            weight += sum(array.nbytes for array in run.columns)
            yield run
        first += len(block)
        if not isinstance(sets, (list, tuple)):
            wanted = min(max(1, size * len(block) // max(weight, 1)), _BLOCK)


def _typed(
    slots: Slots, columns: Sequence[Sequence[Any]], uses: Sequence[Use], first: int
) -> Iterator[Run]:
    kinds = [
        _kinds(values, use, name, first)
        for values, use, name in zip(columns, uses, slots.names, strict=True)
    ]
    start, count = 0, len(columns[0])
    for stop in _ends(kinds, uses, count):
        some = columns if stop - start == count else [values[start:stop] for values in columns]
        yield from _run(slots, some, first + start)
        start = stop


def _run(slots: Slots, columns: Sequence[Sequence[Any]], first: int) -> Iterator[Run]:
    count = len(columns[0])
    try:
        arrays = [
            column(values, name, first_row=first)
            for values, name in zip(columns, slots.names, strict=True)
        ]
    except DataError:
        if count == 1:
            raise
        # No type holds all of them, so each half is tried by itself.
        half = count // 2
        yield from _run(slots, [values[:half] for values in columns], first)
        yield from _run(slots, [values[half:] for values in columns], first + half)
    else:
        yield Run(
            range(first, first + count),
            arrays,
            lambda index: slots.bind_values([values[index] for values in columns], first + index),
        )


def _kinds(values: Sequence[Any], use: Use, name: str, first: int) -> list[Any] | None:
    """What has to be equal in a run, for each value; None where it is for all of them."""
    kinds = set(map(type, values))
    if use.nulls:
        kinds.discard(type(None))
    if len(kinds) <= 1 and (kinds <= _PLAIN or (kinds == {int} and _is_narrow(values, use))):
        return None
    found: list[Any] = []
    for row, value in enumerate(values, start=first):
        try:
            kind = None if value is None else natural(value)[0]
        except (DataError, pa.ArrowException, ArithmeticError, TypeError, ValueError):
            column([value], name, first_row=row)  # which says what is wrong
            raise
        if kind is None or pa.types.is_null(kind):
            found.append(None)
        elif (use.integers and pa.types.is_integer(kind)) or (
            use.decimals and pa.types.is_decimal(kind)
        ):
            found.append(pa.types.is_decimal(kind))
        else:
            found.append(kind)
    return found


def _is_narrow(values: Sequence[Any], use: Use) -> bool:
    """Whether ints have one type."""
    bits = 63 if use.integers else 31
    given = [value for value in values if value is not None]
    return not given or (min(given) >= -(1 << bits) and max(given) < 1 << bits)


def _ends(kinds: Sequence[list[Any] | None], uses: Sequence[Use], count: int) -> Iterator[int]:
    """Where each run ends."""
    mixed = [(found, use.nulls) for found, use in zip(kinds, uses, strict=True) if found]
    current: list[Any] = [None] * len(mixed)
    for row in range(count if mixed else 0):
        here = [found[row] for found, _ in mixed]
        agree = all(
            a == b or (nulls and (a is None or b is None))
            for a, b, (_, nulls) in zip(current, here, mixed, strict=True)
        )
        if row and not agree:
            yield row
            current = here
        else:
            current = (
                here
                if not row
                else [a if b is None else b for a, b in zip(current, here, strict=True)]
            )
    if count:
        yield count


def _of_arrow(slots: Slots, batches: Iterator[pa.RecordBatch], size: int) -> Iterator[Run]:
    first, conversion = 1, None
    # Two names that differ in letter case alone may not stand side by side in a batch.
    names = [str(i + 1) for i in range(len(slots.names))]
    for batch in batches:
        given = slots.columns(batch)
        renamed = given.rename_columns(names)
        if conversion is None:
            conversion = Conversion(renamed.schema)
        done = 0
        for piece in conversion.pieces(renamed, size):
            if not piece.num_rows:
                continue

            def bind(index: int, given: pa.RecordBatch = given, done: int = done) -> Bound:
                return slots.bind_columns(given.slice(done + index, 1).columns)

            rows = range(first + done, first + done + piece.num_rows)
            yield Run(rows, piece.columns, bind)
            done += piece.num_rows
        first += given.num_rows


def rounds(keys: Iterable[Sequence[Any]], nulls_alike: bool = False) -> list[list[int]]:
    """Put rows in rounds, so that no key is twice in one and each comes after those it shares.

    Parameters
    ----------
    keys : iterable of sequence
        For each key that rows have, each row's value of it; None for a row without it.
    nulls_alike : bool
        Whether rows without a key share it, too.

    Returns
    -------
    list of list of int
        The rows of each round, counted from 0; rows of one round are in their order.
    """
    keys = list(keys)
    if len(keys) == 1 and len(set(keys[0])) == len(keys[0]):
        return [list(range(len(keys[0])))]
    places: list[int] = []
    for number, values in enumerate(zip(*keys, strict=True)):
        if not number:
            seen: list[dict[Any, int]] = [{} for _ in values]
        place = 0
        for before, value in zip(seen, values, strict=True):
            if nulls_alike or value is not None:
                place = max(place, before.get(value, -1) + 1)
        for before, value in zip(seen, values, strict=True):
            if nulls_alike or value is not None:
                before[value] = place
        places.append(place)
    found: list[list[int]] = [[] for _ in range(max(places, default=-1) + 1)]
    for row, place in enumerate(places):
        found[place].append(row)
    return found
