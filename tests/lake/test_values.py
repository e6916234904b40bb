"""Values that a lake would change: what a load does with them."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import DataError

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

MONTH_DAY_NANO = pa.month_day_nano_interval()

CHANGED = [
    pa.array([1_500_001], pa.duration("us")),
    pa.array([-1], pa.duration("s")),
    pa.array([60 * 86400], pa.duration("s")),
    pa.array([(0, 0, 1_000)], MONTH_DAY_NANO),
    pa.array([(-1, 0, 0)], MONTH_DAY_NANO),
    pa.array([(0, -1, 0)], MONTH_DAY_NANO),
    pa.array([(0, 0, 60 * 86400 * 10**9)], MONTH_DAY_NANO),
]


@pytest.mark.parametrize("mode", ["create", "append"])
@pytest.mark.parametrize("given", CHANGED, ids=lambda given: f"{given.type}-{given[0]}")
def test_intervals_that_a_lake_would_change_are_refused(
    auto: Connection, given: pa.Array, mode: Any
) -> None:
    if mode == "append":
        auto.execute("CREATE TABLE t (x INTERVAL)")
    padded = pa.concat_arrays([pa.nulls(3, given.type), given])
    with pytest.raises(DataError, match=r"column 'x', row 3: a lake keeps .* int64"):
        auto.load("t", pa.table({"x": padded}), mode=mode)
    if mode == "append":
        assert auto.execute("SELECT count(*) FROM t").fetchone() == (0,)


KEPT = [
    (pa.array([0, 1_500_000, None], pa.duration("us")), [0, 1_500_000, None]),
    (pa.array([40 * 86400, 0, None], pa.duration("s")), [40 * 86_400_000_000, 0, None]),
    (pa.array([(0, 0, 5_000_000), (0, 0, 0), None], MONTH_DAY_NANO), [5_000, 0, None]),
]


@pytest.mark.parametrize(("given", "microseconds"), KEPT)
def test_other_intervals_are_kept_in_files(
    auto: Connection, given: pa.Array, microseconds: list[int | None]
) -> None:
    many = pa.chunked_array([given] * 100)
    assert auto.load("t", pa.table({"x": many}), mode="create") == 300
    auto.execute("CHECKPOINT")
    found = auto.execute("SELECT DISTINCT x FROM t").fetchall()
    assert {None if x is None else x.microseconds + 86_400_000_000 * x.days for (x,) in found} == {
        *microseconds
    }


def test_times_are_stored_in_microseconds(auto: Connection) -> None:
    times = pa.array([1_000, None] * 20, pa.time64("ns"))
    auto.load("t", pa.table({"x": times}), mode="create")
    auto.execute("CHECKPOINT")
    assert auto.execute("DESCRIBE t").fetchall()[0][1] == "TIME"
    found = auto.execute("SELECT DISTINCT x FROM t WHERE x IS NOT NULL").fetchall()
    assert found == [(datetime.time(0, 0, 0, 1),)]
    with pytest.raises(DataError, match="column 'x', row 0"):
        auto.load("u", pa.table({"x": pa.array([1], pa.time64("ns"))}), mode="create")


def test_one_snapshot_for_each_call(auto: Connection) -> None:
    auto.execute("CREATE TABLE m (i INTEGER, s VARCHAR)")
    cursor = auto.cursor()
    data = pa.table({"i": pa.array(range(50_000), pa.int32()), "s": ["x" * 50] * 50_000})
    calls: list[Callable[[], object]] = [
        lambda: cursor.executemany("INSERT INTO m VALUES (?, ?)", [(i, "a") for i in range(3000)]),
        lambda: auto.load("m", data, batch_bytes=100_000),
        lambda: auto.load("m", data, primary_key="i", batch_bytes=100_000),
        lambda: cursor.executemany("UPDATE m SET s = ? WHERE i = ?", [("b", i) for i in range(50)]),
        lambda: cursor.executemany("DELETE FROM m WHERE i = ?", [(i,) for i in range(50)]),
    ]
    for call in calls:
        before = auto.current_snapshot()
        call()
        assert auto.current_snapshot() == before + 1


def test_a_lake_has_no_primary_keys(auto: Connection) -> None:
    auto.execute("CREATE TABLE t (i INTEGER NOT NULL)")
    assert auto.get_primary_keys("t").num_rows == 0


def test_another_sessions_schema_changes_are_seen_at_once(auto: Connection, server: Any) -> None:
    auto.execute("CREATE TABLE t AS SELECT 1 AS i")
    query, value = "FROM t WHERE 1 = $one", {"one": 1}
    with server.connect(autocommit=True) as other:
        for change, columns in (
            ("ALTER TABLE t ADD COLUMN j INTEGER DEFAULT 5", ["i", "j"]),
            ("ALTER TABLE t RENAME COLUMN j TO k", ["i", "k"]),
            ("ALTER TABLE t ALTER i TYPE BIGINT", ["i", "k"]),
            ("ALTER TABLE t DROP COLUMN k", ["i"]),
        ):
            auto.execute(query, value).fetchall()
            other.execute(change)
            found = auto.execute(query, value).fetch_arrow_table()
            assert found.column_names == columns, change
            auto.load("t", pa.table({name: [2] for name in columns}))
        assert auto.execute(query, value).fetch_arrow_table().schema.field("i").type == pa.int64()
        assert other.execute("SELECT count(*) FROM t").fetchone() == (5,)
