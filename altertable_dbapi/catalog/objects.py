"""ADBC's nested table of catalogs, schemas, tables, columns and constraints.

Its shape is that of ``AdbcConnectionGetObjects`` in the ADBC specification
(https://arrow.apache.org/adbc/current/format/specification.html). The server gives flat rows in
order, each below what it belongs to; the lists are their offsets, so that nothing is copied row by
row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ProgrammingError
from .queries import (
    BASE_TABLE,
    CATALOG,
    COLUMN,
    CONSTRAINT,
    CONSTRAINT_COLUMN,
    LOCAL_TEMPORARY,
    SCHEMA,
    TABLE,
)

#: How deep each of ADBC's depths goes.
DEPTHS = {
    "all": COLUMN,
    "catalogs": CATALOG,
    "db_schemas": SCHEMA,
    "tables": TABLE,
    "columns": COLUMN,
}

#: What `catalog_sql.objects` gives.
FLAT_SCHEMA = pa.schema(
    [
        ("level", pa.int8()),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("note", pa.string()),
        ("position", pa.int32()),
        ("size", pa.int32()),
        ("scale", pa.int16()),
        ("radix", pa.int16()),
        ("nullable", pa.bool_()),
        ("initial", pa.string()),
        ("target", pa.string()),
    ]
)

#: What `catalog_sql.places` gives.
PLACES_SCHEMA = pa.schema(
    [
        ("catalog", pa.string()),
        ("schema", pa.string()),
        ("table", pa.string()),
        ("kind", pa.string()),
    ]
)

_USAGE = pa.struct(
    [
        ("fk_catalog", pa.string()),
        ("fk_db_schema", pa.string()),
        pa.field("fk_table", pa.string(), nullable=False),
        pa.field("fk_column_name", pa.string(), nullable=False),
    ]
)
_CONSTRAINT = pa.struct(
    [
        ("constraint_name", pa.string()),
        pa.field("constraint_type", pa.string(), nullable=False),
        pa.field("constraint_column_names", pa.list_(pa.string()), nullable=False),
        ("constraint_column_usage", pa.list_(_USAGE)),
    ]
)
_COLUMN = pa.struct(
    [
        pa.field("column_name", pa.string(), nullable=False),
        ("ordinal_position", pa.int32()),
        ("remarks", pa.string()),
        ("xdbc_data_type", pa.int16()),
        ("xdbc_type_name", pa.string()),
        ("xdbc_column_size", pa.int32()),
        ("xdbc_decimal_digits", pa.int16()),
        ("xdbc_num_prec_radix", pa.int16()),
        ("xdbc_nullable", pa.int16()),
        ("xdbc_column_def", pa.string()),
        ("xdbc_sql_data_type", pa.int16()),
        ("xdbc_datetime_sub", pa.int16()),
        ("xdbc_char_octet_length", pa.int32()),
        ("xdbc_is_nullable", pa.string()),
        ("xdbc_scope_catalog", pa.string()),
        ("xdbc_scope_schema", pa.string()),
        ("xdbc_scope_table", pa.string()),
        ("xdbc_is_autoincrement", pa.bool_()),
        ("xdbc_is_generatedcolumn", pa.bool_()),
    ]
)
_TABLE = pa.struct(
    [
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("table_type", pa.string(), nullable=False),
        ("table_columns", pa.list_(_COLUMN)),
        ("table_constraints", pa.list_(_CONSTRAINT)),
    ]
)
_DB_SCHEMA = pa.struct([("db_schema_name", pa.string()), ("db_schema_tables", pa.list_(_TABLE))])

#: The schema of ``adbc_get_objects``.
SCHEMA_OF_OBJECTS = pa.schema(
    [("catalog_name", pa.string()), ("catalog_db_schemas", pa.list_(_DB_SCHEMA))]
)


def depth_level(depth: str) -> int:
    """Give the lowest level of objects for one of ADBC's depths."""
    if depth not in DEPTHS:
        raise ProgrammingError(f"depth is {depth!r}; expected one of {', '.join(DEPTHS)}")
    return DEPTHS[depth]


def flat_of(places: pa.Table, depth: int, types: Sequence[str]) -> pa.Table:
    """The flat rows of what `catalog_sql.places` gives.

    Parameters
    ----------
    places : pyarrow.Table
        As `PLACES_SCHEMA` has it.
    depth : int
        The lowest level that is listed.
    types : sequence of str
        The types of tables that are listed.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    tables: dict[tuple[str, str, str], str] = {}
    for catalog, schema, table, kind in zip(*(c.to_pylist() for c in places.columns), strict=True):
        if table is not None and schema is not None:
            stored = LOCAL_TEMPORARY if catalog == "temp" else BASE_TABLE
            # A view goes before the table that its columns make it.
            tables[catalog, schema, table] = kind or tables.get((catalog, schema, table), stored)
        elif schema is not None:
            found.setdefault(catalog, {}).setdefault(schema, {})
        else:
            found.setdefault(catalog, {})
    for (catalog, schema, table), kind in tables.items():
        if kind in types:
            # A temporary table's catalog and schema are listed for its sake.
            found.setdefault(catalog, {}).setdefault(schema, {})[table] = kind
    rows: list[tuple[int, str, str | None]] = []
    for catalog, schemas in sorted(found.items()):
        rows.append((CATALOG, catalog, None))
        for schema, inside in sorted(schemas.items()) if depth >= SCHEMA else ():
            rows.append((SCHEMA, schema, None))
            rows += [(TABLE, table, kind) for table, kind in sorted(inside.items())]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    arrays = [pa.array(column, f.type) for column, f in zip(columns, FLAT_SCHEMA, strict=False)]
    arrays += [pa.nulls(len(rows), field.type) for field in list(FLAT_SCHEMA)[3:]]
    return pa.table(arrays, schema=FLAT_SCHEMA)


class _Levels:
    """The flat rows, taken apart by level."""

    def __init__(self, flat: pa.Table) -> None:
        self._flat = flat.combine_chunks()
        levels = self._flat["level"].to_numpy()
        self._rows = [np.flatnonzero(levels == level) for level in range(6)]
        self._end = len(levels)

    def count(self, level: int) -> int:
        return len(self._rows[level])

    def get(self, level: int, column: str) -> Any:
        """One column of the rows of a level, as an array."""
        taken = self._flat[column].take(pa.array(self._rows[level]))
        return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken

    def offsets(self, parent: int, child: int) -> Any:
        """Where the children of each parent begin, and the last of them end."""
        borders = np.append(self._rows[parent], self._end)
        return np.searchsorted(self._rows[child], borders).astype(np.int32)

    def lists(self, parent: int, child: int, values: Any) -> Any:
        """The children of each parent as a list."""
        return _list(self.offsets(parent, child), values)


def nest(flat: pa.Table, depth: int) -> pa.Table:
    """Build ADBC's table from flat rows.

    Parameters
    ----------
    flat : pyarrow.Table
        As `FLAT_SCHEMA` has it, in the order of `catalog_sql.objects`.
    depth : int
        The lowest level that is listed. Lists below it are null; above it they may be empty.
    """
    levels = _Levels(flat)
    tables = columns = constraints = schemas = None
    if depth >= COLUMN:
        columns = levels.lists(TABLE, COLUMN, _columns(levels))
        constraints = levels.lists(TABLE, CONSTRAINT, _constraints(levels))
    if depth >= TABLE:
        rows = [levels.get(TABLE, "name"), levels.get(TABLE, "kind"), columns, constraints]
        tables = levels.lists(SCHEMA, TABLE, _struct(_TABLE, rows, levels.count(TABLE)))
    if depth >= SCHEMA:
        rows = [levels.get(SCHEMA, "name"), tables]
        schemas = levels.lists(CATALOG, SCHEMA, _struct(_DB_SCHEMA, rows, levels.count(SCHEMA)))
    count = levels.count(CATALOG)
    rows = [levels.get(CATALOG, "name"), schemas]
    return pa.Table.from_batches(
        [pa.RecordBatch.from_struct_array(_struct(pa.struct(SCHEMA_OF_OBJECTS), rows, count))]
    ).cast(SCHEMA_OF_OBJECTS)


def _columns(levels: _Levels) -> Any:
    nullable = levels.get(COLUMN, "nullable")
    known = {
        "column_name": levels.get(COLUMN, "name"),
        "ordinal_position": levels.get(COLUMN, "position"),
        "remarks": levels.get(COLUMN, "note"),
        "xdbc_type_name": levels.get(COLUMN, "kind"),
        "xdbc_column_size": levels.get(COLUMN, "size"),
        "xdbc_decimal_digits": levels.get(COLUMN, "scale"),
        "xdbc_num_prec_radix": levels.get(COLUMN, "radix"),
        "xdbc_nullable": nullable.cast(pa.int16()),
        "xdbc_column_def": levels.get(COLUMN, "initial"),
        "xdbc_is_nullable": pc.if_else(nullable, "YES", "NO"),
    }
    return _struct(_COLUMN, [known.get(field.name) for field in _COLUMN], levels.count(COLUMN))


def _constraints(levels: _Levels) -> Any:
    offsets = levels.offsets(CONSTRAINT, CONSTRAINT_COLUMN)
    names = _list(offsets, levels.get(CONSTRAINT_COLUMN, "name"))
    # A foreign key refers to a table of its own catalog and schema: DuckDB knows no other.
    target = levels.get(CONSTRAINT, "target")
    column = levels.get(CONSTRAINT_COLUMN, "target")
    usage_rows = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    owner = np.searchsorted(offsets, usage_rows, side="right") - 1
    schema_of, catalog_of = _ancestors(levels, owner)
    usage = _struct(
        _USAGE,
        [catalog_of, schema_of, target.take(pa.array(owner)), column.take(pa.array(usage_rows))],
        len(usage_rows),
    )
    kinds = levels.get(CONSTRAINT, "kind")
    usages = pa.ListArray.from_arrays(
        pa.array(np.searchsorted(usage_rows, offsets), pa.int32()),
        usage,
        mask=pc.not_equal(kinds, "FOREIGN KEY"),
    )
    rows = [levels.get(CONSTRAINT, "name"), kinds, names, usages]
    return _struct(_CONSTRAINT, rows, levels.count(CONSTRAINT))


def _ancestors(levels: _Levels, constraints: Any) -> tuple[Any, Any]:
    """The names of the schemas and of the catalogs that the constraints stand in."""
    rows = levels._rows[CONSTRAINT][constraints]
    found = [
        levels.get(level, "name").take(
            pa.array(np.searchsorted(levels._rows[level], rows, side="right") - 1)
        )
        for level in (SCHEMA, CATALOG)
    ]
    return found[0], found[1]


def _struct(type_: Any, columns: list[Any], length: int) -> Any:
    """A struct array of `type_`, whose nulls and missing columns are null."""
    children = [
        pa.nulls(length, field.type) if column is None else column
        for field, column in zip(type_, columns, strict=True)
    ]
    return pa.StructArray.from_arrays(children, fields=list(type_))


def _list(offsets: Any, values: Any) -> Any:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
