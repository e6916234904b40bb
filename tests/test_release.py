"""Streams that nobody reads to their end, in a transaction: read on for a moment, then stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

import altertable_dbapi
from altertable_dbapi.release import Unread

BATCH = pa.record_batch({"a": [1, 2]})


def stream(batches: Iterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(BATCH.schema, batches)


def test_a_stream_that_ends_soon_is_not_cancelled() -> None:
    cancelled = threading.Event()
    left = iter([BATCH] * 3)
    Unread(stream(left), cancelled.set).close()
    assert next(left, None) is None
    assert not cancelled.is_set()


def test_a_stream_that_goes_on_is_cancelled() -> None:
    cancelled = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        yield BATCH
        # As the driver's stream does: it waits for the server until it is cancelled.
        assert cancelled.wait(20)
        raise OSError("cancelled")

    Unread(stream(batches()), cancelled.set).close()
    assert cancelled.is_set()


def test_a_stream_that_has_failed_is_cancelled() -> None:
    cancelled = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        yield BATCH
        raise OSError("broken off")

    Unread(stream(batches()), cancelled.set).close()
    assert cancelled.is_set()


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
