"""Streams that nobody reads to their end, and those that wait for a quiet moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi.local import Server
from altertable_dbapi.process import housekeeping


def test_a_transaction_outlives_results_that_are_half_read(
    conn: altertable_dbapi.Connection[tuple[Any, ...]],
) -> None:
    conn.execute("CREATE TABLE t (a BIGINT)")
    for turn in range(60):
        rows = 1 if turn % 2 else 70_000
        assert conn.execute(f"SELECT i FROM range({rows}) AS r(i)").fetchone() == (0,)
        conn.execute("INSERT INTO t VALUES ($turn)", {"turn": turn})
    conn.commit()
    assert conn.execute("SELECT count(*), sum(a) FROM t").fetchall() == [(60, 1770)]


@pytest.fixture
def in_parts() -> Iterator[altertable_dbapi.Connection[tuple[Any, ...]]]:
    """A connection to a server that sends each result in three streams of several batches."""
    with Server(batch_rows=1000, endpoints=3) as server:
        with server.connect(autocommit=True) as connection:
            yield connection


@pytest.mark.parametrize("read", [1, 7000, 8000, 15_000])
def test_another_statement_leaves_each_of_several_streams_whole(
    in_parts: altertable_dbapi.Connection[tuple[Any, ...]], read: int
) -> None:
    cursor = in_parts.execute("SELECT i FROM range(20000) AS r(i) ORDER BY i")
    rows = cursor.fetchmany(read)
    assert in_parts.execute("SELECT 1").fetchall() == [(1,)]
    rows += cursor.fetchall()
    assert rows == [(i,) for i in range(20_000)]


def test_a_result_in_several_streams_is_not_taken_for_forgotten(
    in_parts: altertable_dbapi.Connection[tuple[Any, ...]],
) -> None:
    cursor = in_parts.execute("SELECT i FROM range(20000) AS r(i) ORDER BY i")
    rows = cursor.fetchmany(7000)  # in the second stream
    housekeeping.needed()
    quiet = time.monotonic() + 5 * housekeeping.QUIET_SECONDS
    while time.monotonic() < quiet:
        time.sleep(housekeeping.QUIET_SECONDS)
    assert rows + cursor.fetchall() == [(i,) for i in range(20_000)]
