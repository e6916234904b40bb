"""The result schemas that the Flight SQL specification fixes (``FlightSql.proto``), to the letter.

Clients compare them, nullability included.
"""

from __future__ import annotations

import pyarrow as pa


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


CATALOGS = pa.schema([_required("catalog_name", pa.utf8())])

DB_SCHEMAS = pa.schema(
    [pa.field("catalog_name", pa.utf8()), _required("db_schema_name", pa.utf8())]
)

TABLES = pa.schema(
    [
        pa.field("catalog_name", pa.utf8()),
        pa.field("db_schema_name", pa.utf8()),
        _required("table_name", pa.utf8()),
        _required("table_type", pa.utf8()),
    ]
)

TABLES_WITH_SCHEMA = TABLES.append(_required("table_schema", pa.binary()))

TABLE_TYPES = pa.schema([_required("table_type", pa.utf8())])

SQL_INFO_VALUE = pa.dense_union(
    [
        pa.field("string_value", pa.utf8()),
        pa.field("bool_value", pa.bool_()),
        pa.field("bigint_value", pa.int64()),
        pa.field("int32_bitmask", pa.int32()),
        pa.field("string_list", pa.list_(pa.field("item", pa.utf8()))),
        pa.field(
            "int32_to_int32_list_map",
            pa.map_(pa.int32(), pa.list_(pa.field("item", pa.int32()))),
        ),
    ]
)

SQL_INFO = pa.schema([_required("info_name", pa.uint32()), _required("value", SQL_INFO_VALUE)])

COUNT = pa.schema([pa.field("Count", pa.int64())])
"""What DML and CREATE give on the query path."""

SUCCESS = pa.schema([pa.field("Success", pa.bool_())])
"""What every other statement without rows gives on the query path."""
