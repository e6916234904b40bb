"""Bulk load and upsert: one atomic load on a connection of its own, outside the session."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pyarrow as pa

from .alignment import aligned
from .failures import engine_text, from_engine, refusal, without_position
from .names import quote

# TableDefinitionOptions of FlightSql.proto.
_MISSING = {1: "create", 2: "fail"}
_EXISTING = {1: "fail", 2: "append", 3: "replace"}

_SOURCE = "__altertable_ingest"
_STAGED = "temp.main.__altertable_staged"


@dataclass(frozen=True)
class Plan:
    """What to load where.

    Attributes
    ----------
    missing : str
        What to do when there is no such table: "create" or "fail".
    existing : str
        What to do when there is one: "fail", "append" or "replace".
    primary_key, cursor_field : tuple of str
        The columns of an upsert; both empty for a plain load.
    """

    catalog: str
    schema: str
    table: str
    missing: str
    existing: str
    primary_key: tuple[str, ...]
    cursor_field: tuple[str, ...]

    @property
    def name(self) -> str:
        """The target, in plain words."""
        return f"{self.catalog}.{self.schema}.{self.table}"

    @property
    def target(self) -> str:
        """The target as SQL."""
        return ".".join(map(quote, (self.catalog, self.schema, self.table)))


def plan(command: Any, catalog: str) -> Plan:
    """Read a CommandStatementIngest.

    Parameters
    ----------
    command : message
        The command. Its transaction id is not read, as on the service.
    catalog : str
        The server's default catalog: neither it nor the schema ``main`` follows the session.
    """
    definition = command.table_definition_options
    if definition.if_not_exist not in _MISSING or definition.if_exists not in _EXISTING:
        raise refusal("INVALID_ARGUMENT", "Malformed options: table_definition_options are needed")
    if command.temporary:
        raise refusal("UNIMPLEMENTED", "Ingest into a temporary table is not supported")
    if not command.table:
        raise refusal("INVALID_ARGUMENT", "Ingest needs a table name")
    primary_key = _names(command.options, "primary_key")
    cursor_field = _names(command.options, "cursor_field")
    if cursor_field and not primary_key:
        raise refusal("INVALID_ARGUMENT", "Malformed options: cursor_field needs primary_key")
    return Plan(
        command.catalog or catalog,
        command.schema or "main",
        command.table,
        _MISSING[definition.if_not_exist],
        _EXISTING[definition.if_exists],
        primary_key,
        cursor_field,
    )


def _names(options: Any, name: str) -> tuple[str, ...]:
    if name not in options:
        return ()
    try:
        found = json.loads(options[name])
    except ValueError as error:
        raise refusal("INVALID_ARGUMENT", f"Malformed options: {name} is not JSON") from error
    if not isinstance(found, list) or not all(isinstance(column, str) for column in found):
        raise refusal(
            "INVALID_ARGUMENT", f"Malformed options: {name} is not a JSON array of strings"
        )
    return tuple(found)


def load(
    cursor: duckdb.DuckDBPyConnection,
    plan: Plan,
    reader: Any,
    max_message: int,
    cancelled: Callable[[], bool],
    *,
    by_position: bool = False,
    keep_half: bool = False,
) -> int:
    """Load a stream of batches, all of it or nothing.

    Parameters
    ----------
    cursor : duckdb.DuckDBPyConnection
        A connection for this load alone: what it registers and stages goes when it is closed.
    plan : Plan
        What to load where.
    reader : pyarrow.flight.MetadataRecordBatchReader
        The batches as they arrive.
    max_message : int
        Bytes that a batch may have.
    cancelled : callable
        Whether the client has given the call up.
    by_position : bool
        Append column by column as they come, whatever their names.
    keep_half : bool
        Commit a plain load batch by batch instead.

    Returns
    -------
    int
        Rows inserted, or inserted and updated.
    """
    source = _Source(reader, max_message, cancelled)
    try:
        if keep_half and not plan.primary_key:
            count = 0
            for piece in source.pieces():
                count += _transaction(cursor, plan, piece, source.schema, by_position)
                plan = replace(plan, missing="fail", existing="append")
        else:
            count = _transaction(cursor, plan, source.stream(), source.schema, by_position)
    except duckdb.Error as error:
        if source.error is not None:
            # DuckDB has wrapped what the stream itself failed with.
            raise source.error from error
        code = "ABORTED" if isinstance(error, duckdb.TransactionException) else "INVALID_ARGUMENT"
        # The client has sent no text that a position could point to.
        text = without_position(engine_text(error))
        raise from_engine(error, "ingest", code, text) from error
    return count


def _transaction(
    cursor: duckdb.DuckDBPyConnection,
    plan: Plan,
    stream: pa.RecordBatchReader,
    schema: pa.Schema,
    by_position: bool,
) -> int:
    cursor.execute("BEGIN TRANSACTION")
    try:
        count = _load(cursor, plan, stream, schema, by_position)
        cursor.execute("COMMIT")
    except BaseException:
        _roll_back(cursor)
        raise
    return count


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    # A COMMIT that fails has ended the transaction, and its reason is the one to tell.
    with contextlib.suppress(duckdb.TransactionException):
        cursor.execute("ROLLBACK")


class _Source:
    """The incoming batches, checked for their size as they pass, with the error that ended them."""

    def __init__(self, reader: Any, max_message: int, cancelled: Callable[[], bool]) -> None:
        self.schema: pa.Schema = reader.schema
        self.error: Exception | None = None
        self._reader = reader
        self._max = max_message
        self._cancelled = cancelled

    def stream(self) -> pa.RecordBatchReader:
        """Make a reader that DuckDB can scan, once."""
        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def pieces(self) -> Iterator[pa.RecordBatchReader]:
        """Give a reader for each batch, or one without any where none comes."""
        batch = None
        for batch in self._batches():
            yield pa.RecordBatchReader.from_batches(self.schema, [batch])
        if batch is None:
            yield pa.RecordBatchReader.from_batches(self.schema, [])

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                batch = self._reader.read_chunk().data
            except StopIteration:
                # To pyarrow a stream that was cancelled has ended like any other.
                if self._cancelled():
                    self.error = refusal("CANCELLED", "the client has given the load up")
                    raise self.error from None
                return
            except Exception as error:
                self.error = refusal("CANCELLED", "the stream of batches was cut off")
                raise self.error from error
            if batch.nbytes > self._max:
                self.error = refusal(
                    "RESOURCE_EXHAUSTED",
                    f"RESOURCE_EXHAUSTED: received message larger than max "
                    f"({batch.nbytes} vs. {self._max})",
                )
                raise self.error
            yield aligned(batch)


def _load(
    cursor: duckdb.DuckDBPyConnection,
    plan: Plan,
    stream: pa.RecordBatchReader,
    schema: pa.Schema,
    by_position: bool,
) -> int:
    if not _found(cursor, "duckdb_databases() WHERE lower(database_name) = lower(?)", plan.catalog):
        raise refusal("NOT_FOUND", f'Catalog Error: Catalog "{plan.catalog}" does not exist!')
    stored = _columns(cursor, plan)
    if stored is not None and plan.existing == "fail":
        raise refusal("ALREADY_EXISTS", f"Table {plan.name} already exists")
    if stored is None and plan.missing == "fail":
        raise refusal("FAILED_PRECONDITION", f"Table {plan.name} does not exist")
    if plan.primary_key:
        _check_key(plan, schema)
    if stored is None:
        _create_schema(cursor, plan)
    elif plan.existing == "replace":
        cursor.execute(f"DROP TABLE {plan.target}")
        stored = None
    cursor.register(_SOURCE, stream)
    if plan.primary_key:
        return _upsert(cursor, plan, schema, stored is not None)
    if stored is None:
        return _count(cursor, f"CREATE TABLE {plan.target} AS FROM {_SOURCE}")
    if by_position:
        return _count(cursor, f"INSERT INTO {plan.target} FROM {_SOURCE}")
    _check_columns(plan, stored, schema)
    return _count(cursor, f"INSERT INTO {plan.target} BY NAME FROM {_SOURCE}")


def _columns(cursor: duckdb.DuckDBPyConnection, plan: Plan) -> list[str] | None:
    """Give the columns of the table, None if there is no such table.

    duckdb_tables() would read what is known of every table of every catalog.
    """
    try:
        return [row[0] for row in cursor.execute(f"DESCRIBE FROM {plan.target}").fetchall()]
    except duckdb.CatalogException:
        # It has aborted the transaction, in which nothing was done yet.
        cursor.execute("ROLLBACK")
        cursor.execute("BEGIN TRANSACTION")
        return None


def _create_schema(cursor: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    # Only where it is missing: a catalog that is read-only would refuse this in place of the load.
    schemas = (
        "duckdb_schemas() WHERE lower(database_name) = lower(?) AND lower(schema_name) = lower(?)"
    )
    if not _found(cursor, schemas, plan.catalog, plan.schema):
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(plan.catalog)}.{quote(plan.schema)}")


def _upsert(cursor: duckdb.DuckDBPyConnection, plan: Plan, schema: pa.Schema, exists: bool) -> int:
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE __altertable_staged AS FROM {_SOURCE}")
    keys = ", ".join(map(quote, plan.primary_key))
    newest = ", ".join([f"{quote(name)} DESC NULLS LAST" for name in plan.cursor_field])
    # Staged rows are numbered as they came; of rows with equal cursors the later one wins.
    staged = (
        f"(SELECT * FROM {_STAGED} QUALIFY row_number() OVER "
        f"(PARTITION BY {keys} ORDER BY {newest + ', ' if newest else ''}rowid DESC) = 1)"
    )
    if not exists:
        return _count(cursor, f"CREATE TABLE {plan.target} AS FROM {staged} AS s")
    columns = [quote(name) for name in schema.names]
    matched = " AND ".join(f"t.{quote(key)} = s.{quote(key)}" for key in plan.primary_key)
    newer = ""
    if plan.cursor_field:
        newer = f" AND ({_newer(plan.cursor_field)})"
    keyed = {key.lower() for key in plan.primary_key}
    changed = ", ".join(
        f"{quote(name)} = s.{quote(name)}" for name in schema.names if name.lower() not in keyed
    )
    return _count(
        cursor,
        f"MERGE INTO {plan.target} AS t USING {staged} AS s ON ({matched}) "
        f"WHEN MATCHED{newer} THEN UPDATE SET {changed} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}) "
        f"VALUES ({', '.join(f's.{column}' for column in columns)})",
    )


def _newer(cursor_field: tuple[str, ...]) -> str:
    """Compare a given row's cursors with a stored row's; NULL is older than any value."""
    name, *others = map(quote, cursor_field)
    newer = f"s.{name} > t.{name} OR (s.{name} IS NOT NULL AND t.{name} IS NULL)"
    if others:
        newer += f" OR (s.{name} IS NOT DISTINCT FROM t.{name} AND ({_newer(cursor_field[1:])}))"
    return newer


def _check_key(plan: Plan, schema: pa.Schema) -> None:
    given = {name.lower() for name in schema.names}
    for option in ("primary_key", "cursor_field"):
        for name in getattr(plan, option):
            if name.lower() not in given:
                raise refusal(
                    "INVALID_ARGUMENT",
                    f"Malformed options: {option} names {name!r}, which the data has not",
                )
    if given == {key.lower() for key in plan.primary_key}:
        raise refusal(
            "INVALID_ARGUMENT",
            "Malformed options: an upsert needs columns besides those of primary_key",
        )


def _check_columns(plan: Plan, stored: list[str], schema: pa.Schema) -> None:
    given = {name.lower() for name in schema.names}
    if {name.lower() for name in stored} != given:
        raise refusal(
            "INVALID_ARGUMENT",
            f"Binder Error: table {plan.name} has the columns {', '.join(sorted(stored))}, "
            f"the data has {', '.join(sorted(given))}",
        )


def _found(cursor: duckdb.DuckDBPyConnection, source: str, *values: str) -> bool:
    return cursor.execute(f"SELECT 1 FROM {source} LIMIT 1", values).fetchall() != []


def _count(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row is not None else 0
