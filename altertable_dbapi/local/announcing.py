"""What FlightInfo announces of a statement's result, found without running the statement.

Whatever is asked here runs on the session's connection, where alone the tables of its transaction
are seen. An error there ends the transaction (DuckDB 2: any error), so nothing is asked that may
fail for a statement that works.
"""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pyarrow as pa

from ..local import schemas
from ..statement.lexer import top_level
from .asking import Values, ask, reads
from .engine import DESCRIBES_ALL_QUERIES

# The kinds whose EXPLAIN binds the statement. Of the others (SET, USE, ATTACH, ...) only the
# syntax is checked, since DuckDB has no way of binding them that does not run them.
_EXPLAINED = {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "DROP", "ALTER", "COPY"}
_COUNTED = {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "COPY"}
_UNTOLD = {"MULTI", "CALL", "PRAGMA", "EXECUTE"}

Columns = list[tuple[str, Any]]

_EXPLAIN = pa.schema([("explain_key", pa.utf8()), ("explain_value", pa.utf8())])
_NOTHING = pa.schema([])

# FlightInfo's types differ from the stream's on purpose, as on the service: an id that is missing
# here is announced as null, a UUID as its 16 bytes, an INTERVAL as a duration.
_ANNOUNCED = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "utinyint": pa.uint8(),
    "usmallint": pa.uint16(),
    "uinteger": pa.uint32(),
    "ubigint": pa.uint64(),
    "hugeint": pa.decimal128(38, 0),
    "float": pa.float32(),
    "double": pa.float64(),
    "varchar": pa.utf8(),
    "blob": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamp_s": pa.timestamp("s"),
    "timestamp_ms": pa.timestamp("ms"),
    "timestamp_ns": pa.timestamp("ns"),
    "interval": pa.duration("us"),
    "uuid": pa.binary(16),
}

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_TABLE = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)")
_LISTED = re.compile(rf"\s*(?:\*|{_NAME}(?:\s*,\s*{_NAME})*)[\s;]*")


def unbound(kind: str) -> pa.Schema:
    """Announce a statement with parameters that have no values, of which nothing is asked."""
    if kind == "EXPLAIN":
        return _EXPLAIN
    if kind == "SELECT" or kind in _UNTOLD:
        return _NOTHING
    return schemas.COUNT if kind in _COUNTED else schemas.SUCCESS


def result(
    cursor: duckdb.DuckDBPyConnection, sql: str, kind: str, values: Values | None, *, guess: bool
) -> pa.Schema | Columns:
    """Announce a statement's result.

    Parameters
    ----------
    cursor : duckdb.DuckDBPyConnection
        The session's connection.
    sql : str
        The statement.
    kind : str
        Its DuckDB type, or "MULTI".
    values : Values or None
        Its parameters.
    guess : bool
        Whether to ask what may fail, as outside of a transaction; what fails stays unknown.

    Raises
    ------
    duckdb.Error
        DuckDB cannot bind the statement.
    """
    if kind == "SELECT":
        return _columns(cursor, sql, kind, values)
    if kind in _EXPLAINED and reads(cursor, "EXPLAIN", sql):
        ask(cursor, "EXPLAIN", sql, kind, values)
        returned = _returning(cursor, sql, guess)
        if returned is not None:
            return returned
    return unbound(kind)


def schema(columns: pa.Schema | Columns) -> tuple[pa.Schema, frozenset[int]]:
    """Give the announced schema, and which columns are JSON."""
    if isinstance(columns, pa.Schema):
        return columns, frozenset()
    return (
        pa.schema([pa.field(name, announced(type_)) for name, type_ in columns]),
        frozenset(i for i, (_, type_) in enumerate(columns) if str(type_) == "JSON"),
    )


def announced(type_: Any) -> pa.DataType:
    """Give the Arrow type that FlightInfo announces for a DuckDB type."""
    kind = type_.id
    if kind == "decimal":
        sizes = dict(type_.children)
        return pa.decimal128(sizes["precision"], sizes["scale"])
    if kind == "list":
        return pa.list_(pa.field("item", announced(type_.children[0][1])))
    if kind == "struct":
        return pa.struct([pa.field(name, announced(child)) for name, child in type_.children])
    return _ANNOUNCED.get(kind, pa.null())


def _columns(
    cursor: duckdb.DuckDBPyConnection, sql: str, kind: str, values: Values | None
) -> pa.Schema | Columns:
    if not reads(cursor, "DESCRIBE", sql):
        if values is not None or DESCRIBES_ALL_QUERIES:
            return _NOTHING
        relation = cursor.sql(sql)
        return list(zip(relation.columns, relation.types, strict=True))
    found = ask(cursor, "DESCRIBE", sql, kind, values)
    # A type whose name cannot be read back would end the transaction, too.
    with cursor.cursor() as apart:
        types = {name: _type(apart, name) for name in {row[1] for row in found}}
    return [(row[0], types[row[1]]) for row in found]


def _type(cursor: duckdb.DuckDBPyConnection, name: str) -> Any:
    try:
        return cursor.sqltype(name)
    except duckdb.Error:
        return cursor.sqltype('"NULL"')


def _returning(
    cursor: duckdb.DuckDBPyConnection, sql: str, guess: bool
) -> pa.Schema | Columns | None:
    """Find what RETURNING gives by selecting its list from the statement's table."""
    tokens = list(top_level(sql))
    kinds = [token.kind for token in tokens]
    if "RETURNING" not in kinds:
        return None
    listed = sql[tokens[len(kinds) - 1 - kinds[::-1].index("RETURNING")].stop :]
    table = None
    for i, kind in enumerate(kinds):
        if kind in ("INTO", "UPDATE") or (kind == "FROM" and kinds[i - 1] == "DELETE"):
            table = _TABLE.match(sql, tokens[i].stop)
            break
    if table is None:
        return _NOTHING
    try:
        if guess:
            return _columns(cursor, f"SELECT {listed}\nFROM {table[1]}", "SELECT", None)
    except duckdb.Error:
        return _NOTHING
    # EXPLAIN has found the table, and the columns in a plain list of names.
    if _LISTED.fullmatch(listed) is None:
        return _NOTHING
    stored = _columns(cursor, f"FROM {table[1]}", "SELECT", None)
    if listed.strip(" \t\r\n;") == "*" or isinstance(stored, pa.Schema):
        return stored
    by_name = {name.lower(): (name, type_) for name, type_ in stored}
    names = [name.replace('""', '"').lower() for name in _unquoted(listed)]
    if not by_name.keys() >= set(names):
        return _NOTHING
    return [by_name[name] for name in names]


def _unquoted(listed: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r'"((?:[^"]|"")+)"|(\w+)', listed)]
