"""PEP 249's constants, constructors and type objects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pyarrow as pa
from pyarrow import types

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"

Date = dt.date
Time = dt.time
Timestamp = dt.datetime


def DateFromTicks(ticks: float) -> dt.date:  # noqa: N802
    """Make a date from seconds since the epoch, in local time (PEP 249)."""
    return dt.date.fromtimestamp(ticks)


def TimeFromTicks(ticks: float) -> dt.time:  # noqa: N802
    """Make a time from seconds since the epoch, in local time (PEP 249)."""
    return dt.datetime.fromtimestamp(ticks).time()


def TimestampFromTicks(ticks: float) -> dt.datetime:  # noqa: N802
    """Make a naive datetime from seconds since the epoch, in local time (PEP 249)."""
    return dt.datetime.fromtimestamp(ticks)


def Binary(data: bytes | bytearray | memoryview | str) -> bytes:  # noqa: N802
    """Make a BLOB value; text is encoded as UTF-8."""
    return data.encode() if isinstance(data, str) else bytes(data)


class TypeObject:
    """A group of column types that compares equal to each Arrow type in it (PEP 249).

    Works from both sides (``code == NUMBER``, ``NUMBER == code``) and is hashable. Every type
    that holds one value belongs to exactly one group; LIST, STRUCT, MAP and UNION to none.
    """

    def __init__(self, name: str, covers: tuple[Callable[[pa.DataType], bool], ...] = ()) -> None:
        self._name = name
        self._covers = covers

    def __repr__(self) -> str:
        return self._name

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, pa.DataType):
            return NotImplemented
        if getattr(other, "vendor_name", None) == "DuckDB" and other.type_name in _DUCKDB_OPAQUE:
            return self._name == _DUCKDB_OPAQUE[other.type_name]
        kind = _value_type(other)
        return any(test(kind) for test in self._covers)

    def __hash__(self) -> int:
        return hash(self._name)


# DuckDB's types that Arrow has none for, sent as arrow.opaque when it converts without loss.
_DUCKDB_OPAQUE = {
    "hugeint": "NUMBER",
    "uhugeint": "NUMBER",
    "bignum": "NUMBER",
    "bit": "STRING",
    "time_tz": "DATETIME",
}


def _value_type(kind: pa.DataType) -> pa.DataType:
    """Look through encodings and extension types to the type of the values."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            # A server that does not mark UUIDs sends them as text: the group is the same.
            is_uuid = kind.extension_name == "arrow.uuid"
            kind = pa.string() if is_uuid else kind.storage_type
        elif types.is_dictionary(kind) or types.is_run_end_encoded(kind):
            kind = kind.value_type
        else:
            return kind


STRING = TypeObject(
    "STRING",
    # A column of nothing but NULL has no type; NULL of no type is bound as text, and read so.
    (types.is_string, types.is_large_string, types.is_string_view, types.is_null),
)
BINARY = TypeObject(
    "BINARY",
    (
        types.is_binary,
        types.is_large_binary,
        types.is_binary_view,
        types.is_fixed_size_binary,
    ),
)
NUMBER = TypeObject(
    "NUMBER", (types.is_boolean, types.is_integer, types.is_floating, types.is_decimal)
)
DATETIME = TypeObject(
    "DATETIME",
    (
        types.is_date,
        types.is_time,
        types.is_timestamp,
        types.is_duration,
        types.is_interval,
    ),
)
ROWID = TypeObject("ROWID")
