"""Rows for a table as Arrow columns, where that means what an INSERT of them means."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import types

from ..errors import ProgrammingError


def _is_timestamp(zoned: bool) -> Callable[[pa.DataType], bool]:
    return lambda kind: types.is_timestamp(kind) and kind.unit == "us" and bool(kind.tz) is zoned


# Where pyarrow converts without a change of value, or refuses.
_EXACT: dict[type, Callable[[pa.DataType], bool]] = {
    bool: types.is_boolean,
    int: types.is_integer,
    float: types.is_floating,
    str: types.is_string,
    bytes: types.is_binary,
    datetime.date: types.is_date32,
    datetime.time: types.is_time64,
    decimal.Decimal: types.is_decimal128,
}
_NAIVE, _AWARE = _is_timestamp(False), _is_timestamp(True)


def transposed(rows: Sequence[Any], fields: Sequence[str]) -> list[Sequence[Any]]:
    """The values of each field, of rows that are mappings or sequences.

    Raises
    ------
    ProgrammingError
        A row has not one value for each field; names the row, counted from 1.
    """
    columns: list[list[Any]] = [[] for _ in fields]
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Mapping):
            missing = [field for field in fields if field not in row]
            if missing:
                raise ProgrammingError(f"row {number} has no {', '.join(map(repr, missing))}")
            row = [row[field] for field in fields]
        if len(row) != len(fields):
            raise ProgrammingError(
                f"row {number} has {len(row)} values for {len(fields)} columns: {', '.join(fields)}"
            )
        for values, value in zip(columns, row, strict=True):
            values.append(value)
    return list(columns)


def exact(columns: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table | None:
    """The columns in the types of `schema`, or None where a value would need a conversion."""
    arrays = []
    for values, field in zip(columns, schema, strict=True):
        array = _exact(values, field.type)
        if array is None:
            return None
        arrays.append(array)
    return pa.Table.from_arrays(arrays, names=schema.names)


def _exact(values: Sequence[Any], kind: pa.DataType) -> pa.Array | None:
    for python in set(map(type, values)) - {type(None)}:
        if python is datetime.datetime:
            zoned = {value.tzinfo is not None for value in values if value is not None}
            suits = _AWARE if zoned == {True} else _NAIVE if zoned == {False} else None
        else:
            suits = _EXACT.get(python)
        if suits is None or not suits(kind):
            return None
    try:
        return pa.array(values, type=kind)
    except (pa.ArrowException, OverflowError, UnicodeError, ValueError):
        return None
