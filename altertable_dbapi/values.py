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

from .errors import DataError
from .interval import Interval
from .sql import lone_surrogate

_NULL = pa.null()
_INT64 = pa.int64()
_FLOAT64 = pa.float64()
_HUGEINT = pa.decimal128(38, 0)
_TIMESTAMP = pa.timestamp("us")
_TIMESTAMPTZ = pa.timestamp("us", tz="UTC")

#: DuckDB's DECIMAL and HUGEINT, as Arrow carries them, end at 38 digits.
_MAX_DIGITS = 38

#: Types whose values pyarrow takes as they are, in columns of one Python type.
_DIRECT: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    float: _FLOAT64,
    str: pa.string(),
    bytes: pa.binary(),
    datetime.date: pa.date32(),
    datetime.timedelta: pa.duration("us"),
}


class Mismatch(Exception):
    """No one type holds both."""


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
        The type of the array when every value is None; string where that is unknown.
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
        typed = null_type is not None and not pa.types.is_null(null_type)
        return pa.nulls(len(values), null_type if typed else pa.string())
    if len(kinds) == 1:
        direct = _DIRECT.get(next(iter(kinds)))
        if direct is None and kinds == {int}:
            direct = _INT64
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


def _of_scalar(value: pa.Scalar) -> pa.Array:
    if isinstance(value.type, pa.BaseExtensionType):
        # pyarrow before 21 makes no array of an extension type from its scalars.
        return pa.ExtensionArray.from_storage(value.type, _of_scalar(value.value))
    return pa.array([value], type=value.type)


def _general(values: Sequence[Any], name: str, first_row: int | None) -> pa.Array:
    unified = _NULL
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
    if pa.types.is_null(unified):
        unified = pa.string()
    try:
        return pa.array([_fit(item, unified) for item in plain], type=unified)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
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
    if -(1 << 63) <= value < 1 << 63:
        return _INT64, value
    if abs(value) >= 10**_MAX_DIGITS:
        raise DataError(f"it has more than {_MAX_DIGITS} digits; pass it as text and cast it")
    return _HUGEINT, decimal.Decimal(value)


def _str(value: str) -> tuple[pa.DataType, Any]:
    if lone_surrogate(value) is not None:
        raise DataError("it holds a lone surrogate, which is no Unicode text")
    return pa.string(), str(value)


def _decimal(value: decimal.Decimal) -> tuple[pa.DataType, Any]:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise DataError("DuckDB's DECIMAL has no NaN and no infinity; pass a float")
    scale = max(-exponent, 0)
    precision = max(len(digits) + max(exponent, 0), scale, 1)
    if precision > _MAX_DIGITS:
        raise DataError(f"it needs more than the {_MAX_DIGITS} digits of DuckDB's DECIMAL")
    return pa.decimal128(precision, scale), value


def _datetime(value: datetime.datetime) -> tuple[pa.DataType, Any]:
    if value != value:  # pandas.NaT is a datetime, and the only one unlike itself
        return _NULL, None
    zone = None if value.tzinfo is None or value.utcoffset() is None else "UTC"
    # pandas.Timestamp is a datetime that may carry nanoseconds.
    if getattr(value, "nanosecond", 0):
        return pa.timestamp("ns", tz=zone), value
    return (_TIMESTAMPTZ if zone else _TIMESTAMP), value


def _time(value: datetime.time) -> tuple[pa.DataType, Any]:
    if value.tzinfo is not None:
        raise DataError("Arrow has no time with a zone; pass it as text and cast it to TIMETZ")
    return pa.time64("us"), value


def _enum(value: enum.Enum) -> tuple[pa.DataType, Any]:
    if isinstance(value.value, (str, int, float)) and isinstance(value, (str, int, float)):
        return natural(value.value)
    raise DataError(f"it is an enum member; pass its value, .value, which is {value.value!r}")


def _list(value: Sequence[Any]) -> tuple[pa.DataType, Any]:
    element = _NULL
    items = []
    for index, item in enumerate(value):
        kind, plain = natural(item)
        try:
            element = unify(element, kind)
        except Mismatch as error:
            raise DataError(f"element {index}: {error}") from None
        items.append(plain)
    return pa.list_(element), [_fit(item, element) for item in items]


def _dict(value: dict[Any, Any]) -> tuple[pa.DataType, Any]:
    fields, items, lower = [], {}, set[str]()
    for key, item in value.items():
        if not isinstance(key, str):
            raise DataError(f"a dict is bound as a STRUCT, whose names are text; {key!r} is not")
        if not key or "\0" in key or key.lower() in lower:
            raise DataError(
                f"a dict is bound as a STRUCT, whose names are not empty, have no NUL, and differ "
                f"in more than letter case; {key!r} does not"
            )
        lower.add(key.lower())
        kind, items[key] = natural(item)
        fields.append(pa.field(key, kind))
    if not fields:
        raise DataError("DuckDB has no STRUCT without fields")
    return pa.struct(fields), items


def _numpy(value: np.generic) -> tuple[pa.DataType, Any]:
    if isinstance(value, (np.datetime64, np.timedelta64)):
        if np.isnat(value):
            return _NULL, None
        unit = np.datetime_data(value.dtype)[0]
        if isinstance(value, np.datetime64) and unit in ("Y", "M", "W", "D"):
            return pa.date32(), value.astype("datetime64[D]").item()
        if unit not in ("s", "ms", "us", "ns"):
            raise DataError(f"its unit is {unit}; use s, ms, us or ns")
        if isinstance(value, np.timedelta64) and unit == "ns":
            if value.astype("i8") % 1000:
                raise DataError("it has nanoseconds, and DuckDB's INTERVAL has microseconds")
            value = value.astype("m8[us]")
        return pa.from_numpy_dtype(value.dtype), value
    if isinstance(value, np.float16):
        return pa.float32(), np.float32(value)
    if isinstance(value, (np.bool_, np.number)):
        return pa.from_numpy_dtype(value.dtype), value
    return natural(value.item())


def _scalar(value: pa.Scalar) -> tuple[pa.DataType, Any]:
    return value.type, value.as_py()


def _foreign(value: Any) -> tuple[pa.DataType, Any]:
    # pandas is not imported for its two markers of a missing value.
    kind = type(value)
    if kind.__module__.startswith("pandas.") and kind.__name__ in ("NAType", "NaTType"):
        return _NULL, None
    raise DataError(
        "there is no SQL type for it; pass a number, str, bytes, date, time, datetime, "
        "timedelta, Decimal, UUID, list, dict or an Arrow scalar"
    )


# The order matters for isinstance: a bool is an int, a datetime is a date.
_RULES: dict[type, Callable[[Any], tuple[pa.DataType, Any]]] = {
    type(None): lambda value: (_NULL, None),
    enum.Enum: _enum,
    np.generic: _numpy,
    bool: lambda value: (pa.bool_(), value),
    int: _int,
    float: lambda value: (_FLOAT64, value),
    str: _str,
    bytes: lambda value: (pa.binary(), value),
    bytearray: lambda value: (pa.binary(), bytes(value)),
    memoryview: lambda value: (pa.binary(), bytes(value)),
    datetime.datetime: _datetime,
    datetime.date: lambda value: (pa.date32(), value),
    datetime.time: _time,
    datetime.timedelta: lambda value: (pa.duration("us"), value),
    decimal.Decimal: _decimal,
    uuid.UUID: lambda value: (pa.string(), str(value)),
    Interval: lambda value: (pa.month_day_nano_interval(), value),
    list: _list,
    tuple: _list,
    dict: _dict,
    np.ndarray: lambda value: _list(list(value)) if value.ndim else natural(value[()]),
    pa.Scalar: _scalar,
}


def unify(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """The Arrow type that holds every value of both exactly.

    Raises
    ------
    Mismatch
        There is none.
    """
    if left.equals(right) or pa.types.is_null(right):
        return left
    if pa.types.is_null(left):
        return right
    for one, other in ((left, right), (right, left)):
        merged = _widen(one, other)
        if merged is not None:
            return merged
    raise Mismatch(f"the values before it are {left}, it is {right}")


def _widen(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """`right` widened to hold `left` too, where their order is this one."""
    types = pa.types
    if types.is_integer(left):
        if types.is_integer(right):
            return _INT64 if "uint64" not in (str(left), str(right)) else _HUGEINT
        if types.is_floating(right):
            return _FLOAT64
        if types.is_decimal(right):
            return _decimal_type(20, 0, right)
    if types.is_floating(left):
        if types.is_floating(right):
            return _FLOAT64
        if types.is_decimal(right):
            # A float's shortest text has at most 17 digits; _fit refuses what does not fit.
            return pa.decimal128(_MAX_DIGITS, max(right.scale, 17))
    if types.is_decimal(left) and types.is_decimal(right):
        return _decimal_type(left.precision - left.scale, left.scale, right)
    if types.is_date(left) and types.is_timestamp(right):
        return right if right.tz is None else None
    if types.is_timestamp(left) and types.is_timestamp(right) and left.tz == right.tz:
        return pa.timestamp("ns" if "ns" in (left.unit, right.unit) else "us", tz=left.tz)
    if types.is_list(left) and types.is_list(right):
        return pa.list_(unify(left.value_type, right.value_type))
    if types.is_struct(left) and types.is_struct(right):
        merged = {field.name: field.type for field in left}
        for field in right:
            merged[field.name] = unify(merged.get(field.name, _NULL), field.type)
        return pa.struct(list(merged.items()))
    return None


def _decimal_type(whole: int, scale: int, other: pa.DataType) -> pa.DataType:
    scale = max(scale, other.scale)
    whole = max(whole, other.precision - other.scale)
    return pa.decimal128(min(whole + scale, _MAX_DIGITS), scale)


def _fit(item: Any, target: pa.DataType) -> Any:
    """An item of a narrower type as pyarrow takes it for the unified one."""
    if item is None:
        return None
    if pa.types.is_decimal(target) and isinstance(item, (float, np.floating)):
        return decimal.Decimal(repr(float(item)))
    if pa.types.is_timestamp(target) and not isinstance(item, (datetime.datetime, np.generic)):
        return datetime.datetime.combine(item, datetime.time())
    if pa.types.is_list(target):
        return [_fit(element, target.value_type) for element in item]
    if pa.types.is_struct(target):
        return {field.name: _fit(item.get(field.name), field.type) for field in target}
    return item
