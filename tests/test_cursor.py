"""The cursor over the wire: execution, parameters, rows, states."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import (
    Connection,
    DataError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    dict_row,
    scalar_row,
    sql,
)
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]

PLAIN = ["GetFlightInfo:CommandStatementQuery", "DoGet:TicketStatementQuery"]


def test_a_plain_select_costs_two_round_trips(auto: Conn, server: Server) -> None:
    server.calls.clear()
    assert auto.execute("SELECT 42 AS a").fetchall() == [(42,)]
    assert list(server.calls) == PLAIN


def test_a_select_with_parameters_costs_four_round_trips_and_then_three(
    auto: Conn, server: Server
) -> None:
    cursor = auto.cursor()
    server.calls.clear()
    # The first parameters that a process sends to a server: it is asked how it binds them.
    assert cursor.execute("SELECT $a", {"a": 41}).fetchall() == [(41,)]
    assert len(server.calls) == 4 + 4
    server.calls.clear()
    for expected in (4, 3, 3):
        assert cursor.execute("SELECT $a + 1", {"a": 41}).fetchall() == [(42,)]
        assert len(server.calls) == expected
        server.calls.clear()


def test_cursors_cost_nothing(auto: Conn, server: Server) -> None:
    server.calls.clear()
    for _ in range(10):
        auto.cursor().close()
    assert list(server.calls) == []


def test_locations_of_endpoints_are_not_dialled() -> None:
    with Server(endpoint_locations=["grpc://192.0.2.1:1"]) as server, server.connect() as conn:
        assert conn.execute("SELECT $1", ["here"]).fetchall() == [("here",)]
        assert conn.execute("SELECT 1").fetchall() == [(1,)]


def test_several_endpoints_are_one_result_in_order() -> None:
    with Server(endpoints=2) as server, server.connect() as conn:
        rows = conn.execute("SELECT i FROM range(100000) t(i)").fetchall()
        assert rows == [(i,) for i in range(100000)]


@pytest.mark.parametrize(
    ("statement", "count"),
    [
        ("CREATE TABLE u (a INT)", -1),
        ("CREATE TABLE u AS SELECT * FROM range(5)", 5),
        ("INSERT INTO t VALUES (10), (11)", 2),
        ("UPDATE t SET a = a + 1 WHERE a < 2", 2),
        ("DELETE FROM t", 3),
        ("/* why */ ( -- so\n WITH x AS (SELECT 7 AS b) INSERT INTO t SELECT b FROM x", None),
        ("WITH x AS (SELECT 7 AS b) INSERT INTO t SELECT b FROM x", 1),
        ("MERGE INTO t USING (SELECT 1 AS a) s ON t.a = s.a WHEN MATCHED THEN DELETE", 1),
        ("ALTER TABLE t ADD COLUMN b INT", -1),
        ("DROP TABLE t", -1),
        ("SET threads = 1", -1),
        ("USE local.main", -1),
        ("COMMENT ON TABLE t IS 'x'", -1),
        ("TRUNCATE t", 3),
    ],
)
def test_statements_without_rows_are_finished_when_execute_returns(
    auto: Conn, server: Server, statement: str, count: int | None
) -> None:
    auto.execute("CREATE TABLE t AS SELECT range::INT AS a FROM range(3)")
    cursor = auto.cursor()
    server.executed.clear()
    if count is None:
        with pytest.raises(ProgrammingError, match="Parser Error"):
            cursor.execute(statement)
        return
    cursor.execute(statement)
    assert len(server.executed) == 1
    assert cursor.description is None
    assert cursor.rowcount == count
    assert cursor.rownumber is None
    for fetch in (cursor.fetchone, cursor.fetchmany, cursor.fetchall, cursor.fetch_arrow_table):
        with pytest.raises(ProgrammingError, match="returns rows"):
            fetch()


def test_a_select_that_looks_like_a_report_is_rows(auto: Conn) -> None:
    assert auto.execute('SELECT 5::BIGINT AS "Count"').fetchall() == [(5,)]
    assert auto.execute('SELECT true AS "Success"').fetchall() == [(True,)]


@pytest.mark.not_on("lake", reason="returning")
def test_returning_is_rows(auto: Conn) -> None:
    auto.execute("CREATE TABLE t (a INT, b INT)")
    cursor = auto.execute("INSERT INTO t VALUES (1, 2), (3, 4) RETURNING b, a")
    assert [column.name for column in cursor.description or []] == ["b", "a"]
    assert cursor.fetchall() == [(2, 1), (4, 3)]
    assert cursor.rowcount == 2
    assert auto.execute("FROM t").fetchall() == [(1, 2), (3, 4)]


def test_explain_of_an_insert_is_rows_and_inserts_nothing(auto: Conn) -> None:
    auto.execute("CREATE TABLE t (a INT)")
    assert auto.execute("EXPLAIN INSERT INTO t VALUES (1)").fetchall()
    assert auto.execute("FROM t").fetchall() == []


def test_interleaved_cursors_read_all_their_rows(auto: Conn) -> None:
    one, two = auto.cursor(), auto.cursor()
    one.execute("SELECT i FROM range(300000) t(i)")
    got = [one.fetchone(), one.fetchone()]
    two.execute("SELECT i FROM range(300000, 600000) t(i)")
    first_of_two = two.fetchone()
    got += one.fetchall()
    assert got == [(i,) for i in range(300000)]
    assert [first_of_two, *two.fetchall()] == [(i,) for i in range(300000, 600000)]


@pytest.mark.parametrize(
    ("text", "parameters", "expected"),
    [
        ("SELECT $a, $b, $a", {"a": 1, "b": "x"}, (1, "x", 1)),
        ("SELECT $b, $a", {"a": 1, "b": 2}, (2, 1)),
        ("SELECT $a", {"a": 1, "unused": object()}, (1,)),
        ("SELECT ?, ?", [1, "x"], (1, "x")),
        ("SELECT ?, ?", (1, "x"), (1, "x")),
        ("SELECT $2, $1, $2", [1, 2], (2, 1, 2)),
        ("SELECT $größe", {"größe": 5}, (5,)),
        ("SELECT '$a', $$ $b $$, $a -- $c", {"a": 1}, ("$a", " $b ", 1)),
        ("SELECT 1", None, (1,)),
        ("SELECT 1", (), (1,)),
        ("SELECT 1", [], (1,)),
        ("SELECT 1", {}, (1,)),
        ("SELECT 1", {"unused": 1}, (1,)),
        ("SELECT $a IS NULL, $b", {"a": None, "b": None}, (True, None)),
        ("SELECT $a::INT", {"a": None}, (None,)),
    ],
)
def test_parameters(auto: Conn, text: str, parameters: Any, expected: tuple[Any, ...]) -> None:
    assert auto.execute(text, parameters).fetchall() == [expected]


@pytest.mark.parametrize(
    ("value", "sql_type"),
    [
        (True, "BOOLEAN"),
        (5, "INTEGER"),
        (2**40, "BIGINT"),
        (2**100, "HUGEINT"),
        (1.5, "DOUBLE"),
        ('it\'s "quoted" \\ ; -- $x', "VARCHAR"),
        (b"\0\xff", "BLOB"),
        (dt.date(2020, 2, 29), "DATE"),
        (dt.time(1, 2, 3, 4), "TIME"),
        (dt.datetime(2020, 2, 29, 1, 2, 3, 4), "TIMESTAMP"),
        (dt.datetime(2020, 2, 29, tzinfo=dt.timezone.utc), "TIMESTAMP WITH TIME ZONE"),
        (decimal.Decimal("123.450"), "DECIMAL(6,3)"),
        ([1, None, 3], "INTEGER[]"),
        ({"a": 1, "b": ["x"]}, "STRUCT(a INTEGER, b VARCHAR[])"),
    ],
    ids=repr,
)
def test_a_bound_value_keeps_its_type_and_itself(auto: Conn, value: Any, sql_type: str) -> None:
    kind, back = auto.execute("SELECT typeof($v), $v", {"v": value}).fetchall()[0]
    assert (kind, back) == (sql_type, value)


def test_an_arrow_batch_is_bound_as_it_is(auto: Conn) -> None:
    batch = pa.record_batch({"b": pa.array([5], pa.int8()), "a": ["x"]})
    assert auto.execute("SELECT typeof(?), ?", batch).fetchall() == [("TINYINT", "x")]
    assert auto.execute("SELECT $a, typeof($b)", batch).fetchall() == [("x", "TINYINT")]


@pytest.mark.parametrize(
    ("text", "parameters", "words"),
    [
        ("SELECT $country", {"city": 1, "since": 2}, "value for placeholder $country.*city, since"),
        ("SELECT $a", None, "value for placeholder $a.*none"),
        ("SELECT $a", [1], "$a.*mapping.*list"),
        ("SELECT ?", {"a": 1}, r"\?.*sequence"),
        ("SELECT ?, ?", [1], "2 placeholders.*1 parameters"),
        ("SELECT ?", [1, 2], "1 placeholders.*2 parameters"),
        ("SELECT $3", [1], r"up to \$3.*1 parameters"),
        ("SELECT 1", [1], "no placeholder"),
        ("SELECT $a, ?", [1], "one style"),
        ("SELECT ?", "x", "str.*sequence"),
        ("SELECT ?", 5, "int.*sequence"),
        (b"SELECT 1", None, "bytes.*text"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_sent(
    auto: Conn, server: Server, text: Any, parameters: Any, words: str
) -> None:
    server.calls.clear()
    with pytest.raises(ProgrammingError, match=words.replace("$c", r"\$c").replace("$a", r"\$a")):
        auto.execute(text, parameters)
    assert list(server.calls) == []


def test_a_value_that_cannot_be_bound_is_refused_before_anything_is_sent(
    conn: Conn, server: Server
) -> None:
    server.calls.clear()
    with pytest.raises(DataError, match=r"\$values"):
        conn.execute("SELECT $values", {"values": [1, "a"]})
    assert list(server.calls) == []


def test_a_query_carries_its_values(auto: Conn) -> None:
    query = sql("SELECT $a || $b AS c", a="x", b="y")
    assert query == "SELECT $a || $b AS c"
    assert auto.execute(query).fetchall() == [("xy",)]
    assert auto.execute(query, {"a": "1", "b": "2"}).fetchall() == [("12",)]


def test_fetching_in_every_way_mixed(auto: Conn) -> None:
    cursor = auto.execute("SELECT i FROM range(100) t(i)")
    assert cursor.rownumber == 0
    got = [cursor.fetchone()]
    got += cursor.fetchmany()
    cursor.arraysize = 3
    got += cursor.fetchmany()
    assert cursor.rownumber == 5
    got.append(next(cursor))
    got.append(cursor.next())
    got += cursor.fetchmany(40)
    assert cursor.rowcount == -1
    for row in cursor:
        got.append(row)
        if len(got) == 50:
            break
    got += [tuple(row.values()) for row in cursor.fetch_arrow_table().to_pylist()]
    assert got == [(i,) for i in range(100)]
    assert cursor.fetchone() is None
    assert cursor.fetchmany(5) == []
    assert cursor.fetchall() == []


def test_rowcount_is_known_when_all_is_read(auto: Conn) -> None:
    cursor = auto.execute("SELECT * FROM range(10)")
    assert cursor.rowcount == -1
    cursor.fetchall()
    assert cursor.rowcount == 10
    cursor.execute("SELECT 1 WHERE false")
    assert cursor.fetchone() is None
    assert cursor.rowcount == 0


def _by_ones(cursor: altertable_dbapi.Cursor[Any]) -> None:
    while cursor.fetchone() is not None:
        pass


def _by_many(cursor: altertable_dbapi.Cursor[Any]) -> None:
    while cursor.fetchmany(400):
        pass


def _by_duckdb(cursor: altertable_dbapi.Cursor[Any]) -> None:
    import duckdb

    duckdb.from_arrow(cursor).fetchall()


def _both_ways(cursor: altertable_dbapi.Cursor[Any]) -> None:
    cursor.fetchmany(3)
    cursor.fetch_arrow_table()


def _interrupted(cursor: altertable_dbapi.Cursor[Any]) -> None:
    cursor.fetchone()
    cursor.connection.execute("SELECT 1").fetchall()
    cursor.fetchall()


@pytest.mark.parametrize(
    "read",
    [
        _by_ones,
        _by_many,
        list,
        lambda cursor: cursor.fetchall(),
        lambda cursor: cursor.fetch_arrow_table(),
        lambda cursor: cursor.fetch_record_batch().read_all(),
        lambda cursor: list(cursor.fetch_record_batch()),
        lambda cursor: pa.table(cursor.fetch_arrow()),
        lambda cursor: pa.table(cursor),
        lambda cursor: cursor.fetch_df(),
        lambda cursor: cursor.fetch_polars(),
        _by_duckdb,
        _both_ways,
        _interrupted,
    ],
)
@pytest.mark.parametrize("endpoints", [1, 3])
def test_rowcount_after_any_way_to_read(read: Any, endpoints: int) -> None:
    with Server(batch_rows=300, endpoints=endpoints) as server, server.connect() as conn:
        for rows in (0, 1, 1000):
            cursor = conn.execute(f"SELECT * FROM range({rows})")
            assert cursor.rowcount == -1
            read(cursor)
            assert cursor.rowcount == rows
            cursor.close()
            assert cursor.rowcount == rows


def test_rowcount_is_not_known_of_a_part(server: Server, auto: Conn) -> None:
    cursor = auto.execute("SELECT * FROM range(100000)")
    reader = cursor.fetch_record_batch()
    reader.read_next_batch()
    assert cursor.rowcount == -1
    cursor.execute("SELECT * FROM range(100000)").fetchmany(10)
    cursor.close()
    assert cursor.rowcount == -1


def test_what_a_closed_cursor_has_done(auto: Conn) -> None:
    cursor = auto.execute("CREATE TABLE t AS SELECT * FROM range(7)")
    cursor.execute("UPDATE t SET range = 0")
    cursor.close()
    assert cursor.rowcount == 7
    with auto.cursor() as many:
        many.executemany("INSERT INTO t VALUES (?)", [[1], [2]])
    assert many.rowcount == 2
    with auto.execute("SELECT 1 AS a") as query:
        pass
    assert [column.name for column in query.description or ()] == ["a"]
    with pytest.raises(InterfaceError, match="closed"):
        query.fetchone()


def test_what_a_cursor_has_done_outlives_its_connection(server: Server) -> None:
    with server.connect() as conn:
        cursor = conn.execute("CREATE TABLE t AS SELECT * FROM range(7)")
        cursor.execute("DELETE FROM t")
    assert cursor.rowcount == 7


def test_rownumber_of_a_table(auto: Conn) -> None:
    cursor = auto.execute("SELECT * FROM range(10)")
    cursor.fetchone()
    assert cursor.rownumber == 1
    cursor.fetch_arrow_table()
    assert cursor.rownumber == 10


EVERY_KIND_OF_COLUMN = """SELECT 1 AS a, 2 AS a, [1] AS l, {'x': 1} AS s, MAP {1: 'x'} AS m,
    '2026-01-01'::TIMESTAMPTZ AS z, 'a'::ENUM ('a', 'b') AS e, uuid() AS u,
    INTERVAL 1 DAY AS i, 1::HUGEINT AS h, '101'::BIT AS b"""


@pytest.mark.parametrize(
    "query",
    [
        EVERY_KIND_OF_COLUMN,
        "FROM t",
        "TABLE t -- to the end",
        "VALUES (1, 'x') ;",
        "WITH w AS (SELECT i FROM t) SELECT *, i + 1 FROM w ORDER BY i LIMIT 3",
        "SELECT 1 UNION ALL SELECT 2 ORDER BY 1",
        "SELECT nextval('q') AS n",
        "DESCRIBE t",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
        "PIVOT t ON i USING count(*)",
    ],
)
def test_the_schema_of_a_query_is_its_stream_s(query: str, auto: Conn) -> None:
    auto.execute("CREATE TABLE t AS SELECT range AS i FROM range(3)")
    auto.execute("CREATE TEMP SEQUENCE q")
    schema = auto.cursor().adbc_execute_schema(query)
    assert auto.execute("SELECT nextval('q')").fetchall() == [(1,)]
    assert schema == auto.execute(query).fetch_arrow_table().schema


def test_the_schema_of_a_query_with_values(auto: Conn) -> None:
    cursor = auto.cursor()
    assert cursor.adbc_execute_schema("SELECT $a AS a", {"a": "x"}).types == [pa.string()]
    query = altertable_dbapi.sql("SELECT $a AS a", a=dt.date(2026, 1, 1))
    assert cursor.adbc_execute_schema(query).types == [pa.date32()]
    assert cursor.adbc_execute_schema("SELECT ?::DATE AS a").names == ["a"]
    with pytest.raises(ProgrammingError, match="placeholder"):
        cursor.adbc_execute_schema("SELECT ? + ?", [1])


RETURNING = {
    "INSERT INTO t VALUES (2, 'y') RETURNING b, a": ["b", "a"],
    "UPDATE t SET a = 7 RETURNING a + 1 AS c": ["c"],
    "DELETE FROM t RETURNING *": ["a", "b"],
}


@pytest.mark.parametrize(
    "returning",
    [{}, pytest.param(RETURNING, marks=pytest.mark.not_on("lake", reason="returning"))],
    ids=["silent", "returning"],
)
@pytest.mark.parametrize("autocommit", [True, False])
def test_asking_for_a_schema_executes_nothing(
    server: Server, auto: Conn, autocommit: bool, returning: dict[str, list[str]]
) -> None:
    auto.execute("CREATE TABLE t (a INT, b TEXT)")
    auto.execute("INSERT INTO t VALUES (1, 'x')")
    silent = [
        "INSERT INTO t VALUES (2, 'y')",
        "INSERT INTO t VALUES (?, ?)",
        "UPDATE t SET a = 7",
        "DELETE FROM t",
        "DROP TABLE t",
        "CREATE TABLE u (a INT)",
        "CREATE TABLE u AS FROM t",
        "BEGIN",
        "COMMIT",
    ]
    with server.connect(autocommit=autocommit) as conn:
        cursor = conn.cursor()
        for text, names in returning.items():
            assert cursor.adbc_execute_schema(text).names == names
        for text in silent:
            assert cursor.adbc_execute_schema(text) == pa.schema([])
        assert not conn.in_transaction
        with pytest.raises(ProgrammingError, match="nope"):
            cursor.adbc_execute_schema("INSERT INTO nope VALUES (1)")
    assert auto.execute("FROM t").fetchall() == [(1, "x")]
    assert [name for (name,) in auto.execute("SHOW TABLES").fetchall()] == ["t"]


def test_description_can_be_set(auto: Conn) -> None:
    cursor = auto.execute("SELECT 1 AS a, 2 AS b")
    renamed = [("x", *column[1:]) for column in cursor.description or ()]
    cursor.description = renamed
    assert cursor.description == renamed
    assert cursor.fetchall() == [(1, 2)]
    assert cursor.execute("SELECT 1 AS a").description != renamed
    cursor.description = None
    assert cursor.description is None


def test_row_factories(server: Server, auto: Conn) -> None:
    with server.connect(row_factory=dict_row) as conn:
        assert conn.execute("SELECT 1 AS a, 2 AS b").fetchall() == [{"a": 1, "b": 2}]
        cursor = conn.cursor(row_factory=scalar_row)
        assert cursor.execute("SELECT 7").fetchone() == 7
        conn.row_factory = scalar_row
        assert conn.execute("SELECT 8").fetchall() == [8]
    cursor = auto.cursor(row_factory=scalar_row)
    assert list(cursor.execute("SELECT NULL FROM range(3)")) == [None, None, None]


def test_what_is_wrong_says_so(auto: Conn) -> None:
    cursor = auto.cursor()
    with pytest.raises(ProgrammingError, match="execute a statement"):
        cursor.fetchone()
    with pytest.raises(ProgrammingError, match="arraysize is 0"):
        cursor.arraysize = 0
    cursor.execute("SELECT 1")
    with pytest.raises(ProgrammingError, match="-1"):
        cursor.fetchmany(-1)
    with pytest.raises(NotSupportedError, match="stored procedures"):
        cursor.callproc("f")
    with pytest.raises(NotSupportedError, match="adbc_stmt_kwargs"):
        auto.cursor(adbc_stmt_kwargs={"x": "y"})


def test_a_failed_statement_leaves_no_result(auto: Conn) -> None:
    cursor = auto.execute("SELECT 1")
    with pytest.raises(ProgrammingError):
        cursor.execute("SELECT nope")
    assert cursor.description is None
    with pytest.raises(ProgrammingError, match="execute a statement"):
        cursor.fetchall()
    assert cursor.execute("SELECT 2").fetchall() == [(2,)]


def test_closed_objects_raise_and_never_crash(server: Server) -> None:
    conn = server.connect()
    cursor, other = conn.execute("SELECT * FROM range(1000000)"), conn.cursor()
    reader = other.execute("SELECT 1").fetch_record_batch()
    other.close()
    other.close()
    for use in (
        lambda: other.execute("SELECT 1"),
        other.fetchone,
        other.fetch_arrow_table,
        lambda: next(other),
    ):
        with pytest.raises(InterfaceError, match="cursor is closed"):
            use()
    conn.close()
    for use in (
        cursor.fetchall,
        lambda: cursor.execute("SELECT 1"),
        conn.cursor,
        conn.commit,
        conn.rollback,
        conn.close,
        lambda: conn.adbc_connection,
        lambda: conn.adbc_current_catalog,
        conn.__enter__,
    ):
        with pytest.raises(InterfaceError, match="closed"):
            use()
    with pytest.raises(InterfaceError, match="closed"):
        reader.read_all()


def test_with_blocks(server: Server) -> None:
    with server.connect() as conn:
        with conn.cursor() as cursor:
            assert cursor.execute("SELECT 1").connection is conn
        assert cursor._closed
    assert conn.closed


def test_script(auto: Conn) -> None:
    cursor = auto.cursor()
    cursor.executescript("CREATE TABLE t (a TEXT); INSERT INTO t VALUES (';'); -- the end")
    assert cursor.execute("FROM t").fetchall() == [(";",)]


def test_adbc_extensions(auto: Conn) -> None:
    cursor = auto.cursor()
    schema = cursor.adbc_prepare("SELECT $1::INT + $2::INT")
    assert schema is not None
    assert len(schema) == 2
    assert cursor.adbc_execute_schema("SELECT 1 AS a").names == ["a"]
    partitions, _ = cursor.adbc_execute_partitions("SELECT $a AS a", {"a": 5})
    cursor.adbc_read_partition(partitions[0])
    assert cursor.fetchall() == [(5,)]
    assert cursor.adbc_statement is auto.cursor().adbc_statement


def test_many_different_statements_with_parameters(auto: Conn, server: Server) -> None:
    cursor = auto.cursor()
    for _ in range(2):
        for i in range(40):
            assert cursor.execute(f"SELECT {i} + $a", {"a": 1}).fetchone() == (i + 1,)
    assert server.open_statements <= 32


def test_executemany_is_all_or_nothing(auto: Conn, server: Server) -> None:
    auto.execute("CREATE TABLE t (a INT, b TEXT)")
    cursor = auto.cursor()
    cursor.executemany("INSERT INTO t VALUES (?, ?)", [(1, "x"), (2, None)])
    assert cursor.rowcount == 2
    cursor.executemany("UPDATE t SET b = $b WHERE a = $a", [{"a": 1, "b": "z"}, {"a": 9, "b": ""}])
    assert cursor.rowcount == 1
    cursor.executemany("INSERT INTO t VALUES (?, ?)", [])
    with pytest.raises(altertable_dbapi.Error):
        cursor.executemany("INSERT INTO t VALUES (?, ?)", [(3, "x"), ("no number", "y")])
    assert auto.execute("FROM t ORDER BY a").fetchall() == [(1, "z"), (2, None)]
    assert not auto.in_transaction
    with pytest.raises(ProgrammingError, match="SELECT"):
        cursor.executemany("SELECT ?", [(3,)])


@pytest.mark.not_on("lake", reason="returning")
def test_executemany_returns_rows(auto: Conn) -> None:
    auto.execute("CREATE TABLE t (a INT, b TEXT)")
    cursor = auto.cursor()
    cursor.executemany("INSERT INTO t VALUES (?, ?) RETURNING a", [(3, "x"), (4, "y")])
    assert cursor.fetchall() == [(3,), (4,)]
    assert cursor.rowcount == 2
