"""The habits of other servers, each an option of the local one."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi.local import Server
from altertable_dbapi.local.habits import Habits, chosen


def test_what_is_given_wins_over_a_likeness() -> None:
    assert chosen(None, {}) == Habits()
    alike = chosen("mock", {"hide_reasons": False, "ignore_close": None})
    assert not alike.hide_reasons
    assert alike.ignore_close
    assert alike.bind_as_text
    with pytest.raises(ValueError, match="like='duck' is not known; known: mock"):
        Server(like="duck")


def test_a_reason_is_hidden_where_a_statement_runs() -> None:
    with Server(hide_reasons=True) as server, server.connect() as conn:
        with pytest.raises(altertable_dbapi.Error) as caught:
            conn.execute("SELECT CAST(i AS INTEGER) FROM (VALUES ('a')) t(i)").fetchall()
        assert str(caught.value) == "Failed to query arrow"
        with pytest.raises(altertable_dbapi.ProgrammingError, match="Catalog Error: .*nowhere"):
            conn.execute("FROM nowhere")


@pytest.mark.leaves_sessions("the server does nothing at their end")
def test_a_session_that_is_not_closed_leaves_no_transaction() -> None:
    with Server(ignore_close=True) as server:
        conn = server.connect()
        conn.execute("CREATE TABLE t (i INTEGER)")
        conn.close()
        assert server.open_sessions == 1
        assert server.sessions[0].transaction == b""
        with server.connect() as other, pytest.raises(altertable_dbapi.ProgrammingError):
            other.execute("FROM t")


def test_a_use_of_the_program_s_has_no_effect() -> None:
    with (
        Server(use_before_statements=True) as server,
        server.connect(schema="main", autocommit=True) as conn,
    ):
        conn.execute("CREATE SCHEMA s")
        conn.execute("USE s")
        assert conn.execute("SELECT current_schema()").fetchone() == ("main",)


@pytest.mark.parametrize("keep", [True, False])
def test_what_had_come_of_a_load_that_fails_stays(keep: bool) -> None:
    # The driver sends messages of 2 MiB.
    rows = pa.table({"i": pa.array([*range(600_000), None], pa.int64())})
    with (
        Server(keep_half_loads=keep) as server,
        server.connect(autocommit=True) as conn,
        conn.cursor() as cursor,
    ):
        cursor.execute("CREATE TABLE t (i BIGINT NOT NULL)")
        with pytest.raises(altertable_dbapi.IntegrityError):
            cursor.adbc_ingest("t", rows, mode="append")
        stored = cursor.execute("SELECT count(*) FROM t").fetchone()[0]
        assert 0 < stored <= 600_000 if keep else stored == 0


@pytest.mark.leaves_sessions("the server does nothing at their end")
def test_a_statement_that_is_given_up_runs_to_its_end() -> None:
    slow = "SELECT count(*) FROM range(3_000_000) r(i) WHERE md5(i::VARCHAR) < 'a'"
    with (
        Server(ignore_cancel=True, ignore_close=True) as server,
        server.connect(autocommit=True) as conn,
    ):
        conn.execute("CREATE TABLE t (i BIGINT)")
        with (
            server.connect(autocommit=True, fetch_timeout=0.1) as brief,
            pytest.raises(altertable_dbapi.OperationalError),
        ):
            brief.execute(f"INSERT INTO t {slow}")
        deadline = time.monotonic() + 60
        while conn.execute("FROM t").fetchall() == []:
            assert time.monotonic() < deadline
