"""A table that an operator names: its columns, their types, its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..statement.names import quote_identifier, table_names

if TYPE_CHECKING:
    from ..connection import Connection

_IS_SCHEMA = """
SELECT count(*) FROM duckdb_schemas()
WHERE database_name = current_catalog() AND lower(schema_name) = lower($name)
"""


def described(conn: Connection[tuple[Any, ...]], table: str) -> list[dict[str, Any]]:
    """The columns of a table, by what stands for it in SQL; as `AltertableHook.get_table_schema`.

    Raises
    ------
    ProgrammingError
        There is no such table.
    """
    with conn.cursor() as cursor:
        rows = cursor.execute(f"DESCRIBE {table}").fetchall()
    return [
        {
            "name": name,
            "type": kind,
            "nullable": null == "YES",
            "default": default,
            "primary_key": key == "PRI",
        }
        for name, kind, null, key, default, *_ in rows
    ]


def arrow_schema(conn: Connection[tuple[Any, ...]], table: str) -> pa.Schema:
    """The Arrow types of a table's columns.

    Raises
    ------
    ProgrammingError
        There is no such table.
    """
    with conn.cursor() as cursor:
        return cursor.execute(f"SELECT * FROM {table} LIMIT 0").fetch_arrow_table().schema


def located(conn: Connection[tuple[Any, ...]], table: str) -> str:
    """The name that a bulk load takes for what stands for a table in SQL.

    In SQL the first of two names may be a catalog; a bulk load takes it for a schema.
    """
    catalog, schema, name = table_names(table)
    if catalog is None and schema is not None:
        row = conn.execute(_IS_SCHEMA, {"name": schema}).fetchone()
        if row == (0,):
            catalog, schema = schema, "main"
    return ".".join(quote_identifier(part) for part in (catalog, schema, name) if part is not None)
