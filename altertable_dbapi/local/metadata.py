"""The Flight SQL catalog commands, answered from DuckDB's catalog functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa

from ..local import schemas
from .announcing import announced
from .engine import HIDDEN_CATALOGS, HIDDEN_SCHEMAS
from .names import literal

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
    # Not duckdb_tables(): for each table of a lake it asks the metadata how large it is.
    found = _rows(
        cursor,
        f"""
        SELECT database_name, schema_name, table_name, table_type FROM (
            SELECT DISTINCT database_name, schema_name, table_name, internal,
                'BASE TABLE' AS table_type
            FROM duckdb_columns() ANTI JOIN
                (SELECT database_name, schema_name, view_name AS table_name FROM duckdb_views())
                USING (database_name, schema_name, table_name)
            UNION ALL
            SELECT database_name, schema_name, view_name, internal, 'VIEW'
            FROM duckdb_views()
        ) WHERE NOT internal AND {_VISIBLE}{catalog}{schema}{table}{kinds} ORDER BY 1, 2, 3""",
        [*a, *b, *c, *command.table_types],
        schemas.TABLES,
    )
    if not command.include_schema:
        return found
    columns = cursor.execute(
        "SELECT database_name, schema_name, table_name, column_name, data_type "
        f"FROM duckdb_columns() WHERE NOT internal AND {_VISIBLE}{catalog}{schema}{table} "
        "ORDER BY column_index",
        [*a, *b, *c],
    ).fetchall()
    types = _announced(cursor, {row[-1] for row in columns})
    fields: dict[tuple[str, ...], list[pa.Field]] = {}
    for *name, column, type_ in columns:
        fields.setdefault(tuple(name), []).append(pa.field(column, types[type_]))
    names = zip(*(found.column(i).to_pylist() for i in range(3)), strict=True)
    encoded = [pa.schema(fields.get(name, [])).serialize().to_pybytes() for name in names]
    return pa.Table.from_arrays(
        [*found.columns, pa.array(encoded, pa.binary())], schema=schemas.TABLES_WITH_SCHEMA
    )


def _announced(cursor: duckdb.DuckDBPyConnection, types: set[str]) -> dict[str, pa.DataType]:
    """What each type, as SQL has it, is announced as."""
    if not types:
        return {}
    ordered = sorted(types)
    nulls = cursor.sql("SELECT " + ", ".join(f"CAST(NULL AS {type_})" for type_ in ordered))
    return dict(zip(ordered, map(announced, nulls.types), strict=True))


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
