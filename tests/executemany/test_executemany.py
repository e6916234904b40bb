"""Many sets of parameters: the same as one statement each, in few messages, all or nothing."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altertable_dbapi import (
    Connection,
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
)
from altertable_dbapi.local import Server

from ..support.engines import examples

Conn = Connection[tuple[Any, ...]]
D = decimal.Decimal

WAYS = ["lists", "literals", "text server"]


@pytest.fixture(params=WAYS)
def many(request: pytest.FixtureRequest) -> Iterator[Conn]:
    """An autocommit connection for each way in which rows may go to a server."""
    with (
        Server(bind_as_text=request.param == "text server") as server,
        server.connect(
            autocommit=True, binding="client" if request.param == "literals" else "auto"
        ) as connection,
    ):
        yield connection


def inserts(server: Server) -> list[str]:
    return [text for text in server.executed if text.startswith("INSERT")]


def load(conn: Conn, statement: str, sets: Any) -> int:
    cursor = conn.cursor()
    cursor.executemany(statement, sets)
    assert cursor.description is None
    return cursor.rowcount


def test_rows_of_every_type(many: Conn) -> None:
    many.execute(
        "CREATE TABLE t (a INT, b VARCHAR, c DOUBLE, d DECIMAL(9,2), e DATE, f TIMESTAMP, "
        "g TIMESTAMPTZ, h BLOB, i INT[], j STRUCT(x INT, y VARCHAR), k BOOLEAN, l TIME)"
    )
    when = dt.datetime(2020, 2, 29, 1, 2, 3, 4)
    zoned = when.replace(tzinfo=dt.timezone.utc)
    rows: list[tuple[Any, ...]] = [
        (i, f"it's {i} \\ \"", i / 7, D(i) / 100, when.date(), when, zoned, bytes([i, 0]), *nested)
        for i in range(50)
        for nested in [([i, None], {"x": i, "y": "'"}, i % 2 == 0, when.time())]
    ]
    rows.append((None,) * 12)
    assert load(many, f"INSERT INTO t VALUES ({', '.join('?' * 12)})", rows) == 51
    assert many.execute("FROM t ORDER BY a NULLS LAST").fetchall() == rows


def test_a_hundred_thousand_rows_go_in_few_statements(auto: Conn, server: Server) -> None:
    auto.execute("CREATE TABLE t (a INT, b VARCHAR, c DOUBLE)")
    rows = [(i, f"name {i}", i / 3) for i in range(100_000)]
    assert load(auto, "INSERT INTO t VALUES (?, ?, ?)", rows) == 100_000
    assert auto.execute("SELECT count(*), sum(a), min(b), sum(c) FROM t").fetchall() == [
        (100_000, 4_999_950_000, "name 0", pytest.approx(sum(row[2] for row in rows)))
    ]
    sent = inserts(server)
    assert len(sent) < 10
    assert len(set(sent)) == 1
    parameters = [text.parameters for text in server.executed if text in sent]
    assert all(batch is not None and batch.nbytes < 3 * 1024 * 1024 for batch in parameters)
    assert server.calls.count("DoAction:BeginTransaction") == 1


def test_placeholders_constants_and_expressions(many: Conn) -> None:
    many.execute("CREATE TABLE t (a INT, b INT, c VARCHAR, d INT DEFAULT 7, e DATE)")
    statement = "INSERT INTO t (b, a, c, d, e) VALUES (?, 5 - ?, upper(?) || 'x', DEFAULT, ?::DATE)"
    assert load(many, statement, [(1, 2, "a", "2020-01-01"), (3, 4, "b", None)]) == 2
    assert many.execute("FROM t").fetchall() == [
        (3, 1, "Ax", 7, dt.date(2020, 1, 1)),
        (1, 3, "Bx", 7, None),
    ]
    load(many, "INSERT INTO t VALUES (?, DEFAULT, ?, DEFAULT, NULL)", [(8, "y"), (9, None)])
    assert many.execute("FROM t WHERE a > 7").fetchall() == [
        (8, None, "y", 7, None),
        (9, None, None, 7, None),
    ]


def test_names_and_numbers(many: Conn) -> None:
    many.execute("CREATE TABLE t (a INT, b INT, c INT)")
    load(many, "INSERT INTO t VALUES ($x, $y, $x)", [{"x": 1, "y": 2, "z": 3}, {"y": 5, "x": 4}])
    load(many, "INSERT INTO t VALUES ($2, $1, $2)", [(7, 8), [9, 10]])
    assert many.execute("FROM t").fetchall() == [(1, 2, 1), (4, 5, 4), (8, 7, 8), (10, 9, 10)]


def test_values_are_converted_as_by_one_insert(many: Conn) -> None:
    many.execute("CREATE TABLE t (a INT, b DATE, c VARCHAR, e UUID)")
    row = ("5", "2020-02-29", 5, "00000000-0000-0000-0000-000000000005")
    load(many, "INSERT INTO t VALUES (?, ?, ?, ?)", [row] * 3)
    many.execute("INSERT INTO t VALUES (?, ?, ?, ?)", row)
    assert len(set(many.execute("FROM t").fetchall())) == 1
    # A string is a number where one is wanted, a column of strings is not.
    many.execute("CREATE TABLE u (a VARCHAR)")
    load(many, "INSERT INTO u VALUES (chr(?))", [["65"], ["66"]])
    many.execute("INSERT INTO u VALUES (chr(?))", ["67"])
    assert many.execute("FROM u").fetchall() == [("A",), ("B",), ("C",)]


@pytest.mark.not_on("lake", reason="enum")
def test_values_of_an_enum_are_converted_as_by_one_insert(many: Conn) -> None:
    many.execute("CREATE TABLE t (d ENUM ('x', 'y'))")
    load(many, "INSERT INTO t VALUES (?)", [["y"]] * 3)
    many.execute("INSERT INTO t VALUES (?)", ["y"])
    assert many.execute("FROM t").fetchall() == [("y",)] * 4


def test_one_column_has_one_type_that_loses_nothing(many: Conn) -> None:
    many.execute("CREATE TABLE t (a DOUBLE, b TIMESTAMP, c DECIMAL(38, 3), d VARCHAR)")
    day, moment = dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 5, 6, 7, 8)
    load(
        many,
        "INSERT INTO t VALUES (?, ?, ?, ?)",
        [(1, day, 1, "x"), (2.5, moment, D("2.125"), None), (None, None, 2**90, "\0")],
    )
    assert many.execute("FROM t").fetchall() == [
        (1.0, dt.datetime(2020, 1, 1), D("1.000"), "x"),
        (2.5, moment, D("2.125"), None),
        (None, None, D(2**90), "\0"),
    ]


def test_types_that_change_on_the_way(many: Conn) -> None:
    many.execute("CREATE TABLE t (i INT, a DOUBLE)")
    values = [*range(3_000), *(i + 0.5 for i in range(3_000)), None, "7.25", 2**53 + 1, 0.5]
    rows = [(i, value) for i, value in enumerate(values)]
    assert load(many, "INSERT INTO t VALUES (?, ?)", rows) == len(rows)
    stored = [value for (value,) in many.execute("SELECT a FROM t ORDER BY i").fetchall()]
    assert stored == [None if value is None else float(value) for value in values]


def test_functions_are_evaluated_for_each_row(many: Conn) -> None:
    many.execute("CREATE TEMP SEQUENCE s")
    many.execute("CREATE TABLE t (n INT, a INT, u UUID, r DOUBLE)")
    load(
        many,
        "INSERT INTO t VALUES (nextval('s'), ?, uuid(), random())",
        [(i,) for i in range(2_500)],
    )
    rows = many.execute("FROM t").fetchall()
    assert [row[0] for row in rows] == [row[1] + 1 for row in rows]
    assert len({row[2] for row in rows}) == len({row[3] for row in rows}) == 2_500


@pytest.mark.not_on("lake", reason="conflict clause")
def test_conflicts(many: Conn) -> None:
    many.execute("CREATE TABLE t (k INT PRIMARY KEY, v VARCHAR)")
    rows = [(1, "a"), (2, "b"), (1, "c")]
    assert load(many, "INSERT INTO t VALUES (?, ?) ON CONFLICT DO NOTHING", rows) == 2
    assert load(many, "INSERT OR IGNORE INTO t VALUES (?, ?)", rows) == 0
    assert many.execute("FROM t ORDER BY k").fetchall() == [(1, "a"), (2, "b")]
    assert load(many, "INSERT OR REPLACE INTO t VALUES (?, ?)", rows) == 3
    assert many.execute("FROM t ORDER BY k").fetchall() == [(1, "c"), (2, "b")]
    upsert = "INSERT INTO t VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = t.v || excluded.v"
    assert load(many, upsert, rows) == 3
    assert many.execute("FROM t ORDER BY k").fetchall() == [(1, "cac"), (2, "bb")]


def test_other_statements_run_for_each_set(many: Conn) -> None:
    many.execute("CREATE TABLE t AS SELECT range AS a, 0 AS b FROM range(5)")
    assert (
        load(many, "UPDATE t SET b = $b WHERE a >= $a", [{"a": 1, "b": 5}, {"a": 3, "b": 6}]) == 6
    )
    assert load(many, "DELETE FROM t WHERE a = ?", [(0,), (9,), (1,)]) == 2
    # A query in the row sees the rows before it.
    assert load(many, "INSERT INTO t VALUES ((SELECT max(a) FROM t) + ?, 9)", [(1,), (1,)]) == 2
    assert many.execute("FROM t ORDER BY a").fetchall() == [(2, 5), (3, 6), (4, 6), (5, 9), (6, 9)]
    assert load(many, "INSERT INTO t SELECT ?, ?", [(7, None), (8, 2)]) == 2
    assert load(many, "INSERT INTO t VALUES (0, 0)", [(), ()]) == 2
    assert (
        load(
            many,
            "MERGE INTO t USING (SELECT ? AS a) s ON t.a = s.a WHEN MATCHED THEN DELETE",
            [(0,)],
        )
        == 2
    )


def test_a_statement_of_its_own_for_each_row_is_prepared_once(auto: Conn, server: Server) -> None:
    auto.execute("CREATE TABLE t (a INT)")
    auto.execute("SELECT ?", [1])
    server.clear()
    load(auto, "INSERT INTO t SELECT ?", [(i,) for i in range(5)])
    assert server.calls.count("DoAction:CreatePreparedStatement") == 1
    assert server.calls.count("DoAction:BeginTransaction") == 1


class Pair(NamedTuple):
    a: int
    b: str


class Lookup(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, **values: Any) -> None:
        self.values_by_name = values

    def __getitem__(self, key: str) -> Any:
        return self.values_by_name[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)


TABLE = pa.table({"a": [1, 2], "b": ["x", None]})


@pytest.mark.parametrize(
    "sets",
    [
        [(1, "x"), (2, None)],
        ([1, "x"], (2, None)),
        lambda: iter([[1, "x"], [2, None]]),
        {(1, "x"): 0, (2, None): 0}.keys(),
        [Pair(1, "x"), Pair(2, None)],  # type: ignore[arg-type]
        TABLE,
        TABLE.to_batches()[0],
        lambda: TABLE.to_reader(max_chunksize=1),
        lambda: iter(TABLE.to_batches(max_chunksize=1)),
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pl.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pa.table(
            {"a": pa.array([1, 2], pa.int16()), "b": pa.array(["x", None]).dictionary_encode()}
        ),
    ],
    ids=lambda sets: type(sets).__name__,
)
@pytest.mark.parametrize("statement", ["INSERT INTO t VALUES (?, ?)", "INSERT INTO t SELECT ?, ?"])
def test_sets_of_every_kind(auto: Conn, sets: Any, statement: str) -> None:
    auto.execute("CREATE TABLE t (a INT, b VARCHAR)")
    assert load(auto, statement, sets() if callable(sets) else sets) == 2
    assert auto.execute("FROM t").fetchall() == [(1, "x"), (2, None)]


@pytest.mark.parametrize(
    "sets",
    [
        [{"b": "x", "a": 1}, Lookup(a=2, b=None)],
        TABLE.select(["b", "a"]),
        pl.DataFrame({"b": ["x", None], "unused": [0, 0], "a": [1, 2]}),
    ],
    ids=lambda sets: type(sets).__name__,
)
@pytest.mark.parametrize(
    "statement", ["INSERT INTO t VALUES ($a, $b)", "INSERT INTO t SELECT $a, $b"]
)
def test_sets_with_names(auto: Conn, sets: Any, statement: str) -> None:
    auto.execute("CREATE TABLE t (a INT, b VARCHAR)")
    assert load(auto, statement, sets) == 2
    assert auto.execute("FROM t").fetchall() == [(1, "x"), (2, None)]


def test_nothing_is_sent_for_nothing(conn: Conn, server: Server) -> None:
    cursor = conn.cursor()
    server.clear()
    nothing: list[Any] = [[], (), iter([])]
    for sets in (*nothing, TABLE.slice(0, 0), iter(TABLE.to_batches()[:0])):
        for statement in ("INSERT INTO t VALUES (?, ?)", "UPDATE t SET a = ? WHERE b = ?"):
            cursor.executemany(statement, sets)
            assert cursor.rowcount == 0
    assert server.calls == []
    assert not conn.in_transaction


def test_a_generator_is_read_as_it_is_sent(auto: Conn, server: Server) -> None:
    auto.execute("CREATE TABLE t (a INT, b VARCHAR)")
    ahead = []

    def rows() -> Iterator[tuple[int, str]]:
        for i in range(60_000):
            if i % 1_000 == 0:
                batches = [text.parameters for text in server.executed if "INSERT" in text]
                ahead.append(i - sum(len(batch[0][0]) for batch in batches if batch is not None))
            yield i, "x" * 100

    assert load(auto, "INSERT INTO t VALUES (?, ?)", rows()) == 60_000
    assert max(ahead) < 45_000
    assert auto.execute("SELECT count(*), sum(a) FROM t").fetchall() == [(60_000, 1_799_970_000)]


def test_rows_from_a_cursor_of_the_same_connection(many: Conn) -> None:
    many.execute("CREATE TABLE t (a BIGINT)")
    source = many.execute("SELECT range FROM range(5000)")
    assert load(many, "INSERT INTO t VALUES (?)", source) == 5_000
    assert many.execute("SELECT count(*), sum(a) FROM t").fetchall() == [(5_000, 12_497_500)]


def test_large_rows_go_in_messages_that_servers_take(many: Conn) -> None:
    many.execute("CREATE TABLE t (a VARCHAR)")
    rows = [(chr(97 + i % 26) * 100_000,) for i in range(60)]
    assert load(many, "INSERT INTO t VALUES (?)", rows) == 60
    assert many.execute("SELECT count(*), sum(length(a)) FROM t").fetchall() == [(60, 6_000_000)]


@pytest.mark.parametrize(
    ("statement", "sets", "words"),
    [
        ("VALUES (?, ?)", [(1, "x"), (2,)], "row 2: .*2 placeholders.*1 parameters"),
        ("VALUES (?, ?)", [(1, "x"), (2, "y", 3)], "row 2: .*3 parameters"),
        ("VALUES (?, ?)", [(1, "x"), None], "row 2: .*0 parameters"),
        ("VALUES (?, ?)", [(1, "x"), "ab"], "row 2: .*str.*sequence"),
        ("VALUES (?, ?)", [(1, "x"), {"a": 1}], "row 2: .*sequence"),
        ("VALUES ($a, $b)", [{"a": 1, "b": 2}, {"a": 1}], r"row 2: .*\$b.*given: a"),
        ("VALUES ($a, $b)", [{"a": 1, "b": 2}, (1, 2)], "row 2: .*mapping.*tuple"),
        ("VALUES (?, ?)", {"a": 1}, "dict.*iterable"),
        ("VALUES (?, ?)", "ab", "str.*iterable"),
        ("VALUES (?, ?)", 5, "int.*iterable"),
        ("VALUES (?, ?)", None, "NoneType.*iterable"),
        ("VALUES ($a, $c)", TABLE, r"\$c.*a, b"),
        ("VALUES (?)", TABLE, "1 placeholders.*2 parameters"),
    ],
)
def test_wrong_sets_are_refused_before_anything_is_sent(
    conn: Conn, server: Server, statement: str, sets: Any, words: str
) -> None:
    for text in (
        f"INSERT INTO t {statement}",
        f"INSERT INTO t {statement.replace('VALUES', 'SELECT 0 +')}",
    ):
        server.clear()
        with pytest.raises(ProgrammingError, match=words):
            conn.cursor().executemany(text, sets)
        assert server.calls == []


def test_what_returns_rows_is_refused(conn: Conn, server: Server) -> None:
    server.clear()
    with pytest.raises(ProgrammingError, match="RETURNING; SELECT returns others"):
        conn.cursor().executemany("SELECT ?", [(1,)])
    assert server.calls == []


@pytest.mark.parametrize("autocommit", [True, False])
def test_a_value_that_cannot_be_bound_is_named_before_anything_is_sent(
    server: Server, autocommit: bool
) -> None:
    with server.connect(autocommit=autocommit) as conn:
        rows: list[Any] = [(i, "x") for i in range(100_000)]
        rows[70_000] = (5, object())
        server.clear()
        with pytest.raises(DataError, match=r"object.* to \?2 in row 70001"):
            conn.cursor().executemany("INSERT INTO t VALUES (?, ?)", rows)
        with pytest.raises(DataError, match=r"object.* to \?2 in row 70001"):
            conn.cursor().executemany("INSERT INTO t SELECT ?, ?", rows)
        assert server.calls == []


def test_a_generators_wrong_value_undoes_what_was_sent(auto: Conn) -> None:
    auto.execute("CREATE TABLE t (a INT, b VARCHAR)")
    rows: Any = ((i, "x" if i < 30_000 else object()) for i in range(40_000))
    with pytest.raises(DataError, match=r"object.* to \?2 in row 30001"):
        auto.cursor().executemany("INSERT INTO t VALUES (?, ?)", rows)
    assert auto.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    assert not auto.in_transaction

    def failing() -> Iterator[tuple[int, str]]:
        yield from ((i, "x") for i in range(5_000))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        auto.cursor().executemany("INSERT INTO t VALUES (?, ?)", failing())
    assert auto.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize("binding", ["auto", "client"])
def test_a_value_that_the_server_refuses_is_named(
    server: Server, autocommit: bool, binding: str
) -> None:
    with server.connect(autocommit=autocommit) as conn:
        conn.execute("CREATE TABLE t (a INT, b VARCHAR, c INT NOT NULL)")
        conn.commit()
        rows: list[Any] = [(str(i), "x", i) for i in range(20_000)]
        rows[17_000] = ("no number", "x", 5)
        cursor = conn.cursor(binding=binding)
        with pytest.raises(DataError, match=r"'no number'.*\(row 17001, column 'a'\)") as caught:
            cursor.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        assert "\n" not in str(caught.value)
        conn.rollback()
        rows[17_000] = ("5", "x", None)
        with pytest.raises(IntegrityError, match=r"NOT NULL.*\(row 17001, column 'c'\)"):
            cursor.executemany("INSERT INTO t (c, a) VALUES ($3, $1 || '')", rows)
        conn.rollback()
        assert conn.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_an_expression_that_fails_is_named(auto: Conn) -> None:
    auto.execute('CREATE TABLE t ("a b" DATE)')
    rows = [["2020-01-01"]] * 10 + [["2020-13-01"]]
    with pytest.raises(DataError, match=r"2020-13-01.*\(row 11, column 'a b'\)"):
        auto.cursor().executemany('INSERT INTO local.main.t ("a b") VALUES (CAST(? AS DATE))', rows)


@pytest.mark.not_on("lake", reason="primary key")
def test_a_row_that_cannot_be_told_is_narrowed_down(conn: Conn) -> None:
    conn.execute("CREATE TABLE t (a INT PRIMARY KEY)")
    with pytest.raises(IntegrityError, match=r"\(one of the rows 1 to 3\)"):
        conn.cursor().executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (1,)])
    conn.rollback()
    # The table is part of the transaction that has failed: nobody else knows it.
    conn.execute("CREATE TABLE t (a INT)")
    with pytest.raises(DataError, match=r"'x'.*\(one of the rows 1 to 2\)"):
        conn.cursor().executemany("INSERT INTO t VALUES (?)", [("1",), ("x",)])
    with pytest.raises(OperationalError, match="rollback"):
        conn.execute("FROM t")
    conn.rollback()
    with pytest.raises(ProgrammingError, match="Catalog Error"):
        conn.cursor().executemany("INSERT INTO t VALUES (?)", [(1,)])
    conn.rollback()


def test_a_loops_failure_names_its_row(auto: Conn) -> None:
    auto.execute("CREATE TABLE t (a INT)")
    with pytest.raises(DataError, match=r"'x'.*\(row 3\)"):
        auto.cursor().executemany("INSERT INTO t SELECT ?", [("1",), ("2",), ("x",)])
    assert auto.execute("FROM t").fetchall() == []


def test_manual_commit_keeps_all_of_it_in_the_transaction(conn: Conn, server: Server) -> None:
    conn.execute("CREATE TABLE t (a INT)")
    conn.commit()
    load(conn, "INSERT INTO t VALUES (?)", [(i,) for i in range(5_000)])
    load(conn, "UPDATE t SET a = a + ?", [(1,), (1,)])
    assert conn.in_transaction
    with server.connect() as other:
        assert other.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    conn.rollback()
    assert conn.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_what_makes_other_than_a_row_of_each_set_is_undone(auto: Conn) -> None:
    auto.execute("CREATE TABLE t (a BIGINT)")
    for expression in ("sum(?)", "count(*) OVER () + ?", "unnest([1, 2]) + ?"):
        with pytest.raises(ProgrammingError):
            auto.cursor().executemany(f"INSERT INTO t VALUES ({expression})", [(1,), (2,)])
        assert auto.execute("FROM t").fetchall() == []


@pytest.fixture(scope="module")
def shared() -> Iterator[Conn]:
    with Server() as server, server.connect(autocommit=True) as connection:
        yield connection


values = (
    st.none() | st.integers(-(2**31), 2**31 - 1) | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
)
words = st.none() | st.text("ab'\"\\\0[],{} \nNULLé", max_size=5)


@settings(max_examples=examples(25), deadline=None)
@given(
    rows=st.lists(st.tuples(values, words, st.none() | st.lists(words, max_size=2)), max_size=12)
)
def test_many_sets_are_as_one_statement_each(shared: Conn, rows: list[tuple[Any, ...]]) -> None:
    shared.execute("CREATE OR REPLACE TABLE one (i INT, a DOUBLE, b VARCHAR, c VARCHAR[])")
    statement = "INSERT INTO {} VALUES (?, ?, ?, ?)"
    numbered = [(i, *row) for i, row in enumerate(rows)]
    for row in numbered:
        shared.execute(statement.format("one"), row)
    expected = shared.execute("FROM one ORDER BY i").fetchall()
    for binding in ("auto", "client"):
        shared.execute("CREATE OR REPLACE TABLE many AS FROM one LIMIT 0")
        shared.cursor(binding=binding).executemany(statement.format("many"), numbered)
        assert shared.execute("FROM many ORDER BY i").fetchall() == expected


@pytest.mark.parametrize(
    ("kind", "expression", "values", "stored"),
    [
        ("MAP(VARCHAR, INT)", "?", [{"a": 1}, {"b": 2}], ["{a=1}", "{b=2}"]),
        ("JSON", "?", [{"a": 1}, {"b": 2}, [1]], ['{"a":1}', '{"b":2}', "[1]"]),
        ("VARCHAR", "?", [1, 2.5, True, 2**40], ["1", "2.5", "true", "1099511627776"]),
        ("VARCHAR", "?", [D("1"), D("2.50"), None], ["1", "2.50", None]),
        ("DOUBLE", "? // 2", [7, 0.5], ["3.0", "0.25"]),
        ("INT", "?", [D(1), 2.5, "3"], ["1", "2", "3"]),
        ("VARCHAR", "?", [dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 1)], None),
        ("VARCHAR", "coalesce(?, 'none')", [None, "x", 1], ["none", "x", "1"]),
        pytest.param(
            *("UNION(i BIGINT, s VARCHAR)", "?", [1, None, "x"], ["1", None, "x"]),
            marks=pytest.mark.not_on("lake", reason="union"),
        ),
        ("VARCHAR", "?", [[1, None], [2.5], ["x"], []], ["[1, NULL]", "[2.5]", "[x]", "[]"]),
    ],
)
@pytest.mark.parametrize("count", [1, 30])
def test_no_row_depends_on_the_others(
    many: Conn, kind: str, expression: str, values: list[Any], stored: list[Any] | None, count: int
) -> None:
    if stored is None:
        stored = ["2020-01-01", "2020-01-01 01:00:00"]
    many.execute(f"CREATE TABLE t (a {kind})")
    statement = f"INSERT INTO t VALUES ({expression})"
    for value in values:
        many.execute(statement, [value])
    many.execute("DELETE FROM t")
    assert load(many, statement, [[value] for value in values * count]) == len(values) * count
    found = many.execute("SELECT a::VARCHAR FROM t").fetchall()
    assert [row[0] for row in found] == stored * count


def test_rows_of_mixed_types_go_in_few_statements(auto: Conn, server: Server) -> None:
    auto.execute("CREATE TABLE t (a VARCHAR, b DOUBLE)")
    rows = [(i if i % 2 else i / 4, None if i % 3 else 2**40) for i in range(10_000)]
    load(auto, "INSERT INTO t VALUES (?, ? // 2)", rows)
    assert len(inserts(server)) < 5
    stored = auto.execute("FROM t").fetchall()
    assert stored == [(str(a), b and float(b // 2)) for a, b in rows]


@pytest.mark.not_on("lake", reason="foreign key")
@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize("generated", [True, False])
def test_a_table_that_refers_to_itself(server: Server, autocommit: bool, generated: bool) -> None:
    with server.connect(autocommit=autocommit) as conn:
        conn.execute("CREATE TABLE t (id INT PRIMARY KEY, parent INT REFERENCES t (id), v INT)")
        conn.commit()
        rows = [(i, i // 10 if i else None, i) for i in range(300)]
        sent = len(inserts(server))
        statement = "INSERT INTO t (v, id, parent) VALUES ($3, $1, $2)"
        assert load(conn, statement, iter(rows) if generated else rows) == 300
        assert len(inserts(server)) - sent < 10
        # Once more, in a transaction that has begun.
        conn.execute("DELETE FROM t WHERE id >= 100")
        load(conn, statement, rows[100:])
        conn.commit()
        assert conn.execute("FROM t").fetchall() == rows
        with pytest.raises(IntegrityError, match=r"foreign key.*\(one of the rows 1 to 2\)"):
            load(conn, statement, [(1_000, None, 0), (1_001, 5_000, 0), (1_002, 1_000, 0)])
        conn.rollback()


@pytest.mark.not_on("lake", reason="unique")
def test_keys_that_are_only_alike_in_the_table_go_row_by_row(auto: Conn) -> None:
    auto.execute("CREATE TABLE t (id VARCHAR UNIQUE, parent VARCHAR REFERENCES t (id))")
    load(auto, "INSERT INTO t VALUES (?, ?)", [(1, None), ("2", "1"), (3, "2"), ("x", 3)])
    load(auto, "INSERT INTO t VALUES (lower(?), ?)", [("Y", None), ("Z", "y")])
    assert auto.execute("SELECT count(*), count(parent) FROM t").fetchall() == [(6, 4)]


@pytest.mark.not_on("lake", reason="generated column")
def test_a_generated_column_takes_no_value(many: Conn) -> None:
    many.execute("CREATE TABLE t (a INT, g INT GENERATED ALWAYS AS (a + 1), b VARCHAR)")
    load(many, "INSERT INTO t VALUES (?, ?)", [(i, i if i % 2 else i / 2) for i in range(30)])
    assert many.execute("SELECT a, g, b FROM t LIMIT 2").fetchall() == [(0, 1, "0.0"), (1, 2, "1")]


def test_a_count_that_is_not_known(auto: Conn) -> None:
    cursor = auto.cursor()
    cursor.executemany("SET threads = ?", [(1,), (2,)])
    assert cursor.rowcount == -1
