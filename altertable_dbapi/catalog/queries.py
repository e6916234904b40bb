"""The SQL that introspection sends: DuckDB's catalog functions, filtered and in order.

All of it runs on DuckDB 1.4 to 2.0, where these functions list what the session sees: every
attached catalog, and a transaction's own uncommitted tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..errors import ProgrammingError

BASE_TABLE, LOCAL_TEMPORARY, VIEW = "BASE TABLE", "LOCAL TEMPORARY", "VIEW"

#: The types of tables, in the words of the SQL standard's information schema.
TABLE_TYPES = (BASE_TABLE, LOCAL_TEMPORARY, VIEW)

#: A condition on the column whose SQL it is given; None holds for every name.
Condition = Callable[[str], str]

# `memory` is the engine's own catalog where others are attached, and the user's where it is the
# current one. Temporary tables are the session's own and belong to its listings, but their
# catalog, `temp`, is no place of the lakehouse.
_CATALOG = (
    "database_name <> 'system' AND NOT starts_with(database_name, '__ducklake_metadata_') "
    "AND (database_name <> 'memory' OR current_catalog() = 'memory')"
)
_SCHEMA = f"{_CATALOG} AND schema_name NOT IN ('information_schema', 'pg_catalog')"
# DuckLake gives a column without a default the default NULL.
_DEFAULT = "nullif(column_default, 'NULL')"
_OBJECT = f"NOT internal AND {_SCHEMA}"


#: The type of Altertable's own catalogs.
LAKE = "ducklake"


def kind_of(catalog: str) -> str:
    """The query of a catalog's type, by its name as an SQL string."""
    return f'SELECT "type" FROM duckdb_databases() WHERE lower(database_name) = lower({catalog})'


def literal(text: str) -> str | None:
    """Give a text as an SQL string, or None for one that no name of the server can be.

    A name holds neither NUL nor half of a surrogate pair, and neither can be sent.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return None if "\0" in text else "'" + text.replace("'", "''") + "'"


def same(name: str | None) -> Condition | None:
    """Hold for the name itself, in any case, as DuckDB compares identifiers."""
    if name is None:
        return None
    quoted = literal(_text(name))
    return lambda column: f"lower({column}) = lower({quoted})" if quoted else "false"


def like(pattern: str | None, escape: bool = True) -> Condition | None:
    r"""Hold for names like a pattern, in any case: ``%`` any text, ``_`` any character.

    Parameters
    ----------
    pattern : str or None
    escape : bool
        Whether a backslash makes the next character stand for itself. ADBC's filters have no
        escape character.

    Raises
    ------
    ProgrammingError
        The pattern is no string, or ends in the escape character.
    """
    if pattern is None:
        return None
    text = _text(pattern)
    if escape and (len(text) - len(text.rstrip("\\"))) % 2:
        raise ProgrammingError(
            f"the pattern {text!r} ends in the escape character; write \\\\ for a backslash"
        )
    quoted = literal(text)
    end = r" ESCAPE '\'" if escape else ""
    return lambda column: f"{column} ILIKE {quoted}{end}" if quoted else "false"


def table_types(given: Sequence[str] | None, strict: bool = True) -> tuple[str, ...]:
    """Give the types of tables that are meant; all of them where nothing is given.

    ``TABLE`` is taken for ``BASE TABLE``, as JDBC calls it.

    Raises
    ------
    ProgrammingError
        `given` is not a sequence of strings or, if `strict`, names a type that does not exist.
    """
    if isinstance(given, str):
        raise ProgrammingError(f"table types are {given!r}; pass a list, such as [{given!r}]")
    wanted = []
    for name in given or TABLE_TYPES:
        upper = _text(name).upper()
        kind = BASE_TABLE if upper == "TABLE" else upper
        if strict and kind not in TABLE_TYPES:
            raise ProgrammingError(
                f"there is no table type {name!r}; there are {', '.join(TABLE_TYPES)}"
            )
        wanted.append(kind)
    return tuple(kind for kind in TABLE_TYPES if kind in wanted)


class Scope(NamedTuple):
    """What a listing is limited to."""

    catalog: Condition | None = None
    schema: Condition | None = None
    table: Condition | None = None
    column: Condition | None = None
    types: tuple[str, ...] = TABLE_TYPES
    include_internal: bool = False


def catalogs(scope: Scope) -> str:
    """List catalogs: name, kind of storage, whether it is read-only, comment."""
    return (
        'SELECT database_name, "type", readonly, "comment" '
        f"FROM {_catalogs(scope)} ORDER BY database_name"
    )


def schemas(scope: Scope) -> str:
    """List schemas: catalog, name, comment."""
    return (
        f'SELECT database_name, schema_name, any_value("comment") FROM {_schemas(scope)} '
        "GROUP BY ALL ORDER BY database_name, schema_name"
    )


def tables(scope: Scope) -> str:
    """List tables and views: catalog, schema, name, type."""
    return f"FROM ({_tables(scope)}) ORDER BY database_name, schema_name, table_name"


def columns(scope: Scope) -> str:
    """List columns: catalog, schema, table, name, position, type, nullable, default, comment."""
    return (
        "SELECT database_name, schema_name, table_name, column_name, column_index::INTEGER, "
        f'data_type, is_nullable, {_DEFAULT}, "comment" FROM {_columns(scope)} '
        "ORDER BY database_name, schema_name, table_name, column_index"
    )


def columns_of_tables(scope: Scope) -> str:
    """List tables with their columns: catalog, schema, table, type, column, data type."""
    return (
        "SELECT t.database_name, t.schema_name, t.table_name, t.table_type, "
        f"c.column_name, c.data_type FROM ({_tables(scope)}) AS t LEFT JOIN duckdb_columns() AS c "
        "USING (database_name, schema_name, table_name) "
        "ORDER BY t.database_name, t.schema_name, t.table_name, c.column_index"
    )


def primary_keys(scope: Scope) -> str:
    """List the columns of primary keys: catalog, schema, table, column, place, name of the key."""
    where = _where(
        scope,
        _SCHEMA,
        "constraint_type = 'PRIMARY KEY'",
        database_name=scope.catalog,
        schema_name=scope.schema,
        table_name=scope.table,
    )
    return (
        "SELECT database_name, schema_name, table_name, unnest(constraint_column_names), "
        "generate_subscripts(constraint_column_names, 1)::INTEGER AS place, constraint_name "
        f"FROM duckdb_constraints(){where} ORDER BY database_name, schema_name, table_name, place"
    )


def table_exists(table: str, catalog: str | None, schema: str | None) -> str:
    """Count the tables and views that a name, qualified or not, may mean in a statement."""
    place = []
    if catalog is None:
        # The session's own temporary tables and the system's views are found from anywhere.
        here = "database_name = current_catalog()"
        if schema is None:
            here = f"({here} AND schema_name = current_schema())"
        place.append(f"({here} OR database_name IN ('temp', 'system'))")
    everything = Scope(same(catalog), same(schema), same(table), include_internal=True)
    where = f" WHERE {' AND '.join(place)}" if place else ""
    return f"SELECT count(*) FROM ({_tables(everything)}){where}"


def null_of_each_type(types: Sequence[str]) -> str:
    """Give no row, of a column of each type."""
    nulls = ", ".join(f"CAST(NULL AS {type_}) AS c{i}" for i, type_ in enumerate(types))
    return f"SELECT {nulls} LIMIT 0"


def places(scope: Scope, depth: int) -> str:
    """List all that `objects` lists down to `depth`, `TABLE` at most, in no order.

    A row is ``catalog, schema, table, kind``; what is above the level of the row is null, and kind
    is `VIEW` or null. A view may be listed as a table as well. It is planned in a third of the time
    that `objects` takes, and asked before each load of a pandas frame.
    """
    found = [f"SELECT database_name, NULL, NULL, NULL FROM {_catalogs(scope)}"]
    if depth >= SCHEMA:
        found.append(f"SELECT database_name, schema_name, NULL, NULL FROM {_schemas(scope)}")
    if depth >= TABLE:
        inside = {"database_name": scope.catalog, "schema_name": scope.schema}
        tables = _where(scope, _OBJECT, **inside, table_name=scope.table)
        views = _where(scope, _OBJECT, **inside, view_name=scope.table)
        found += [
            "SELECT DISTINCT database_name, schema_name, table_name, NULL "
            f"FROM duckdb_columns(){tables}",
            f"SELECT database_name, schema_name, view_name, '{VIEW}' FROM duckdb_views(){views}",
        ]
    return " UNION ALL ".join(found)


#: What a row of `objects` stands for; each belongs to the last one above it of a lower level, and
#: columns and constraints to the last table.
CATALOG, SCHEMA, TABLE, COLUMN, CONSTRAINT, CONSTRAINT_COLUMN = range(6)


def objects(scope: Scope, depth: int) -> str:
    """List objects of all levels down to `depth` (`CATALOG` to `TABLE`, or `COLUMN` for all).

    A row is ``level, name, kind, note, position, size, scale, radix, nullable, initial, target``;
    it names no parent, since it follows it.

    - table: kind is its type
    - column: kind is its type, note its comment, initial its default
    - constraint: kind is its type, target the table that a foreign key refers to
    - column of a constraint: target is the column that a foreign key refers to
    """
    schema_rows = f"SELECT database_name, schema_name FROM {_schemas(scope)}"
    found = []
    if depth >= TABLE:
        found.append(f"t AS MATERIALIZED ({_tables(scope)})")
        # A temporary table's catalog and schema are listed for its sake.
        schema_rows += " UNION SELECT database_name, schema_name FROM t"
    catalog_rows = f"SELECT database_name FROM {_catalogs(scope)}"
    if depth >= TABLE:
        catalog_rows += " UNION SELECT database_name FROM t"
    details = (
        "NULL AS kind, NULL AS note, NULL AS position, NULL AS size, NULL AS scale, "
        "NULL AS radix, NULL AS nullable, NULL AS initial, NULL AS target"
    )
    keys = "0 AS part, 0 AS place, 0 AS subplace"
    names = [
        f"SELECT {CATALOG} AS level, database_name AS name, {details}, database_name, "
        f"NULL AS schema_name, NULL AS table_name, {keys} FROM ({catalog_rows})"
    ]
    if depth >= SCHEMA:
        names.append(
            f"SELECT {SCHEMA}, schema_name, {_nulls(9)}, database_name, schema_name, NULL, 0, 0, 0 "
            f"FROM ({schema_rows})"
        )
    if depth >= TABLE:
        names.append(
            f"SELECT {TABLE}, table_name, table_type, {_nulls(8)}, "
            "database_name, schema_name, table_name, 0, 0, 0 FROM t"
        )
    if depth >= COLUMN:
        of_tables = "SEMI JOIN t USING (database_name, schema_name, table_name)"
        names += [
            f'SELECT {COLUMN}, column_name, data_type, "comment", column_index, '
            "coalesce(character_maximum_length, numeric_precision), numeric_scale, "
            f"numeric_precision_radix, is_nullable, {_DEFAULT}, NULL, "
            "database_name, schema_name, table_name, 1, column_index, 0 "
            f"FROM {_columns(scope)} {of_tables}",
            f"SELECT {CONSTRAINT}, constraint_name, constraint_type, {_nulls(7)}, "
            "referenced_table, database_name, schema_name, table_name, 2, constraint_index, 0 "
            "FROM k",
            f"SELECT {CONSTRAINT_COLUMN}, unnest(constraint_column_names), {_nulls(8)}, "
            "unnest(referenced_column_names), database_name, schema_name, table_name, 2, "
            "constraint_index, generate_subscripts(constraint_column_names, 1) FROM k",
        ]
        found.append(
            f"k AS MATERIALIZED (FROM duckdb_constraints() {of_tables} "
            "WHERE constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY', 'UNIQUE', 'CHECK'))"
        )
    with_found = f"WITH {', '.join(found)} " if found else ""
    return (
        f"{with_found}SELECT level::TINYINT, name, kind::VARCHAR, note::VARCHAR, "
        "position::INTEGER, size::INTEGER, scale::SMALLINT, radix::SMALLINT, nullable::BOOLEAN, "
        f"initial::VARCHAR, target::VARCHAR FROM ({' UNION ALL '.join(names)}) "
        "ORDER BY database_name, schema_name NULLS FIRST, table_name NULLS FIRST, part, place, "
        "subplace"
    )


def _catalogs(scope: Scope) -> str:
    where = _where(scope, f"NOT internal AND {_CATALOG}", database_name=scope.catalog)
    return f"duckdb_databases(){where}"


def _schemas(scope: Scope) -> str:
    # DuckDB marks every `main` as internal, so the flag is of no use here.
    visible = f"database_name <> 'temp' AND {_SCHEMA}"
    where = _where(scope, visible, database_name=scope.catalog, schema_name=scope.schema)
    return f"duckdb_schemas(){where}"


def _columns(scope: Scope) -> str:
    where = _where(
        scope,
        _OBJECT,
        database_name=scope.catalog,
        schema_name=scope.schema,
        table_name=scope.table,
        column_name=scope.column,
    )
    return f"(FROM duckdb_columns(){where})"


def _tables(scope: Scope) -> str:
    # Not duckdb_tables(): for each DuckLake table it asks the metadata database how large it is,
    # some milliseconds each, before any filter. Every table has a column; a view whose table is
    # gone may have none.
    place = {"database_name": scope.catalog, "schema_name": scope.schema}
    stored = {BASE_TABLE: "database_name <> 'temp'", LOCAL_TEMPORARY: "database_name = 'temp'"}
    kinds = [stored[kind] for kind in scope.types if kind in stored] or ["false"]
    kind = [] if len(kinds) > 1 else kinds
    table_where = _where(scope, _OBJECT, *kind, **place, table_name=scope.table)
    kind = [] if VIEW in scope.types else ["false"]
    view_where = _where(scope, _OBJECT, *kind, **place, view_name=scope.table)
    return (
        "SELECT DISTINCT database_name, schema_name, table_name, "
        f"CASE database_name WHEN 'temp' THEN '{LOCAL_TEMPORARY}' ELSE '{BASE_TABLE}' END "
        f"AS table_type FROM (FROM duckdb_columns(){table_where}) ANTI JOIN "
        "(SELECT database_name, schema_name, view_name AS table_name FROM duckdb_views()) "
        "USING (database_name, schema_name, table_name) "
        f"UNION ALL SELECT database_name, schema_name, view_name, '{VIEW}' "
        f"FROM duckdb_views(){view_where}"
    )


def _where(scope: Scope, visible: str, *more: str, **names: Condition | None) -> str:
    conditions = [] if scope.include_internal else [visible]
    conditions += more
    conditions += [condition(column) for column, condition in names.items() if condition]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _nulls(count: int) -> str:
    return ", ".join(["NULL"] * count)


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise ProgrammingError(
            f"a name to look for is {name!r}, a {type(name).__name__}; it must be a str"
        )
    return name
