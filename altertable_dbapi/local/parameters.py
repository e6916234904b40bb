"""Binding one Arrow record batch to a statement's parameters, each value keeping its type.

DuckDB's Python client derives a parameter's type from the Python value (1 is an INTEGER, a Decimal
as wide as its digits). Reading the batch with DuckDB's own Arrow scan keeps the types and is fast
for long lists, so the batch becomes one STRUCT variable and the statement an EXECUTE over its
fields.
"""

from __future__ import annotations

import contextlib
import datetime

import duckdb
import pyarrow as pa

from .failures import refusal

_SOURCE = "__altertable_parameters"
_STATEMENT = "__altertable_statement"


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


def store(cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> list[str]:
    """Put the values where a statement can read them; returns an expression for each."""
    columns = [f"c{i}" for i in range(batch.num_columns)]
    # A table, since DuckDB 1 reads a single batch only once.
    table = pa.Table.from_arrays(
        [pa.chunked_array([column]) for column in batch.columns], names=columns
    )
    fields = ", ".join(f"'{column}': {column}" for column in columns)
    cursor.register(_SOURCE, table)
    try:
        cursor.execute(f"SET VARIABLE {_SOURCE} = (SELECT {{{fields}}} FROM {_SOURCE})")
    except duckdb.Error:
        # If that has aborted the user's transaction, its rollback takes the source away.
        with contextlib.suppress(duckdb.TransactionException):
            cursor.unregister(_SOURCE)
        raise
    cursor.unregister(_SOURCE)
    return [f"getvariable('{_SOURCE}')['{column}']" for column in columns]


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
