"""What is loaded into a lake comes back as it was, or was refused before anything was sent."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import altertable_dbapi
from altertable_dbapi import DataError
from altertable_dbapi.local import Server

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

LARGE = 2**53 + 1


@pytest.fixture(scope="module")
def lake() -> Iterator[Server]:
    with Server(lake=True) as server:
        yield server


def opaque(name: str, width: int) -> pa.Array:
    kind = pa.opaque(pa.binary(width), name, "DuckDB")
    return pa.ExtensionArray.from_storage(kind, pa.array([b"\1" * width], pa.binary(width)))


def nested(array: pa.Array) -> list[pa.Array]:
    """The array in a list, a struct and a map, behind a row of each that is NULL."""
    offsets = pa.array([0, 0, len(array)], pa.int32())
    keys = pa.array(range(len(array)))
    return [
        pa.ListArray.from_arrays(offsets, array),
        pa.concat_arrays(
            [
                pa.nulls(1, pa.struct([("f", array.type)])),
                pa.StructArray.from_arrays([array], ["f"]),
            ]
        ),
        pa.MapArray.from_arrays(offsets, keys, array),
    ]


def refused(lake: Server, connection: Connection, data: Any, mode: Any, match: str) -> None:
    lake.clear()
    with pytest.raises(DataError, match=match):
        connection.load("t", data, mode=mode)
    assert not [call for call in lake.calls if call.startswith("DoPut")]


@pytest.mark.parametrize(
    ("name", "width", "says"),
    [
        ("hugeint", 16, r"HUGEINT, .* DOUBLE.*; load decimal128\(38, 0\)"),
        ("uhugeint", 16, r"UHUGEINT, .* DOUBLE.*; load decimal128\(38, 0\)"),
        ("time_tz", 8, r"TIME WITH TIME ZONE, .* UTC; load time64\[us\]"),
        ("time_ns", 8, r"TIME_NS, .* ends the database .*; load time64\[us\]"),
    ],
)
def test_duckdbs_own_types_are_refused_by_name(
    lake: Server, name: str, width: int, says: str
) -> None:
    array = opaque(name, width)
    with lake.connect(autocommit=True) as connection:
        for given_ in (array, *nested(array)):
            refused(lake, connection, pa.table({"x": given_}), "create", f"column 'x' .*{says}")


@pytest.mark.parametrize("mode", ["create", "append"])
def test_intervals_inside_of_others_are_refused(lake: Server, mode: Any) -> None:
    kinds = ["INTERVAL[]", "STRUCT(f INTERVAL)", "MAP(BIGINT, INTERVAL)"]
    with lake.connect(autocommit=True) as connection:
        for array, kind in zip(nested(pa.array([1500], pa.duration("us"))), kinds, strict=True):
            connection.execute("DROP TABLE IF EXISTS t")
            if mode == "append":
                connection.execute(f"CREATE TABLE t (x {kind})")
            match = r"column 'x', row 1: a lake keeps .*int64"
            lake.clear()
            with pytest.raises(DataError, match=match):
                connection.load("t", pa.table({"x": array}), mode=mode)
            if mode == "append":
                assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_times_inside_of_others_are_made_times(lake: Server) -> None:
    """A TIME_NS in a list ended the database for every session, when it was written to a file."""
    with lake.connect(autocommit=True) as connection:
        for array in nested(pa.array([1000], pa.time64("ns"))):
            connection.load("t", pa.table({"x": array}), mode="replace")
            connection.execute("CHECKPOINT")
            ((_, kind, *_),) = connection.execute("DESCRIBE t").fetchall()
            assert "TIME" in kind and "TIME_NS" not in kind
        fine = pa.table({"x": pa.array([[1]], pa.list_(pa.time64("ns")))})
        with pytest.raises(DataError, match="column 'x', row 0"):
            connection.load("t", fine, mode="replace")


#: The type of a table's column, values that are refused, others that are kept.
COLUMNS: list[tuple[str, list[Any], list[Any]]] = [
    ("HUGEINT", [pa.array([LARGE]), ["7"], [0.5]], [[2**53, -(2**53), None], [None]]),
    ("UHUGEINT", [pa.array([decimal.Decimal(LARGE)], pa.decimal128(38, 0))], [[2**53, 0]]),
    ("HUGEINT[]", [[[1]]], []),
    ("STRUCT(h HUGEINT)", [[{"h": 1}]], []),
    ("TIMETZ", [["12:00:00+02"]], [[datetime.time(1, 2, 3)], [None]]),
    ("TIME_NS", [[datetime.time(1)], [None]], []),
    ("INTERVAL", [["1 second"], [datetime.timedelta(0, 0, 1)]], [[datetime.timedelta(2)], [None]]),
    ("INTERVAL[]", [[["1 second"]]], [[[datetime.timedelta(2)], []]]),
    ('STRUCT("HUGEINT" INTEGER, t TIME)', [], [[{"HUGEINT": 1, "t": None}]]),
]


@pytest.mark.parametrize(("kind", "wrong", "right"), COLUMNS, ids=[c[0] for c in COLUMNS])
def test_columns_that_are_there(lake: Server, kind: str, wrong: Any, right: Any) -> None:
    with lake.connect(autocommit=True) as connection:
        connection.execute(f"CREATE OR REPLACE TABLE t (x {kind})")
        for values in wrong:
            refused_by_type = pa.table({"x": values})
            with pytest.raises(DataError, match=r"column 'x'.* a lake .*; load .*"):
                connection.load("t", refused_by_type)
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
        for values in right:
            connection.execute("TRUNCATE t")
            connection.load("t", pa.table({"x": values}))
            before = connection.execute("FROM t").fetchall()
            connection.execute("CHECKPOINT")
            assert connection.execute("FROM t").fetchall() == before
            assert len(before) == len(values)


def test_every_source_is_held_to_it(lake: Server, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text(f"x\n{LARGE}\n")
    with lake.connect(autocommit=True) as connection:
        connection.execute("CREATE OR REPLACE TABLE t (x HUGEINT)")
        for data in (
            pa.table({"x": [LARGE]}),
            pa.table({"x": [LARGE]}).to_reader(),
            pd.DataFrame({"x": [LARGE]}),
            pl.DataFrame({"x": [LARGE]}),
            {"x": [LARGE]},
            [{"x": LARGE}],
            file,
        ):
            refused_at = r"column 'x', row 0: a lake keeps 9007199254740993 as another"
            with pytest.raises(DataError, match=refused_at):
                connection.load("t", data)
        with pytest.raises(DataError, match="row 0: a lake keeps"):
            connection.load("t", pa.table({"x": [LARGE], "y": [1]}).select(["x"]), mode="append")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


LEAVES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.float32(), st.floats(allow_nan=False, width=32)),
    (pa.decimal128(38, 0), st.integers(-(10**38) + 1, 10**38 - 1).map(decimal.Decimal)),
    (pa.string(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    (pa.binary(), st.binary(max_size=20)),
    (pa.bool_(), st.booleans()),
    (pa.date32(), st.dates()),
    (pa.time64("us"), st.times()),
    (pa.time64("ns"), st.times()),
    (pa.timestamp("us"), st.datetimes()),
    (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(datetime.timezone.utc))),
    (
        pa.timestamp("ns"),
        st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
    ),
]


@st.composite
def columns(draw: st.DrawFn) -> pa.Array:
    kind, values = draw(st.sampled_from(LEAVES))
    values = st.none() | values
    shape = draw(st.sampled_from(["plain", "list", "struct"]))
    if shape == "list":
        kind, values = pa.list_(kind), st.none() | st.lists(values, max_size=3)
    elif shape == "struct":
        kind = pa.struct([("f", kind)])
        values = st.none() | st.fixed_dictionaries({"f": values})
    array: pa.Array = pa.array(draw(st.lists(values, min_size=1, max_size=15)), kind)
    return array


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(columns())
def test_every_value_is_kept_or_refused(lake: Server, array: pa.Array) -> None:
    with lake.connect(autocommit=True) as connection, lake.connect() as other:
        try:
            connection.load("h", pa.table({"x": array}), mode="replace")
        except DataError:
            return
        connection.execute("CHECKPOINT")
        found = other.execute("FROM h").fetch_arrow_table().column("x").cast(array.type)
        assert found.to_pylist() == array.to_pylist()
