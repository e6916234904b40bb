"""Binding one Arrow record batch to a statement's parameters, each value with its column's type.

DuckDB's Python client takes most values, with their type said by ``duckdb.Value``. What it would
change (a typed NULL, a list, nanoseconds) is read by DuckDB's Arrow scan into variables, and the
statement is an EXECUTE over these.
"""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from ..parameters.literals import INTEGERS
from .alignment import aligned
from .failures import refusal
from .names import literal

_SOURCE = "__altertable_parameters"

# The reading of a variable costs as much as the whole variable is large.
_IN_ONE_VARIABLE = 32

# Types whose Python values DuckDB's client gives the same type.
_PLAIN = {
    pa.bool_(): "BOOLEAN",
    pa.float64(): "DOUBLE",
    pa.utf8(): "VARCHAR",
    pa.large_utf8(): "VARCHAR",
    pa.string_view(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.large_binary(): "BLOB",
    pa.binary_view(): "BLOB",
    pa.date32(): "DATE",
    pa.time64("us"): "TIME",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
}


def check(batch: pa.RecordBatch, names: tuple[str, ...], *, refuse_null_columns: bool) -> None:
    """Refuse a batch that the service would not bind.

    Raises
    ------
    Exception
        A refusal: not exactly one row, a wrong number of columns, or a column without a type.
    """
    if batch.num_rows != 1:
        raise refusal(
            "INVALID_ARGUMENT",
            "Invalid Input Error: Wrong number of parameters passed to query. "
            f"Got {batch.num_rows * batch.num_columns}, needed {len(names)}: "
            f"a bound batch has one row, this one {batch.num_rows}",
        )
    if batch.num_columns != len(names):
        raise refusal(
            "INVALID_ARGUMENT",
            "Invalid Input Error: Wrong number of parameters passed to query. "
            f"Got {batch.num_columns}, needed {len(names)}",
        )
    for field in batch.schema if refuse_null_columns else ():
        if pa.types.is_null(field.type):
            raise refusal(
                "INVALID_ARGUMENT", f"parameter {field.name!r} has no type (an Arrow null column)"
            )


def as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn every value into text, as Altertable's public mock server does."""
    columns = [pa.array([_text(column[0])], pa.utf8()) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _text(value: pa.Scalar) -> str:
    if not value.is_valid:
        return "NULL"
    kind = value.type
    python = value.as_py()
    if pa.types.is_boolean(kind):
        return str(python).lower()
    if pa.types.is_timestamp(kind):
        return str(python.replace(tzinfo=None))
    plain = (int, float, str, datetime.date, datetime.time)
    unread = pa.types.is_large_string(kind) or pa.types.is_date64(kind) or pa.types.is_time32(kind)
    if isinstance(python, plain) and not unread and not pa.types.is_dictionary(kind):
        return str(python)
    if pa.types.is_binary(kind):
        return str(list(python))
    return f"UNSUPPORTED_TYPE_{kind}"


def python_values(cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> list[Any] | None:
    """Give the values as DuckDB's client binds them; None where it would change one of them."""
    types: dict[str, Any] = {}

    def typed(value: Any, name: str) -> Any:
        if name not in types:
            types[name] = cursor.sqltype(name)
        return duckdb.Value(value, types[name])

    values: list[Any] = []
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        value = column[0]
        if pa.types.is_null(value.type):
            values.append(None)
            continue
        convert = _CONVERSIONS.get(value.type)
        if pa.types.is_decimal128(value.type):
            convert = _decimal
        if convert is None or not value.is_valid:
            return None
        try:
            values.append(convert(value, typed))
        except UnicodeDecodeError as error:
            raise refusal("INVALID_ARGUMENT", "Invalid Input Error: text is not UTF-8") from error
        except (ValueError, OverflowError):
            # A date or time that Python does not have.
            return None
    return values


_Typed = Callable[[Any, str], Any]


def _python(value: pa.Scalar, typed: _Typed) -> Any:
    return value.as_py()


def _time(value: pa.Scalar, typed: _Typed) -> Any:
    if not 0 <= value.value < 86_400_000_000:
        raise ValueError  # pyarrow makes 00:00:00 of DuckDB's 24:00:00
    return value.as_py()


def _integer(value: pa.Scalar, typed: _Typed) -> Any:
    return typed(value.as_py(), INTEGERS[value.type])


def _float(value: pa.Scalar, typed: _Typed) -> Any:
    python = value.as_py()
    # DuckDB 1 makes a NULL of a NaN that has a type.
    return typed("nan" if math.isnan(python) else python, "FLOAT")


def _decimal(value: pa.Scalar, typed: _Typed) -> Any:
    # Of a Decimal the client takes the type from its digits.
    return typed(f"{value.as_py():f}", _decimal_name(value.type))


def _decimal_name(kind: pa.DataType) -> str:
    return f"DECIMAL({kind.precision}, {kind.scale})"


_CONVERSIONS: dict[pa.DataType, Callable[[pa.Scalar, _Typed], Any]] = {
    **dict.fromkeys(_PLAIN, _python),
    **dict.fromkeys(INTEGERS, _integer),
    pa.time64("us"): _time,
    pa.float32(): _float,
}


def expressions(cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> list[str]:
    """Put the values where a statement can read them; returns an SQL expression for each."""
    found = [_literal(column[0]) for column in batch.columns]
    rest = [i for i, expression in enumerate(found) if expression is None]
    for start in range(0, len(rest), _IN_ONE_VARIABLE):
        numbers = rest[start : start + _IN_ONE_VARIABLE]
        variable = f"{_SOURCE}_{start}"
        arrays = {f"c{i}": batch.column(i) for i in numbers}
        types = _store(cursor, variable, arrays)
        for i in numbers:
            read = f"getvariable('{variable}')['c{i}']"
            found[i] = f"CAST({read} AS {types[f'c{i}']})" if f"c{i}" in types else read
    return [expression for expression in found if expression is not None]


def _literal(value: pa.Scalar) -> str | None:
    kind = value.type
    if pa.types.is_null(kind):
        return "NULL"
    name = _decimal_name(kind) if pa.types.is_decimal128(kind) else None
    name = name or INTEGERS.get(kind) or ("FLOAT" if kind == pa.float32() else _PLAIN.get(kind))
    if name is None:
        return None
    if not value.is_valid:
        return f"CAST(NULL AS {name})"
    if name in ("BLOB", "DATE", "TIME") or name.startswith("TIMESTAMP"):
        return None
    text = f"{value.as_py():f}" if name.startswith("DECIMAL") else str(value.as_py())
    if "\0" in text:
        # Not expressible in SQL text.
        return None
    if name == "VARCHAR":
        # Bound text is a string like one in the statement: it becomes what is wanted there.
        return literal(text)
    return f"CAST({literal(text)} AS {name})"


def _store(
    cursor: duckdb.DuckDBPyConnection, variable: str, arrays: dict[str, pa.Array]
) -> dict[str, str]:
    """Store arrays of one value as the fields of a variable.

    Returns
    -------
    dict
        The DuckDB types of those that have to be cast when they are read. A subquery's value is
        one that can be sorted, in which -0.0 inside of a list or a struct is 0.0: there, floats are
        stored as text.
    """
    signed = [name for name, array in arrays.items() if _has_negative_zero(array)]
    types: dict[str, str] = {}
    if signed:
        of_each = ", ".join(f"typeof({name})" for name in signed)
        columns = {name: arrays[name] for name in signed}
        with _source(cursor, columns):
            found = cursor.execute(f"SELECT {of_each} FROM {_SOURCE}").fetchall()
        types = dict(zip(signed, found[0], strict=True))
        arrays = {
            name: array.cast(_as_spelled(array.type)) if name in types else array
            for name, array in arrays.items()
        }
    fields = ", ".join(f"'{name}': {name}" for name in arrays)
    with _source(cursor, arrays):
        cursor.execute(f"SET VARIABLE {variable} = (SELECT {{{fields}}} FROM {_SOURCE})").fetchall()
    return types


@contextlib.contextmanager
def _source(cursor: duckdb.DuckDBPyConnection, arrays: dict[str, pa.Array]) -> Any:
    batch = aligned(pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays)))
    # A stream, which is read once: DuckDB 1 would read a table by way of pyarrow's scanner.
    cursor.register(_SOURCE, pa.RecordBatchReader.from_batches(batch.schema, [batch]))
    try:
        yield
    except duckdb.Error:
        # If that has aborted the user's transaction, its rollback takes the source away.
        with contextlib.suppress(duckdb.TransactionException):
            cursor.unregister(_SOURCE)
        raise
    cursor.unregister(_SOURCE)


def _has_negative_zero(array: pa.Array) -> bool:
    kind = array.type
    if pa.types.is_floating(kind):
        values = array.drop_null().to_numpy(zero_copy_only=False)
        return bool(np.any((values == 0) & np.signbit(values)))
    if pa.types.is_map(kind):
        return _has_negative_zero(array.keys) or _has_negative_zero(array.items)
    if pa.types.is_struct(kind):
        return any(_has_negative_zero(field) for field in array.flatten())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _has_negative_zero(array.flatten())
    return False


def _as_spelled(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_floating(kind):
        return pa.utf8()
    if pa.types.is_map(kind):
        return pa.map_(_as_spelled(kind.key_type), _as_spelled(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_as_spelled(field.type)) for field in kind])
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_as_spelled(kind.value_type)), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_as_spelled(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_as_spelled(kind.value_type)))
    return kind


def call(statement: str, values: dict[str, str]) -> str:
    """Write the EXECUTE of a prepared statement.

    Parameters
    ----------
    statement : str
        Its name.
    values : dict
        Parameter name -> expression, in order.
    """
    if all(name.isdigit() for name in values):
        given = ", ".join(values.values())
    else:
        given = ", ".join(f'"{name}" := {value}' for name, value in values.items())
    return f"EXECUTE {statement}({given})"
