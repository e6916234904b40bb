"""Asking DuckDB something with a statement's text and parameters.

A question is a word put before the text, on a line of its own, so that positions in errors can be
told as the client knows the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from ..local import parameters
from ..statement.scan import replace, scan
from .failures import statement_text

PREPARED = {"SELECT", "INSERT", "UPDATE", "DELETE"}
"""The kinds of statements that PREPARE takes."""

_STATEMENT = "__altertable_statement"


@dataclass(frozen=True)
class Values:
    """The values of a statement's parameters.

    Attributes
    ----------
    python : dict or None
        Parameter name -> value, where DuckDB's Python client binds all of them as they are.
    expressions : dict
        Parameter name -> SQL expression, otherwise.
    prepares : bool
        Whether an EXECUTE takes the expressions.
    """

    python: dict[str, Any] | None
    expressions: dict[str, str]
    prepares: bool = True


def nulls(names: tuple[str, ...]) -> Values:
    """Give values that have no type."""
    return Values(dict.fromkeys(names), {})


def values(
    cursor: duckdb.DuckDBPyConnection, names: tuple[str, ...], batch: pa.RecordBatch
) -> Values:
    """Read the values of a bound batch, in the order of the parameters."""
    python = parameters.python_values(cursor, batch)
    if python is not None:
        return Values(dict(zip(names, python, strict=True)), {})
    expressions = dict(zip(names, parameters.expressions(cursor, batch), strict=True))
    # DuckDB 1 does not bind again for values that are text alone, and their types stay unknown.
    prepares = any(kind != pa.utf8() for kind in batch.schema.types)
    return Values(None, expressions, prepares)


def reads(cursor: duckdb.DuckDBPyConnection, question: str, sql: str) -> bool:
    """Tell whether DuckDB's parser takes the question as one statement; nothing runs."""
    try:
        return len(cursor.extract_statements(f"{question}\n{sql}")) == 1
    except duckdb.Error:
        return False


def ask(
    cursor: duckdb.DuckDBPyConnection, question: str, sql: str, kind: str, values: Values | None
) -> list[Any]:
    """Ask a question about a statement; its errors are those of the statement."""
    asked, given = text(cursor, question, sql, kind, values)
    try:
        return (
            cursor.execute(asked, given).fetchall() if given else cursor.execute(asked).fetchall()
        )
    except duckdb.Error as error:
        raise type(error)(statement_text(error, kind, lines=1)) from error


def check(cursor: duckdb.DuckDBPyConnection, sql: str, kind: str) -> None:
    """Bind a statement whose parameters have no values yet."""
    ask(cursor, f"PREPARE {_STATEMENT} AS", sql, kind, None)


def text(
    cursor: duckdb.DuckDBPyConnection, question: str, sql: str, kind: str, values: Values | None
) -> tuple[str, dict[str, Any] | None]:
    """Give the text to run for a statement or a question about it, and what DuckDB binds to it."""
    asked = f"{question}\n{sql}" if question else sql
    if values is None or values.python is not None:
        return asked, None if values is None else values.python
    if kind in PREPARED and values.prepares and question != "EXPLAIN":
        ask(cursor, f"PREPARE {_STATEMENT} AS {question}".rstrip(), sql, kind, None)
        return parameters.call(_STATEMENT, values.expressions), None
    # DuckDB has no PREPARE for a MERGE or a CREATE TABLE AS.
    lowered = {name.lower(): value for name, value in values.expressions.items()}
    found = scan(asked)
    numbers = iter(range(1, len(found.placeholders) + 1))
    names = [place.name or str(next(numbers)) for place in found.placeholders]
    return replace(found, [lowered[name.lower()] for name in names]), None
