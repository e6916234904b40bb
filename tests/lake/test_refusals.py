"""What a lake refuses, and what it says to a transaction that conflicts with another one."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import NotSupportedError, OperationalError
from altertable_dbapi.local import Server

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

MERGE = "MERGE INTO t USING (SELECT 1 AS i) AS s ON t.i = s.i WHEN MATCHED "

#: A statement, a word of the server's, a word of the way out.
REFUSED = [
    ("CREATE TABLE x (i INTEGER PRIMARY KEY)", "PRIMARY KEY/UNIQUE", "primary_key="),
    ("CREATE TABLE x (i INTEGER UNIQUE)", "PRIMARY KEY/UNIQUE", "MERGE INTO"),
    ("ALTER TABLE t ADD PRIMARY KEY (i)", "constraints", "MERGE INTO"),
    ("CREATE TABLE x (i INTEGER CHECK (i > 0))", "CHECK", "with a query"),
    ("CREATE TABLE x (i INT, j INT GENERATED ALWAYS AS (i + 1))", "generated", "in a view"),
    ("CREATE TABLE x (s VARCHAR COLLATE NOCASE)", "Collations", "lower"),
    ("CREATE SEQUENCE s", "sequences", "uuid()"),
    ("CREATE TYPE e AS ENUM ('a')", "user-defined types", "VARCHAR"),
    ("CREATE INDEX ix ON t (i)", "indexes", "SORTED BY"),
    ("CREATE TABLE x (e ENUM('a'))", "unsupported type ENUM", "VARCHAR"),
    ("CREATE TABLE x AS SELECT 'a'::ENUM('a') AS e", "unsupported type ENUM", "VARCHAR"),
    ("CREATE TABLE x (b BIT)", "unsupported type BIT", "BLOB"),
    ("CREATE TABLE x (b BIGNUM)", "unsupported type BIGNUM", "DECIMAL"),
    ("CREATE TABLE x (b INTEGER[3])", "unsupported type INTEGER", "as a list"),
    ("CREATE TABLE x (b UNION(a INTEGER, b VARCHAR))", "unsupported type UNION", "STRUCT"),
    ("INSERT INTO t VALUES (1, 'a') RETURNING i", "RETURNING", "SELECT in the same transaction"),
    ("UPDATE t SET i = 1 RETURNING i", "RETURNING", "SELECT in the same transaction"),
    ("DELETE FROM t RETURNING i", "RETURNING", "SELECT in the same transaction"),
    (f"{MERGE} THEN DELETE RETURNING i", "RETURNING", "SELECT in the same transaction"),
    (
        f"{MERGE} AND t.i > 1 THEN DELETE WHEN MATCHED THEN UPDATE SET s = 'x'",
        "single UPDATE/DELETE action",
        "one statement for each action",
    ),
    ("ALTER TABLE t ALTER i TYPE SMALLINT", "widening", "drop the old one"),
]


@pytest.fixture
def table(auto: Connection) -> Connection:
    auto.execute("CREATE TABLE t (i INTEGER, s VARCHAR)")
    auto.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    return auto


def test_what_a_lake_refuses_is_not_supported(table: Connection) -> None:
    for statement, word, way_out in REFUSED:
        with pytest.raises(NotSupportedError) as caught:
            table.execute(statement)
        assert caught.value.sqlstate == "0A000", statement
        said, _, advice = str(caught.value).rpartition("; ")
        assert word in said and way_out in advice, statement
        assert table.execute("SELECT count(*) FROM t").fetchone() == (2,)


CONFLICTS = [
    ("UPDATE t SET s = 'x' WHERE i = 1", "UPDATE t SET s = 'y' WHERE i = 1"),
    ("UPDATE t SET s = 'x' WHERE i = 1", "UPDATE t SET s = 'y' WHERE i = 2"),
    ("DELETE FROM t WHERE i = 1", "INSERT INTO t VALUES (3, 'c')"),
    ("CREATE TABLE n (i INTEGER)", "CREATE TABLE n (i INTEGER)"),
    ("ALTER TABLE t ADD COLUMN z INTEGER", "INSERT INTO t VALUES (3, 'c')"),
    ("DROP TABLE t", "INSERT INTO t VALUES (3, 'c')"),
]


@pytest.mark.parametrize(("first", "second"), CONFLICTS)
def test_a_conflict_at_commit_is_40001(
    server: Server, table: Connection, first: str, second: str
) -> None:
    with server.connect() as one, server.connect() as other:
        one.execute(first)
        other.execute(second)
        one.commit()
        with pytest.raises(OperationalError, match="conflict") as caught:
            other.commit()
        assert caught.value.sqlstate == "40001"
        assert not other.in_transaction


def run_again(connection: Connection, work: Any) -> int:
    """The recipe of docs/reliability.md; how often it had to be run again."""
    for again in range(100):
        try:
            with connection.transaction():
                work(connection)
            return again
        except OperationalError as error:
            if error.sqlstate != "40001":
                raise
    raise AssertionError("a hundred conflicts")


def test_transactions_that_are_run_again_lose_and_double_nothing(
    server: Server, table: Connection
) -> None:
    table.execute("CREATE TABLE counts (n INTEGER)")
    table.execute("INSERT INTO counts VALUES (0)")
    failures: list[BaseException] = []

    def add(connection: Connection) -> None:
        row = connection.execute("SELECT n FROM counts").fetchone()
        assert row is not None
        connection.execute("UPDATE counts SET n = ?", (row[0] + 1,))

    def work() -> None:
        try:
            with server.connect(autocommit=True) as connection:
                for _ in range(5):
                    run_again(connection, add)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert table.execute("FROM counts").fetchall() == [(15,)]


def test_a_session_goes_on_after_a_refusal(server: Server) -> None:
    """DuckDB stays in a transaction that some of DuckLake's refusals have aborted."""
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE r (i INTEGER)")
        with pytest.raises(NotSupportedError, match="non-literal default"):
            connection.execute("ALTER TABLE r ADD COLUMN n INTEGER DEFAULT random()")
        assert connection.execute("SELECT count(*) FROM r").fetchall() == [(0,)]
        connection.execute("INSERT INTO r VALUES (1)")
    with server.connect() as other:
        assert other.execute("SELECT * FROM r").fetchall() == [(1,)]
