"""UPDATE, DELETE, upserts and RETURNING for many sets: few statements, in order, all or none."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from altertable_dbapi import Connection, DataError, IntegrityError, ProgrammingError
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]
D = decimal.Decimal
TABLE = "CREATE TABLE t (k INT, v VARCHAR, n BIGINT)"
KEY = "ALTER TABLE t ADD PRIMARY KEY (k)"


@pytest.fixture(params=["server", "client"])
def filled(request: pytest.FixtureRequest, server: Server) -> Iterator[Conn]:
    """A connection for each binding, to a table of ten rows."""
    with server.connect(autocommit=True, binding=request.param) as connection:
        connection.execute(TABLE)
        connection.execute("INSERT INTO t SELECT range, 'v' || range, range FROM range(10)")
        yield connection


@pytest.fixture
def keyed(filled: Conn) -> Conn:
    """The same with a key, which a lake's tables have not."""
    filled.execute(KEY)
    return filled


def sent(server: Server, *verbs: str) -> int:
    return sum(text.startswith(verbs) for text in server.executed)


def test_an_update_by_key_is_one_statement(filled: Conn, server: Server) -> None:
    cursor = filled.cursor()
    sets = [(f"it's {i}", i * 10, i) for i in range(2, 30)]
    cursor.executemany("UPDATE t SET v = ?, n = n + ? WHERE k = ?", sets)
    assert cursor.rowcount == 8
    assert cursor.description is None
    assert sent(server, "UPDATE") == 1
    assert filled.execute("FROM t ORDER BY k").fetchall() == [
        *((i, f"v{i}", i) for i in range(2)),
        *((i, f"it's {i}", i * 11) for i in range(2, 10)),
    ]


def test_a_later_set_sees_what_an_earlier_one_did(filled: Conn, server: Server) -> None:
    cursor = filled.cursor()
    cursor.executemany(
        "UPDATE t SET v = v || $v, n = n * 10 + $n WHERE k = $k",
        [
            {"k": k, "v": v, "n": n}
            for k, v, n in [(1, "a", 1), (2, "b", 2), (1, "c", 3), (1, "d", 4)]
        ],
    )
    assert cursor.rowcount == 4
    assert sent(server, "UPDATE") == 3
    assert filled.execute("FROM t WHERE k < 3 ORDER BY k").fetchall() == [
        (0, "v0", 0),
        (1, "v1acd", 1134),
        (2, "v2b", 22),
    ]


def test_a_delete_by_keys_is_one_statement(filled: Conn, server: Server) -> None:
    cursor = filled.cursor()
    sets = [(1, "v1"), (2, "x"), (None, "v3"), (4, None), (5, "v5"), (5, "v5"), (77, "v7")]
    cursor.executemany('DELETE FROM main."t" AS d WHERE d.k = ? AND v = ?', sets)
    assert cursor.rowcount == 2
    assert sent(server, "DELETE") == 1
    assert [k for (k,) in filled.execute("SELECT k FROM t ORDER BY k").fetchall()] == [
        0, 2, 3, 4, 6, 7, 8, 9,
    ]  # fmt: skip


@pytest.mark.not_on("lake", reason="conflict clause")
@pytest.mark.parametrize(
    ("statement", "word"),
    [
        (
            "INSERT INTO t VALUES (?, ?, ?) ON CONFLICT (k) DO UPDATE SET v = t.v || excluded.v",
            "ON",
        ),
        ("INSERT INTO t VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET v = v || excluded.v", "ON"),
        ("INSERT OR REPLACE INTO t (k, v, n) VALUES (?, ?, ?)", "REPLACE"),
    ],
)
def test_upserts_go_in_rounds(keyed: Conn, server: Server, statement: str, word: str) -> None:
    cursor = keyed.cursor()
    cursor.executemany(
        statement, [(8, "a", 1), (50, "b", 2), (8, "c", 3), (51, "d", 4), (50, "e", 5)]
    )
    assert cursor.rowcount == 5
    assert sent(server, "INSERT") == 3  # with the one that filled it
    upsert = word == "ON"
    assert keyed.execute("FROM t WHERE k > 7 ORDER BY k").fetchall() == [
        (8, "v8ac" if upsert else "c", 8 if upsert else 3),
        (9, "v9", 9),
        (50, "be" if upsert else "e", 2 if upsert else 5),
        (51, "d", 4),
    ]


@pytest.mark.not_on("lake", reason="returning")
@pytest.mark.parametrize("count", [3, 10, 20_000])
def test_returning_gives_the_rows_of_all_sets_in_their_order(
    keyed: Conn, server: Server, count: int
) -> None:
    cursor = keyed.cursor()
    keys = [100 + (i * 7919) % 20_011 for i in range(count)]
    cursor.executemany(
        "INSERT INTO t VALUES (?, upper(?), ?) RETURNING k, v, n + 1 AS m",
        [(key, f"w{key}", i) for i, key in enumerate(keys)],
    )
    expected = [(key, f"W{key}", i + 1) for i, key in enumerate(keys)]
    assert cursor.rowcount == count
    assert [column[0] for column in cursor.description or ()] == ["k", "v", "m"]
    assert cursor.fetchone() == expected[0]
    assert cursor.fetchmany(1) == expected[1:2]
    assert list(cursor) == expected[2:]
    upsert = "INSERT INTO t VALUES (?, ?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v"
    # Every second of them is new.
    mixed = [(key - i % 2 * 100_000, "z", i) for i, key in enumerate(keys)]
    cases: list[tuple[str, list[Any], list[int]]] = [
        (f"{upsert} RETURNING *", mixed, [key for key, *_ in mixed]),
        ("UPDATE t SET v = ? WHERE k = ? RETURNING v, *", [(v, k) for k, v, _ in expected], keys),
        ("DELETE FROM t WHERE k = ? RETURNING k, v", [(key,) for key in keys], keys),
    ]
    for statement, sets, order in cases:
        server.clear()
        cursor.executemany(statement, sets)
        assert cursor.rowcount == count
        assert sent(server, "INSERT", "UPDATE", "DELETE") < (count if count < 4 else 4) + 1
        table = cursor.fetch_arrow_table()
        assert table.column("k").to_pylist() == order
        assert not any("__key" in name for name in table.schema.names)


@pytest.mark.not_on("lake", reason="returning")
def test_returned_rows_are_read_in_every_way(filled: Conn) -> None:
    cursor = filled.cursor()
    statement = "UPDATE t SET n = ? WHERE k = ? RETURNING k, n"
    sets = [(i * i, i) for i in reversed(range(10))]
    expected = [(i, i * i) for i in reversed(range(10))]
    cursor.executemany(statement, sets)
    assert cursor.fetchall() == expected
    assert cursor.fetchall() == []
    cursor.executemany(statement, sets)
    reader = cursor.fetch_record_batch()
    filled.execute("SELECT 1")
    assert [tuple(row.values()) for row in reader.read_all().to_pylist()] == expected
    cursor.executemany(statement, sets)
    assert pl.DataFrame(cursor).rows() == expected
    cursor.executemany(statement, sets)
    assert list(cursor.fetch_df().itertuples(index=False, name=None)) == expected
    cursor.executemany(statement, [(1, 100), (2, 200), (3, 300), (4, 400)])
    assert (cursor.rowcount, cursor.fetchall()) == (0, [])
    assert [column[0] for column in cursor.description or ()] == ["k", "n"]
    cursor.executemany(statement, [])
    assert (cursor.rowcount, cursor.description) == (0, None)
    with pytest.raises(ProgrammingError, match="no rows"):
        cursor.fetchall()


#: Statements whose sets may see each other's rows, or more than their own.
ALONE = [
    ("UPDATE t SET k = ? WHERE k = ?", [(k + 100, k) for k in range(5)]),
    ("UPDATE t SET n = (SELECT max(n) FROM t) + ? WHERE k = ?", [(1, k) for k in range(5)]),
    ("UPDATE t SET n = nextval('s') + ? WHERE k = ?", [(0, k) for k in reversed(range(5))]),
    ("UPDATE t SET n = total(?) WHERE k = ?", [(0, k) for k in range(5)]),
    ("UPDATE t SET n = ? FROM u WHERE t.k = ?", [(0, k) for k in range(5)]),
    ("UPDATE t SET n = ? WHERE k = ? OR n = ?", [(8, k, 8) for k in range(5)]),
    ("UPDATE t SET n = ? WHERE k > ?", [(k, k) for k in range(5)]),
    ("UPDATE t SET v = least(CAST(? AS VARCHAR), v) WHERE k = ?", [("v2", k) for k in range(5)]),
    ("UPDATE t SET v = strftime(DATE '2020-01-02', ?) WHERE k = ?", [("%d", k) for k in range(5)]),
    ("UPDATE t SET v = ? WHERE k = ?", [("x", str(k)) for k in range(5)]),
    ("UPDATE c SET n = ? WHERE v = ?", [(1, "a"), (2, "A"), (3, "a"), (4, "b")]),
    ("DELETE FROM t WHERE k = ? AND n = (SELECT min(n) FROM t)", [(k,) for k in range(5)]),
    ("INSERT INTO w VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET n = 5",
     [(1, 1), (2, 2), (1, 3), (3, 3)]),
    ("INSERT INTO w VALUES (?, ?) ON CONFLICT DO NOTHING", [(1, 1), (1, 2), (3, 2), (3, 3)]),
    ("INSERT INTO q (k) VALUES (?) ON CONFLICT (k) DO UPDATE SET n = excluded.n",
     [(1,), (2,), (1,), (3,), (4,)]),
    ("UPDATE w SET b = ? WHERE a = ?", [(30, 7), (5, 8), (7, 9), (6, 7)]),
]  # fmt: skip


@pytest.mark.not_on("lake", reason="primary key")
@pytest.mark.parametrize(("statement", "sets"), ALONE)
def test_what_looks_beyond_its_row_is_as_in_a_loop(
    keyed: Conn, statement: str, sets: list[tuple[Any, ...]]
) -> None:
    setup = [
        "CREATE SEQUENCE s",
        "CREATE MACRO total(x) AS x + nextval('s')",
        "CREATE TABLE u AS SELECT 1 AS one",
        "CREATE TABLE c (v VARCHAR COLLATE NOCASE, n INT)",
        "INSERT INTO c VALUES ('a', 0), ('B', 0)",
        "CREATE TABLE w (a INT PRIMARY KEY, b INT, n INT DEFAULT 0)",
        "CREATE UNIQUE INDEX i ON w (b)",
        "INSERT INTO w VALUES (7, 7), (8, 8), (9, 9)" if "SET b" in statement else "SELECT 1",
        "CREATE TABLE q (k INT PRIMARY KEY, n INT DEFAULT nextval('s'))",
    ]
    setup[7] = setup[7].replace("INTO w", "INTO w (a, b)")
    statement = statement.replace("INTO w VALUES", "INTO w (a, b) VALUES")
    tables = ["t", "c", "w", "q"]
    with duckdb.connect() as own:
        own.execute(TABLE)
        own.execute("INSERT INTO t SELECT range, 'v' || range, range FROM range(10)")
        own.execute(KEY)
        for text in setup:
            own.execute(text)
            keyed.execute(text)
        own.execute("BEGIN")
        total = sum(own.execute(statement, values).fetchall()[0][0] for values in sets)
        cursor = keyed.cursor()
        cursor.executemany(statement, sets)
        assert cursor.rowcount == total
        for table in tables:
            query = f"SELECT * FROM {table} ORDER BY ALL"
            assert keyed.execute(query).fetchall() == own.execute(query).fetchall()


@pytest.mark.parametrize(
    "sets",
    [
        pa.table({"n": pa.array([5, 6, 7, 8], pa.int16()), "k": [1, 2, 1, 3]}),
        iter([(5, 1), (6, 2), (7, 1), (8, 3)]),
        pl.DataFrame({"n": [5, 6, 7, 8], "k": [1, 2, 1, 3]}),
    ],
    ids=lambda sets: type(sets).__name__,
)
def test_sets_of_other_kinds(auto: Conn, server: Server, sets: Any) -> None:
    auto.execute(TABLE)
    auto.execute("INSERT INTO t SELECT range, 'v', range FROM range(10)")
    cursor = auto.cursor()
    cursor.executemany("UPDATE t SET n = ? WHERE k = ?", sets)
    assert cursor.rowcount == 4
    assert sent(server, "UPDATE") == 2
    assert auto.execute("SELECT n FROM t WHERE k < 4 ORDER BY k").fetchall() == [
        (0,), (7,), (6,), (8,),
    ]  # fmt: skip


@pytest.mark.not_on("lake", reason="conflict clause")
def test_an_error_names_the_set_and_undoes_them_all(keyed: Conn) -> None:
    sets = [("1", i) for i in range(9)]
    sets[6] = ("x", 6)
    with pytest.raises(DataError, match=r"'x'.*\(row 7, column 'n'\)"):
        keyed.cursor().executemany("UPDATE t SET n = ? WHERE k = ?", sets)
    keyed.execute("ALTER TABLE t ALTER v SET NOT NULL")
    upsert = "INSERT INTO t VALUES (?, ?, 0) ON CONFLICT DO UPDATE SET v = excluded.v"
    with pytest.raises(IntegrityError, match=r"NOT NULL.*\(row 3, column 'v'\)"):
        keyed.cursor().executemany(upsert, [(i, None if i == 2 else "y") for i in range(20)])
    with pytest.raises(IntegrityError, match=r"\(one of the rows 1 to 5\)"):
        keyed.cursor().executemany(
            "INSERT INTO t VALUES (?, 'y', 0) RETURNING k", [(i,) for i in range(7, 12)]
        )
    assert keyed.execute("SELECT sum(n), max(v) FROM t").fetchall() == [(45, "v9")]


def test_what_cannot_be_bound_is_named_before_anything_is_sent(auto: Conn, server: Server) -> None:
    server.clear()
    sets: list[Any] = [(i, i) for i in range(50)]
    sets[33] = (object(), 1)
    for statement in ("UPDATE t SET n = ? WHERE k = ?", "INSERT INTO t VALUES (?, ?) RETURNING *"):
        with pytest.raises(DataError, match=r"object.* to \?1 in row 34"):
            auto.cursor().executemany(statement, sets)
    assert server.calls == []


def test_rows_of_different_types_are_refused(auto: Conn) -> None:
    auto.execute("CREATE TABLE t (k INT, v VARCHAR)")
    cursor = auto.cursor(binding="client")
    with pytest.raises(DataError, match="different types.*CAST"):
        cursor.executemany("INSERT INTO t VALUES (1, 'x') RETURNING ?", [(1,), ("x",)])
    assert auto.execute("FROM t").fetchall() == []


@pytest.mark.not_on("lake", reason="returning")
def test_in_a_transaction_the_rows_are_its_own(conn: Conn, server: Server) -> None:
    conn.execute(TABLE)
    cursor = conn.cursor()
    cursor.executemany("INSERT INTO t VALUES (?, 'x', 0) RETURNING k", [(i,) for i in range(20)])
    assert cursor.fetchall() == [(i,) for i in range(20)]
    cursor.executemany("UPDATE t SET n = ? WHERE k = ?", [(i, i) for i in range(20)])
    assert cursor.rowcount == 20
    assert conn.in_transaction
    conn.rollback()
    assert conn.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 't'"
    ).fetchone() == (0,)


def test_a_trigger_fires_for_each_set(auto: Conn) -> None:
    if auto.execute("SELECT version() < 'v2'").fetchone() == (True,):
        return  # DuckDB 1 has no triggers.
    auto.execute(TABLE)
    auto.execute("CREATE TABLE log (a INT)")
    auto.execute("INSERT INTO t SELECT range, 'v', range FROM range(10)")
    auto.execute("CREATE TRIGGER x AFTER UPDATE ON t FOR EACH STATEMENT INSERT INTO log VALUES (1)")
    auto.cursor().executemany("UPDATE t SET n = ? WHERE k = ?", [(i, i) for i in range(6)])
    assert auto.execute("SELECT count(*) FROM log").fetchall() == [(6,)]
