"""Connections that break, time that runs out, statements that are cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import Connection, OperationalError
from altertable_dbapi.local import Server

from ..support.long_statement import LONG
from ..support.server_process import ServerProcess
from ..support.tcp_proxy import TcpProxy

Conn = Connection[tuple[Any, ...]]


@pytest.fixture
def proxied(server: Server) -> Iterator[tuple[TcpProxy, Any]]:
    with TcpProxy(server.host, server.port) as proxy:
        yield proxy, lambda **settings: server.connect(port=proxy.port, **settings)


class Within:
    """A block that must not take longer than so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *exc_info: object) -> None:
        assert time.monotonic() - self._started < self._seconds


def _until(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


# Breaks


def test_server_killed_between_statements() -> None:
    with ServerProcess() as server, server.connect(autocommit=True) as conn:
        assert conn.execute("SELECT 1").fetchall() == [(1,)]
        server.kill()
        with Within(10), pytest.raises(OperationalError):
            conn.execute("SELECT 1")
        with Within(10):
            assert not conn.is_usable()


def test_server_killed_in_the_middle_of_a_statement() -> None:
    with ServerProcess() as server, server.connect(autocommit=True) as conn:
        killer = threading.Timer(0.5, server.kill)
        killer.start()
        with Within(10), pytest.raises(OperationalError):
            conn.execute(LONG).fetchall()
        killer.join()


def test_server_killed_in_the_middle_of_a_stream() -> None:
    with ServerProcess() as server, server.connect(autocommit=True) as conn:
        cursor = conn.execute("SELECT * FROM range(200000000)")
        assert cursor.fetchone() == (0,)
        server.kill()
        with Within(30), pytest.raises(OperationalError):
            for _ in cursor:
                pass


def test_a_new_server_in_the_place_of_one_that_was_killed(tmp_path: Any) -> None:
    file = str(tmp_path / "shop.duckdb")
    with ServerProcess(file) as server, server.connect(autocommit=True) as conn:
        conn.execute("CREATE TABLE t AS SELECT 1 AS a")
        server.kill()
        with pytest.raises(OperationalError):
            conn.execute("INSERT INTO t VALUES (2)")
        with ServerProcess(file, port=server.port):
            # The session went with the old server; the next statement opens another.
            with Within(30):
                _until(conn.is_usable)
            assert conn.execute("FROM t").fetchall() == [(1,)]


def test_connection_reset_between_statements(proxied: tuple[TcpProxy, Any]) -> None:
    proxy, connect = proxied
    with connect(autocommit=True) as conn:
        assert conn.execute("SELECT 1").fetchall() == [(1,)]
        proxy.cut()
        _until(lambda: proxy.cuts == 1)
        with Within(10):
            _until(conn.is_usable)
        assert conn.execute("SELECT 2").fetchall() == [(2,)]


def test_connection_reset_in_the_middle_of_a_statement(
    proxied: tuple[TcpProxy, Any], server: Server
) -> None:
    proxy, connect = proxied
    with connect(autocommit=True) as conn:
        conn.execute("CREATE TABLE t (a BIGINT)")
        server.executed.clear()
        cutter = threading.Timer(0.3, proxy.cut)
        cutter.start()
        with Within(10), pytest.raises(OperationalError):
            conn.execute(f"INSERT INTO t {LONG}")
        cutter.join()
        assert len(server.executed) == 1
        _until(conn.is_usable)
        assert conn.execute("FROM t").fetchall() == []


def test_connection_reset_in_the_middle_of_a_stream_is_never_taken_for_its_end(
    proxied: tuple[TcpProxy, Any],
) -> None:
    proxy, connect = proxied
    with connect(autocommit=True) as conn:
        cursor = conn.execute("SELECT * FROM range(50000000)")
        assert cursor.fetchone() == (0,)
        proxy.cut()
        with Within(20), pytest.raises(OperationalError):
            cursor.fetchall()
        with pytest.raises(OperationalError):
            cursor.fetchall()


@pytest.mark.leaves_sessions("the server is not told that the connection was cut")
def test_connection_reset_in_a_transaction(proxied: tuple[TcpProxy, Any], server: Server) -> None:
    proxy, connect = proxied
    with server.connect(autocommit=True) as other, connect() as conn:
        other.execute("CREATE TABLE t (a INT)")
        conn.execute("INSERT INTO t VALUES (1)")
        proxy.cut()
        _until(lambda: proxy.cuts == 1)
        proxy.refuse()
        with Within(10), pytest.raises(OperationalError):
            conn.execute("INSERT INTO t VALUES (2)")
        with Within(10):
            conn.rollback()
        proxy.refuse(False)
        _until(conn.is_usable)
        assert conn.execute("FROM t").fetchall() == []


@pytest.mark.leaves_sessions("the server is not told that the connection was cut")
def test_a_commit_whose_fate_is_not_known_says_so(proxied: tuple[TcpProxy, Any]) -> None:
    proxy, connect = proxied
    with connect() as conn:
        conn.execute("CREATE TABLE t (a INT)")
        proxy.cut()
        _until(lambda: proxy.cuts == 1)
        proxy.refuse()
        with Within(15), pytest.raises(OperationalError, match="whether .* committed is not known"):
            conn.commit()
        proxy.refuse(False)
        assert not conn.in_transaction


def test_handshake_cut(server: Server) -> None:
    with TcpProxy(server.host, server.port) as proxy:
        proxy.refuse()
        with Within(20), pytest.raises(OperationalError, match="cannot connect"):
            server.connect(port=proxy.port)
        proxy.refuse(False)
        with server.connect(port=proxy.port) as conn:
            assert conn.is_usable()


@pytest.mark.leaves_sessions("the server is not told that the connection was cut")
def test_a_host_that_is_gone_without_a_word(proxied: tuple[TcpProxy, Any]) -> None:
    proxy, connect = proxied
    conn = connect(autocommit=True, query_timeout=0.5, connect_timeout=1)
    conn.execute("SELECT 1").fetchall()
    proxy.stall()
    with Within(5), pytest.raises(OperationalError, match=r"query_timeout ran out.*0\.5 s"):
        conn.execute("SELECT 1")
    with Within(15):
        assert not conn.is_usable()
    with Within(15):
        conn.close()


# Time limits


@pytest.mark.parametrize(
    ("limit", "delayed"),
    [
        ("query_timeout", "GetFlightInfo:Command"),
        ("fetch_timeout", "DoGet:Ticket"),
        ("update_timeout", "DoPut:CommandPrepared"),
    ],
)
@pytest.mark.parametrize("where", ["connection", "cursor"])
def test_time_limits_name_themselves(server: Server, limit: str, delayed: str, where: str) -> None:
    settings = {limit: 0.3}
    with server.connect(
        autocommit=True, binding="server", **(settings if where == "connection" else {})
    ) as conn:
        cursor = conn.cursor(**(settings if where == "cursor" else {}))
        parameters = {"a": 1} if limit == "update_timeout" else None
        query = "SELECT $a" if parameters else "SELECT 1"
        cursor.execute(query, parameters).fetchall()
        server.delay_next(delayed, 5)
        with Within(3), pytest.raises(OperationalError, match=rf"{limit} ran out.*0\.3 s"):
            cursor.execute(query, parameters).fetchall()
        assert conn.execute("SELECT 2").fetchall() == [(2,)]


def test_a_time_limit_that_runs_out_in_the_middle_of_a_message() -> None:
    with (
        Server(batch_rows=1_000_000) as server,
        TcpProxy(server.host, server.port) as proxy,
        server.connect(port=proxy.port, fetch_timeout=0.5, autocommit=True) as conn,
    ):
        proxy.stall_after(2_000_000)
        with Within(5), pytest.raises(OperationalError, match=r"fetch_timeout ran out.*0\.5 s"):
            conn.execute("FROM range(1_000_000)").fetchall()
        proxy.resume()
        assert conn.execute("SELECT 2").fetchall() == [(2,)]


def test_a_cursor_s_limit_is_its_own(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        hasty = conn.cursor(fetch_timeout=0.2)
        with pytest.raises(OperationalError, match="fetch_timeout"):
            hasty.execute(LONG).fetchall()
        server.delay_next("DoGet:Ticket", 0.5)
        assert conn.execute("SELECT 1").fetchall() == [(1,)]
        with pytest.raises(altertable_dbapi.ProgrammingError, match="fetch_timeout"):
            conn.cursor(fetch_timeout=-1)


# Cancel


@pytest.mark.parametrize(
    ("pending", "query", "parameters"),
    [
        ("GetFlightInfo:Command", "SELECT 1", None),
        ("DoGet:Ticket", "SELECT 1", None),
        ("DoAction:CreatePreparedStatement", "SELECT ? + 1", [1]),
        ("DoPut:CommandPreparedStatementQuery", "SELECT ? + 1", [1]),
        ("GetFlightInfo:CommandPreparedStatementQuery", "SELECT ? + 1", [1]),
        ("DoGet:CommandPreparedStatementQuery", "SELECT ? + 1", [1]),
    ],
)
def test_cancel_from_another_thread(
    auto: Conn, server: Server, pending: str, query: str, parameters: list[int] | None
) -> None:
    # How the server binds is asked once, and not in what is cancelled.
    assert auto.execute("SELECT ?", [0]).fetchall() == [(0,)]
    cursor = auto.cursor()
    server.delay_next(pending, 20)
    server.calls.clear()

    def cancel() -> None:
        _until(lambda: any(call.startswith(pending) for call in server.calls))
        cursor.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with Within(5), pytest.raises(OperationalError):
        cursor.execute(query, parameters).fetchall()
    thread.join()
    with Within(10):
        assert auto.execute("SELECT 2").fetchall() == [(2,)]
        assert auto.execute("SELECT ? + 2", [2]).fetchall() == [(4,)]


def test_cancel_of_a_statement_that_runs(auto: Conn, server: Server) -> None:
    canceller = threading.Timer(0.3, auto.adbc_cancel)
    canceller.start()
    with Within(5), pytest.raises(OperationalError):
        auto.execute(LONG).fetchall()
    canceller.join()
    with Within(10):
        assert auto.execute("SELECT 2").fetchall() == [(2,)]


def test_a_server_that_goes_on_with_a_cancelled_statement_gets_a_new_session(
    auto: Conn, server: Server
) -> None:
    server.delay_next("DoGet:Ticket", 20)
    canceller = threading.Timer(0.3, auto.adbc_cancel)
    canceller.start()
    with pytest.raises(OperationalError):
        auto.execute("SELECT 1").fetchall()
    canceller.join()
    # The question whether the session still answers is held up as well.
    server.delay_next("DoGet:Ticket", 20)
    server.calls.clear()
    with Within(10):
        assert auto.execute("SELECT 2").fetchall() == [(2,)]
    assert "Handshake" in server.calls


def test_cancel_between_two_sessions(auto: Conn, server: Server) -> None:
    server.fail_next("DoAction:EndTransaction", "INTERNAL", "no luck")
    with pytest.raises(altertable_dbapi.Error, match="no luck"), auto.transaction():
        auto.execute("SELECT 1")
    # That session is ended, and the next one not begun.
    auto.adbc_cancel()
    assert auto.execute("SELECT 2").fetchall() == [(2,)]


_CTRL_C = """
import os, signal, sys, threading, time
import altertable_dbapi
LONG = {long!r}
conn = altertable_dbapi.connect({uri!r}, autocommit=True)
conn.execute("CREATE TABLE IF NOT EXISTS t (a BIGINT)")
def press():
    time.sleep(0.7)
    global pressed
    pressed = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
def rows():
    while True:
        yield (1,)
threading.Thread(target=press).start()
try:
    {action}
except KeyboardInterrupt:
    took = time.monotonic() - pressed
    print("interrupted", "in time" if took < 1 else took)
print(conn.execute("SELECT 42").fetchall())
print(conn.execute("SELECT count(*) FROM t").fetchall())
conn.close()
"""


@pytest.mark.parametrize(
    "action",
    [
        "conn.execute(LONG)",
        "conn.execute('SELECT * FROM range(100000000000)').fetchall()",
        "[None for _ in conn.execute('SELECT * FROM range(100000000000)')]",
        "conn.execute('SELECT * FROM range(100000000000)').fetch_arrow_table()",
        "conn.cursor().executemany('INSERT INTO t VALUES (?)', rows())",
        "conn.load('t', (__import__('pyarrow').record_batch({'a': [1]}) for _ in rows()))",
    ],
    ids=["execute", "fetchall", "iteration", "arrow", "executemany", "load"],
)
def test_ctrl_c(server: Server, action: str) -> None:
    code = _CTRL_C.format(long=LONG, uri=server.uri, action=action)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stdout.splitlines() == ["interrupted in time", "[(42,)]", "[(0,)]"], run.stderr


# Keepalive


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("busy", ["statement", "stream", "transaction"])
def test_silent_connections_are_cut_unless_kept_alive(
    server: Server, kept: bool, busy: str
) -> None:
    with TcpProxy(server.host, server.port, idle_limit=1.0) as proxy:
        conn = server.connect(port=proxy.port, keepalive=0.25 if kept else 0)
        try:
            conn.execute("SELECT 1").fetchall()
            conn.commit()
            use: Callable[[], Any]
            if busy == "statement":
                conn.autocommit = True
                server.delay_next("DoGet:Ticket", 3)
                use, expected = lambda: conn.execute("SELECT 5").fetchall()[0][0], 5
            elif busy == "stream":
                cursor = conn.execute("SELECT * FROM range(5000000)")
                cursor.fetchone()
                use, expected = lambda: len(cursor.fetchall()), 4999999
            else:
                conn.execute("CREATE TABLE t AS SELECT 1 AS a")
                use, expected = lambda: conn.execute("FROM t").fetchall()[0][0], 1
            if busy != "statement":
                silent_until = time.monotonic() + 3
                _until(lambda: time.monotonic() > silent_until)
            if kept:
                assert use() == expected
                assert proxy.cuts == 0
            elif busy == "transaction":
                # The driver connects again by itself; the session and its transaction are still
                # there on this server.
                assert proxy.cuts >= 1
            else:
                with pytest.raises(OperationalError):
                    use()
        finally:
            conn._close()


def test_an_idle_connection_sends_nothing_unless_asked_to(server: Server) -> None:
    ping = "DoAction:GetSessionOptions"
    with server.connect(keepalive=0.05) as conn:
        conn.execute("SELECT 1").fetchall()
        conn.commit()
        _until(lambda: not conn._session.upkeep.watched)
        server.calls.clear()
        quiet_until = time.monotonic() + 0.5
        _until(lambda: time.monotonic() > quiet_until)
        assert list(server.calls) == []
        assert conn.execute("SELECT 2").fetchall() == [(2,)]
    with server.connect(keepalive=0.05, keepalive_idle=True) as conn:
        server.calls.clear()
        _until(lambda: list(server.calls).count(ping) >= 3)


def test_signs_of_life_do_not_disturb(server: Server) -> None:
    with server.connect(keepalive=0.01, keepalive_idle=True, autocommit=True) as conn:
        for i in range(1000):
            assert conn.execute(f"SELECT {i}").fetchall() == [(i,)]
    ours = {"altertable-keepalive", "altertable-close"}
    _until(lambda: ours.isdisjoint(thread.name for thread in threading.enumerate()))


def test_close_does_not_wait_for_a_server_that_does_not_answer() -> None:
    with ServerProcess() as server:
        conn = server.connect(keepalive=0.05, keepalive_idle=True)
        conn.execute("SELECT 1").fetchall()
        server.pause()
        with Within(15):
            conn.close()


def test_signals_reach_handlers_of_the_program(auto: Conn) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert auto.execute("SELECT 1").fetchall() == [(1,)]
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]
