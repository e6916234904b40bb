"""What a catalog holds, asked in one query a kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from sqlalchemy import exc
from sqlalchemy import types as sqltypes
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope, ReflectionDefaults, cache

from . import definitions, type_names
from .names import split_schema

Key = tuple[str | None, str]


class Asked:
    """Which tables are asked for.

    Parameters
    ----------
    schema : str or None
        A schema, also ``catalog.schema``; the session's for None.
    filter_names : collection of str or None
        The tables, or None for all.
    scope : ObjectScope
        Temporary ones, others, or both.
    kind : ObjectKind
        Tables, views, or both.
    """

    def __init__(
        self,
        *,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        scope: ObjectScope = ObjectScope.DEFAULT,
        kind: ObjectKind = ObjectKind.TABLE,
        **_: Any,
    ) -> None:
        self.schema = schema
        self.parameters: list[Any] = []
        # str's own: lower() of a quoted_name leaves it as it is.
        self._names = (
            None if filter_names is None else {str.lower(name): name for name in filter_names}
        )
        self.condition = self._places(schema, scope)
        self.tables = ObjectKind.TABLE in kind
        self.views = ObjectKind.VIEW in kind

    def _places(self, schema: str | None, scope: ObjectScope) -> str:
        catalog, name = (None, None) if schema is None else split_schema(schema)
        if schema is not None and scope is ObjectScope.TEMPORARY:
            return "false"  # temporary tables have no schema of the user's
        here = (
            f"database_name = {self._parameter(catalog, 'current_catalog()')} "
            f"AND schema_name = {self._parameter(name, 'current_schema()')}"
        )
        temporary = "database_name = 'temp' AND schema_name = 'main'"
        if scope is ObjectScope.DEFAULT or schema is not None:
            return f"({here})"
        return (
            f"({temporary})" if scope is ObjectScope.TEMPORARY else f"(({here}) OR ({temporary}))"
        )

    def _parameter(self, value: str | list[str] | None, otherwise: str = "") -> str:
        if value is None:
            return otherwise
        self.parameters.append(value if isinstance(value, list) else str(value))
        return f"${len(self.parameters)}"

    def where(self, column: str = "table_name") -> str:
        """The condition, with the names of the tables, which `column` has."""
        if self._names is None:
            return self.condition
        names = self._parameter(list(self._names))
        return f"{self.condition} AND lower({column}) IN (SELECT unnest({names}::VARCHAR[]))"

    def relations(self, extra: str = "") -> str:
        """A query for the tables and views: database_name, schema_name, table_name."""
        kinds = "true"
        if not self.tables or not self.views:
            word = "NOT EXISTS" if self.tables else "EXISTS" if self.views else "false AND EXISTS"
            kinds = (
                f"{word} (FROM duckdb_views() AS v WHERE v.database_name = c.database_name "
                "AND v.schema_name = c.schema_name AND v.view_name = c.table_name)"
            )
        return (
            f"SELECT database_name, schema_name, table_name{extra} FROM "
            f"(FROM duckdb_columns() WHERE NOT internal AND {self.where()}) AS c WHERE {kinds}"
        )

    def key(self, name: str) -> Key:
        """What SQLAlchemy knows a table as: the name as it was asked for."""
        return self.schema, name if self._names is None else self._names[name.lower()]

    def rows(self, connection: Connection, text: str) -> list[Any]:
        """The answer to a query with the parameters of this."""
        return list(connection.exec_driver_sql(text, tuple(self.parameters)).all())

    def by_table(self, rows: Iterable[Any]) -> dict[Key, list[Any]]:
        """Rows of (catalog, table, ...), those of temporary tables first, for each table.

        A temporary table hides one of its name. A table without such rows has one of NULLs.
        """
        found: dict[Key, list[Any]] = {}
        catalogs: dict[Key, str] = {}
        for catalog, table, *row in rows:
            key = self.key(table)
            each = found.setdefault(key, [])
            if catalogs.setdefault(key, catalog) == catalog and row[0] is not None:
                each.append(row)
        return found


_TEMPORARY_FIRST = "database_name = 'temp' DESC"


class Reflection(Dialect):
    """The part of the dialect that answers an `Inspector`."""

    # What there is

    @cache
    def has_table(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        asked = Asked(schema=schema, filter_names=[table_name], scope=ObjectScope.ANY)
        text = f"SELECT 1 FROM duckdb_columns() WHERE {asked.where()} LIMIT 1"
        return bool(asked.rows(connection, text))

    @cache
    def has_schema(self, connection: Connection, schema_name: str, **kw: Any) -> bool:
        return schema_name in self.get_schema_names(connection)

    @cache
    def has_sequence(
        self, connection: Connection, sequence_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        wanted = str.lower(sequence_name)
        return any(name.lower() == wanted for name in self.get_sequence_names(connection, schema))

    @cache
    def has_index(
        self,
        connection: Connection,
        table_name: str,
        index_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> bool:
        if not self.has_table(connection, table_name, schema):
            return False
        indexes = self.get_indexes(connection, table_name, schema)
        return any(index["name"] == index_name for index in indexes)

    @cache
    def get_schema_names(self, connection: Connection, **kw: Any) -> list[str]:
        """The current catalog's schemas, and those of others as ``catalog.schema``."""
        rows = connection.exec_driver_sql(
            "SELECT database_name = current_catalog() AS here, database_name, schema_name "
            "FROM duckdb_schemas() WHERE database_name NOT IN ('system', 'temp') "
            "AND NOT starts_with(database_name, '__ducklake_metadata_') "
            "AND schema_name NOT IN ('information_schema', 'pg_catalog') "
            "ORDER BY here DESC, database_name, schema_name"
        ).all()
        return [name if here else f"{catalog}.{name}" for here, catalog, name in rows]

    @cache
    def get_table_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        return _names(connection, Asked(schema=schema))

    @cache
    def get_temp_table_names(self, connection: Connection, **kw: Any) -> list[str]:
        return _names(connection, Asked(scope=ObjectScope.TEMPORARY))

    @cache
    def get_view_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        return _names(connection, Asked(schema=schema, kind=ObjectKind.VIEW))

    @cache
    def get_temp_view_names(self, connection: Connection, **kw: Any) -> list[str]:
        return _names(connection, Asked(scope=ObjectScope.TEMPORARY, kind=ObjectKind.VIEW))

    def get_materialized_view_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        """None: DuckDB has no materialized views."""
        return []

    @cache
    def get_sequence_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        asked = Asked(schema=schema, scope=ObjectScope.ANY)
        text = f"SELECT sequence_name FROM duckdb_sequences() WHERE {asked.condition} ORDER BY 1"
        return [name for (name,) in asked.rows(connection, text)]

    @cache
    def get_view_definition(
        self, connection: Connection, view_name: str, schema: str | None = None, **kw: Any
    ) -> str:
        asked = Asked(schema=schema, filter_names=[view_name], scope=ObjectScope.ANY)
        text = (
            f"SELECT sql FROM duckdb_views() WHERE {asked.where('view_name')} "
            f"ORDER BY {_TEMPORARY_FIRST}"
        )
        rows = asked.rows(connection, text)
        if not rows:
            raise exc.NoSuchTableError(_shown(schema, view_name))
        return str(rows[0][0])

    # What tables are made of

    def get_multi_columns(self, connection: Connection, **kw: Any) -> Any:
        asked = Asked(**kw)
        relations = asked.relations(
            ", column_name, data_type, is_nullable, column_default, comment, column_index, "
            f"{self.generated}"
        )
        rows = asked.rows(
            connection,
            "SELECT database_name, table_name, * EXCLUDE (database_name, schema_name, table_name, "
            f"column_index) FROM ({relations}) "
            f"ORDER BY {_TEMPORARY_FIRST}, table_name, column_index",
        )
        return _mapped(asked.by_table(rows), lambda found: [_column(*row) for row in found])

    #: The expression of a generated column, where the catalog tells it.
    generated = "NULL"

    def get_multi_pk_constraint(self, connection: Connection, **kw: Any) -> Any:
        def primary_key(rows: list[Any]) -> Any:
            if not rows:
                return ReflectionDefaults.pk_constraint()
            return {"constrained_columns": rows[0][1], "name": None}

        return _mapped(_constraints(connection, "PRIMARY KEY", kw), primary_key)

    def get_multi_unique_constraints(self, connection: Connection, **kw: Any) -> Any:
        return _mapped(
            _constraints(connection, "UNIQUE", kw),
            lambda rows: [{"column_names": row[1], "name": None} for row in rows],
        )

    def get_multi_check_constraints(self, connection: Connection, **kw: Any) -> Any:
        return _mapped(
            _constraints(connection, "CHECK", kw),
            lambda rows: [{"sqltext": row[2], "name": None} for row in rows],
        )

    def get_multi_foreign_keys(self, connection: Connection, **kw: Any) -> Any:
        schema = kw.get("schema")
        return _mapped(
            _constraints(connection, "FOREIGN KEY", kw),
            lambda rows: [
                definitions.foreign_key(schema, text, columns) for text, columns, _ in rows
            ],
        )

    def get_multi_indexes(self, connection: Connection, **kw: Any) -> Any:
        asked = Asked(**kw)
        relations = asked.relations(", list(column_name) AS names")
        rows = asked.rows(
            connection,
            f"WITH t AS ({relations} GROUP BY ALL) "
            "SELECT t.database_name, t.table_name, i.index_name, i.is_unique, i.sql, t.names "
            "FROM t LEFT JOIN duckdb_indexes() AS i USING (database_name, schema_name, table_name) "
            f"ORDER BY t.{_TEMPORARY_FIRST}, t.table_name, i.index_name",
        )
        return _mapped(
            asked.by_table(rows), lambda found: [definitions.index(*row) for row in found]
        )

    def get_multi_table_comment(self, connection: Connection, **kw: Any) -> Any:
        asked = Asked(**kw)
        parts = []
        for wanted, kind in ((asked.tables, "table"), (asked.views, "view")):
            if wanted:
                parts.append(
                    f"SELECT database_name, {kind}_name AS name, {{'text': comment}} AS comment "
                    f"FROM duckdb_{kind}s() WHERE NOT internal AND {asked.where(kind + '_name')}"
                )
        if not parts:
            return ()
        text = f"FROM ({' UNION ALL '.join(parts)}) ORDER BY {_TEMPORARY_FIRST}, name"
        return _mapped(asked.by_table(asked.rows(connection, text)), lambda rows: rows[0][0])

    # One table

    def _one(self, many: Any, connection: Connection, table: str, schema: str | None) -> Any:
        found = dict(
            many(
                connection,
                schema=schema,
                filter_names=[table],
                scope=ObjectScope.ANY,
                kind=ObjectKind.ANY,
            )
        )
        if not found:
            raise exc.NoSuchTableError(_shown(schema, table))
        return found[schema, table]


def _single(name: str) -> Any:
    def get(
        self: Reflection,
        connection: Connection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> Any:
        return self._one(getattr(self, f"get_multi_{name}"), connection, table_name, schema)

    get.__name__ = f"get_{name}"
    return get


for _kind in (
    *("columns", "pk_constraint", "foreign_keys", "unique_constraints", "check_constraints"),
    *("indexes", "table_comment"),
):
    setattr(Reflection, f"get_{_kind}", _single(_kind))


def _mapped(found: dict[Key, list[Any]], make: Callable[[list[Any]], Any]) -> Any:
    return ((key, make(rows)) for key, rows in found.items())


def _names(connection: Connection, asked: Asked) -> list[str]:
    text = f"SELECT DISTINCT table_name FROM ({asked.relations()}) ORDER BY 1"
    return [name for (name,) in asked.rows(connection, text)]


def _constraints(connection: Connection, word: str, kw: dict[str, Any]) -> dict[Key, list[Any]]:
    """The constraints of a kind: text, columns, expression."""
    asked = Asked(**kw)
    rows = asked.rows(
        connection,
        f"WITH t AS (SELECT DISTINCT * FROM ({asked.relations()})) "
        "SELECT t.database_name, t.table_name, k.constraint_text, k.constraint_column_names, "
        "k.expression FROM t LEFT JOIN (FROM duckdb_constraints() "
        f"WHERE constraint_type = '{word}') AS k USING (database_name, schema_name, table_name) "
        f"ORDER BY t.{_TEMPORARY_FIRST}, t.table_name, k.constraint_index",
    )
    return asked.by_table(rows)


def _shown(schema: str | None, name: str) -> str:
    return name if schema is None else f"{schema}.{name}"


def _column(
    name: str, kind: str, nullable: bool, default: str | None, comment: str | None, generated: Any
) -> dict[str, Any]:
    type_ = type_names.parse(kind)
    if default == "NULL":  # as a lake says that there is none
        default = None
    column = {
        "name": name,
        "type": type_,
        "nullable": nullable,
        "default": default,
        "comment": comment,
        "autoincrement": isinstance(type_, sqltypes.Integer)
        and default is not None
        and default.startswith("nextval("),
    }
    if generated is not None:
        # DuckDB casts the expression to the column's type.
        if generated.startswith("CAST(") and generated.endswith(f" AS {kind})"):
            generated = generated[len("CAST(") : -len(f" AS {kind})")]
        column["computed"] = {"sqltext": generated}
        column["default"] = None
    return column
