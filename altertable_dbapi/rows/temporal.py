"""Arrow columns of dates, times and intervals -> lists of Python values."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from ..errors import DataError
from ..interval import Interval
from .flat import Converter, nothing, null_rows, valid, with_nulls, words

if TYPE_CHECKING:
    import numpy.typing as npt

Integers: TypeAlias = "npt.NDArray[np.int64]"

_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FIRST_SECOND = -62_135_596_800  # 0001-01-01
_END_SECOND = 253_402_300_800  # 10000-01-01
#: DuckDB's infinite timestamps are this and its negative, in every unit.
_INFINITY = 2**63 - 1
_INFINITE_DATE = 2**31 - 1
_LONGEST = dt.timedelta.max.days * 86_400
_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Z", "Zulu", "Etc/Zulu", "GMT", "Etc/GMT", "+00:00"})


_INTERVAL = np.dtype([("months", "i4"), ("days", "i4"), ("nanoseconds", "i8")])


def intervals(path: str) -> Converter:
    """Convert INTERVAL, which Arrow counts in months, days and nanoseconds."""

    def convert(array: pa.Array) -> list[Any]:
        nulls = null_rows(array)
        if overflowed(array):
            raise DataError(f"column {path}: {INTERVAL_OVERFLOW}")
        parts = words(array, _INTERVAL)
        micros = _to_microseconds(parts["nanoseconds"], "ns").tolist()
        values = list(map(Interval, parts["months"].tolist(), parts["days"].tolist(), micros))
        return with_nulls(values, nulls)

    return convert


INTERVAL_OVERFLOW = (
    "the time part of an INTERVAL is longer than 292 years, which Arrow cannot hold; cast the "
    "column to VARCHAR"
)


def overflowed(array: pa.Array) -> bool:
    """Whether the nanoseconds of an INTERVAL did not fit in 64 bits when DuckDB sent them.

    DuckDB's are microseconds; times 1000 and cut to 64 bits they are most often no multiple of
    1000 any more.
    """
    odd = words(array, _INTERVAL)["nanoseconds"] % 1000 != 0
    if array.null_count:
        odd &= valid(array)
    return bool(odd.any())


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
    from zoneinfo import ZoneInfo  # which few results need

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
