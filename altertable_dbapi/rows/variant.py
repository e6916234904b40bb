"""VARIANT: the Parquet variant encoding, in which DuckDB sends it -> Python values.

The encoding: https://github.com/apache/parquet-format/blob/master/VariantEncoding.md
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def decode(metadata: bytes, value: bytes) -> Any:
    """Decode one VARIANT: an object to dict, an array to list, the rest to its Python value.

    Raises
    ------
    ValueError
        The bytes are not a variant of version 1.
    OverflowError
        A date or timestamp is outside the years 1 to 9999.
    """
    try:
        return _decode(_names(metadata), value, 0, [len(value)])
    except (IndexError, struct.error) as error:
        raise ValueError("a VARIANT ends too early") from error


def _piece(data: bytes, start: int, stop: int) -> bytes:
    if not start <= stop <= len(data):
        raise IndexError(start)
    return data[start:stop]


def _uint(data: bytes, start: int, size: int) -> int:
    return int.from_bytes(_piece(data, start, start + size), "little")


def _names(metadata: bytes) -> list[str]:
    if metadata[0] & 0x0F != 1:
        raise ValueError(f"a VARIANT has encoding version {metadata[0] & 0x0F}; 1 is known")
    size = (metadata[0] >> 6) + 1
    count = _uint(metadata, 1, size)
    offsets = [_uint(metadata, 1 + size * (i + 1), size) for i in range(count + 1)]
    text = metadata[1 + size * (count + 2) :]
    return [_piece(text, offsets[i], offsets[i + 1]).decode() for i in range(count)]


def _decode(names: list[str], data: bytes, start: int, left: list[int]) -> Any:
    basic, header = data[start] & 3, data[start] >> 2
    start += 1
    if basic == 0:
        return _primitive(data, start, header)
    if basic == 1:
        return _piece(data, start, start + header).decode()
    is_object = basic == 2
    offset_size = (header & 3) + 1
    id_size = (header >> 2 & 3) + 1 if is_object else 0
    count_size = 4 if header >> (4 if is_object else 2) & 1 else 1
    count = _uint(data, start, count_size)
    ids = start + count_size
    offsets = ids + id_size * count
    first = offsets + offset_size * (count + 1)
    # Each value has a byte of its own; where many share theirs, there would be no end of them.
    left[0] -= count
    if left[0] < 0:
        raise ValueError("a VARIANT has more values than bytes")
    values = [
        _decode(names, data, first + _uint(data, offsets + offset_size * i, offset_size), left)
        for i in range(count)
    ]
    if not is_object:
        return values
    return {names[_uint(data, ids + id_size * i, id_size)]: v for i, v in enumerate(values)}


def _unpack(code: str) -> Callable[[bytes, int], Any]:
    unpack = struct.Struct(f"<{code}").unpack_from
    return lambda data, start: unpack(data, start)[0]


def _decimal(size: int) -> Callable[[bytes, int], Decimal]:
    def read(data: bytes, start: int) -> Decimal:
        scale = data[start]
        unscaled = int.from_bytes(_piece(data, start + 1, start + 1 + size), "little", signed=True)
        digits = tuple(map(int, str(abs(unscaled))))
        return Decimal((int(unscaled < 0), digits, -scale))

    return read


def _bytes(data: bytes, start: int) -> bytes:
    return _piece(data, start + 4, start + 4 + _uint(data, start, 4))


def _after(epoch: datetime, per_microsecond: int) -> Callable[[bytes, int], datetime]:
    int64 = _unpack("q")

    def read(data: bytes, start: int) -> datetime:
        ticks = int64(data, start)
        # towards zero, as every nanosecond here
        micros = abs(ticks) // per_microsecond
        return epoch + timedelta(microseconds=micros if ticks >= 0 else -micros)

    return read


def _clock(moment: datetime) -> time:
    if moment.date() != _EPOCH.date():
        raise ValueError("24:00:00 does not fit in a Python time")
    return moment.time()


_int32 = _unpack("i")
_naive = _after(_EPOCH, 1)
_PRIMITIVES: dict[int, Callable[[bytes, int], Any]] = {
    0: lambda data, start: None,
    1: lambda data, start: True,
    2: lambda data, start: False,
    3: _unpack("b"),
    4: _unpack("h"),
    5: _int32,
    6: _unpack("q"),
    7: _unpack("d"),
    8: _decimal(4),
    9: _decimal(8),
    10: _decimal(16),
    11: lambda data, start: date.fromordinal(_EPOCH_DAY + _int32(data, start)),
    12: _after(_EPOCH_UTC, 1),
    13: _naive,
    14: _unpack("f"),
    15: _bytes,
    16: lambda data, start: _bytes(data, start).decode(),
    17: lambda data, start: _clock(_naive(data, start)),
    18: _after(_EPOCH_UTC, 1000),
    19: _after(_EPOCH, 1000),
    20: lambda data, start: UUID(bytes=data[start : start + 16]),
}


def _primitive(data: bytes, start: int, kind: int) -> Any:
    read = _PRIMITIVES.get(kind)
    if read is None:
        raise ValueError(f"a VARIANT holds a value of unknown type {kind}")
    return read(data, start)
