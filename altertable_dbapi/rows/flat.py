"""Arrow columns that hold one value a row -> lists of Python values.

Every function here makes a converter, once for a column; a converter takes an array of the
column's type, any slice of it, and gives a list. The values come from numpy views of the Arrow
buffers, all at once; the rows that are NULL are then set to None.
"""

from __future__ import annotations

import decimal
import operator
from collections.abc import Callable
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import numpy.typing as npt

Converter = Callable[[pa.Array], list[Any]]

#: Since version 26 pyarrow's own conversion of numbers and strings is a little faster than by way
#: of numpy; before it, it made a scalar object for each value, twenty times slower.
_FAST_PYARROW = int(pa.__version__.split(".")[0]) >= 26

#: The types of byte strings of any length.
BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())

#: Whether values repeat is tried on arrays of this length at least, and if they do not, again
#: after so many arrays.
_MANY = 512
_REST = 32

# Enough digits for decimal256, and never a rounded one.
_EXACT = decimal.Context(prec=80, traps=[decimal.Inexact, decimal.InvalidOperation])


def words(
    array: pa.Array, dtype: npt.DTypeLike, width: int = 1, buffer: int = 1
) -> npt.NDArray[Any]:
    """The values of a fixed-width array as a numpy view, `width` items of `dtype` each."""
    item = np.dtype(dtype)
    count = len(array) * width
    if not count:  # an empty array may have no buffer
        return np.empty(0, item)
    first = array.offset * width * item.itemsize
    return np.frombuffer(array.buffers()[buffer], item, count, first)


def numpy_type(kind: pa.DataType) -> np.dtype[Any]:
    """The numpy type of an Arrow integer or float."""
    letter = "f" if pa.types.is_floating(kind) else "i" if pa.types.is_signed_integer(kind) else "u"
    return np.dtype(f"{letter}{kind.bit_width // 8}")


def valid(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Which rows are not NULL; the array must have a validity bitmap."""
    return _bits(array, array.buffers()[0])


def null_rows(array: pa.Array) -> npt.NDArray[np.intp] | None:
    """The positions that are NULL, or None when there are none."""
    return np.flatnonzero(~valid(array)) if array.null_count else None


def _bits(array: pa.Array, buffer: pa.Buffer) -> npt.NDArray[np.bool_]:
    first, bit = divmod(array.offset, 8)
    count = bit + len(array)
    data = np.frombuffer(buffer, np.uint8, (count + 7) // 8, first)
    return np.unpackbits(data, count=count, bitorder="little")[bit:].view(np.bool_)


def rows_of(positions: npt.NDArray[np.intp]) -> pa.Array:
    """Positions as an Arrow array, for ``take``."""
    data = np.ascontiguousarray(positions, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(data), [None, pa.py_buffer(data)])


def with_nulls(values: list[Any], nulls: npt.NDArray[np.intp] | None) -> list[Any]:
    """Set the positions that are NULL to None, in place."""
    if nulls is not None:
        for row in nulls.tolist():
            values[row] = None
    return values


def objects(values: list[Any]) -> npt.NDArray[np.object_]:
    """An array of the objects as they are, lists among them."""
    return np.fromiter(values, np.dtype(object), len(values))


def pick(values: list[Any], array: pa.Array, dtype: npt.DTypeLike) -> list[Any]:
    """Look up the indices in `array`; a NULL among them gives None."""
    indices = words(array, dtype).astype(np.intp)
    nulls = null_rows(array)
    if nulls is not None:
        indices[nulls] = len(values)
    result: list[Any] = objects([*values, None]).take(indices).tolist()
    return result


def by_distinct(convert: Converter) -> Converter:
    """Convert each distinct value once, where values repeat.

    Whether they do is tried on one array, and for a while not again if they do not.
    """
    rest = 0

    def convert_distinct(array: pa.Array) -> list[Any]:
        nonlocal rest
        if rest or len(array) < _MANY:
            rest = max(rest - 1, 0)
            return convert(array)
        encoded = array.dictionary_encode()
        if len(encoded.dictionary) * 4 > len(array):
            rest = _REST
            return convert(array)
        return pick(convert(encoded.dictionary), encoded.indices, np.int32)

    return convert_distinct


def nothing(array: pa.Array) -> list[None]:
    """Convert a column of type null."""
    return [None] * len(array)


def booleans(array: pa.Array) -> list[Any]:
    """Convert BOOLEAN."""
    if _FAST_PYARROW:
        return array.to_pylist()  # type: ignore[no-any-return]
    if not len(array):
        return []
    return with_nulls(_bits(array, array.buffers()[1]).tolist(), null_rows(array))


def numbers(dtype: npt.DTypeLike) -> Converter:
    """Convert integers and floats of one width."""
    if _FAST_PYARROW:
        return pa.Array.to_pylist  # type: ignore[no-any-return]

    def convert(array: pa.Array) -> list[Any]:
        return with_nulls(words(array, dtype).tolist(), null_rows(array))

    return convert


def decimals(kind: pa.DataType) -> Converter:
    """Convert DECIMAL exactly, with its scale; decimal128(38, 0) is HUGEINT and gives int.

    Arrow has no wider integer than 64 bits, and DuckDB sends HUGEINT as decimal128(38, 0), just
    as it sends DECIMAL(38, 0). The result of every sum() over integers is a HUGEINT.
    """
    width: int = kind.bit_width
    if width > 128:
        integers = _wide_integers(width // 8)
    elif width == 128:
        integers = _int128
    else:
        integers = _narrow_integers(f"i{width // 8}")
    if width == 128 and (kind.precision, kind.scale) == (38, 0):
        return lambda array: with_nulls(integers(array), null_rows(array))
    unit = decimal.Decimal((0, (1,), -kind.scale))

    def convert(array: pa.Array) -> list[Any]:
        with decimal.localcontext(_EXACT):
            values = list(map(operator.mul, repeat(unit), integers(array)))
        return with_nulls(values, null_rows(array))

    return by_distinct(convert) if width >= 128 else convert


# These three leave whatever number lies under a NULL.


def _narrow_integers(dtype: str) -> Converter:
    return lambda array: words(array, dtype).tolist()


def _int128(array: pa.Array) -> list[Any]:
    both = words(array, np.int64, 2)
    low, high = both[0::2], both[1::2]
    values: list[Any] = low.tolist()
    wide = np.flatnonzero(high != low >> 63)
    if len(wide):
        upper, lower = high[wide].tolist(), low[wide].view(np.uint64).tolist()
        for i, row in enumerate(wide.tolist()):
            values[row] = upper[i] << 64 | lower[i]
    return values


def _wide_integers(size: int) -> Converter:
    def convert(array: pa.Array) -> list[Any]:
        data = words(array, np.uint8, size).tobytes()
        return [
            int.from_bytes(data[start : start + size], "little", signed=True)
            for start in range(0, len(data), size)
        ]

    return convert


def texts(kind: pa.DataType) -> Converter:
    """Convert VARCHAR and BLOB of every layout."""
    if _FAST_PYARROW:
        convert: Converter = pa.Array.to_pylist
    else:
        convert = _texts_by_numpy
    if pa.types.is_string_view(kind):
        return _cast_first(pa.large_string(), by_distinct(convert))
    if pa.types.is_binary_view(kind):
        return _cast_first(pa.large_binary(), by_distinct(convert))
    return by_distinct(convert)


def fixed_size_binaries(size: int) -> Converter:
    """Convert byte strings of one length."""

    def convert(array: pa.Array) -> list[Any]:
        data = words(array, np.uint8, size).tobytes()
        values: list[Any] = [data[row * size : (row + 1) * size] for row in range(len(array))]
        return with_nulls(values, null_rows(array))

    return convert


def _texts_by_numpy(array: pa.Array) -> list[Any]:
    values: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
    return values


def _cast_first(kind: pa.DataType, convert: Converter) -> Converter:
    def convert_views(array: pa.Array) -> list[Any]:
        # The cast copies what a view under a NULL points to, which may be anything.
        return array.to_pylist() if array.null_count else convert(array.cast(kind))

    return convert_views
