"""Python values as Arrow columns: the natural type of each value, and one type for several."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError
from ..interval import Interval
from ..statement.names import lone_surrogate
from .value_types import (
    EMPTY_MAP,
    FLOAT64,
    MAX_DIGITS,
    MAX_OFFSET,
    NULL,
    TIMETZ,
    UUID,
    Mismatch,
    array,
    integer_type,
    unify,
)

_INT32, _INT64 = pa.int32(), pa.int64()
_INTERVAL = pa.month_day_nano_interval()
_TIMESTAMP = pa.timestamp("us")
_TIMESTAMPTZ = pa.timestamp("us", tz="UTC")

#: Types whose values pyarrow takes as they are, in columns of one Python type.
_DIRECT: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    float: FLOAT64,
    str: pa.string(),
    bytes: pa.binary(),
    datetime.date: pa.date32(),
}


def column(
    values: Sequence[Any],
    name: str,
    null_type: pa.DataType | None = None,
    first_row: int | None = None,
) -> pa.Array:
    """Python values as an Arrow array whose type loses nothing of any of them.

    Parameters
    ----------
    values : sequence
        The values of one placeholder, a row each; None is NULL.
    name : str
        What the placeholder is called in a message.
    null_type : pyarrow.DataType, optional
        The type of the array when every value is None; null where that is unknown.
    first_row : int, optional
        The number of the first row in a message; 1, and no number for a value that is alone.

    Raises
    ------
    DataError
        Arrow or DuckDB cannot hold a value, or no one type can hold all of them. The message
        names the placeholder, and the row where there are several.
    """
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return pa.nulls(len(values), NULL if null_type is None else null_type)
    direct = _direct(kinds, values)
    if direct is None and len(values) == 1 and kinds <= {list, tuple}:
        element = _direct(set(map(type, values[0])) - {type(None)}, values[0])
        direct = None if element is None else pa.list_(element)
    if direct is not None:
        try:
            return pa.array(values, type=direct)
        except (pa.ArrowException, OverflowError, UnicodeError):
            pass  # One of the values is special; the way below finds and names it.
    if len(values) == 1 and isinstance(values[0], pa.Scalar):
        if not values[0].is_valid:
            # Arrow cannot make an array of every type from its NULL.
            kind = values[0].type
            return column([None], name, null_type if pa.types.is_null(kind) else kind)
        try:
            return _of_scalar(values[0])
        except pa.ArrowException as error:
            raise DataError(f"cannot bind {_shown(values[0])} to {name}: {error}") from None
    return _general(values, name, first_row)


def _direct(kinds: set[type], values: Sequence[Any]) -> pa.DataType | None:
    """The type of values of one Python type that pyarrow takes as they are; None for others."""
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    if kind is int:
        return _width([value for value in values if value is not None])
    return _DIRECT.get(kind)


def _width(values: Sequence[int]) -> pa.DataType | None:
    """The type of ints that are all of one; None where they may not be."""
    least, greatest = min(values), max(values)
    if least >= -(1 << 31) and greatest < 1 << 31:
        return _INT32
    return _INT64 if least >= -(1 << 63) and greatest < 1 << 63 else None


def _of_scalar(value: pa.Scalar) -> pa.Array:
    if isinstance(value.type, pa.BaseExtensionType):
        # pyarrow before 21 makes no array of an extension type from its scalars.
        return pa.ExtensionArray.from_storage(value.type, _of_scalar(value.value))
    return pa.array([value], type=value.type)


def _general(values: Sequence[Any], name: str, first_row: int | None) -> pa.Array:
    unified = NULL
    plain = []
    for row, value in enumerate(values):
        try:
            kind, item = natural(value)
            unified = unify(unified, kind)
        except (
            Mismatch,
            DataError,
            pa.ArrowException,
            ArithmeticError,
            TypeError,
            ValueError,
        ) as error:
            alone = len(values) == 1 and first_row is None
            where = name if alone else f"{name} in row {row + (first_row or 1)}"
            raise DataError(f"cannot bind {_shown(value)} to {where}: {error}") from None
        plain.append(item)
    try:
        return array(plain, unified)
    except (DataError, pa.ArrowException, ArithmeticError, TypeError, ValueError) as error:
        where = name if first_row is None or len(values) > 1 else f"{name} in row {first_row}"
        raise DataError(f"cannot bind the values of {where} as {unified}: {error}") from None


def _shown(value: Any) -> str:
    """A value in a message: its type, and its text where that is short."""
    text = repr(value)
    return type(value).__name__ + (f" {value!a}" if len(text) <= 60 else "")


def natural(value: Any) -> tuple[pa.DataType, Any]:
    """The Arrow type that a value has by itself, and the value as pyarrow takes it.

    Raises
    ------
    DataError
        There is no such type. The message says why and what to do, not which value it is.
    """
    rule = _RULES.get(type(value))
    if rule is None:
        rule = next((r for kind, r in _RULES.items() if isinstance(value, kind)), None)
    if rule is None:
        rule = _foreign
    return rule(value)


def _int(value: int) -> tuple[pa.DataType, Any]:
    value = int(value)
    return integer_type(value), value


def _str(value: str) -> tuple[pa.DataType, Any]:
    if lone_surrogate(value) is not None:
        raise DataError("it holds a lone surrogate, which is no Unicode text")
    return pa.string(), str(value)


def _decimal(value: decimal.Decimal) -> tuple[pa.DataType, Any]:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        if value.is_snan():
            raise DataError("it is a signaling NaN, which SQL has not")
        return pa.float32(), float(value)
    scale = max(-exponent, 0)
    precision = max(len(digits) + max(exponent, 0), 1)
    if precision < scale:
        # As DuckDB's own client has it: a digit before the point, while there is room for it.
        precision = scale + (scale < MAX_DIGITS)
    if precision > MAX_DIGITS:
        raise DataError(f"it needs more than the {MAX_DIGITS} digits of DuckDB's DECIMAL")
    return pa.decimal128(precision, scale), value


def _datetime(value: datetime.datetime) -> tuple[pa.DataType, Any]:
    if value != value:  # pandas.NaT is a datetime, and the only one unlike itself
        return NULL, None
    zone = None if value.tzinfo is None or value.utcoffset() is None else "UTC"
    # pandas.Timestamp is a datetime that may carry nanoseconds.
    if getattr(value, "nanosecond", 0):
        return pa.timestamp("ns", tz=zone), value
    return (_TIMESTAMPTZ if zone else _TIMESTAMP), value


def _time(value: datetime.time) -> tuple[pa.DataType, Any]:
    if value.tzinfo is None:
        return pa.time64("us"), value
    offset = value.utcoffset()
    if offset is None:
        raise DataError("the offset of its zone depends on the day; give it one of its own")
    if offset.microseconds or abs(offset.total_seconds()) > MAX_OFFSET:
        raise DataError(
            "its offset is not in the range of DuckDB's TIMETZ, whole seconds below 16 h"
        )
    return TIMETZ, value


def _timedelta(value: datetime.timedelta) -> tuple[pa.DataType, Any]:
    # pandas.Timedelta is a timedelta that may carry nanoseconds.
    if getattr(value, "nanoseconds", 0):
        raise DataError("it has nanoseconds, and DuckDB's INTERVAL has microseconds")
    micros = value.seconds * 1_000_000 + value.microseconds
    return _INTERVAL, pa.MonthDayNano([0, value.days, micros * 1000])


def _enum(value: enum.Enum) -> tuple[pa.DataType, Any]:
    if isinstance(value.value, (str, int, float)) and isinstance(value, (str, int, float)):
        return natural(value.value)
    raise DataError(f"it is an enum member; pass its value, .value, which is {value.value!r}")


def _list(value: Sequence[Any]) -> tuple[pa.DataType, Any]:
    element = NULL
    items = []
    for index, item in enumerate(value):
        kind, plain = natural(item)
        try:
            element = unify(element, kind)
        except Mismatch as error:
            raise DataError(f"element {index}: {error}") from None
        items.append(plain)
    return pa.list_(element), items


def _dict(value: dict[Any, Any]) -> tuple[pa.DataType, Any]:
    if not value:
        return EMPTY_MAP, "{}"
    entries = _entries(value)
    if entries is not None:
        return _map(*entries)
    fields, items, lower = [], {}, set[str]()
    for key, item in value.items():
        # DuckDB's own client takes the text of any key.
        name = str(key)
        if not name or "\0" in name or name.lower() in lower:
            raise DataError(
                f"a dict is bound as a STRUCT, whose names are not empty, have no NUL, and differ "
                f"in more than letter case; {key!r} does not"
            )
        lower.add(name.lower())
        kind, items[name] = natural(item)
        fields.append(pa.field(name, kind))
    return pa.struct(fields), items


def _entries(value: dict[Any, Any]) -> tuple[Any, Any] | None:
    """The keys and values of a dict that DuckDB's own client takes for a MAP."""
    if len(value) != 2 or value.keys() != {"key", "value"}:
        return None
    keys, items = value["key"], value["value"]
    lists = isinstance(keys, (list, tuple)) and isinstance(items, (list, tuple))
    return (keys, items) if lists and len(keys) == len(items) else None


def _map(keys: Sequence[Any], values: Sequence[Any]) -> tuple[pa.DataType, Any]:
    if not keys:
        return EMPTY_MAP, "{}"
    (key_list, plain_keys), (value_list, plain_values) = _list(keys), _list(values)
    if any(key is None for key in plain_keys):
        raise DataError("it is bound as a MAP, whose keys are not NULL")
    pairs = list(zip(plain_keys, plain_values, strict=True))
    return pa.map_(key_list.value_type, value_list.value_type), pairs


def _numpy(value: np.generic) -> tuple[pa.DataType, Any]:
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return _numpy_time(value)
    if isinstance(value, np.float16):
        return pa.float32(), np.float32(value)
    if isinstance(value, (np.bool_, np.number)):
        return pa.from_numpy_dtype(value.dtype), value
    return natural(value.item())


def _numpy_time(value: np.datetime64 | np.timedelta64) -> tuple[pa.DataType, Any]:
    if np.isnat(value):
        return NULL, None
    unit = np.datetime_data(value.dtype)[0]
    if isinstance(value, np.timedelta64) and unit == "ns" and not value.astype("i8") % 1000:
        value = value.astype("m8[us]")
    plain = value.item()
    if not isinstance(plain, int):
        return natural(plain)
    if isinstance(value, np.datetime64) and unit in ("s", "ms", "us", "ns"):
        return pa.from_numpy_dtype(value.dtype), value
    if unit == "ns":
        raise DataError("it has nanoseconds, and DuckDB's INTERVAL has microseconds")
    raise DataError(f"its unit is {unit}, or it is beyond Python's dates and timedeltas")


def _scalar(value: pa.Scalar) -> tuple[pa.DataType, Any]:
    return value.type, value.as_py()


def _foreign(value: Any) -> tuple[pa.DataType, Any]:
    # pandas is not imported for its two markers of a missing value.
    kind = type(value)
    if kind.__module__.startswith("pandas.") and kind.__name__ in ("NAType", "NaTType"):
        return NULL, None
    raise DataError(
        "there is no SQL type for it; pass a number, str, bytes, date, time, datetime, "
        "timedelta, Decimal, UUID, list, dict or an Arrow scalar"
    )


# The order matters for isinstance: a bool is an int, a datetime is a date.
_RULES: dict[type, Callable[[Any], tuple[pa.DataType, Any]]] = {
    type(None): lambda value: (NULL, None),
    enum.Enum: _enum,
    np.generic: _numpy,
    bool: lambda value: (pa.bool_(), value),
    int: _int,
    float: lambda value: (FLOAT64, value),
    str: _str,
    bytes: lambda value: (pa.binary(), value),
    bytearray: lambda value: (pa.binary(), bytes(value)),
    memoryview: lambda value: (pa.binary(), bytes(value)),
    datetime.datetime: _datetime,
    datetime.date: lambda value: (pa.date32(), value),
    datetime.time: _time,
    datetime.timedelta: _timedelta,
    decimal.Decimal: _decimal,
    uuid.UUID: lambda value: (UUID, value),
    Interval: lambda value: (_INTERVAL, value),
    list: _list,
    tuple: _list,
    dict: _dict,
    np.ndarray: lambda value: _list(list(value)) if value.ndim else natural(value[()]),
    pa.Scalar: _scalar,
}
