"""Streams that nobody reads to their end, and those that wait for a quiet moment."""

from __future__ import annotations

from typing import Any

import altertable_dbapi


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
