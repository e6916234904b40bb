"""Faults of sessions: nothing is committed, lost or run elsewhere in silence."""

from __future__ import annotations

import copy
import gc
import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import DatabaseError, InterfaceError, OperationalError, ProgrammingError
from altertable_dbapi.local import Server

Conn = altertable_dbapi.Connection[tuple[Any, ...]]

BEGIN = "DoAction:BeginTransaction"


@pytest.fixture
def table(server: Server) -> Callable[[], list[int]]:
    """A table ``t`` of one column, and what another connection sees in it."""
    with server.connect(autocommit=True) as conn:
        conn.execute("CREATE TABLE t (a INT NOT NULL)")

    def seen() -> list[int]:
        with server.connect(autocommit=True) as other:
            return [a for (a,) in other.execute("SELECT a FROM t ORDER BY a").fetchall()]

    return seen


# A commit that would store nothing


FAILING = {
    "conversion": "SELECT 'x'::INT",
    "constraint": "INSERT INTO t VALUES (NULL)",
    "in the middle of a stream": "SELECT CASE WHEN i < 99999 THEN i ELSE error('x') END "
    "FROM range(100000) AS r(i)",
}


def _fails(conn: Conn, text: str) -> None:
    with pytest.raises(DatabaseError):
        conn.execute(text).fetchall()


@pytest.mark.parametrize("text", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("end", ["commit", "COMMIT", "with", "transaction"])
def test_a_commit_of_an_aborted_transaction_is_an_error(
    server: Server, table: Callable[[], list[int]], text: str, end: str
) -> None:
    with server.connect(autocommit=True) as before:
        before.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(OperationalError, match="nothing was committed: .*had failed") as caught:
        with server.connect() as conn:
            if end == "transaction":
                with conn.transaction():
                    conn.execute("INSERT INTO t VALUES (2)")
                    _fails(conn, text)
            else:
                conn.execute("INSERT INTO t VALUES (2)")
                _fails(conn, text)
            if end == "commit":
                conn.commit()
            elif end == "COMMIT":
                conn.execute("COMMIT")
    assert text[:20] in str(caught.value)
    assert table() == [1]


def test_a_failure_that_aborts_nothing_does_not_stop_the_commit(
    conn: Conn, server: Server, table: Callable[[], list[int]]
) -> None:
    conn.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(ProgrammingError):
        conn.execute("SELECT ?", [])
    conn.execute("INSERT INTO t VALUES (2)")
    server.clear()
    conn.commit()
    assert list(server.calls) == ["DoAction:EndTransaction"]
    assert table() == [1, 2]


# A begin that is not answered


class Pressed(BaseException):
    """What a signal handler raises."""


@pytest.fixture
def alarm() -> Any:
    def raise_pressed(number: int, frame: object) -> None:
        raise Pressed

    before = signal.signal(signal.SIGALRM, raise_pressed)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def _transaction(conn: Conn) -> None:
    with conn.transaction():
        pass


BEGINNING: dict[str, Callable[[Conn], Any]] = {
    "transaction": _transaction,
    "text": lambda conn: conn.execute("BEGIN"),
    "executemany": lambda conn: conn.cursor().executemany("INSERT INTO t VALUES (?)", [(5,)]),
}


@pytest.mark.parametrize("begin", BEGINNING.values(), ids=BEGINNING)
def test_an_interrupted_begin_leaves_no_transaction(
    auto: Conn,
    server: Server,
    table: Callable[[], list[int]],
    alarm: Callable[[float], Any],
    begin: Callable[[Conn], Any],
) -> None:
    server.delay_next(BEGIN, 1.0)
    alarm(0.3)
    with pytest.raises(Pressed):
        begin(auto)
    assert not auto.in_transaction
    auto.execute("INSERT INTO t VALUES (1)")
    auto.execute("INSERT INTO t VALUES (2)")
    assert table() == [1, 2]
    auto.close()
    assert table() == [1, 2]


def test_a_begin_that_takes_too_long_does_not_jam_the_connection(
    server: Server, table: Callable[[], list[int]]
) -> None:
    with server.connect(update_timeout=0.3, autocommit=True) as conn:
        server.delay_next(BEGIN, 1.0)
        with pytest.raises(OperationalError, match="update_timeout ran out"), conn.transaction():
            pass
        assert not conn.in_transaction
        with conn.transaction():
            conn.execute("INSERT INTO t VALUES (1)")
    assert table() == [1]


# A reconnect that would run a statement elsewhere


def _two_schemas(conn: Conn) -> None:
    for text in ("CREATE TABLE t (a INT)", "CREATE SCHEMA o", "CREATE TABLE o.t (a INT)"):
        conn.execute(text)


@pytest.mark.parametrize(
    "move",
    [
        lambda conn: conn.execute("USE o"),
        lambda conn: conn.execute("SET schema = 'o'"),
        lambda conn: conn.execute("SET search_path = 'o,main'"),
        lambda conn: setattr(conn, "adbc_current_db_schema", "o"),
    ],
    ids=["USE", "SET schema", "SET search_path", "adbc_current_db_schema"],
)
@pytest.mark.parametrize(
    "write",
    [
        lambda conn: conn.execute("INSERT INTO t VALUES (1)"),
        lambda conn: conn.cursor().executemany("INSERT INTO t VALUES (?)", [(1,)]),
        lambda conn: conn.load("t", pa.table({"a": pa.array([1], pa.int32())})),
    ],
    ids=["execute", "executemany", "load"],
)
def test_a_new_session_is_in_the_schema_of_the_old_one(
    auto: Conn, server: Server, move: Callable[[Conn], Any], write: Callable[[Conn], Any]
) -> None:
    _two_schemas(auto)
    move(auto)
    server.expire_sessions()
    write(auto)
    assert auto.execute("FROM local.o.t").fetchall() == [(1,)]
    assert auto.execute("FROM local.main.t").fetchall() == []


def test_a_new_session_has_the_settings_of_the_old_one(auto: Conn, server: Server) -> None:
    auto.execute("SET TimeZone = 'America/New_York'")
    auto.execute("PRAGMA enable_object_cache")
    server.expire_sessions()
    assert auto.execute("SELECT current_setting('TimeZone')").fetchall() == [("America/New_York",)]
    auto.execute("RESET TimeZone")
    server.expire_sessions()
    assert auto.execute("SELECT current_setting('TimeZone')").fetchall() != [("America/New_York",)]


LEFT = {
    "CREATE TEMP TABLE t (a INT)": "the temporary table t",
    "CREATE TEMPORARY VIEW v AS SELECT 1": "the temporary view v",
    "CREATE OR REPLACE TEMP TABLE u AS SELECT 1 AS a": "the temporary table u",
    "SET VARIABLE x = 1": "the variable x",
    "ATTACH ':memory:' AS other": "what was attached",
    "PREPARE p AS SELECT 1": "the prepared statement p",
}


@pytest.mark.parametrize(("text", "said"), LEFT.items())
def test_what_goes_with_a_session_is_told_before_anything_runs(
    auto: Conn, server: Server, text: str, said: str
) -> None:
    auto.execute("CREATE TABLE local.main.t (a INT)")
    auto.execute("INSERT INTO local.main.t VALUES (1)")
    auto.execute(text)
    server.expire_sessions()
    with pytest.raises(OperationalError, match=f"the session had ended, and with it {said}"):
        auto.execute("DELETE FROM t")
    assert auto.execute("FROM local.main.t").fetchall() == [(1,)]


def test_what_is_dropped_is_not_missed(auto: Conn, server: Server) -> None:
    auto.execute("CREATE TEMP TABLE t (a INT)")
    auto.execute("DROP TABLE IF EXISTS temp.main.t")
    auto.execute("SET VARIABLE x = 1")
    auto.execute("RESET VARIABLE x")
    server.expire_sessions()
    assert auto.execute("SELECT 1").fetchall() == [(1,)]


def test_what_a_rolled_back_transaction_made_is_not_missed(conn: Conn, server: Server) -> None:
    conn.execute("CREATE TEMP TABLE t (a INT)")
    conn.rollback()
    server.expire_sessions()
    assert conn.execute("SELECT 1").fetchall() == [(1,)]


def test_the_retry_after_a_failed_commit_runs_where_the_first_try_did(server: Server) -> None:
    with server.connect() as conn, server.connect(autocommit=True) as other:
        _two_schemas(other)
        other.execute("INSERT INTO o.t VALUES (1)")
        conn.execute("USE o")
        conn.execute("SELECT 1").fetchall()
        server.fail_next(
            "DoAction:EndTransaction", "INTERNAL", "TransactionContext Error: Conflict"
        )
        for _ in range(2):
            conn.execute("UPDATE t SET a = a + 1")
            try:
                conn.commit()
            except OperationalError:
                continue
            break
        assert other.execute("FROM o.t").fetchall() == [(2,)]


def test_a_value_that_says_session_expired_ends_no_session(auto: Conn, server: Server) -> None:
    for text in (
        "SELECT 'Session expired'::INT",
        "SELECT error('Session expired')",
        'SELECT "Session expired"',
    ):
        server.clear()
        with pytest.raises(DatabaseError, match="Session expired"):
            auto.execute(text).fetchall()
        assert "Handshake" not in server.calls
        assert len([call for call in server.calls if call.startswith("GetFlightInfo")]) == 1


# Limits


def test_the_limits_of_a_cursor_end_with_its_statement(
    server: Server, table: Callable[[], list[int]]
) -> None:
    with server.connect() as conn:
        with conn.cursor(update_timeout=0.2) as cursor:
            cursor.execute("INSERT INTO t VALUES (?)", [1])
        server.delay_next("DoAction:EndTransaction", 0.6)
        conn.commit()
    assert table() == [1]


LIMITED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "a load": ("DoPut", lambda cursor: cursor.adbc_ingest("t", pa.table({"a": [1]}), "append")),
    "preparing": ("DoAction:CreatePrepared", lambda cursor: cursor.execute("SELECT ?", [1])),
    "a begin": (BEGIN, lambda cursor: cursor.executemany("INSERT INTO t VALUES (?)", [(1,)])),
}


@pytest.mark.parametrize(("delayed", "act"), LIMITED.values(), ids=LIMITED)
def test_the_limits_of_a_cursor_hold_for_all_that_it_does(
    server: Server, table: Callable[[], list[int]], delayed: str, act: Callable[[Any], Any]
) -> None:
    with server.connect(autocommit=True, binding="server") as conn:
        with conn.cursor(query_timeout=0.3, update_timeout=0.3) as cursor:
            server.delay_next(delayed, 3)
            with pytest.raises(OperationalError, match=r"_timeout ran out: .* 0\.3 s"):
                act(cursor)


@pytest.mark.parametrize(
    ("text", "delayed"),
    [
        ("INSERT INTO t VALUES (1)", "GetFlightInfo"),
        ("INSERT INTO t VALUES (1)", "DoGet"),
        ("SELECT 1", "DoGet"),
    ],
)
def test_one_limit_for_a_statement_whatever_its_phase(
    server: Server, table: Callable[[], list[int]], text: str, delayed: str
) -> None:
    with server.connect(autocommit=True, statement_timeout=0.4) as conn:
        server.delay_next(delayed, 3)
        with pytest.raises(OperationalError, match=r"statement_timeout ran out: .* 0\.4 s"):
            conn.execute(text).fetchall()
        assert conn.execute("SELECT 42").fetchall() == [(42,)]


# The program's exception, and the end


def test_the_exception_of_a_block_goes_through(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    for block in ("connection", "transaction"):
        server.fail_next("DoAction:EndTransaction", "INTERNAL", "no rollback today", times=2)
        with pytest.raises(ZeroDivisionError), server.connect(autocommit=True) as conn:
            if block == "connection":
                conn.autocommit = False
                conn.execute("CREATE TABLE u (a INT)")
                raise ZeroDivisionError
            with conn.transaction():
                raise ZeroDivisionError
    assert "no rollback today" in caplog.text
    assert any(record.levelno == logging.WARNING for record in caplog.records)


@pytest.mark.parametrize("how", ["close", "raise"])
def test_an_open_transaction_is_rolled_back_by_a_call_of_its_own(server: Server, how: str) -> None:
    conn = server.connect()
    conn.execute("CREATE TABLE u (a INT)")
    server.clear()
    if how == "close":
        conn.close()
    else:
        with pytest.raises(ZeroDivisionError), conn:
            raise ZeroDivisionError
    calls = list(server.calls)
    assert calls.index("DoAction:EndTransaction") < calls.index("DoAction:CloseSession")


# Code of the program in the middle of ours


def test_a_signal_handler_may_use_another_connection(auto: Conn, server: Server) -> None:
    with server.connect(autocommit=True) as other:
        answers: list[Any] = []

        def handle(number: int, frame: object) -> None:
            answers.append(other.execute("SELECT ?", [1]).fetchall())
            # At other moments of the statement each time.
            signal.setitimer(signal.ITIMER_REAL, 0.0005 + len(answers) % 20 * 0.0003)

        before = signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        try:
            while len(answers) < 100:
                assert auto.execute("SELECT ?", [2]).fetchall() == [(2,)]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert set(map(str, answers)) == {"[(1,)]"}


def test_a_destructor_may_use_another_connection(auto: Conn, server: Server) -> None:
    with server.connect(autocommit=True) as other:
        answers: list[Any] = []

        class Cycle:
            def __init__(self) -> None:
                self.itself = self

            def __del__(self) -> None:
                answers.append(other.execute("SELECT 1").fetchall())

        threshold = gc.get_threshold()
        gc.set_threshold(50)
        try:
            while len(answers) < 50:
                Cycle()
                assert auto.execute("SELECT 2").fetchall() == [(2,)]
        finally:
            gc.set_threshold(*threshold)
            gc.collect()
        assert set(map(str, answers)) == {"[(1,)]"}


def test_no_press_is_lost_while_cursors_die(auto: Conn) -> None:
    presses = 0
    for turn in range(150):
        timer = threading.Timer(
            0.0005 * (turn % 10),
            signal.pthread_kill,
            (threading.main_thread().ident, signal.SIGINT),
        )
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            end = time.monotonic() + 20
            while time.monotonic() < end:
                auto.cursor()
        presses += 1
        timer.join()
    assert presses == 150


# Cancelling


def test_a_cancel_before_the_first_call_holds_for_it(auto: Conn, server: Server) -> None:
    class Slow(dict[str, int]):
        """Parameters that cancel as they are read: the operation has begun, no call has."""

        def __getitem__(self, name: str) -> int:
            cursor.cancel()
            return 1

    cursor = auto.cursor()
    rows = [{"a": 1}, {"a": 2}]
    auto.execute("CREATE TABLE u (a INT)")
    server.clear()
    with pytest.raises(OperationalError, match="cancelled"):
        cursor.executemany("INSERT INTO u VALUES ($a)", (Slow(row) for row in rows))
    assert auto.execute("FROM u").fetchall() == []


def test_a_cancel_between_two_statements_holds_for_none(auto: Conn) -> None:
    cursor = auto.cursor()
    cursor.cancel()
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]


# What is not accepted


def test_only_its_block_ends_a_transaction(auto: Conn, table: Callable[[], list[int]]) -> None:
    with auto.transaction():
        auto.execute("INSERT INTO t VALUES (1)")
        for end in (auto.commit, auto.rollback, lambda: auto.execute("COMMIT")):
            with pytest.raises(ProgrammingError, match=r"inside transaction\(\)"):
                end()
    assert table() == [1]


def test_a_read_only_transaction_changes_nothing(
    auto: Conn, table: Callable[[], list[int]]
) -> None:
    auto.execute("BEGIN TRANSACTION READ ONLY")
    assert auto.execute("FROM t").fetchall() == []
    with pytest.raises(ProgrammingError, match="READ ONLY, and INSERT may change something"):
        auto.execute("INSERT INTO t VALUES (1)")
    auto.execute("COMMIT")
    auto.execute("INSERT INTO t VALUES (1)")
    assert table() == [1]


def test_reading_opens_no_transaction(conn: Conn, table: Callable[[], list[int]]) -> None:
    conn.execute("FROM t").fetchall()
    assert not conn.in_transaction
    assert conn.load("t", pa.table({"a": pa.array([1], pa.int32())})) == 1


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy])
def test_connections_and_cursors_are_not_copied(auto: Conn, copying: Callable[[Any], Any]) -> None:
    for thing in (auto, auto.cursor()):
        with pytest.raises(TypeError, match="cannot be copied"):
            copying(thing)
    assert auto.execute("SELECT 1").fetchall() == [(1,)]


def test_a_clone_of_a_local_connection_outlives_it() -> None:
    conn = altertable_dbapi.connect("local", autocommit=True)
    conn.execute("CREATE TABLE t AS SELECT 1 AS a")
    conn.autocommit = False
    clone = conn.adbc_clone()
    conn.close()
    assert clone.autocommit is False
    assert clone.execute("FROM t").fetchall() == [(1,)]
    clone.close()


def test_arguments_of_the_wrong_kind(auto: Conn) -> None:
    cursor = auto.execute("SELECT 1")
    with pytest.raises(ProgrammingError, match=r"fetchmany\(size\) is '3'"):
        cursor.fetchmany("3")  # type: ignore[arg-type]
    with pytest.raises(ProgrammingError, match="row_factory is 'dict'"):
        auto.cursor(row_factory="dict")  # type: ignore[call-overload]
    for text in ("", " ", "-- nothing", ";"):
        with pytest.raises(ProgrammingError, match="the statement is empty"):
            auto.execute(text)


def test_settings_that_contradict_the_local_server() -> None:
    for setting in ({"host": "example.com"}, {"port": 1}, {"tls": True}, {"username": "ana"}):
        with pytest.raises(ProgrammingError, match=rf"{next(iter(setting))}= .*\('local'\)"):
            altertable_dbapi.connect("local", **setting)


def test_a_local_database_that_cannot_be_opened() -> None:
    with pytest.raises(OperationalError, match="cannot open"):
        altertable_dbapi.connect("local:no-such-folder/x.duckdb")


def test_a_host_with_a_port() -> None:
    with pytest.raises(ProgrammingError, match="host is 'name:443'.*pass port="):
        altertable_dbapi.connect(host="name:443", username="a", password="b")


def test_a_closed_connection_says_so(server: Server) -> None:
    conn = server.connect()
    conn.close()
    for act in (conn.commit, conn.cursor, lambda: conn.execute("SELECT 1")):
        with pytest.raises(InterfaceError, match="closed"):
            act()
