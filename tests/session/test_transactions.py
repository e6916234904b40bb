"""Transactions, seen from a second connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import Connection, ProgrammingError
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]
BEGIN, END = "DoAction:BeginTransaction", "DoAction:EndTransaction"


@pytest.fixture
def seen(server: Server, auto: Conn) -> Iterator[Any]:
    """The rows of table t as another connection sees them."""
    auto.execute("CREATE TABLE t (a INT)")
    with server.connect(autocommit=True) as other:
        yield lambda: [row[0] for row in other.execute("SELECT a FROM t ORDER BY a")]


def test_commit_and_rollback(conn: Conn, seen: Any) -> None:
    cursor = conn.cursor()
    cursor.execute("INSERT INTO t VALUES (1)")
    assert conn.in_transaction
    assert seen() == []
    conn.commit()
    assert not conn.in_transaction
    assert seen() == [1]
    cursor.execute("INSERT INTO t VALUES (2)")
    conn.rollback()
    assert seen() == [1]
    cursor.execute("INSERT INTO t VALUES (3)")
    conn.commit()
    assert seen() == [1, 3]


def test_a_transaction_begins_with_the_first_statement_that_may_change_something(
    conn: Conn, server: Server, seen: Any
) -> None:
    server.calls.clear()
    conn.commit()
    conn.rollback()
    conn.execute("SET threads = 2")
    conn.execute("FROM t").fetchall()
    assert not conn.in_transaction
    assert BEGIN not in server.calls
    conn.execute("INSERT INTO t VALUES (1)")
    conn.execute("DELETE FROM t WHERE a = 1")
    conn.execute("FROM t").fetchall()
    assert list(server.calls).count(BEGIN) == 1
    conn.commit()
    assert list(server.calls).count(END) == 1
    assert list(server.calls).count(BEGIN) == 1


def test_commit_costs_one_call_and_rollback_three(conn: Conn, server: Server, seen: Any) -> None:
    conn.execute("INSERT INTO t VALUES (1)")
    server.calls.clear()
    conn.commit()
    assert list(server.calls) == [END]
    conn.execute("INSERT INTO t VALUES (1)")
    server.calls.clear()
    conn.rollback()
    assert list(server.calls) == [END, BEGIN, END]


def test_autocommit(auto: Conn, seen: Any, server: Server) -> None:
    server.calls.clear()
    auto.execute("INSERT INTO t VALUES (1)")
    assert seen() == [1]
    assert BEGIN not in server.calls
    assert auto.autocommit


def test_changing_autocommit(conn: Conn, seen: Any) -> None:
    assert conn.autocommit is False
    conn.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(ProgrammingError, match=r"commit\(\) or rollback\(\)"):
        conn.autocommit = True
    conn.autocommit = False
    conn.commit()
    conn.autocommit = True
    conn.execute("INSERT INTO t VALUES (2)")
    assert seen() == [1, 2]
    conn.autocommit = False
    conn.execute("INSERT INTO t VALUES (3)")
    assert seen() == [1, 2]
    with pytest.raises(ProgrammingError, match="expected True or False"):
        conn.autocommit = "yes"  # type: ignore[assignment]


def test_a_statement_prepared_in_one_transaction_is_not_used_in_another(
    conn: Conn, seen: Any, server: Server
) -> None:
    for value in (1, 2, 3):
        conn.execute("INSERT INTO t VALUES ($a)", {"a": value})
        if value == 2:
            conn.rollback()
        else:
            conn.commit()
    conn.autocommit = True
    conn.execute("INSERT INTO t VALUES ($a)", {"a": 4})
    conn.autocommit = False
    conn.execute("INSERT INTO t VALUES ($a)", {"a": 5})
    conn.commit()
    assert seen() == [1, 3, 4, 5]


def test_with_block_commits_on_success_and_rolls_back_on_an_exception(
    server: Server, seen: Any
) -> None:
    with server.connect() as conn:
        conn.execute("INSERT INTO t VALUES (1)")
    assert seen() == [1]
    with pytest.raises(RuntimeError), server.connect() as conn:
        conn.execute("INSERT INTO t VALUES (2)")
        raise RuntimeError
    assert conn.closed
    assert seen() == [1]


def test_close_rolls_back(server: Server, seen: Any) -> None:
    conn = server.connect()
    conn.execute("INSERT INTO t VALUES (1)")
    conn.close()
    assert seen() == []


def test_transaction_block(auto: Conn, seen: Any) -> None:
    with auto.transaction():
        auto.execute("INSERT INTO t VALUES (1)")
        assert seen() == []
        with pytest.raises(ProgrammingError, match="no nested"), auto.transaction():
            pass
    assert seen() == [1]
    with pytest.raises(RuntimeError), auto.transaction():
        auto.execute("INSERT INTO t VALUES (2)")
        raise RuntimeError
    assert seen() == [1]
    assert not auto.in_transaction


def test_transaction_block_without_autocommit(conn: Conn, seen: Any) -> None:
    with conn.transaction():
        conn.execute("INSERT INTO t VALUES (1)")
    assert seen() == [1]
    with pytest.raises(RuntimeError), conn.transaction():
        conn.execute("INSERT INTO t VALUES (2)")
        raise RuntimeError
    assert not conn.in_transaction
    assert seen() == [1]


@pytest.mark.parametrize("begin", ["BEGIN", "begin transaction;", "/* x */ START TRANSACTION"])
@pytest.mark.parametrize(("end", "kept"), [("COMMIT", [1]), ("ROLLBACK;", []), ("end", [1])])
def test_text_acts_on_the_connection(
    auto: Conn, seen: Any, begin: str, end: str, kept: list[int]
) -> None:
    cursor = auto.execute(begin)
    assert auto.in_transaction
    assert cursor.description is None
    cursor.execute("INSERT INTO t VALUES (1)")
    assert seen() == []
    cursor.execute(end)
    assert not auto.in_transaction
    assert seen() == kept


def test_text_without_autocommit(conn: Conn, seen: Any) -> None:
    conn.execute("BEGIN")
    with pytest.raises(ProgrammingError, match="open already"):
        conn.execute("BEGIN")
    conn.execute("INSERT INTO t VALUES (1)")
    conn.execute("COMMIT")
    assert seen() == [1]


def test_a_conflict_at_commit_leaves_a_usable_connection(server: Server, seen: Any) -> None:
    with server.connect() as one, server.connect() as two:
        one.execute("CREATE TABLE c AS SELECT 1 AS a")
        one.commit()
        one.execute("UPDATE c SET a = 2")
        with pytest.raises(altertable_dbapi.OperationalError, match="TransactionContext"):
            two.execute("UPDATE c SET a = 3")
            one.commit()
            two.commit()
        two.rollback()
        assert two.execute("SELECT count(*) FROM c").fetchall() == [(1,)]


def test_a_commit_that_fails_ends_the_transaction(conn: Conn, server: Server, seen: Any) -> None:
    conn.execute("INSERT INTO t VALUES (1)")
    server.fail_next("DoAction:EndTransaction", "INTERNAL", "Constraint Error: x")
    with pytest.raises(altertable_dbapi.IntegrityError):
        conn.commit()
    conn.rollback()
    assert not conn.in_transaction
    conn.execute("INSERT INTO t VALUES (2)")
    conn.commit()
    assert seen() == [2]


def test_ddl_is_transactional(conn: Conn) -> None:
    conn.execute("CREATE TABLE d (a INT)")
    conn.rollback()
    with pytest.raises(ProgrammingError, match="does not exist"):
        conn.execute("FROM d")


def test_an_unread_result_survives_commit(conn: Conn) -> None:
    cursor = conn.execute("SELECT * FROM range(200000)")
    conn.commit()
    assert len(cursor.fetchall()) == 200000
