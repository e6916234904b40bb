"""Python values as Arrow columns: natural types, one type for several, and what is refused."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import uuid
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altertable_dbapi import DataError, Interval
from altertable_dbapi.parameters.value_types import EMPTY_MAP, HUGEINT, TIMETZ, UHUGEINT, pack_time
from altertable_dbapi.parameters.values import column

D = decimal.Decimal
UTC = dt.timezone.utc


class Level(enum.IntEnum):
    HIGH = 3


class Colour(str, enum.Enum):
    RED = "red"


class Plain(enum.Enum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "kind", "back"),
    [
        (True, pa.bool_(), True),
        (5, pa.int32(), 5),
        (-(2**31), pa.int32(), -(2**31)),
        (2**31, pa.int64(), 2**31),
        (-(2**63), pa.int64(), -(2**63)),
        (2**63, pa.uint64(), 2**63),
        (2**64, HUGEINT, (2**64).to_bytes(16, "little")),
        (-(2**127), HUGEINT, (2**127).to_bytes(16, "little")),
        (2**128 - 1, UHUGEINT, b"\xff" * 16),
        (1.5, pa.float64(), 1.5),
        (math.inf, pa.float64(), math.inf),
        ("größe\0", pa.string(), "größe\0"),
        (b"\0\xff", pa.binary(), b"\0\xff"),
        (bytearray(b"ab"), pa.binary(), b"ab"),
        (memoryview(b"ab"), pa.binary(), b"ab"),
        (dt.date(1, 1, 1), pa.date32(), dt.date(1, 1, 1)),
        (dt.time(23, 59, 59, 999999), pa.time64("us"), dt.time(23, 59, 59, 999999)),
        (dt.datetime(2020, 1, 2, 3), pa.timestamp("us"), dt.datetime(2020, 1, 2, 3)),
        (
            dt.datetime(2020, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            pa.timestamp("us", tz="UTC"),
            dt.datetime(2020, 1, 2, 1, tzinfo=UTC),
        ),
        (
            dt.timedelta(days=-1, microseconds=3),
            pa.month_day_nano_interval(),
            pa.MonthDayNano([0, -1, 3000]),
        ),
        (pd.Timedelta(days=1), pa.month_day_nano_interval(), pa.MonthDayNano([0, 1, 0])),
        (np.timedelta64(25, "h"), pa.month_day_nano_interval(), None),
        (dt.time(1, tzinfo=UTC), TIMETZ, pack_time(dt.time(1, tzinfo=UTC))),
        (D("1.10"), pa.decimal128(3, 2), D("1.10")),
        (D("1E+3"), pa.decimal128(4, 0), D(1000)),
        (D("0.001"), pa.decimal128(4, 3), D("0.001")),
        (D("0.00"), pa.decimal128(3, 2), D("0.00")),
        (D("0.5"), pa.decimal128(1, 1), D("0.5")),
        (D("1E-10"), pa.decimal128(11, 10), D("1E-10")),
        (D("1E-38"), pa.decimal128(38, 38), D("1E-38")),
        (D("Infinity"), pa.float32(), math.inf),
        (D("-0"), pa.decimal128(1, 0), D(0)),
        (uuid.UUID(int=1), pa.uuid(), uuid.UUID(int=1)),
        (Level.HIGH, pa.int32(), 3),
        (Colour.RED, pa.string(), "red"),
        ([1, None, 3], pa.list_(pa.int32()), [1, None, 3]),
        ([1, 2**70], pa.list_(HUGEINT), None),
        ([2**63, -1], pa.list_(HUGEINT), None),
        ([2**127, 2**63], pa.list_(UHUGEINT), None),
        ([1, D("1.5")], pa.list_(pa.decimal128(11, 1)), [D(1), D("1.5")]),
        ([2.5, D("1.5")], pa.list_(pa.float64()), [2.5, 1.5]),
        ([True, 2], pa.list_(pa.int32()), [1, 2]),
        ([True, D("1.5")], pa.list_(pa.decimal128(2, 1)), [D(1), D("1.5")]),
        ([uuid.UUID(int=1), None], pa.list_(pa.uuid()), [uuid.UUID(int=1), None]),
        ((1, 2.5), pa.list_(pa.float64()), [1.0, 2.5]),
        ([], pa.list_(pa.null()), []),
        ([[1], []], pa.list_(pa.list_(pa.int32())), [[1], []]),
        ({"a": 1, "b": "x"}, pa.struct([("a", pa.int32()), ("b", pa.string())]), None),
        ({1: "x"}, pa.struct([("1", pa.string())]), {"1": "x"}),
        ({}, EMPTY_MAP, "{}"),
        ({"key": [], "value": []}, EMPTY_MAP, "{}"),
        ({"key": [1], "value": ["x"]}, pa.map_(pa.int32(), pa.string()), [(1, "x")]),
        (np.int32(5), pa.int32(), 5),
        (np.float32(0.5), pa.float32(), 0.5),
        (np.bool_(True), pa.bool_(), True),
        (np.str_("x"), pa.string(), "x"),
        (np.datetime64("2020-01-02"), pa.date32(), dt.date(2020, 1, 2)),
        (np.datetime64("2020-01-02T03:04:05.000006"), pa.timestamp("us"), None),
        (np.datetime64("2020-01-02T03:04:05"), pa.timestamp("us"), None),
        (np.datetime64("2020-01-02T03:04:05.000000006"), pa.timestamp("ns"), None),
        (np.array([1, 2], dtype=np.int16), pa.list_(pa.int16()), [1, 2]),
        (pa.scalar(5, pa.int8()), pa.int8(), 5),
        (pd.Timestamp("2020-01-02 03:04:05.000006"), pa.timestamp("us"), None),
        (pd.Timestamp("2020-01-02 03:04:05.000006007"), pa.timestamp("ns"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_natural_types(value: Any, kind: pa.DataType, back: Any) -> None:
    array = column([value], "$x")
    assert array.type == kind
    if back is not None:
        assert array[0].as_py() == back


def test_interval() -> None:
    array = column([Interval(1, 2, 3)], "$x")
    assert array.type == pa.month_day_nano_interval()
    assert array[0].as_py() == pa.MonthDayNano([1, 2, 3000])


@pytest.mark.parametrize("value", [None, pd.NA, pd.NaT, np.datetime64("NaT", "s")])
def test_missing_values_are_null_of_the_known_type(value: Any) -> None:
    assert column([value], "$x").type == pa.null()
    assert column([value, 5], "$x").to_pylist() == [None, 5]
    assert column([None], "$x", pa.int32()).type == pa.int32()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5], pa.float64()),
        ([1, 2**40], pa.int64()),
        ([1, D("2.50")], pa.decimal128(12, 2)),
        ([D("1.5"), D("100.25")], pa.decimal128(5, 2)),
        ([dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 5)], pa.timestamp("us")),
        ([None, "x"], pa.string()),
        ([[1], [None, 2.5]], pa.list_(pa.float64())),
        ([{"a": 1}, {"b": "x"}], pa.struct([("a", pa.int32()), ("b", pa.string())])),
        ([D("1.5"), 2.25], pa.float64()),
    ],
    ids=str,
)
def test_several_values_have_one_type_that_loses_nothing(
    values: list[Any], kind: pa.DataType
) -> None:
    array = column(values, "$x")
    assert array.type == kind
    for got, given_value in zip(array.to_pylist(), values, strict=True):
        if isinstance(given_value, dt.date) and not isinstance(given_value, dt.datetime):
            given_value = dt.datetime.combine(given_value, dt.time())
        if isinstance(given_value, dict):
            got = {k: v for k, v in got.items() if v is not None}
        assert got == given_value


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["\ud800"], ["$x", "surrogate"]),
        ([2**128], ["$x", "128 bits", "int"]),
        ([-(2**127) - 1], ["128 bits"]),
        ([[2**127, -1]], ["element 1"]),
        ([D("sNaN")], ["signaling"]),
        ([D("1E-40")], ["38 digits"]),
        ([[D("0.1000000000000000000001"), 0.5]], ["$x", "DOUBLE"]),
        ([dt.time(1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))], ["depends on the day"]),
        ([dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=16)))], ["16 h"]),
        ([pd.Timedelta(5, "ns")], ["Timedelta", "nanoseconds"]),
        ([np.timedelta64(5, "ns")], ["nanoseconds"]),
        ([np.timedelta64(5, "M")], ["unit is M"]),
        ([Plain.ONE], ["Plain", ".value"]),
        ([object], ["type", "no SQL type"]),
        ([{1: 2, "1": 3}], ["STRUCT", "1"]),
        ([{"key": [None], "value": [1]}], ["MAP", "NULL"]),
        ([{1, 2}], ["set"]),
        ([1, "a"], ["row 2", "'a'", "int32"]),
        ([2**53 + 1, 0.5], ["$x"]),
        ([dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=UTC)], ["row 2"]),
        ([[1, "a"]], ["element 1"]),
    ],
    ids=str,
)
def test_what_cannot_be_bound_is_named(values: list[Any], words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        column(values, "$x")
    for word in words:
        assert word in str(caught.value)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.times(),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-1e20, max_value=1e20),
)


@settings(deadline=None)
@given(scalars)
def test_a_value_comes_back_as_it_went(value: Any) -> None:
    assert column([value], "$x").to_pylist() == [value]


@settings(deadline=None)
@given(st.one_of(*(st.lists(s, max_size=5) for s in (st.integers(-9, 9), st.floats(-9, 9)))))
def test_lists_come_back_as_they_went(value: list[Any]) -> None:
    assert column([value], "$x").to_pylist() == [value]
