"""Who binds: the probe, its cost, and the same values whoever does it."""

from __future__ import annotations

import datetime as dt
import decimal
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from altertable_dbapi import (
    Connection,
    Interval,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connect,
)
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]

PLAIN = ["GetFlightInfo:CommandStatementQuery", "DoGet:TicketStatementQuery"]
BOUND = [
    "DoAction:CreatePreparedStatement",
    "DoPut:CommandPreparedStatementQuery",
    "GetFlightInfo:CommandPreparedStatementQuery",
    "DoGet:CommandPreparedStatementQuery",
]


@pytest.fixture
def text_server() -> Iterator[Server]:
    """A server that binds every value as text, and NULL as a word."""
    with Server(bind_as_text=True) as server:
        yield server


@pytest.fixture(params=[False, True], ids=["binds", "binds as text"])
def any_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(bind_as_text=request.param) as server:
        yield server


@pytest.mark.parametrize(
    ("value", "sql_type"),
    [
        (True, "BOOLEAN"),
        (5, "INTEGER"),
        (2**40, "BIGINT"),
        (1.5, "DOUBLE"),
        ("it's", "VARCHAR"),
        ("NULL", "VARCHAR"),
        (b"\0\xff", "BLOB"),
        (decimal.Decimal("123.450"), "DECIMAL(6,3)"),
        (dt.date(2020, 2, 29), "DATE"),
        (dt.time(1, 2, 3, 4), "TIME"),
        (dt.datetime(2020, 2, 29, 1, 2, 3, 4), "TIMESTAMP"),
        (dt.datetime(2020, 2, 29, tzinfo=dt.timezone.utc), "TIMESTAMP WITH TIME ZONE"),
        ([1, None, 3], "INTEGER[]"),
        ({"a": 1, "b": ["x"]}, "STRUCT(a INTEGER, b VARCHAR[])"),
    ],
    ids=repr,
)
def test_auto_gives_the_same_values_whatever_the_server_binds(
    any_server: Server, value: Any, sql_type: str
) -> None:
    with any_server.connect() as conn:
        rows = conn.execute("SELECT typeof($v), $v, $n IS NULL", {"v": value, "n": None}).fetchall()
    assert rows == [(sql_type, value, True)]


def test_auto_asks_a_server_once(any_server: Server) -> None:
    with any_server.connect(autocommit=True) as one, any_server.connect() as two:
        for conn in (one, two, one):
            for text in ("SELECT ?", "SELECT ? + 1"):
                conn.execute(text, [1]).fetchall()
    assert sum("typeof" in text for text in any_server.executed) == 1


def test_the_round_trips(server: Server, text_server: Server) -> None:
    for one, expected in ((server, BOUND + BOUND), (text_server, BOUND + PLAIN)):
        with one.connect(autocommit=True) as conn:
            one.clear()
            conn.execute("SELECT 1").fetchall()
            assert one.calls == PLAIN
            one.clear()
            conn.execute("SELECT ?", [1]).fetchall()
            assert one.calls == expected
            one.clear()
            conn.execute("SELECT ?", [1]).fetchall()
            assert one.calls == (BOUND[1:] if one is server else PLAIN)


def test_client_binding_costs_two_round_trips_and_asks_nothing(server: Server) -> None:
    with server.connect(autocommit=True, binding="client") as conn:
        server.clear()
        assert conn.execute("SELECT $a, typeof($a)", {"a": 5}).fetchall() == [(5, "INTEGER")]
        assert server.calls == PLAIN
        assert server.executed[-1].parameters is None


def test_server_binding_asks_nothing(text_server: Server) -> None:
    with text_server.connect(autocommit=True, binding="server") as conn:
        text_server.clear()
        assert conn.execute("SELECT typeof(?)", [5]).fetchall() == [("VARCHAR",)]
        assert text_server.calls == BOUND


def test_a_cursor_may_bind_otherwise(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        server.clear()
        assert conn.cursor(binding="client").execute("SELECT ?", [5]).fetchall() == [(5,)]
        assert server.calls == PLAIN
        with pytest.raises(ProgrammingError, match="binding is 'both'.*auto, server, client"):
            conn.cursor(binding="both")


def test_the_setting_in_the_uri(server: Server) -> None:
    with connect(f"{server.uri}&binding=client", autocommit=True) as conn:
        server.clear()
        assert conn.execute("SELECT ?", [5]).fetchall() == [(5,)]
        assert server.calls == PLAIN
    with pytest.raises(ProgrammingError, match="binding is 'x'.*connection URI.*auto"):
        connect(f"{server.uri}&binding=x")


def test_the_log_says_so_once(
    server: Server, text_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    for one, words in ((server, "bound by the server"), (text_server, "sent as literals")):
        caplog.clear()
        with caplog.at_level(logging.INFO, "altertable_dbapi"):
            for _ in range(2):
                with one.connect() as conn:
                    conn.execute("SELECT ?", [1])
        said = [r for r in caplog.records if "values as what they are" in r.getMessage()]
        assert [record.levelname for record in said] == ["INFO"]
        assert words in said[0].getMessage()
        assert f":{one.port}" in said[0].getMessage()


def test_asking_leaves_an_open_transaction_alone(any_server: Server) -> None:
    with any_server.connect() as conn:
        conn.execute("CREATE TABLE t (a INT)")
        assert conn.in_transaction
        # The server refuses to prepare anything for a while, as one without parameters would.
        any_server.fail_next("DoAction:CreatePreparedStatement", "UNIMPLEMENTED", "no", times=2)
        sessions = any_server.open_sessions
        conn.execute("INSERT INTO t VALUES (?)", [5])
        assert any_server.open_sessions == sessions
        assert conn.execute("FROM t").fetchall() == [(5,)]
        conn.commit()
        assert conn.execute("SELECT a FROM t WHERE a = ?", [5]).fetchall() == [(5,)]


def test_asking_comes_before_the_transaction(server: Server) -> None:
    with server.connect() as conn:
        conn.execute("CREATE TABLE t (a INT)")
        conn.commit()
        server.clear()
        conn.execute("INSERT INTO t VALUES (?)", [5])
        assert server.calls == [*BOUND, "DoAction:BeginTransaction", *BOUND]


def test_a_server_that_refuses_lists_alone_binds_the_rest(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        server.fail_next("DoPut:CommandPreparedStatementQuery", "INVALID_ARGUMENT", "no lists")
        assert conn.execute("SELECT ?", [5]).fetchall() == [(5,)]
        assert server.executed[-1].parameters is not None
        conn.execute("CREATE TABLE t (a INT)")
        server.clear()
        conn.cursor().executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(100)])
        assert [text for text in server.executed if "INSERT" in text and text.parameters] == []
        assert conn.execute("SELECT count(*), sum(a) FROM t").fetchall() == [(100, 4950)]


def test_what_could_not_be_asked_is_asked_again(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        before = list(server.executed)
        server.fail_next("DoAction:CreatePreparedStatement", "UNAVAILABLE", "later")
        with pytest.raises(OperationalError, match="later"):
            conn.execute("SELECT ?", [5])
        assert server.executed == before
        assert conn.execute("SELECT ?", [6]).fetchall() == [(6,)]
        assert server.executed[-1].parameters is not None


def test_threads_ask_once(server: Server) -> None:
    barrier = threading.Barrier(4)
    rows = []

    def ask() -> None:
        with server.connect(autocommit=True) as conn:
            barrier.wait()
            rows.append(conn.execute("SELECT ?", [5]).fetchone())

    server.clear()
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows == [(5,)] * 4
    assert sum("typeof" in text for text in server.executed) == 1


def test_arrow_parameters_have_one_row(any_server: Server) -> None:
    with any_server.connect() as conn:
        batch = pa.record_batch({"b": pa.array([5], pa.int8()), "a": ["x"]})
        assert conn.execute("SELECT $a, typeof($b)", batch).fetchall() == [("x", "TINYINT")]
        any_server.clear()
        for rows in (0, 2):
            with pytest.raises(ProgrammingError, match=f"one row, not {rows}"):
                conn.execute("SELECT ?", pa.table({"a": pa.array([1] * rows, pa.int8())}))
        assert any_server.calls == []


def test_literals_wherever_parameters_may_stand(any_server: Server) -> None:
    with any_server.connect(autocommit=True) as conn:
        run = conn.execute
        assert run("SELECT * FROM range(9) LIMIT ? OFFSET ?", [1, 2]).fetchall() == [(2,)]
        assert run("SELECT 2 IN ?, 2 IN ?", [[1, 2], []]).fetchall() == [(True, False)]
        assert run("SELECT ? [2], 1-?, -?", [[1, 2], -1, -1]).fetchall() == [(2, 2, 1)]
        assert run("SELECT ? LIKE? ESCAPE ?", ["a%", "a!%", "!"]).fetchall() == [(True,)]
        assert run("SELECT DATE '2020-01-01' = ?", ["2020-01-01"]).fetchall() == [(True,)]
        assert run("SELECT INTERVAL (?) DAY", [2]).fetchall() == [(Interval(days=2),)]
        assert run("SELECT ?::INT, CAST(? AS DATE)", ["5", None]).fetchall() == [(5, None)]
        run("SET threads = ?", [1])


def test_partitions_are_bound_as_well(any_server: Server) -> None:
    with any_server.connect(autocommit=True) as conn:
        cursor = conn.cursor()
        partitions, _ = cursor.adbc_execute_partitions("SELECT $a", {"a": 5})
        cursor.adbc_read_partition(partitions[0])
        assert cursor.fetchall() == [(5,)]


def test_errors_of_the_statement_are_the_same(any_server: Server) -> None:
    with any_server.connect(autocommit=True) as conn:
        with pytest.raises(ProgrammingError, match="nope"):
            conn.execute("SELECT nope + ?", [1])
        with pytest.raises((OperationalError, NotSupportedError, ProgrammingError)):
            conn.execute("SELECT ? FROM", [1])
