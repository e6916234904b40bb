"""Arrow columns that hold other columns -> lists of Python values.

A converter of children is given; each function adds what is around them. Children are converted
all at once, and never those that lie under a NULL: what is stored there has no meaning.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import DataError
from .flat import Converter, numpy_type, objects, pick, rows_of, valid, words

if TYPE_CHECKING:
    import numpy.typing as npt


def spread(values: list[Any], rows: npt.NDArray[np.intp], count: int) -> list[Any]:
    """Put `values` at `rows` of a list of `count`, None elsewhere."""
    result = np.full(count, None, dtype=object)
    result[rows] = objects(values)
    return result.tolist()


def _integers(array: pa.Array) -> npt.NDArray[Any]:
    return words(array, numpy_type(array.type))


def taken(convert: Converter, array: pa.Array, rows: npt.NDArray[Any]) -> list[Any]:
    """Convert some rows of an array, in the order given."""
    try:
        chosen = array.take(rows_of(rows))
    except pa.ArrowNotImplementedError:  # a view inside, for one
        return [convert(array.slice(row, 1))[0] for row in rows.tolist()]
    return convert(chosen)


def dense(convert: Converter) -> Converter:
    """Convert only the rows that are not NULL."""

    def convert_valid(array: pa.Array) -> list[Any]:
        if not array.null_count:
            return convert(array)
        rows = np.flatnonzero(valid(array))
        return spread(taken(convert, array, rows), rows, len(array))

    return convert_valid


def lists(items: Converter) -> Converter:
    """Convert LIST to list."""

    def convert(array: pa.Array) -> list[Any]:
        if not len(array):
            return []
        offsets = _integers(array.offsets)
        first = int(offsets[0])
        values = items(array.values.slice(first, int(offsets[-1]) - first))
        ends = (offsets - first).tolist()
        return [values[start:end] for start, end in pairwise(ends)]

    return dense(convert)


def list_views(items: Converter, large: bool) -> Converter:
    """Convert LIST sent as a view, whose rows may overlap and stand in any order."""
    width = np.dtype(np.int64 if large else np.int32)

    def convert(array: pa.Array) -> list[Any]:
        offsets, sizes = words(array, width), words(array, width, buffer=2).astype(np.int64)
        ends = np.cumsum(sizes)
        count = int(ends[-1]) if len(ends) else 0
        places = np.arange(count) + np.repeat(offsets - (ends - sizes), sizes)
        values = taken(items, array.values, places)
        return [values[start:end] for start, end in pairwise([0, *ends.tolist()])]

    return dense(convert)


def fixed_size_lists(items: Converter, size: int) -> Converter:
    """Convert ARRAY to list."""

    def convert(array: pa.Array) -> list[Any]:
        count = len(array)
        values = items(array.values.slice(array.offset * size, count * size))
        return [values[row * size : (row + 1) * size] for row in range(count)]

    return dense(convert)


def structs(names: list[str], fields: list[Converter]) -> Converter:
    """Convert STRUCT to dict.

    One without names, as DuckDB 1's ``row(1, 'a')``, becomes a tuple; one with a name twice a list
    of (name, value) pairs.
    """
    if not names:
        return dense(lambda array: [{} for _ in range(len(array))])
    variables = "".join(f"v{i}, " for i in range(len(names)))
    if not any(names):
        row = f"({variables})"
    elif len(set(names)) == len(names):
        row = "{" + ", ".join(f"{name!r}: v{i}" for i, name in enumerate(names)) + "}"
    else:
        row = "[" + ", ".join(f"({name!r}, v{i})" for i, name in enumerate(names)) + "]"
    # A literal with the names in it takes half the time of dict(zip(names, values)).
    make_rows = eval(f"lambda columns: [{row} for {variables} in zip(*columns)]")

    def convert(array: pa.Array) -> list[Any]:
        return make_rows(  # type: ignore[no-any-return]
            [field(array.field(i)) for i, field in enumerate(fields)]
        )

    return dense(convert)


def maps(keys: Converter, values: Converter, hashable: bool, path: str) -> Converter:
    """Convert MAP to dict, or to a list of (key, value) pairs where keys are nested.

    Raises
    ------
    DataError
        Two keys of one row are the same in Python, and a dict would lose a value.
    """

    def convert(array: pa.Array) -> list[Any]:
        if not len(array):
            return []
        offsets = _integers(array.offsets)
        first = int(offsets[0])
        count = int(offsets[-1]) - first
        items = list(
            zip(  # noqa: B905
                keys(array.keys.slice(first, count)), values(array.items.slice(first, count))
            )
        )
        ranges = pairwise((offsets - first).tolist())
        if not hashable:
            return [items[start:end] for start, end in ranges]
        result = [dict(items[start:end]) for start, end in ranges]
        if sum(map(len, result)) != count:
            raise DataError(f"column {path}: a map has the same key twice; fetch it as Arrow")
        return result

    return dense(convert)


def unions(codes: list[int], members: list[Converter], sparse: bool) -> Converter:
    """Convert UNION to the value of the member that is set."""

    def convert(array: pa.Array) -> list[Any]:
        # type_codes and offsets of a sliced union are those of the whole one.
        chosen = words(array, np.int8)
        result = np.full(len(array), None, dtype=object)
        for position, code in enumerate(codes):
            rows = np.flatnonzero(chosen == code)
            if len(rows):
                places = rows if sparse else words(array, np.int32, buffer=2)[rows]
                result[rows] = objects(taken(members[position], array.field(position), places))
        return result.tolist()

    return convert


def dictionaries(values: Converter, kind: pa.DataType) -> Converter:
    """Convert ENUM, and any other column sent as indices into its distinct values."""
    dtype = numpy_type(kind.index_type)
    nested = pa.types.is_nested(kind.value_type)
    known: pa.Array | None = None
    entries: list[Any] = []

    def convert(array: pa.Array) -> list[Any]:
        nonlocal known, entries
        # The dictionary may differ from batch to batch. Rows should not share an object that can
        # be changed, and a large dictionary is not worth converting for a few rows.
        dictionary = array.dictionary
        if known is None or not dictionary.equals(known):
            if nested or len(dictionary) > max(len(array), 256):
                return values(dictionary.take(array.indices))
            known, entries = dictionary, values(dictionary)
        return pick(entries, array.indices, dtype)

    return convert


def run_ends(values: Converter) -> Converter:
    """Convert a run-end encoded column."""

    def convert(array: pa.Array) -> list[Any]:
        ends = np.clip(_integers(array.run_ends) - np.int64(array.offset), 0, len(array))
        runs = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        return taken(values, array.values, runs)

    return convert
