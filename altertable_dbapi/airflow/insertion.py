"""Rows into a table: as a bulk load where that means the same as INSERT, as INSERT elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..airflow import rows
from ..errors import ProgrammingError
from ..statement.names import quote_identifier
from .table import arrow_schema, described, located

if TYPE_CHECKING:
    from airflow.providers.common.sql.dialects.dialect import Dialect

    from ..connection import Connection


_CONVERTED = "temp.main.altertable_rows"


class Insertion:
    """The rows that go to one table over one connection, which has autocommit.

    Parameters
    ----------
    conn : Connection
        The connection.
    dialect : Dialect
        What writes the statement.
    table : str
        The table as it stands in SQL.
    fields : sequence of str, optional
        The columns that the rows have.
    replace : bool
        Whether rows that agree in the key are updated.
    key : str or sequence of str, optional
        The key, the table's primary key unless given.

    Attributes
    ----------
    sql : str or None
        The INSERT that does what was done last.
    """

    def __init__(
        self,
        conn: Connection[tuple[Any, ...]],
        dialect: Dialect,
        table: str,
        fields: Sequence[str] | None,
        replace: bool,
        key: str | Sequence[str] | None,
    ) -> None:
        self.sql: str | None = None
        self._conn = conn
        self._dialect = dialect
        self._table = table
        self._fields = list(fields) if fields else None
        self._schema = arrow_schema(conn, table)
        self._place = located(conn, table)
        self._key = None
        if replace:
            self._key = key or [c["name"] for c in described(conn, table) if c["primary_key"]]
            if not self._key:
                raise ProgrammingError(
                    f"replace=True for {table}, which has no primary key: name the columns that "
                    "tell its rows apart with replace_index="
                )

    def add(self, piece: Sequence[Any]) -> None:
        """Put rows into the table, all of them or none."""
        fields = self._fields
        if fields is None and isinstance(piece[0], Mapping):
            fields = list(piece[0])
        named = fields is not None
        if fields is None:
            fields = self._schema.names
        columns = rows.transposed(piece, fields)
        self.sql = self._dialect.generate_insert_sql(self._table, fields, fields if named else None)
        schema = self._types(fields)
        exact = rows.exact(columns, schema)
        if self._key is not None:
            data = exact if exact is not None else self._converted(columns, fields)
            self._conn.load(self._place, data, primary_key=self._key)
            return
        # INSERT gives columns that are not named their defaults; a bulk load may not.
        if len(fields) == len(self._schema) and exact is not None:
            self._conn.load(self._place, exact)
            return
        with self._conn.cursor() as cursor:
            cursor.executemany(self.sql, list(zip(*columns, strict=True)))

    def _converted(self, columns: Sequence[Sequence[Any]], fields: Sequence[str]) -> pa.Table:
        """The rows in the table's types, converted as an INSERT of each row converts them."""
        names = ", ".join(map(quote_identifier, fields))
        marks = ", ".join("?" * len(fields))
        with self._conn.cursor() as cursor:
            cursor.execute(
                f"CREATE OR REPLACE TEMP TABLE {_CONVERTED} AS "
                f"SELECT {names} FROM {self._table} LIMIT 0"
            )
            try:
                cursor.executemany(
                    f"INSERT INTO {_CONVERTED} VALUES ({marks})", list(zip(*columns, strict=True))
                )
                return cursor.execute(f"FROM {_CONVERTED}").fetch_arrow_table()
            finally:
                cursor.execute(f"DROP TABLE {_CONVERTED}")

    def _types(self, fields: Sequence[str]) -> pa.Schema:
        known = {field.name.lower(): field for field in self._schema}
        unknown = [name for name in fields if name.lower() not in known]
        if unknown:
            raise ProgrammingError(
                f"{self._table} has no column {', '.join(map(repr, unknown))}; it has "
                f"{', '.join(self._schema.names)}"
            )
        return pa.schema([known[name.lower()] for name in fields])
