"""What the log of the driver holds, and what it must not hold."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

import pyarrow as pa
import pytest

from altertable_dbapi import DataError, ProgrammingError, sql
from altertable_dbapi.local import Server
from altertable_dbapi.logs import TEXT_LENGTH, SessionLog, logger, showing

Log = pytest.LogCaptureFixture

LINE = re.compile(
    r"session (?P<session>[0-9a-f]{8}): statement (?P<number>\d+) (?P<what>.*) in "
    r"(?P<seconds>\d+\.\d{3}) s, (?P<trips>\d+) round trips?"
)


@pytest.fixture
def debug(caplog: Log) -> Log:
    caplog.set_level(logging.DEBUG, "altertable_dbapi")
    return caplog


@pytest.fixture
def info(caplog: Log) -> Log:
    caplog.set_level(logging.INFO, "altertable_dbapi")
    return caplog


def _lines(log: Log) -> list[re.Match[str]]:
    found = [LINE.fullmatch(message) for message in log.messages]
    return [line for line in found if line is not None]


def test_a_statement_has_rows_time_and_round_trips(server: Server, info: Log) -> None:
    with server.connect(autocommit=True) as auto:
        info.clear()
        auto.execute("SELECT * FROM range(70000)").fetchall()
        auto.execute("CREATE TABLE t (a INT)")
        auto.execute("SELECT 1").fetchone()
    lines = _lines(info)
    assert [line["number"] for line in lines] == ["1", "2", "3"]
    assert [line["what"] for line in lines] == [
        "finished: 70000 rows",
        "finished: 0 rows",
        "left after 1 row",
    ]
    assert {line["trips"] for line in lines} == {"2"}
    assert len({line["session"] for line in lines}) == 1
    assert {record.levelname for record in info.records} == {"INFO"}
    assert {record.name for record in info.records} == {"altertable_dbapi"}


def test_the_time_is_that_of_the_statement(server: Server, info: Log) -> None:
    with server.connect(autocommit=True) as auto:
        server.delay_next("DoGet", 0.3)
        started = time.perf_counter()
        auto.execute("SELECT 1").fetchall()
        elapsed = time.perf_counter() - started
    assert 0.3 <= float(_lines(info)[-1]["seconds"]) <= elapsed + 0.001


def test_the_text_is_there_at_debug_alone(server: Server, caplog: Log) -> None:
    with server.connect(autocommit=True) as auto:
        with caplog.at_level(logging.INFO, "altertable_dbapi"):
            auto.execute("SELECT 1 AS distinctive").fetchall()
        assert "distinctive" not in caplog.text
        with caplog.at_level(logging.DEBUG, "altertable_dbapi"):
            auto.execute("SELECT 1\n  AS distinctive").fetchall()
    assert any(m.endswith(": SELECT 1 AS distinctive") for m in caplog.messages)


def test_a_long_text_is_cut(server: Server, debug: Log) -> None:
    with server.connect(autocommit=True) as auto:
        auto.execute(f"SELECT '{'x' * 5000}'").fetchall()
    sent = next(message for message in debug.messages if "xxx" in message)
    assert len(sent) < TEXT_LENGTH + 100
    assert sent.endswith(" … (4,009 characters more)")


@pytest.mark.parametrize("binding", ["server", "client", "auto"])
@pytest.mark.parametrize("as_text", [False, True])
def test_values_are_never_there(binding: str, as_text: bool, debug: Log) -> None:
    value = "value-of-a-parameter"
    with Server(bind_as_text=as_text) as server:
        with server.connect(autocommit=True, binding=binding) as auto:
            auto.execute("SELECT $a AS x", {"a": value}).fetchall()
            auto.execute(sql("SELECT $a || 'y' AS x", a=value)).fetchall()
            auto.execute("CREATE TABLE t (n INTEGER, s VARCHAR)")
            with auto.cursor() as cursor:
                rows = [("1", value), ("2", value)]
                cursor.executemany("INSERT INTO t VALUES (CAST(? AS INTEGER), ?)", rows)
                cursor.executemany("UPDATE t SET s = ?", [(value,), (value,)])
                wrong = [("1", value), ("x", value)]
                with pytest.raises(DataError):
                    cursor.executemany("INSERT INTO t VALUES (CAST(? AS INTEGER), ?)", wrong)
                cursor.adbc_execute_partitions("SELECT ? AS x", [value])
            auto.load("u", pa.table({"a": [value]}), mode="create")
            auto.load("u", pa.table({"a": [value], "b": [1]}), mode="replace", primary_key="a")
    assert "INSERT INTO t VALUES (CAST(? AS INTEGER), ?)" in debug.text
    assert value not in debug.text


def test_a_failure_is_named_without_its_words(server: Server, debug: Log) -> None:
    with server.connect(autocommit=True) as auto:
        with pytest.raises(DataError, match="could-be-a-secret"):
            auto.execute("SELECT CAST(? AS INTEGER)", ["could-be-a-secret"]).fetchall()
    assert _lines(debug)[-1]["what"] == "failed with DataError"
    assert "could-be-a-secret" not in debug.text


def test_transactions_and_sessions(server: Server, debug: Log) -> None:
    with server.connect() as conn:
        conn.execute("CREATE TABLE t (a INT)")
        conn.commit()
        conn.execute("INSERT INTO t VALUES (1)")
        conn.rollback()
        server.expire_sessions()
        conn.execute("INSERT INTO t VALUES (2)")
    messages = [
        re.sub(r"session \w+|in [\d.]+ s", "", message).strip(" :")
        for message in debug.messages
        if "statement" not in message
    ]
    opened = f"opened: local@127.0.0.1:{server.port} without TLS"
    assert messages == [
        opened,
        "transaction begun",
        "transaction committed",
        "transaction begun",
        "transaction rolled back",
        "ended",
        opened,
        "transaction begun",
        "transaction committed",
        "ended",
    ]
    sessions = {m.split()[1].rstrip(":") for m in debug.messages if m.startswith("session")}
    assert len(sessions) == 2


def test_a_load(server: Server, info: Log) -> None:
    data = pa.table({"a": [1, 2, 3]})
    with server.connect(autocommit=True) as auto:
        auto.load("t", data, mode="create")
    pattern = rf"session \w+: 3 rows, {data.nbytes} bytes loaded in [\d.]+ s"
    assert any(re.fullmatch(pattern, message) for message in info.messages)


@pytest.mark.parametrize("binding", ["server", "client"])
def test_round_trips_are_those_that_the_server_sees(binding: str, info: Log) -> None:
    statements: list[tuple[str, Any]] = [
        ("SELECT 1", None),
        ("SELECT $1 + 1", [1]),
        ("SELECT $1 + 1", [2]),
        ("SELECT $1 + 2", [2]),
    ]
    with Server(endpoints=2) as server, server.connect(autocommit=True, binding=binding) as auto:
        for text, parameters in statements:
            info.clear()
            server.clear()
            auto.execute(text, parameters).fetchall()
            assert int(_lines(info)[-1]["trips"]) == len(server.calls), server.calls


def test_every_call_of_a_session_is_counted(server: Server) -> None:
    server.clear()
    with server.connect(catalog="local", schema="main", binding="server") as conn:
        for i in range(40):  # more than are kept prepared
            conn.execute(f"SELECT $1 + {i}", [i]).fetchall()
        conn.rollback()
        conn.execute("SELECT 1").fetchall()
        conn.commit()
        assert conn._session.log.round_trips == len(server.calls)


def test_it_costs_next_to_nothing_when_nobody_listens(caplog: Log) -> None:
    log = SessionLog()
    caplog.set_level(logging.WARNING, "altertable_dbapi")
    best = float("inf")
    assert not logger.isEnabledFor(logging.INFO)
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(1000):
            with showing("SELECT 1"):
                assert log.sending("SELECT 1") is None
        best = min(best, time.perf_counter() - started)
    # A statement on a server next door takes some 2,000 µs.
    assert best / 1000 < 20e-6


def test_records_of_statements_have_their_facts(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "altertable_dbapi")
    with server.connect(autocommit=True) as conn:
        conn.execute("FROM range(3)").fetchall()
        with pytest.raises(ProgrammingError) as failed:
            conn.execute("FROM nowhere")
    records = [record.__dict__ for record in caplog.records if hasattr(record, "statement")]
    read, refused = records
    assert (read["statement"], read["rows"], read["round_trips"]) == (1, 3, 2)
    assert 0 < read["seconds"] < 30
    assert refused["statement"] == 2
    assert refused["sqlstate"] == failed.value.sqlstate
    assert read["session"] == refused["session"]
    assert len(read["session"]) == 8
