"""Sessions that expire: one new session, one more try, and only where nothing is done twice."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import Connection, OperationalError
from altertable_dbapi.ingest import load as ingest
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]
HANDSHAKE = "Handshake"


@pytest.fixture
def table(auto: Conn) -> None:
    auto.execute("CREATE TABLE t (a INT)")


def _ran(server: Server, part: str) -> int:
    return sum(part in text for text in server.executed)


def test_a_statement_is_sent_once_more_in_a_new_session(auto: Conn, server: Server) -> None:
    auto.execute("CREATE TABLE t (a INT)")
    server.expire_sessions()
    server.calls.clear()
    cursor = auto.execute("INSERT INTO t VALUES (1)")
    assert cursor.rowcount == 1
    assert list(server.calls).count(HANDSHAKE) == 1
    assert _ran(server, "INSERT") == 1
    assert auto.execute("FROM t").fetchall() == [(1,)]


def test_options_are_applied_again(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        conn.execute("CREATE SCHEMA s")
    with server.connect(catalog="local", schema="s", autocommit=True) as conn:
        server.expire_sessions()
        assert conn.adbc_current_db_schema == "s"


def test_prepared_statements_are_prepared_again(auto: Conn, server: Server) -> None:
    for _ in range(2):
        assert auto.execute("SELECT $a + 1", {"a": 1}).fetchall() == [(2,)]
        server.expire_sessions()
    assert auto.execute("SELECT $a + 1", {"a": 2}).fetchall() == [(3,)]


def test_the_first_statement_of_a_transaction_may_find_the_session_expired(
    conn: Conn, server: Server, table: None
) -> None:
    conn.execute("SELECT 1").fetchall()
    conn.commit()
    server.expire_sessions()
    conn.execute("INSERT INTO t VALUES (1)")
    conn.commit()
    assert conn.execute("FROM t").fetchall() == [(1,)]
    assert _ran(server, "INSERT") == 1


def test_inside_a_transaction_it_is_lost_until_rollback(
    conn: Conn, server: Server, table: None
) -> None:
    conn.execute("INSERT INTO t VALUES (1)")
    server.expire_sessions()
    for _ in range(2):
        with pytest.raises(OperationalError, match=r"lost with its session.*rollback\(\)"):
            conn.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(OperationalError, match="lost"):
        conn.commit()
    assert not conn.is_usable()
    conn.rollback()
    assert conn.is_usable()
    assert conn.execute("FROM t").fetchall() == []
    assert _ran(server, "VALUES (2)") == 0


def test_rollback_of_an_expired_session_is_done(conn: Conn, server: Server, table: None) -> None:
    conn.execute("INSERT INTO t VALUES (1)")
    server.expire_sessions()
    conn.rollback()
    assert conn.execute("FROM t").fetchall() == []


def test_commit_of_an_expired_session_is_an_error(conn: Conn, server: Server, table: None) -> None:
    conn.execute("INSERT INTO t VALUES (1)")
    server.expire_sessions()
    with pytest.raises(OperationalError, match="lost with its session"):
        conn.commit()
    conn.rollback()
    assert conn.execute("FROM t").fetchall() == []


def test_a_transaction_block_that_loses_its_session_raises(
    auto: Conn, server: Server, table: None
) -> None:
    with pytest.raises(OperationalError, match="lost"), auto.transaction():
        auto.execute("INSERT INTO t VALUES (1)")
        server.expire_sessions()
        auto.execute("INSERT INTO t VALUES (2)")
    assert auto.execute("FROM t").fetchall() == []


def test_a_second_expiry_at_once_is_an_error(auto: Conn, server: Server) -> None:
    statement = "GetFlightInfo:CommandStatement"
    server.fail_next(statement, "UNAUTHENTICATED", "Session expired", times=2)
    with pytest.raises(OperationalError, match="Session expired"):
        auto.execute("SELECT 1")
    assert auto.execute("SELECT 1").fetchall() == [(1,)]


def test_no_other_failure_is_tried_again(auto: Conn, server: Server, table: None) -> None:
    for code in ("UNAVAILABLE", "INTERNAL", "CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED"):
        assert auto.is_usable()
        server.calls.clear()
        server.fail_next("DoGet:Ticket", code, "no luck")
        with pytest.raises(altertable_dbapi.Error, match="no luck"):
            auto.execute("INSERT INTO t VALUES (1)")
        assert list(server.calls).count("DoGet:TicketStatementQuery") == 1
    assert auto.execute("FROM t").fetchall() == []


def test_a_half_read_stream_survives_or_says_so(auto: Conn, server: Server) -> None:
    cursor = auto.execute("SELECT * FROM range(500000)")
    first = cursor.fetchmany(10)
    server.expire_sessions()
    try:
        rows = first + cursor.fetchall()
    except altertable_dbapi.Error:
        return
    assert rows == [(i,) for i in range(500000)]


def test_executemany_in_an_expired_session(auto: Conn, server: Server, table: None) -> None:
    server.expire_sessions()
    auto.cursor().executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(100)])
    assert auto.execute("SELECT count(*), sum(a) FROM t").fetchall() == [(100, 4950)]


def _loads(server: Server) -> int:
    return sum(call.startswith("DoPut:CommandStatementIngest") for call in server.calls)


@pytest.mark.parametrize("name", ["t", "local.main.t"])
def test_a_load_is_sent_once_more_in_a_new_session(
    auto: Conn, server: Server, table: None, name: str
) -> None:
    auto.load(name, pa.table({"a": [1]}))
    server.calls.clear()
    # After what is asked about the table.
    server.fail_next("DoPut:CommandStatementIngest", "UNAUTHENTICATED", "Session expired")
    seen: list[int] = []
    batches = iter(pa.table({"a": range(3000)}).to_batches(max_chunksize=1000))
    loaded = auto.load(
        name, batches, batch_bytes=4000, on_progress=lambda rows, size: seen.append(rows)
    )
    assert loaded == 3000
    assert auto.execute("SELECT count(*) FROM t").fetchall() == [(3001,)]
    assert _loads(server) == 2
    assert list(server.calls).count(HANDSHAKE) == 1
    assert seen == sorted(set(seen))
    assert seen[-1] == 3000


def test_a_load_whose_beginning_is_gone_is_an_error(
    auto: Conn, server: Server, table: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_KEPT_BYTES", 0)
    server.fail_next("DoPut:CommandStatementIngest", "UNAUTHENTICATED", "Session expired")
    with pytest.raises(OperationalError, match="Session expired"):
        auto.load("local.main.t", pa.table({"a": [1]}))
    assert auto.load("local.main.t", pa.table({"a": [2]})) == 1
    assert auto.execute("FROM t").fetchall() == [(2,)]


def test_a_load_is_not_sent_a_third_time(auto: Conn, server: Server, table: None) -> None:
    server.fail_next("DoPut:CommandStatementIngest", "UNAUTHENTICATED", "Session expired", times=2)
    with pytest.raises(OperationalError, match="Session expired"):
        auto.load("local.main.t", pa.table({"a": [1]}))
    assert _loads(server) == 2
    assert auto.execute("FROM t").fetchall() == []
