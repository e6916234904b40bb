"""The columns of the tables that introspection gives."""

from __future__ import annotations

import pyarrow as pa

_NAMES = [("catalog_name", pa.string()), ("db_schema_name", pa.string())]
_TABLE = [*_NAMES, ("table_name", pa.string())]

CATALOGS = pa.schema(
    [
        ("catalog_name", pa.string()),
        ("catalog_type", pa.string()),
        ("read_only", pa.bool_()),
        ("comment", pa.string()),
    ]
)
SCHEMAS = pa.schema([*_NAMES, ("comment", pa.string())])
TABLES = pa.schema([*_TABLE, ("table_type", pa.string())])
COLUMNS = pa.schema(
    [
        *_TABLE,
        ("column_name", pa.string()),
        ("ordinal_position", pa.int32()),
        ("data_type", pa.string()),
        ("is_nullable", pa.bool_()),
        ("column_default", pa.string()),
        ("comment", pa.string()),
    ]
)
PRIMARY_KEYS = pa.schema(
    [
        *_TABLE,
        ("column_name", pa.string()),
        ("key_sequence", pa.int32()),
        ("key_name", pa.string()),
    ]
)
TABLE_TYPES = pa.schema([("table_type", pa.string())])
TABLE_COLUMNS = pa.schema([*TABLES, ("column_name", pa.string()), ("data_type", pa.string())])
COUNT = pa.schema([("count", pa.int64())])
TEXT = pa.schema([("text", pa.string())])
