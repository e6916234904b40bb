"""The Flight SQL catalog commands, answered from DuckDB's catalog functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa

from ..local import schemas
from .announcing import announced
from .engine import HIDDEN_CATALOGS, HIDDEN_SCHEMAS
from .names import literal, quote

_CATALOGS = ", ".join(map(literal, HIDDEN_CATALOGS))
_SCHEMAS = ", ".join(map(literal, HIDDEN_SCHEMAS))
_VISIBLE_CATALOG = f"""
    {{0}} NOT IN ({_CATALOGS}) AND NOT starts_with({{0}}, '__ducklake_metadata_')"""
_VISIBLE = f"{_VISIBLE_CATALOG.format('database_name')} AND schema_name NOT IN ({_SCHEMAS})"


def _filter(column: str, operator: str, message: Any, field: str) -> tuple[str, list[str]]:
    """Filter by an optional field: absent means all."""
    if not message.HasField(field):
        return "", []
    return f" AND {column} {operator} ?", [getattr(message, field)]


def _rows(
    cursor: duckdb.DuckDBPyConnection, sql: str, values: list[str], schema: pa.Schema
) -> pa.Table:
    rows = cursor.execute(sql, values).fetchall()
    columns = [[row[i] for row in rows] for i in range(len(schema))]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


def _catalogs(cursor: duckdb.DuckDBPyConnection, command: Any) -> pa.Table:
    return _rows(
        cursor,
        "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND"
        f"{_VISIBLE_CATALOG.format('database_name')} ORDER BY 1",
        [],
        schemas.CATALOGS,
    )


def _db_schemas(cursor: duckdb.DuckDBPyConnection, command: Any) -> pa.Table:
    catalog, a = _filter("database_name", "=", command, "catalog")
    schema, b = _filter("schema_name", "LIKE", command, "db_schema_filter_pattern")
    return _rows(
        cursor,
        "SELECT DISTINCT database_name, schema_name FROM duckdb_schemas() "
        f"WHERE {_VISIBLE}{catalog}{schema} ORDER BY 1, 2",
        a + b,
        schemas.DB_SCHEMAS,
    )


def _tables(cursor: duckdb.DuckDBPyConnection, command: Any) -> pa.Table:
    catalog, a = _filter("database_name", "=", command, "catalog")
    schema, b = _filter("schema_name", "LIKE", command, "db_schema_filter_pattern")
    table, c = _filter("table_name", "LIKE", command, "table_name_filter_pattern")
    kinds = ""
    if command.table_types:
        kinds = f" AND table_type IN ({', '.join('?' * len(command.table_types))})"
    found = _rows(
        cursor,
        f"""
        SELECT database_name, schema_name, table_name, table_type FROM (
            SELECT database_name, schema_name, table_name, internal, 'BASE TABLE' AS table_type
            FROM duckdb_tables() WHERE NOT temporary
            UNION ALL
            SELECT database_name, schema_name, view_name, internal, 'VIEW'
            FROM duckdb_views() WHERE NOT temporary
        ) WHERE NOT internal AND {_VISIBLE}{catalog}{schema}{table}{kinds} ORDER BY 1, 2, 3""",
        [*a, *b, *c, *command.table_types],
        schemas.TABLES,
    )
    if not command.include_schema:
        return found
    encoded = [
        _columns(cursor, *names).serialize().to_pybytes()
        for names in zip(*(found.column(i).to_pylist() for i in range(3)), strict=True)
    ]
    columns = [*found.columns, pa.array(encoded, pa.binary())]
    return pa.Table.from_arrays(columns, schema=schemas.TABLES_WITH_SCHEMA)


def _columns(cursor: duckdb.DuckDBPyConnection, catalog: str, schema: str, table: str) -> pa.Schema:
    name = ".".join(map(quote, (catalog, schema, table)))
    relation = cursor.sql(f"FROM {name}")
    types = zip(relation.columns, relation.types, strict=True)
    return pa.schema([pa.field(column, announced(type_)) for column, type_ in types])


def _table_types(cursor: duckdb.DuckDBPyConnection, command: Any) -> pa.Table:
    return pa.Table.from_pydict(
        {"table_type": ["BASE TABLE", "LOCAL TEMPORARY", "VIEW"]}, schema=schemas.TABLE_TYPES
    )


ANSWERS: dict[str, Callable[[duckdb.DuckDBPyConnection, Any], pa.Table]] = {
    "CommandGetCatalogs": _catalogs,
    "CommandGetDbSchemas": _db_schemas,
    "CommandGetTables": _tables,
    "CommandGetTableTypes": _table_types,
}


def schema(name: str, command: Any) -> pa.Schema:
    """Give the schema that a command's answer has."""
    if name == "CommandGetTables":
        return schemas.TABLES_WITH_SCHEMA if command.include_schema else schemas.TABLES
    return {
        "CommandGetCatalogs": schemas.CATALOGS,
        "CommandGetDbSchemas": schemas.DB_SCHEMAS,
        "CommandGetTableTypes": schemas.TABLE_TYPES,
    }[name]
