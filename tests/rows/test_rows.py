"""Columns of every Arrow type -> Python values, against the values they were made from."""

from __future__ import annotations

import gc
import struct
import subprocess
import sys
import textwrap
from contextlib import suppress
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altertable_dbapi.errors import DataError
from altertable_dbapi.interval import Interval
from altertable_dbapi.result.bounds import Bounds
from altertable_dbapi.rows.convert import RowConverter, collector_paused, column_converter

from ..support.engines import examples

UTC = timezone.utc
PARIS = ZoneInfo("Europe/Paris")


def convert(array: pa.Array, **field: Any) -> list[Any]:
    return column_converter(pa.field("x", array.type, **field))(array)


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, float):
        return struct.pack("d", left) == struct.pack("d", right)
    if isinstance(left, Decimal):
        return bool(left.as_tuple() == right.as_tuple())
    if isinstance(left, datetime) and left.utcoffset() != right.utcoffset():
        return False
    return bool(left == right)


# Columns of random types. A column is made from Python values, so those are what must come back.

Column = tuple[pa.DataType, st.SearchStrategy[Any]]


def moments(zone: Any = None, precision: int = 1) -> st.SearchStrategy[datetime]:
    low, high = datetime(1, 1, 3), datetime(9999, 12, 29)
    values = st.datetimes(low, high).map(
        lambda d: d.replace(microsecond=d.microsecond // precision * precision)
    )
    if zone is None:
        return values
    return values.map(lambda d: d.replace(tzinfo=UTC).astimezone(zone))


def decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**precision - 1

    def exactly(unscaled: int) -> Decimal:
        digits = tuple(map(int, str(abs(unscaled))))
        return Decimal((int(unscaled < 0), digits, -scale))

    return st.integers(-most, most).map(exactly)


def clocks(precision: int) -> st.SearchStrategy[time]:
    return st.times().map(lambda t: t.replace(microsecond=t.microsecond // precision * precision))


def spans(unit: timedelta, most: int) -> st.SearchStrategy[timedelta]:
    return st.integers(-most, most).map(lambda n: n * unit)


FLAT: list[Column] = [
    (pa.null(), st.none()),
    (pa.bool_(), st.booleans()),
    *(
        (pa.type_for_alias(f"int{n}"), st.integers(-(2 ** (n - 1)), 2 ** (n - 1) - 1))
        for n in (8, 16, 32, 64)
    ),
    *((pa.type_for_alias(f"uint{n}"), st.integers(0, 2**n - 1)) for n in (8, 16, 32, 64)),
    (pa.float16(), st.floats(width=16, allow_nan=False)),
    (pa.float32(), st.floats(width=32, allow_nan=False)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.string(), st.text(max_size=6)),
    (pa.large_string(), st.text(max_size=6)),
    (pa.string_view(), st.text(max_size=20)),
    (pa.binary(), st.binary(max_size=6)),
    (pa.large_binary(), st.binary(max_size=6)),
    (pa.binary_view(), st.binary(max_size=20)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.date32(), st.dates()),
    (pa.date64(), st.dates()),
    (pa.time32("s"), clocks(1_000_000)),
    (pa.time32("ms"), clocks(1_000)),
    (pa.time64("us"), clocks(1)),
    (pa.time64("ns"), clocks(1)),
    (pa.timestamp("s"), moments(precision=1_000_000)),
    (pa.timestamp("ms"), moments(precision=1_000)),
    (pa.timestamp("us"), moments()),
    (pa.timestamp("us", "UTC"), moments(UTC)),
    (pa.timestamp("ms", "Etc/UTC"), moments(UTC, 1_000)),
    (pa.timestamp("us", "+05:30"), moments(timezone(timedelta(hours=5, minutes=30)))),
    (pa.timestamp("us", "-03:00"), moments(timezone(timedelta(hours=-3)))),
    (pa.timestamp("us", "Europe/Paris"), moments(PARIS)),
    (pa.timestamp("s", "America/New_York"), moments(ZoneInfo("America/New_York"), 1_000_000)),
    (pa.timestamp("ns"), st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1))),
    (pa.duration("s"), spans(timedelta(seconds=1), 10**13)),
    (pa.duration("ms"), spans(timedelta(milliseconds=1), 10**15)),
    (pa.duration("us"), spans(timedelta(microseconds=1), 2**62)),
    (pa.duration("ns"), spans(timedelta(microseconds=1), 2**62 // 1000)),
    (pa.decimal128(4, 1), decimals(4, 1)),
    (pa.decimal128(18, 2), decimals(18, 2)),
    (pa.decimal128(18, 0), decimals(18, 0)),
    (pa.decimal128(38, 10), decimals(38, 10)),
    (pa.decimal128(38, 38), decimals(38, 38)),
    (pa.decimal128(5, -2), decimals(5, -2)),
    (pa.decimal256(76, 20), decimals(76, 20)),
    (pa.dictionary(pa.uint8(), pa.string()), st.sampled_from(["a", "b", "é"])),
    (pa.dictionary(pa.int32(), pa.date32()), st.dates()),
]
if hasattr(pa, "decimal32"):
    FLAT += [(pa.decimal32(9, 2), decimals(9, 2)), (pa.decimal64(18, 3), decimals(18, 3))]


def nullable(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, values, values, st.none())


def nested(inner: st.SearchStrategy[Column]) -> st.SearchStrategy[Column]:
    def lists(column: Column) -> st.SearchStrategy[Column]:
        kind, values = column
        several = st.lists(nullable(values), max_size=3)
        pair = st.lists(nullable(values), min_size=2, max_size=2)
        shapes: list[Column] = [
            (pa.list_(kind), several),
            (pa.large_list(kind), several),
            (pa.list_(kind, 2), pair),
        ]
        return st.sampled_from(shapes)

    def structs(columns: list[Column]) -> Column:
        kind = pa.struct([(f"f{i}", column[0]) for i, column in enumerate(columns)])
        values = st.tuples(*(nullable(column[1]) for column in columns))
        return kind, values.map(lambda row: {f"f{i}": value for i, value in enumerate(row)})

    def maps(column: Column) -> Column:
        kind, values = column
        keys = st.text(max_size=2)
        return pa.map_(pa.string(), kind), st.dictionaries(keys, nullable(values), max_size=3)

    return st.one_of(
        inner.flatmap(lists), st.lists(inner, max_size=3).map(structs), inner.map(maps)
    )


COLUMNS = st.recursive(st.sampled_from(FLAT), nested, max_leaves=4)


def build(kind: pa.DataType, values: list[Any]) -> pa.Array:
    """``pyarrow.array``, for the types that it cannot make from Python values itself."""
    if pa.types.is_map(kind):
        rows = [None if v is None else list(v.items()) for v in values]
        flat = [pair for row in rows if row for pair in row]
        offsets, total = [], 0
        for row in rows:
            offsets.append(None if row is None else total)
            total += len(row or ())
        return pa.MapArray.from_arrays(
            pa.array([*offsets, total], pa.int32()),
            build(kind.key_type, [key for key, _ in flat]),
            build(kind.item_type, [value for _, value in flat]),
        )
    if pa.types.is_struct(kind) and kind.num_fields:
        missing = pa.array([v is None for v in values], pa.bool_())
        children = [
            build(f.type, [None if v is None else v[f.name] for v in values])
            for f in (kind.field(i) for i in range(kind.num_fields))
        ]
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(children, fields=fields, mask=missing)
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        flat = [item for v in values for item in ([None] * size if v is None else v)]
        missing = pa.array([v is None for v in values], pa.bool_())
        return pa.FixedSizeListArray.from_arrays(build(kind.value_type, flat), size, mask=missing)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets, total = [], 0
        for value in values:
            offsets.append(None if value is None else total)
            total += len(value or ())
        large = pa.types.is_large_list(kind)
        made = pa.LargeListArray if large else pa.ListArray
        return made.from_arrays(
            pa.array([*offsets, total], pa.int64() if large else pa.int32()),
            build(kind.value_type, [item for v in values if v for item in v]),
        )
    if pa.types.is_dictionary(kind):
        distinct = sorted({v for v in values if v is not None}, reverse=True)
        indices = [None if v is None else distinct.index(v) for v in values]
        return pa.DictionaryArray.from_arrays(
            pa.array(indices, kind.index_type), build(kind.value_type, distinct)
        )
    if pa.types.is_float16(kind):  # pyarrow 18 takes only numpy's
        return pa.array([None if v is None else np.float16(v) for v in values], kind)
    return pa.array(values, kind)


@settings(max_examples=examples(400), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_any_column_gives_back_the_values_it_was_made_from(data: st.DataObject) -> None:
    kind, one = data.draw(COLUMNS)
    values = data.draw(st.lists(nullable(one), max_size=40))
    array = build(kind, values)
    start = data.draw(st.integers(0, len(values)))
    count = data.draw(st.integers(0, len(values) - start))
    converter = column_converter(pa.field("x", kind))
    assert same(converter(array), values)
    assert same(converter(array.slice(start, count)), values[start : start + count])


@settings(max_examples=examples(400), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_no_column_is_taken_for_a_damaged_one(data: st.DataObject) -> None:
    kind, one = data.draw(COLUMNS)
    values = data.draw(st.lists(nullable(one), max_size=40))
    batch = pa.RecordBatch.from_arrays([build(kind, values)], ["x"])
    bounds = Bounds(batch.schema)
    bounds.check(batch)
    start = data.draw(st.integers(0, len(values)))
    bounds.check(batch.slice(start, data.draw(st.integers(0, len(values) - start))))


@settings(max_examples=examples(100), deadline=None)
@given(st.data())
def test_rows_of_a_table_in_any_chunks(data: st.DataObject) -> None:
    columns = data.draw(st.lists(COLUMNS, min_size=1, max_size=4))
    count = data.draw(st.integers(0, 30))
    values = [
        data.draw(st.lists(nullable(one), min_size=count, max_size=count)) for _, one in columns
    ]
    schema = pa.schema([pa.field("same name", kind) for kind, _ in columns])
    arrays = [build(kind, column) for (kind, _), column in zip(columns, values, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    converter = RowConverter(schema)
    rows: list[Any] = []
    start = 0
    while start < count:
        size = data.draw(st.integers(1, count))
        rows += converter.rows(batch.slice(start, size))
        start += size
    assert same(rows, list(zip(*values, strict=True)))


@pytest.mark.parametrize("count", [1, 511, 512, 5000, 20_000])
@pytest.mark.parametrize("distinct", [1, 3, 10**9])
@pytest.mark.parametrize("nulls", [False, True])
def test_long_columns_whose_values_repeat_or_not(count: int, distinct: int, nulls: bool) -> None:
    numbers = [i * 7919 % distinct for i in range(count)]
    missing = {i for i in range(count) if nulls and i % 5 == 0}
    columns: list[tuple[pa.DataType, list[Any]]] = [
        (pa.string(), [f"name {n}" for n in numbers]),
        (pa.decimal128(18, 2), [Decimal(n).scaleb(-2) for n in numbers]),
        (pa.date32(), [date(1, 1, 1) + timedelta(n % 3_000_000) for n in numbers]),
        (pa.decimal128(38, 0), numbers),
    ]
    for kind, values in columns:
        expected = [None if i in missing else v for i, v in enumerate(values)]
        array = pa.array(expected, kind)
        converter = column_converter(pa.field("x", kind))
        for _ in range(2):
            assert same(converter(array), expected)
            assert same(converter(array.slice(count // 3)), expected[count // 3 :])


# Types that pyarrow makes no array of from Python values


def test_nan_stays_nan_and_null_is_none() -> None:
    first, second, third = convert(pa.array([float("nan"), None, -0.0]))
    assert first != first
    assert second is None
    assert str(third) == "-0.0"


def test_hugeint_is_int_whatever_its_128_bits() -> None:
    values = [0, -1, 2**127 - 1, -(2**127), 2**64, -(2**64), 2**63, -(2**63) - 1, 10**38 - 1]
    data = b"".join(v.to_bytes(16, "little", signed=True) for v in values)
    array = pa.Array.from_buffers(pa.decimal128(38, 0), len(values), [None, pa.py_buffer(data)])
    assert same(convert(array), values)
    assert same(convert(array.slice(3, 4)), values[3:7])


def test_decimals_are_exact_under_any_decimal_context() -> None:
    import decimal

    value = Decimal("12345678901234567890123456789.0123456789")
    with decimal.localcontext(decimal.Context(prec=3)):
        assert same(convert(pa.array([value, Decimal("0.0000000000")])), [value, Decimal("0E-10")])
        assert decimal.getcontext().prec == 3


def test_interval() -> None:
    array = pa.array(
        [pa.MonthDayNano([14, -2, 3_500_000_000]), None, pa.MonthDayNano([0, 0, -1_000])]
    )
    assert same(convert(array), [Interval(14, -2, 3_500_000), None, Interval(0, 0, -1)])
    assert same(convert(array.slice(1)), [None, Interval(0, 0, -1)])
    assert pa.array([Interval(14, -2, 3)], pa.month_day_nano_interval())[0].as_py() == (
        14,
        -2,
        3000,
    )
    # DuckDB has no nanoseconds in intervals: what has is cut.
    with pytest.raises(DataError, match="column x: .*292 years"):
        convert(pa.array([pa.MonthDayNano([0, 0, 1])]))


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (1_999, datetime(1970, 1, 1, microsecond=1)),
        (-1_999, datetime(1969, 12, 31, 23, 59, 59, 999_999)),
        (-1, datetime(1970, 1, 1)),
        (-1_000, datetime(1969, 12, 31, 23, 59, 59, 999_999)),
        (2**63 - 2, datetime(2262, 4, 11, 23, 47, 16, 854775)),
        (-(2**63) + 2, datetime(1677, 9, 21, 0, 12, 43, 145225)),
    ],
)
def test_nanoseconds_are_cut_towards_zero(nanoseconds: int, expected: datetime) -> None:
    array = pa.array([nanoseconds], pa.int64()).cast(pa.timestamp("ns"))
    assert same(convert(array), [expected])
    aware = array.cast(pa.timestamp("ns", "UTC"))
    assert same(convert(aware), [expected.replace(tzinfo=UTC)])


def test_time_and_duration_in_nanoseconds() -> None:
    assert convert(pa.array([1_999], pa.time64("ns"))) == [time(microsecond=1)]
    assert convert(pa.array([-1_999, 1_999], pa.duration("ns"))) == [
        timedelta(microseconds=-1),
        timedelta(microseconds=1),
    ]


def test_both_sides_of_a_change_of_clocks() -> None:
    moments = [datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    first, second = convert(pa.array(moments, pa.timestamp("us", "Europe/Paris")))
    assert (first.hour, first.fold, first.utcoffset()) == (2, 0, timedelta(hours=2))
    assert (second.hour, second.fold, second.utcoffset()) == (2, 1, timedelta(hours=1))
    assert first.tzinfo is PARIS


MAX = 2**63 - 1


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (pa.date32(), 2**31 - 1, "infinity"),
        (pa.date32(), -(2**31) + 1, "-infinity"),
        (pa.date32(), -719_163, "0001-12-31 (BC)"),
        (pa.date32(), 2_932_897, "10000-01-01"),
        (pa.date64(), 2_932_897 * 86_400_000, "10000-01-01"),
        (pa.timestamp("us"), MAX, "infinity"),
        (pa.timestamp("us"), -MAX, "-infinity"),
        (pa.timestamp("us", "UTC"), MAX, "infinity"),
        (pa.timestamp("us", "Europe/Paris"), -MAX, "-infinity"),
        (pa.timestamp("us"), -(2**63), "-infinity"),
        (pa.timestamp("ns"), MAX, "infinity"),
        (pa.timestamp("ns"), -MAX, "-infinity"),
        (pa.timestamp("s"), MAX, "infinity"),
        (pa.timestamp("ms"), MAX, "infinity"),
        (pa.timestamp("us"), -63_517_824_000_000_000, "0044-03-15 (BC) 00:00:00.000000"),
        (pa.timestamp("s"), 253_402_300_800, "10000-01-01 00:00:00"),
        (pa.timestamp("ms"), 253_402_300_800_000, "10000-01-01 00:00:00.000"),
        (pa.timestamp("us"), 253_402_300_800_000_000, "10000-01-01 00:00:00.000000"),
        (pa.time64("us"), 86_400_000_000, "24:00:00"),
        (pa.time32("s"), 86_400, "24:00:00"),
        (pa.time64("ns"), -1, "-1:59:59"),
        (pa.duration("s"), MAX, f"{MAX} s"),
    ],
)
def test_what_python_cannot_hold_is_refused(kind: pa.DataType, value: int, text: str) -> None:
    storage = pa.int32() if kind.bit_width == 32 else pa.int64()
    array = pa.array([0, None, value], storage).view(kind)
    with pytest.raises(DataError) as refused:
        column_converter(pa.field("since", kind))(array)
    assert str(refused.value).startswith(f"column since: {text} does not fit in a Python ")
    assert convert(array.slice(0, 2))[1] is None
    with pytest.raises(DataError, match=r"column since\[\]: "):
        column_converter(pa.field("since", pa.list_(kind)))(
            pa.ListArray.from_arrays(pa.array([0, 3], pa.int32()), array)
        )


def test_the_last_moment_east_of_utc_is_refused() -> None:
    array = pa.array([datetime.max], pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    assert convert(array) == [datetime.max.replace(tzinfo=UTC)]
    with pytest.raises(DataError, match="column x: OverflowError"):
        convert(array.cast(pa.timestamp("us", "Europe/Paris")))


def test_unknown_time_zone() -> None:
    with pytest.raises(DataError, match="column x: time zone 'Nowhere/Town' is not known here"):
        convert(
            pa.array([0], pa.int64())
            .cast(pa.timestamp("us"))
            .view(pa.timestamp("us", "Nowhere/Town"))
        )


def test_what_lies_under_a_null_is_not_looked_at() -> None:
    infinite = pa.array([MAX] * 4, pa.int64())
    some = pa.array([True, True, False, True])
    bitmap = some.buffers()[1]
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.time64("us"), pa.duration("us")):
        hidden = pa.Array.from_buffers(kind, 4, [pa.py_buffer(b"\0"), infinite.buffers()[1]])
        assert convert(hidden) == [None] * 4
    moments = pa.Array.from_buffers(
        pa.timestamp("us"), 4, [None, pa.py_buffer(np.array([0, 0, MAX, 0]))]
    )
    day = datetime(1970, 1, 1)
    struct_ = pa.Array.from_buffers(
        pa.struct([("a", pa.timestamp("us"))]), 4, [bitmap], children=[moments]
    )
    assert convert(struct_) == [{"a": day}, {"a": day}, None, {"a": day}]
    fixed = pa.Array.from_buffers(pa.list_(pa.timestamp("us"), 1), 4, [bitmap], children=[moments])
    assert convert(fixed) == [[day], [day], None, [day]]
    assert convert(fixed.slice(2)) == [None, [day]]
    offsets = pa.py_buffer(np.arange(5, dtype=np.int32))
    variable = pa.Array.from_buffers(
        pa.list_(pa.timestamp("us")), 4, [bitmap, offsets], children=[moments]
    )
    assert convert(variable) == [[day], [day], None, [day]]


def test_union_gives_the_member_that_is_set() -> None:
    codes = pa.array([0, 1, 0, 1, 1], pa.int8())
    sparse = pa.UnionArray.from_sparse(
        codes,
        [pa.array([1, 9, None, 9, 9]), pa.array(["", "a", "", None, "b"])],
        ["number", "text"],
        [0, 1],
    )
    offsets = pa.array([0, 0, 1, 1, 2], pa.int32())
    dense = pa.UnionArray.from_dense(
        pa.array([5, 7, 5, 7, 7], pa.int8()),
        offsets,
        [pa.array([1, None]), pa.array(["a", None, "b"])],
        ["number", "text"],
        [5, 7],
    )
    for array in (sparse, dense):
        assert convert(array) == [1, "a", None, None, "b"]
        assert convert(array.slice(1, 4)) == ["a", None, None, "b"]
        lists = pa.ListArray.from_arrays(pa.array([0, 2, 5], pa.int32()), array)
        assert convert(lists.slice(1)) == [[None, None, "b"]]


def test_run_end_encoded() -> None:
    array = pa.RunEndEncodedArray.from_arrays(
        pa.array([2, 3, 7], pa.int32()), pa.array(["a", None, "b"])
    )
    values = ["a", "a", None, "b", "b", "b", "b"]
    for start in range(8):
        for count in range(8 - start):
            assert convert(array.slice(start, count)) == values[start : start + count]
    days = pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int16()), pa.array([[1]]))
    first, second = convert(days)
    assert first == second == [1]
    assert first is not second


@pytest.mark.parametrize("large", [False, True])
def test_list_views(large: bool) -> None:
    made = pa.LargeListViewArray if large else pa.ListViewArray
    width = pa.int64() if large else pa.int32()
    array = made.from_arrays(
        pa.array([4, 0, 0, 2], width),
        pa.array([1, 3, 0, 2], width),
        pa.array([1, 2, 3, 4, None]),
        mask=pa.array([False, False, True, False]),
    )
    assert convert(array) == [[None], [1, 2, 3], None, [3, 4]]
    assert convert(array.slice(1, 2)) == [[1, 2, 3], None]


def test_dictionary_with_null_in_it_and_one_that_changes() -> None:
    converter = column_converter(pa.field("x", pa.dictionary(pa.int8(), pa.string())))
    one = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), ["a", None])
    two = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), ["b", "c"])
    assert converter(one) == ["a", None, None]
    assert converter(two) == ["b", "c", None]
    assert converter(one.slice(1)) == [None, None]
    many = pa.DictionaryArray.from_arrays(
        pa.array([999, None], pa.int32()), [str(i) for i in range(1000)]
    )
    assert convert(many) == ["999", None]


def test_rows_do_not_share_an_object_that_can_change() -> None:
    lists = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int8()), pa.array([[1]]))
    first, second = convert(lists)
    assert first == second == [1]
    assert first is not second


def test_struct_with_a_name_twice_keeps_both() -> None:
    array = pa.StructArray.from_arrays([pa.array([1, 2]), pa.array(["x", None])], ["a", "a"])
    assert convert(array) == [[("a", 1), ("a", "x")], [("a", 2), ("a", None)]]


def test_struct_without_names_is_a_tuple() -> None:
    array = pa.StructArray.from_arrays([pa.array([1, 2]), pa.array(["x", None])], ["", ""])
    assert convert(array) == [(1, "x"), (2, None)]
    assert convert(pa.StructArray.from_arrays([pa.array([1])], [""])) == [(1,)]


def test_struct_field_names_are_only_names() -> None:
    names = ["'\"", "{v0}", "a b", "class", "\\", "\n", ""]
    array = pa.StructArray.from_arrays([pa.array([i]) for i in range(len(names))], names)
    assert convert(array) == [dict(zip(names, range(len(names)), strict=True))]


def test_map_with_nested_keys_is_a_list_of_pairs() -> None:
    kind = pa.map_(pa.list_(pa.int64()), pa.int64())
    assert convert(pa.array([[([1], 2)], [], None], kind)) == [[([1], 2)], [], None]


def test_map_that_a_dict_cannot_hold_is_refused() -> None:
    array = pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64()))
    with pytest.raises(DataError, match="column x: a map has the same key twice"):
        convert(array)


def test_text_that_is_not_utf8_is_refused() -> None:
    array = pa.array([b"\xff"]).view(pa.string())
    with pytest.raises(DataError, match=r"^column x: "):
        convert(array)


# Extension types


def test_uuid_however_the_server_marks_it() -> None:
    one = UUID("12345678-1234-5678-1234-567812345678")
    binary = pa.array([one.bytes, None], pa.binary(16))
    assert convert(pa.ExtensionArray.from_storage(pa.uuid(), binary)) == [one, None]
    marked = {"ARROW:extension:name": "arrow.uuid"}
    assert convert(binary, metadata=marked) == [one, None]
    assert convert(pa.array([str(one), None]), metadata=marked) == [one, None]
    assert convert(pa.array([str(one)])) == [str(one)]
    inside = pa.ListArray.from_arrays(
        pa.array([0, 1], pa.int32()), pa.ExtensionArray.from_storage(pa.uuid(), binary)
    )
    assert convert(inside) == [[one]]


def test_json_is_text() -> None:
    array = pa.array(['{"a": 1}', None])
    marked = {"ARROW:extension:name": "arrow.json", "altertable.original_type": "JSON"}
    assert convert(array, metadata=marked) == ['{"a": 1}', None]
    if hasattr(pa, "json_"):
        assert convert(pa.ExtensionArray.from_storage(pa.json_(), array)) == ['{"a": 1}', None]


def test_bool8() -> None:
    array = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, None, 5], pa.int8()))
    assert same(convert(array), [False, True, None, True])


class Celsius(pa.ExtensionType):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(pa.float64(), "tests.celsius")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""


def test_any_other_extension_type_is_its_storage() -> None:
    assert convert(pa.ExtensionArray.from_storage(Celsius(), pa.array([1.5, None]))) == [1.5, None]
    unknown = pa.opaque(pa.binary(), "thing", "Somebody")
    assert convert(pa.ExtensionArray.from_storage(unknown, pa.array([b"x"]))) == [b"x"]


def test_a_variant_that_is_broken_is_refused() -> None:
    storage = pa.array(
        [{"metadata": b"\x01\x00\x00", "value": b"\x14\x01"}],
        pa.struct([("metadata", pa.binary()), ("value", pa.binary())]),
    )
    with pytest.raises(DataError, match="column x: ValueError: a VARIANT ends too early"):
        convert(storage, metadata={"ARROW:extension:name": "arrow.parquet.variant"})


# The converter of a stream


def test_no_columns_and_no_rows() -> None:
    assert RowConverter(pa.schema([])).rows(pa.RecordBatch.from_arrays([], [])) == []
    schema = pa.schema([("a", pa.int64()), ("b", pa.list_(pa.timestamp("us", "UTC")))])
    empty = pa.RecordBatch.from_pylist([], schema)
    assert RowConverter(schema).rows(empty) == []


@pytest.mark.parametrize("count", [63, 64, 65, 4095, 4096, 4097, 10_000])
@pytest.mark.parametrize("width", [1, 5, 33, 300])
def test_tables_of_any_length_and_width(count: int, width: int) -> None:
    kinds = [
        pa.array(range(count), pa.int16()),
        pa.array([None if i % 7 == 0 else i / 4 for i in range(count)]),
        pa.array([f"name {i}" for i in range(count)]),
        pa.array([None if i % 5 == 0 else datetime(2020, 1, 1) for i in range(count)]),
        pa.array([[i, None] for i in range(count)]),
    ]
    columns = [kinds[i % len(kinds)] for i in range(width)]
    schema = pa.schema([(f"c{i}", column.type) for i, column in enumerate(columns)])
    converter = RowConverter(schema)
    batch = pa.RecordBatch.from_arrays(columns, schema=schema)
    for part in (batch, batch.slice(1, count - 2)):
        expected = list(zip(*(column.to_pylist() for column in part.columns), strict=True))
        assert converter.rows(part) == expected


def test_rows_are_added_all_or_not_at_all() -> None:
    infinity = 2**63 - 1
    moments = pa.array([0] * 5000 + [infinity], pa.timestamp("us"))
    numbers = pa.array(range(len(moments)))
    batch = pa.RecordBatch.from_arrays([numbers, moments], ["number", "moment"])
    converter = RowConverter(batch.schema)
    rows: list[tuple[Any, ...]] = [("first",)]
    with pytest.raises(DataError, match="column moment: infinity"):
        converter.extend(rows, batch)
    assert rows == [("first",)]
    converter.extend(rows, batch.slice(0, 5000))
    assert len(rows) == 5001


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was(enabled: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with suppress(KeyError), collector_paused() as collect:
            assert not gc.isenabled()
            collect()
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_the_result_does_not_depend_on_pandas() -> None:
    pytest.importorskip("pandas")
    script = """
        import sys

        class Blocked:
            def find_spec(self, name, path=None, target=None):
                if name == "pandas":
                    raise ModuleNotFoundError(name)

        if sys.argv[1] == "blocked":
            sys.meta_path.insert(0, Blocked())
        else:
            import pandas
        import pyarrow as pa
        from altertable_dbapi.rows.convert import RowConverter

        reader = pa.ipc.open_stream(sys.stdin.buffer)
        converter = RowConverter(reader.schema)
        rows = [row for batch in reader for row in converter.rows(batch)]
        assert ("pandas" in sys.modules) == (sys.argv[1] != "blocked")
        print(repr(rows))
    """
    table = pa.table(
        {
            "ns": pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns")),
            "tz": pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns", "UTC")),
            "d": pa.array([1_999, None], pa.duration("ns")),
            "t": pa.array([1_999, None], pa.time64("ns")),
            "s": pa.array(["a", None]).dictionary_encode(),
            "l": pa.array([[1], None]),
            "dec": pa.array([Decimal("1.5"), None]),
            "i": pa.array([1, None]),
            "b": pa.array([True, None]),
            "m": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
            "st": pa.array([{"a": date(2024, 1, 1)}, None]),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream = sink.getvalue().to_pybytes()
    seen = set()
    for mode in ("blocked", "imported"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), mode],
            input=stream,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        seen.add(done.stdout.decode())
    assert len(seen) == 1
    expected = (
        "[(datetime.datetime(2023, 11, 14, 22, 13, 20, 123456), "
        "datetime.datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=datetime.timezone.utc), "
        "datetime.timedelta(microseconds=1), datetime.time(0, 0, 0, 1), 'a', [1], "
        "Decimal('1.5'), 1, True, {'a': 1}, {'a': datetime.date(2024, 1, 1)}), "
        "(None, None, None, None, None, None, None, None, None, None, None)]"
    )
    assert seen.pop().strip() == expected
