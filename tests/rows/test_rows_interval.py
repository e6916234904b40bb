"""The interval type, against DuckDB where DuckDB has an opinion."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altertable_dbapi.interval import Interval

duckdb = pytest.importorskip("duckdb")

INTERVALS = st.builds(
    Interval,
    st.integers(-500, 500),
    st.integers(-40, 40),
    st.one_of(st.integers(-(10**12), 10**12), st.sampled_from([0, 1, -1, 3_600_000_000])),
)


def in_sql(interval: Interval) -> str:
    return (
        f"(to_months({interval.months}) + to_days({interval.days})"
        f" + to_microseconds({interval.microseconds}))"
    )


def ask(expression: str) -> Any:
    return duckdb.sql(f"SELECT {expression}").fetchall()[0][0]


@settings(deadline=None)
@given(INTERVALS)
def test_text_is_duckdbs_and_casts_back(interval: Interval) -> None:
    assert str(interval) == ask(f"{in_sql(interval)}::VARCHAR")
    assert ask(f"'{interval}'::INTERVAL = {in_sql(interval)}")


@settings(deadline=None)
@given(INTERVALS)
def test_timedelta_is_duckdbs(interval: Interval) -> None:
    assert interval.to_timedelta() == ask(in_sql(interval))


@settings(deadline=None)
@given(INTERVALS, st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
def test_datetime_arithmetic_is_duckdbs(interval: Interval, start: datetime) -> None:
    assert start + interval == ask(f"TIMESTAMP '{start}' + {in_sql(interval)}")
    assert interval + start == start + interval
    assert start - interval == ask(f"TIMESTAMP '{start}' - {in_sql(interval)}")
    assert start.date() + interval == ask(f"DATE '{start.date()}' + {in_sql(interval)}")


@settings(deadline=None)
@given(INTERVALS, INTERVALS)
def test_order_is_duckdbs_and_total(left: Interval, right: Interval) -> None:
    if ask(f"{in_sql(left)} < {in_sql(right)}"):
        assert left < right
    assert (left < right) + (left == right) + (left > right) == 1
    assert (left <= right) == (left < right or left == right)
    assert (left >= right) == (left > right or left == right)


@given(INTERVALS, INTERVALS, st.integers(-5, 5))
def test_arithmetic_keeps_the_parts_apart(left: Interval, right: Interval, times: int) -> None:
    total = left + right
    assert (total.months, total.days) == (left.months + right.months, left.days + right.days)
    assert total - right == left
    assert left * times == times * left
    assert left * 2 == left + left
    assert -left + left == Interval()
    assert +left == left


def test_equal_only_when_every_part_is() -> None:
    assert Interval(1) != Interval(0, 30)
    assert Interval(0, 30) < Interval(1)
    assert Interval(1, 2, 3) == Interval(months=1, days=2, microseconds=3)
    assert hash(Interval(1, 2, 3)) == hash(Interval(1, 2, 3))
    assert Interval(1, 2, 3) != (1, 2, 3)
    assert not Interval()
    assert Interval(1, -30)
    assert repr(Interval(1, 2, 3)) == "Interval(months=1, days=2, microseconds=3)"
    assert {Interval(1): "a"}[Interval(1)] == "a"


def test_timedelta_mixes_in() -> None:
    assert Interval.from_timedelta(timedelta(days=-1, seconds=1)) == Interval(0, -1, 1_000_000)
    assert Interval(1) + timedelta(1) == timedelta(1) + Interval(1) == Interval(1, 1)
    assert Interval(1, 1) - timedelta(1) == Interval(1)
    assert timedelta(1) - Interval(1) == Interval(-1, 1)


def test_immutable_copied_and_pickled() -> None:
    one = Interval(1, 2, 3)
    with pytest.raises(AttributeError):
        one.months = 2  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one


@pytest.mark.parametrize("other", [1, 1.5, "1 day", None, (0, 1, 0)])
def test_nothing_else_mixes_in(other: Any) -> None:
    one = Interval(1)
    operations: list[Callable[[], Any]] = [
        lambda: one + other,
        lambda: other - one,
        lambda: one - other,
        lambda: one < other,
        lambda: one >= other,
    ]
    for operate in operations:
        with pytest.raises(TypeError):
            operate()


def test_parts_are_integers() -> None:
    with pytest.raises(TypeError):
        Interval(1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Interval(1) * 1.5  # type: ignore[operator]


def test_aware_datetimes_move_by_the_calendar_then_by_elapsed_time() -> None:
    paris = ZoneInfo("Europe/Paris")
    before = datetime(2024, 3, 30, 12, tzinfo=paris)  # the clocks go forward that night
    assert before + Interval(days=1) == datetime(2024, 3, 31, 12, tzinfo=paris)
    assert before + Interval(microseconds=24 * 3600 * 10**6) == datetime(
        2024, 3, 31, 13, tzinfo=paris
    )
    moved = datetime(2024, 1, 31, tzinfo=timezone.utc) + Interval(1)
    assert moved == datetime(2024, 2, 29, tzinfo=timezone.utc)


def test_leaving_pythons_calendar() -> None:
    with pytest.raises(OverflowError, match="years 1 to 9999"):
        date(9999, 12, 1) + Interval(1)
    with pytest.raises(OverflowError):
        date.min - Interval(0, 1)


def test_arrow_takes_it_with_its_microseconds() -> None:
    array = pa.array([Interval(1, 2, 3)], pa.month_day_nano_interval())
    assert array[0].as_py() == pa.MonthDayNano([1, 2, 3000])
