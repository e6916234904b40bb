"""Names are names, whatever is in them: each is quoted, and nothing else runs for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from altertable_dbapi import Connection, Error, ProgrammingError
from altertable_dbapi.local import Server
from altertable_dbapi.statement.names import quote_identifier

from ..support.engines import examples

Conn = Connection[tuple[Any, ...]]

PIECES = [
    '"', '""', "'", "''", ".", ";", "--", "/*", "*/", "$$", "$1", "?", "$name", "\\", "%", "_",
    "`", "[", "]", "(", ")", ",", " ", "\n", "\t", "\r\n", "é", "日本", "ß", "İ", "\u200b",
    "\u202e", "\u00a0", "\ufeff", "😀", "a", "A", "DROP TABLE sentinel", "main.sentinel", "SELECT",
    '"; DROP TABLE sentinel; --', "'; DROP TABLE sentinel; --", "x') OR ('1'='1", "E'\\'", "U&",
]  # fmt: skip

NAMES = st.lists(st.sampled_from(PIECES) | st.characters(exclude_characters="\0", codec="utf-8"),
                 min_size=1, max_size=6).map("".join)  # fmt: skip

HOSTILE = '"; DROP TABLE sentinel; --'

QUICK = settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def crowded() -> Iterator[Server]:
    with Server(catalogs=['od"d; DROP TABLE local.main.sentinel --']) as server:
        yield server


@pytest.fixture
def auto(crowded: Server) -> Iterator[Conn]:
    """A connection beside a table that nobody may touch; after the test it is still as it was."""
    with crowded.connect(autocommit=True) as connection:
        connection.execute("CREATE OR REPLACE TABLE local.main.sentinel AS SELECT 42 AS answer")
        yield connection
        assert connection.execute("FROM local.main.sentinel").fetchall() == [(42,)]


def _all_tables(auto: Conn) -> list[tuple[str, ...]]:
    query = "SELECT database_name, schema_name, table_name FROM duckdb_tables() ORDER BY ALL"
    rows: list[tuple[str, ...]] = auto.execute(query).fetchall()
    return rows


SENTINEL = ("local", "main", "sentinel")


def _is_name(name: str) -> bool:
    return name.lower() != "sentinel"


@QUICK
@given(table=NAMES.filter(_is_name), column=NAMES)
@example(table=HOSTILE, column=HOSTILE)
@example(table="a.b.c", column="x.y")
def test_a_load(crowded: Server, auto: Conn, table: str, column: str) -> None:
    data = pa.table({column: [1, 2]})
    with auto.cursor() as cursor:
        assert cursor.adbc_ingest(table, data, mode="create") == 2
    try:
        assert sorted(_all_tables(auto)) == sorted([SENTINEL, ("local", "main", table)])
        assert auto.adbc_get_table_schema(table).names == [column]
        quoted = quote_identifier(table)
        assert auto.load(quoted, data) == 2
        assert auto.load(quoted, data, mode="replace") == 2
        found = auto.get_tables("local", "main", include_schema=True).to_pydict()
        assert sorted(found["table_name"]) == sorted([table, "sentinel"])
        schemas = dict(zip(found["table_name"], found["table_schema"], strict=True))
        assert pa.ipc.read_schema(pa.py_buffer(schemas[table])).names == [column]
        pattern, same = (re.sub(r"[\\%_]", r"\\\g<0>", name) for name in (table, column))
        columns = auto.get_columns("local", "main", pattern, same).to_pydict()
        assert (columns["table_name"], columns["column_name"]) == ([table], [column])
        assert auto.execute(f"SELECT {quote_identifier(column)} FROM {quoted}").fetchall() == [
            (1,),
            (2,),
        ]
    finally:
        auto.execute(f"DROP TABLE {quote_identifier(table)}")


@QUICK
@given(table=NAMES.filter(_is_name), key=NAMES, other=NAMES)
@example(table=HOSTILE, key=HOSTILE, other=f"{HOSTILE}2")
def test_an_upsert(auto: Conn, table: str, key: str, other: str) -> None:
    if key.lower() == other.lower() or key.casefold() == other.casefold():
        other = f"{key}2"
    target = quote_identifier(table)
    auto.load(target, pa.table({key: [1, 2], other: ["a", "b"]}), mode="create")
    try:
        auto.load(target, pa.table({key: [2, 3], other: ["c", "d"]}), primary_key=key)
        rows = auto.execute(f"FROM {target} ORDER BY 1").fetchall()
        assert rows == [(1, "a"), (2, "c"), (3, "d")]
        assert sorted(_all_tables(auto)) == sorted([SENTINEL, ("local", "main", table)])
    finally:
        auto.execute(f"DROP TABLE {target}")


@QUICK
@given(table=NAMES, schema=NAMES, column=NAMES, newer=NAMES)
@example(table=HOSTILE, schema=HOSTILE, column=HOSTILE, newer=f"{HOSTILE}2")
def test_a_load_into_a_schema(auto: Conn, table: str, schema: str, column: str, newer: str) -> None:
    schema, newer = f"{schema}.", f"{newer}{column}2"
    place, data = quote_identifier(schema), pa.table({column: [1], newer: [5]})
    auto.execute(f"CREATE SCHEMA {place}")
    try:
        assert auto.load(quote_identifier(table), data, schema=schema, mode="create") == 1
        options: dict[str, Any] = {"primary_key": column, "cursor_field": newer}
        target = f"{place}.{quote_identifier(table)}"
        auto.load(target, pa.table({column: [1, 2], newer: [4, 6]}), **options)
        assert auto.execute(f"FROM {target} ORDER BY 1").fetchall() == [(1, 5), (2, 6)]
        assert sorted(_all_tables(auto)) == sorted([SENTINEL, ("local", schema, table)])
    finally:
        auto.execute(f"DROP SCHEMA {place} CASCADE")


@QUICK
@given(name=NAMES, field=NAMES, entry=NAMES)
@example(name=HOSTILE, field=HOSTILE, entry=HOSTILE)
@example(name="INTEGER) AS c, CAST(NULL AS VARCHAR", field="a", entry="'")
def test_types_of_columns(auto: Conn, name: str, field: str, entry: str) -> None:
    """The server names them, and they are part of a statement that asks what they are in Arrow."""
    kind, text = quote_identifier(f"{name}!"), entry.replace("'", "''")
    auto.execute(f"CREATE TYPE {kind} AS STRUCT({quote_identifier(field)} ENUM('{text}'))")
    auto.execute(f"CREATE TABLE odd (a {kind})")
    try:
        found = auto.get_tables(table_pattern="odd", include_schema=True).to_pydict()
        schema = pa.ipc.read_schema(pa.py_buffer(found["table_schema"][0]))
        assert schema.field("a").type.field(0).name == field
        assert _all_tables(auto) == sorted([SENTINEL, ("local", "main", "odd")])
    finally:
        auto.execute("DROP TABLE odd")
        auto.execute(f"DROP TYPE {kind}")


@QUICK
@given(schema=NAMES.filter(lambda name: name.lower() not in {"main", "temp"}))
@example(schema=HOSTILE)
@example(schema="local.main")
def test_the_current_schema(crowded: Server, auto: Conn, schema: str) -> None:
    crowded.executed.clear()
    with pytest.raises(ProgrammingError):
        auto.adbc_current_db_schema = f"{schema} is absent"
    auto.execute(f"CREATE SCHEMA {quote_identifier(schema)}")
    try:
        auto.adbc_current_db_schema = schema
        assert auto.adbc_current_db_schema == schema
        with auto.cursor() as cursor:
            cursor.adbc_ingest("t", pa.table({"a": [1]}), mode="create")
        assert ("local", schema, "t") in _all_tables(auto)
        assert auto.get_tables(schema_pattern="%", table_pattern="t").num_rows == 1
        auto.execute("DROP TABLE t")
    finally:
        auto.adbc_current_db_schema = "main"
        auto.execute(f"DROP SCHEMA {quote_identifier(schema)}")


@QUICK
@given(catalog=NAMES.filter(lambda name: name.lower() not in {"local", "main", "temp", "system"}))
@example(catalog=HOSTILE)
@example(catalog="local.main")
@example(catalog="local; DROP TABLE sentinel")
def test_a_current_catalog_that_is_none(auto: Conn, catalog: str) -> None:
    with pytest.raises(ProgrammingError):
        auto.adbc_current_catalog = catalog
    assert (auto.adbc_current_catalog, auto.adbc_current_db_schema) == ("local", "main")


def test_a_catalog_of_an_odd_name(crowded: Server, auto: Conn) -> None:
    odd = 'od"d; DROP TABLE local.main.sentinel --'
    auto.adbc_current_catalog = odd
    assert auto.adbc_current_catalog == odd
    with auto.cursor() as cursor:
        cursor.adbc_ingest("t", pa.table({"a": [1]}), mode="replace")
    assert _all_tables(auto) == sorted([SENTINEL, (odd, "main", "t")])
    assert auto.get_tables(odd).to_pydict()["table_name"] == ["t"]
    assert auto.adbc_get_table_schema("t", catalog_filter=odd).names == ["a"]
    with crowded.connect(catalog=odd, schema="main") as conn:
        assert conn.execute("FROM t").fetchall() == [(1,)]
    auto.execute("DROP TABLE t")


@QUICK
@given(first=NAMES, second=NAMES, third=NAMES)
@example(first=HOSTILE, second=HOSTILE, third=HOSTILE)
@example(first="local", second="main", third="' OR 1=1 --")
def test_looking_around(crowded: Server, auto: Conn, first: str, second: str, third: str) -> None:
    crowded.executed.clear()
    there = (first, second) == ("local", "main")
    first, second, third = (re.sub(r"[\\%_]", r"\\\g<0>", name) for name in (first, second, third))
    assert auto.get_tables(first, second, third).num_rows == 0
    assert auto.get_columns(first, second, third, third).num_rows == 0
    assert auto.get_schemas(first, second).num_rows == there
    assert auto.get_catalogs(first).num_rows == there
    auto.adbc_get_objects(
        depth="all",
        catalog_filter=first,
        db_schema_filter=second,
        table_name_filter=third,
        column_name_filter=third,
    ).read_all()
    with pytest.raises(Error):
        auto.adbc_get_table_schema(third, catalog_filter=first, db_schema_filter=second)
    words = {statement.split()[0].upper() for statement in crowded.executed}
    assert words <= {"SELECT", "WITH", "FROM", "DESCRIBE"}
    assert _all_tables(auto) == [SENTINEL]


@QUICK
@given(catalog=NAMES, schema=NAMES)
@example(catalog=HOSTILE, schema=HOSTILE)
def test_session_options(crowded: Server, auto: Conn, catalog: str, schema: str) -> None:
    with pytest.raises(ProgrammingError):
        crowded.connect(catalog=f"{catalog}x", schema=schema)
    assert _all_tables(auto) == [SENTINEL]


@given(NAMES)
def test_a_quoted_name_reads_as_itself(name: str) -> None:
    quoted = quote_identifier(name)
    assert quoted[0] == quoted[-1] == '"'
    assert '"' not in quoted[1:-1].replace('""', "")
    assert quoted[1:-1].replace('""', '"') == name


def test_a_nul_is_refused(auto: Conn) -> None:
    with pytest.raises(ProgrammingError):
        auto.adbc_current_db_schema = "a\0b"
    with pytest.raises(ProgrammingError):
        auto.cursor().adbc_ingest("a\0b", pa.table({"a": [1]}))
    for name in ("", "a\0b", "\ud800"):
        with pytest.raises(ProgrammingError, match="not a name that SQL can hold"):
            quote_identifier(name)
