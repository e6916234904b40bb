"""Binding one Arrow record batch to a statement's parameters, each value keeping its type.

DuckDB's Python client derives a parameter's type from the Python value (1 is an INTEGER, a Decimal
as wide as its digits). Reading the batch with DuckDB's own Arrow scan keeps the types and is fast
for long lists, so the values become the fields of one STRUCT variable, and the statement an EXECUTE
over them.
"""

from __future__ import annotations

import contextlib
import datetime

import duckdb
import pyarrow as pa

from .engine import literal
from .failures import refusal

_SOURCE = "__altertable_parameters"
_STATEMENT = "__altertable_statement"

# Types whose literals DuckDB reads back exactly.
_LITERALS = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float64(): "DOUBLE",
    pa.utf8(): "VARCHAR",
}


def check(batch: pa.RecordBatch, names: tuple[str, ...]) -> None:
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
    for field in batch.schema:
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


def expressions(cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> list[str]:
    """Put the values where a statement can read them; returns an SQL expression for each.

    Plain scalars are written as literals of their type: a statement may have thousands, and every
    reading of the variable costs as much as the whole variable is large.
    """
    found = [_literal(column[0]) for column in batch.columns]
    rest = [i for i, expression in enumerate(found) if expression is None]
    if rest:
        names = [f"c{i}" for i in rest]
        _store(cursor, pa.RecordBatch.from_arrays([batch.column(i) for i in rest], names=names))
        for i, name in zip(rest, names, strict=True):
            found[i] = f"getvariable('{_SOURCE}')['{name}']"
    return [expression for expression in found if expression is not None]


def _literal(value: pa.Scalar) -> str | None:
    kind = value.type
    if pa.types.is_decimal128(kind):
        name = f"DECIMAL({kind.precision}, {kind.scale})"
    elif kind in _LITERALS:
        name = _LITERALS[kind]
    else:
        return None
    if not value.is_valid:
        return f"CAST(NULL AS {name})"
    text = str(value.as_py())
    if "\0" in text:
        # Not expressible in SQL text.
        return None
    if name == "VARCHAR":
        # Bound text is a string like one in the statement: it becomes what is wanted there.
        return literal(text)
    return f"CAST({literal(text)} AS {name})"


def _store(cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> None:
    fields = ", ".join(f"'{name}': {name}" for name in batch.schema.names)
    # A stream, which is read once: DuckDB 1 would read a table by way of pyarrow's scanner.
    cursor.register(_SOURCE, pa.RecordBatchReader.from_batches(batch.schema, [batch]))
    try:
        cursor.execute(f"SET VARIABLE {_SOURCE} = (SELECT {{{fields}}} FROM {_SOURCE})")
    except duckdb.Error:
        # If that has aborted the user's transaction, its rollback takes the source away.
        with contextlib.suppress(duckdb.TransactionException):
            cursor.unregister(_SOURCE)
        raise
    cursor.unregister(_SOURCE)


def prepare(cursor: duckdb.DuckDBPyConnection, sql: str, values: dict[str, str]) -> str:
    """Prepare a statement; returns the text that runs it with the values.

    Parameters
    ----------
    cursor : duckdb.DuckDBPyConnection
        The session's connection.
    sql : str
        The statement.
    values : dict
        Parameter name -> expression, in order.
    """
    cursor.execute(f"PREPARE {_STATEMENT} AS\n{sql}")
    if all(name.isdigit() for name in values):
        given = ", ".join(values.values())
    else:
        given = ", ".join(f'"{name}" := {value}' for name, value in values.items())
    return f"EXECUTE {_STATEMENT}({given})"
