"""Arrow columns that hold one value a row -> lists of Python values.

Every function here makes a converter, once for a column; a converter takes an array of the
column's type, any slice of it, and gives a list. The values come from numpy views of the Arrow
buffers, all at once; the rows that are NULL are then set to None.
"""

from __future__ import annotations

import datetime as dt
import decimal
import operator
from collections.abc import Callable
from itertools import repeat
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .errors import DataError
from .interval import Interval

Converter = Callable[[pa.Array], list[Any]]
Integers = npt.NDArray[np.int64]

#: Since version 26 pyarrow's own conversion of numbers and strings is a little faster than by way
#: of numpy; before it, it made a scalar object for each value, twenty times slower.
_FAST_PYARROW = int(pa.__version__.split(".")[0]) >= 26

#: Whether values repeat is tried on arrays of this length at least, and if they do not, again
#: after so many arrays.
_MANY = 1024
_REST = 32

_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FIRST_SECOND = -62_135_596_800  # 0001-01-01
_END_SECOND = 253_402_300_800  # 10000-01-01
#: DuckDB's infinite timestamps are this and its negative, in every unit.
_INFINITY = 2**63 - 1
_INFINITE_DATE = 2**31 - 1
_LONGEST = dt.timedelta.max.days * 86_400
_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Z", "Zulu", "Etc/Zulu", "GMT", "Etc/GMT", "+00:00"})

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
    return lambda array: convert(array.cast(kind))


def intervals(array: pa.Array) -> list[Any]:
    """Convert INTERVAL, which Arrow counts in months, days and nanoseconds."""
    parts = words(array, np.dtype([("months", "i4"), ("days", "i4"), ("nanoseconds", "i8")]))
    micros = _to_microseconds(parts["nanoseconds"], "ns").tolist()
    values = list(map(Interval, parts["months"].tolist(), parts["days"].tolist(), micros))
    return with_nulls(values, null_rows(array))


def dates(kind: pa.DataType, path: str) -> Converter:
    """Convert DATE."""
    in_milliseconds = pa.types.is_date64(kind)
    bounds = _FIRST_SECOND // 86_400, _END_SECOND // 86_400 - 1

    # Dates are few: make each once, and look it up.
    calendar: npt.NDArray[Any] = np.empty(0, object)
    start = 0

    def convert(array: pa.Array) -> list[Any]:
        if array.null_count == len(array):
            return nothing(array)
        if in_milliseconds:
            days = words(array, np.int64) // 86_400_000
        else:
            days = words(array, np.int32).astype(np.int64)
        nulls = null_rows(array)
        if nulls is not None:
            days[nulls] = days[valid(array).argmax()]
        first, last = _within(
            days, bounds, path, "date", "D", None if in_milliseconds else _INFINITE_DATE
        )
        nonlocal calendar, start
        if first < start or last >= start + len(calendar):
            if last - first > 4 * len(days):
                return with_nulls(days.view("M8[D]").tolist(), nulls)
            calendar = np.arange(first, last + 1).view("M8[D]").astype(object)
            start = first
        return with_nulls(calendar.take(days - start).tolist(), nulls)

    return convert


def times(kind: pa.DataType, path: str) -> Converter:
    """Convert TIME."""
    unit = kind.unit
    dtype = np.int32 if unit in ("s", "ms") else np.int64
    bounds = 0, 86_400 * _SECOND[unit] - 1

    def convert(array: pa.Array) -> list[Any]:
        ticks, nulls = _ticks(array, dtype)
        _within(ticks, bounds, path, "time", unit)
        moments = _to_microseconds(ticks, unit).view("M8[us]").tolist()
        return with_nulls(list(map(dt.datetime.time, moments)), nulls)

    return convert


def durations(kind: pa.DataType, path: str) -> Converter:
    """Convert a duration to timedelta."""
    unit = kind.unit
    bounds = (
        max(-_LONGEST * _SECOND[unit], -(2**63) + 1),
        min((_LONGEST + 86_400) * _SECOND[unit] - 1, 2**63 - 1),
    )
    # numpy counts these in any unit; microseconds would not hold the longest of them.
    view = f"m8[{unit}]" if unit in ("s", "ms") else "m8[us]"

    def convert(array: pa.Array) -> list[Any]:
        ticks, nulls = _ticks(array, np.int64)
        _within(ticks, bounds, path, "timedelta", unit)
        if unit == "ns":
            ticks = _to_microseconds(ticks, unit)
        return with_nulls(ticks.view(view).tolist(), nulls)

    return convert


def timestamps(kind: pa.DataType, path: str) -> Converter:
    """Convert TIMESTAMP to naive datetimes, TIMESTAMPTZ to aware ones in the column's zone."""
    unit, scale = kind.unit, _SECOND[kind.unit]
    bounds = (
        max(_FIRST_SECOND * scale, 1 - _INFINITY),
        min(_END_SECOND * scale - 1, _INFINITY - 1),
    )

    def convert_naive(array: pa.Array) -> list[Any]:
        ticks, nulls = _ticks(array, np.int64)
        _within(ticks, bounds, path, "datetime", unit, _INFINITY)
        return with_nulls(_to_microseconds(ticks, unit).view("M8[us]").tolist(), nulls)

    if kind.tz is None:
        return convert_naive
    zone = _zone(kind.tz, path)
    epoch = dt.datetime(1970, 1, 1, tzinfo=zone)

    def convert_aware(array: pa.Array) -> list[Any]:
        ticks, nulls = _ticks(array, np.int64)
        _within(ticks, bounds, path, "datetime", unit, _INFINITY)
        since = _to_microseconds(ticks, unit).view("m8[us]").tolist()
        moments = map(epoch.__add__, since)
        if zone is not dt.timezone.utc:
            moments = map(zone.fromutc, moments)
        return with_nulls(list(moments), nulls)

    return convert_aware


def _zone(name: str, path: str) -> dt.tzinfo:
    if name in _UTC_NAMES:
        return dt.timezone.utc
    if name[0] in "+-":
        sign = -1 if name[0] == "-" else 1
        hours, minutes = int(name[1:3]), int(name[-2:])
        return dt.timezone(sign * dt.timedelta(hours=hours, minutes=minutes))
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise DataError(
            f"column {path}: time zone {name!r} is not known here; install the tzdata package, "
            "or SET TimeZone = 'UTC'"
        ) from error


def _ticks(array: pa.Array, dtype: npt.DTypeLike) -> tuple[Integers, npt.NDArray[np.intp] | None]:
    """The integers behind a temporal array, 0 where it is NULL, and where that is."""
    ticks = words(array, dtype).astype(np.int64, copy=False)
    nulls = null_rows(array)
    if nulls is not None:
        ticks = ticks.copy()
        ticks[nulls] = 0
    return ticks, nulls


def _to_microseconds(ticks: Integers, unit: str) -> Integers:
    """Change the unit; nanoseconds lose their last three digits, towards zero as in DuckDB."""
    if unit != "ns":
        return ticks * (1_000_000 // _SECOND[unit]) if unit != "us" else np.ascontiguousarray(ticks)
    micros = ticks // 1000
    micros += (ticks < 0) & (micros * 1000 != ticks)
    return micros


def _within(
    ticks: Integers,
    bounds: tuple[int, int],
    path: str,
    target: str,
    unit: str,
    infinity: int | None = None,
) -> tuple[int, int]:
    """Refuse what Python's type cannot hold; return the least and the greatest."""
    if not len(ticks):
        return 0, 0
    first, last = int(ticks.min()), int(ticks.max())
    if first < bounds[0] or last > bounds[1]:
        value = first if first < bounds[0] else last
        raise DataError(
            f"column {path}: {_written(value, target, unit, infinity)} does not fit in a Python "
            f"{target}; cast the column to VARCHAR, or fetch it as Arrow"
        )
    return first, last


def _written(value: int, target: str, unit: str, infinity: int | None) -> str:
    """Write a value that Python has no object for, as DuckDB does."""
    if infinity is not None and abs(value) >= infinity:
        return "-infinity" if value < 0 else "infinity"
    if target == "time":
        seconds = value // _SECOND[unit]
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if target == "timedelta":
        return f"{value} {unit}"
    day, _, clock = str(np.array(value).astype(f"M8[{unit}]")).partition("T")
    if day.startswith(("-", "0000")):
        year, _, rest = day.lstrip("-").partition("-")
        day = f"{int(year) + 1:04}-{rest} (BC)"
    return f"{day} {clock}".rstrip()
