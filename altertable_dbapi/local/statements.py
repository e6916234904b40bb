"""What a statement is, and how it runs with its parameters."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from ..errors import ProgrammingError
from ..local import access, announcing, asking
from ..statement.scan import scan
from .engine import run
from .failures import from_engine, refusal, statement_text

# Only these errors of a PREPARE are sure: others may come of parameters that have no values yet.
_SURE = (duckdb.ParserException, duckdb.CatalogException)


@dataclass(frozen=True)
class Statement:
    """A parsed and, outside of transactions, bound statement.

    Attributes
    ----------
    sql : str
        The text.
    kind : str
        DuckDB's statement type; "MULTI" where DuckDB makes several of one.
    parameters : tuple of str
        The parameters' names: "1".."n", or each `$name` in the order of its first appearance.
    schema : pyarrow.Schema
        What FlightInfo announces.
    json_columns : frozenset of int
        Which columns are JSON; Arrow sees plain text there.
    """

    sql: str
    kind: str
    parameters: tuple[str, ...]
    schema: pa.Schema
    json_columns: frozenset[int]


def prepare(
    cursor: duckdb.DuckDBPyConnection, sql: str, *, in_transaction: bool, external: bool
) -> Statement:
    """Parse one statement, and bind it where its parameters and an open transaction allow it.

    Raises
    ------
    Exception
        A refusal: nothing or several statements, transaction control as text, an error of
        DuckDB's parser or binder, or what is not allowed without `external` access.
    """
    try:
        found = cursor.extract_statements(sql)
    except duckdb.Error as error:
        raise from_engine(error, "prepare statement", "INTERNAL") from error
    if not found:
        raise refusal("INVALID_ARGUMENT", "Invalid Input Error: No statement to prepare")
    # DuckDB 1 makes several statements without a text of one PIVOT or ALTER.
    if len(found) > 1 and any(statement.query for statement in found):
        raise refusal(
            "INVALID_ARGUMENT", "Invalid Input Error: Cannot prepare multiple statements at once!"
        )
    kind = found[0].type.name if len(found) == 1 else "MULTI"
    if kind == "TRANSACTION":
        raise refusal(
            "INVALID_ARGUMENT",
            "Not implemented Error: transaction control as SQL text; "
            "use the BeginTransaction and EndTransaction actions",
        )
    if not external:
        access.check(sql, kind)
    names = _parameter_names(sql, {name for part in found for name in part.named_parameters})
    try:
        if not names:
            columns = announcing.result(cursor, sql, kind, None, guess=not in_transaction)
        elif in_transaction:
            columns = announcing.unbound(kind)
        else:
            columns = _with_nulls(cursor, sql, kind, names)
    except duckdb.Error as error:
        text = statement_text(error, kind)
        raise from_engine(error, "prepare statement", "INTERNAL", text) from error
    schema, json_columns = announcing.schema(columns)
    return Statement(sql, kind, names, schema, json_columns)


def _with_nulls(
    cursor: duckdb.DuckDBPyConnection, sql: str, kind: str, names: tuple[str, ...]
) -> pa.Schema | announcing.Columns:
    """Look at a statement whose parameters have no values, outside of a transaction."""
    if kind in asking.PREPARED:
        try:
            asking.check(cursor, sql, kind)
        except _SURE:
            raise
        except duckdb.Error:
            return announcing.unbound(kind)
    try:
        return announcing.result(cursor, sql, kind, asking.nulls(names), guess=True)
    except duckdb.Error:
        return announcing.unbound(kind)


def bind(
    cursor: duckdb.DuckDBPyConnection,
    statement: Statement,
    batch: pa.RecordBatch,
    *,
    in_transaction: bool,
) -> Statement:
    """Announce a statement's result again, now that its parameters have values.

    Raises
    ------
    Exception
        A refusal: DuckDB cannot bind it with these.
    """
    try:
        values = asking.values(cursor, statement.parameters, batch)
        if statement.kind != "SELECT" and not (
            in_transaction and values.python and "RETURNING" in statement.sql.upper()
        ):
            return statement
        columns = announcing.result(
            cursor, statement.sql, statement.kind, values, guess=not in_transaction
        )
    except duckdb.Error as error:
        text = statement_text(error, statement.kind)
        raise from_engine(error, "prepare statement", "INTERNAL", text) from error
    schema, json_columns = announcing.schema(columns)
    return Statement(statement.sql, statement.kind, statement.parameters, schema, json_columns)


def start(
    cursor: duckdb.DuckDBPyConnection,
    statement: Statement,
    batch: pa.RecordBatch | None,
    batch_rows: int,
) -> pa.RecordBatchReader:
    """Begin to run a statement.

    Parameters
    ----------
    cursor : duckdb.DuckDBPyConnection
        The session's connection.
    statement : Statement
        What to run.
    batch : pyarrow.RecordBatch or None
        Its parameters: one row.
    batch_rows : int
        Rows in a batch of the result, at most.
    """
    values = None if batch is None else asking.values(cursor, statement.parameters, batch)
    sql, given = asking.text(cursor, "", statement.sql, statement.kind, values)
    return run(cursor, sql, given, batch_rows)


def _parameter_names(sql: str, known: set[str]) -> tuple[str, ...]:
    if all(name.isdigit() for name in known):
        return tuple(sorted(known, key=int))
    try:
        order = dict.fromkeys(placeholder.name for placeholder in scan(sql).placeholders)
    except ProgrammingError as error:
        raise refusal("INVALID_ARGUMENT", f"Invalid Input Error: {error}") from error
    lowered = {name.lower(): name for name in known}
    names = tuple(lowered.pop(name.lower()) for name in order if name.lower() in lowered)
    return names + tuple(sorted(lowered.values()))
