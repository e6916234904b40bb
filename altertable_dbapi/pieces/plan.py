"""A plan: what is read, of which snapshot, in which pieces."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from ..catalog.queries import LAKE, kind_of, literal
from ..connection import Connection
from ..errors import ProgrammingError
from ..statement.names import Target, quote_identifier, table_names
from ..statement.scan import scan
from . import cuts, source
from .access import Access
from .cuts import SNAPSHOT, Cut, Scale
from .source import Source

_LOG = logging.getLogger("altertable_dbapi.pieces")

How = Literal["range", "hash"]

#: Rows are numbered from 0, by signed numbers of 64 bits.
_ROWIDS = Scale("{}::VARCHAR", "{}::BIGINT")


class Piece(NamedTuple):
    """A part of the rows, which can be pickled and read in another process.

    Attributes
    ----------
    access : Access
        How to reach the server; a pickle of it holds no credentials unless that was said.
    query : str
        The statement that reads it.
    parameters : mapping
        The values of its placeholders.
    schema : pyarrow.Schema
        What each record batch has, the same in all pieces.
    """

    access: Access
    query: str
    parameters: Mapping[str, Any]
    schema: pa.Schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Open a session, read the piece as it streams, and close the session."""
        with self.access.connect() as connection, connection.cursor() as cursor:
            cursor.execute(self.query, self.parameters or None)
            for batch in cursor.fetch_record_batch():
                yield batch if batch.schema == self.schema else _cast(batch, self.schema)

    def read_table(self) -> pa.Table:
        """The whole piece."""
        return pa.Table.from_batches(self.batches(), self.schema)

    def __repr__(self) -> str:
        return f"<altertable_dbapi.pieces.Piece {self.query!r}>"


class Plan(NamedTuple):
    """The pieces of a table or query: each row is in exactly one.

    Attributes
    ----------
    pieces : list of Piece
        One at least.
    schema : pyarrow.Schema
        Of each.
    snapshot : int or None
        The snapshot of the lake that all of them read; None where none is pinned, and each piece
        reads what is there when it is read.
    cut : str
        How they are cut, or why there is only one.
    bounds : list of str
        The bounds between them, where they are cut by ranges.
    """

    pieces: list[Piece]
    schema: pa.Schema
    snapshot: int | None
    cut: str
    bounds: list[str]

    def read_table(self, sessions: int = 1) -> pa.Table:
        """All pieces, in their order.

        Parameters
        ----------
        sessions : int
            How many are read at a time, each in a thread and a session of its own.
        """
        with ThreadPoolExecutor(max_workers=sessions) as pool:
            tables = list(pool.map(Piece.read_table, self.pieces))
        return pa.concat_tables(tables)


def plan(
    table: str | None = None,
    *,
    query: str | None = None,
    uri: str | None = None,
    access: Access | None = None,
    pieces: int = 1,
    snapshot: int | None = None,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    by: str | None = None,
    how: How = "range",
    bounds: tuple[Any, Any] | None = None,
    predicates: Sequence[str] | None = None,
    with_credentials: bool = False,
    **settings: Any,
) -> Plan:
    """Cut a table or a query into pieces that can be read at the same time.

    A table of a lake is cut by its row numbers, and every piece reads one snapshot of it, whatever
    is committed meanwhile. A query is not run, but for the bounds of `by` that are not given.

    Parameters
    ----------
    table : str
        Its name, with schema and catalog if need be.
    query : str
        A query in its place; where it has ``AT (VERSION => $snapshot)`` it reads one snapshot.
    uri, **settings
        What `altertable_dbapi.connect` takes.
    access : Access, optional
        In their place.
    pieces : int
        How many, at most.
    snapshot : int, optional
        The lake's snapshot to read; the newest unless given.
    columns : list of str, optional
        The columns to read, all unless given.
    where : str, optional
        A condition of the rows to read, with ``$name`` placeholders.
    parameters : mapping, optional
        Values of the placeholders of `query`, `where` and `predicates`.
    by : str, optional
        The column to cut by.
    how : {"range", "hash"}
        By ranges of its values, the first and the last of them open and NULLs in the first; or by
        a hash of them, which also suits columns of another type, or with few or uneven values.
    bounds : tuple, optional
        The least and the greatest value between which to cut; asked for unless given. Rows beyond
        them are read all the same.
    predicates : list of str, optional
        A condition for each piece, in place of a column: a row is read once for each that it meets.
    with_credentials : bool
        Whether a pickled piece holds the credentials. Otherwise another process takes them from
        its environment.

    Raises
    ------
    ProgrammingError
        An argument is wrong; there is no such table or column.
    NotSupportedError
        The column has a type without ranges.
    """
    if (table is None) == (query is None):
        raise ProgrammingError("give one of table= and query=")
    if isinstance(pieces, bool) or not isinstance(pieces, int) or pieces < 1:
        raise ProgrammingError(f"pieces is {pieces!r}; expected a whole number from 1 on")
    if how not in ("range", "hash"):
        raise ProgrammingError(f'how is {how!r}; expected "range" or "hash"')
    if bounds is not None and (by is None or how == "hash"):
        raise ProgrammingError("bounds= are those of ranges of a column; name it with by=")
    if predicates is not None and (by is not None or not predicates or isinstance(predicates, str)):
        raise ProgrammingError("predicates= takes a list of conditions, without by=")
    if access is None:
        access = Access(uri, with_credentials=with_credentials, **settings)
    given = source.checked_parameters(parameters)
    condition = source.checked_condition("where", where)
    parts = [source.checked_condition("a predicate", text) for text in predicates or ()]
    selected = source.columns_of(columns)
    with access.connect() as connection:
        if table is not None:
            relation, snapshot, is_lake = _table(connection, table, snapshot)
            pinned = is_lake
        else:
            assert query is not None
            relation, is_lake = source.of_query(query), False
            pinned = any(p.name.lower() == SNAPSHOT for p in scan(query).placeholders)
            if snapshot is not None and not pinned:
                raise ProgrammingError(
                    "the query has no $snapshot: write FROM t AT (VERSION => $snapshot)"
                )
            if pinned and snapshot is None:
                snapshot = connection.current_snapshot()
        values = {**given, SNAPSHOT: snapshot} if pinned else given
        read = Source(relation, selected, condition, values)
        schema = _schema(connection, read)
        edges: list[str] = []
        if parts:
            found, said = [Cut(text, {}) for text in parts], "by the given predicates"
        elif by is not None:
            column = quote_identifier(by)
            kind = _schema(connection, Source(relation, column, "", values)).field(0).type
            said = f"by {how} of {by}"
            if how == "hash":
                found = cuts.hashes(column, pieces)
            else:
                scale = cuts.scale_of(by, kind)
                edges = _edges(connection, read, column, kind, scale, bounds, pieces)
                found = cuts.ranges(column, scale, edges)
        elif is_lake:
            said = "by row number"
            edges = _edges(connection, read, "rowid", pa.int64(), _ROWIDS, None, pieces)
            found = cuts.ranges("rowid", _ROWIDS, edges, nulls=False)
        else:
            found = [Cut("", {})]
            what = "a query" if query is not None else "what is no table of a lake"
            said = f"one piece: {what} is cut by a column (by=) or predicates= alone"
    made = [
        Piece(access, read.select(c.condition), {**values, **c.parameters}, schema) for c in found
    ]
    pinned_to = snapshot if pinned else None
    _LOG.info("%d pieces, %s, of snapshot %s", len(made), said, pinned_to)
    return Plan(made, schema, pinned_to, said, edges)


def _table(
    connection: Connection[Any], table: str, snapshot: int | None
) -> tuple[str, int | None, bool]:
    """What stands behind FROM, its snapshot, and whether it is a table of a lake."""
    catalog, schema, name = table_names(table)
    target = Target(catalog or connection.catalog, schema or connection.schema, name)
    lake = connection.execute(kind_of(literal(target.catalog) or "")).fetchall() == [(LAKE,)]
    if lake:
        pinned = connection.current_snapshot(target.catalog) if snapshot is None else snapshot
        views = connection.execute(
            "SELECT 1 FROM duckdb_views() WHERE database_name = ? AND schema_name = ? "
            "AND lower(view_name) = lower(?)",
            target,
        ).fetchall()
        if not views:
            return source.of_table(target, pinned), pinned, True
    if snapshot is not None:
        raise ProgrammingError(f"{table!r} is no table of a lake, and has no snapshots")
    return source.of_table(target, None), None, False


def _schema(connection: Connection[Any], read: Source) -> pa.Schema:
    with connection.cursor() as cursor:
        cursor.execute(f"{read.select()} LIMIT 0", _used(read.select(), read.parameters))
        return cursor.fetch_record_batch().schema


def _used(query: str, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return values if scan(query).placeholders else None


def _edges(
    connection: Connection[Any],
    read: Source,
    column: str,
    kind: pa.DataType,
    scale: Scale,
    bounds: tuple[Any, Any] | None,
    pieces: int,
) -> list[str]:
    """The bounds between the pieces, from the least and the greatest value."""
    if pieces == 1:
        return []
    if bounds is not None:
        places = [scale.place.format(f"CAST({name} AS {_like(scale)})") for name in ("$a", "$b")]
        low, high = _row(
            connection, f"SELECT {', '.join(places)}", {"a": bounds[0], "b": bounds[1]}
        )
        if low is None or high is None:
            raise ProgrammingError(f"bounds are {bounds!r}; expected two values, none of them NULL")
    else:
        finite = f" AND isfinite({column})" if _has_infinity(kind) else ""
        compared = scale.compared.format(column)
        text = read._replace(
            columns=", ".join(scale.place.format(f"{f}({compared})") for f in ("min", "max"))
        ).select(f"{column} IS NOT NULL{finite}")
        low, high = _row(connection, text, read.parameters)
        if low is None or high is None:
            return []
    found = cuts.between(kind, low, high, pieces)
    if bounds is not None and not found and cuts.between(kind, high, low, pieces):
        raise ProgrammingError(f"bounds are {bounds!r}: the first is the greater one")
    return found


def _has_infinity(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind) for is_kind in (pa.types.is_floating, pa.types.is_date, pa.types.is_timestamp)
    )


def _like(scale: Scale) -> str:
    """The SQL type of a scale's values."""
    if "make_timestamptz" in scale.value:
        return "TIMESTAMPTZ"
    if "make_timestamp" in scale.value:
        return "TIMESTAMP"
    if "DATE" in scale.value:
        return "DATE"
    return scale.value.partition("::")[2]


def _row(connection: Connection[Any], query: str, values: Mapping[str, Any]) -> Any:
    return connection.execute(query, _used(query, values)).fetchone()


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    if batch.schema.names != schema.names:
        raise ProgrammingError(
            f"the columns have changed since this was planned: {batch.schema.names} in the place "
            f"of {schema.names}; plan it again"
        )
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
