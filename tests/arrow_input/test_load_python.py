"""Loading what is at hand: columns, rows, series, arrays; and what no load can read is refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, dataset, feather, parquet

import altertable_dbapi
from altertable_dbapi import DataError, ProgrammingError
from altertable_dbapi.local import Server

from ..support.engines import examples

Connection = altertable_dbapi.Connection[tuple[Any, ...]]


@pytest.fixture(params=[False, True], ids=["by_name", "by_position"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(ingest_by_position=request.param) as server:
        yield server


def loaded(connection: Connection, data: Any) -> list[tuple[Any, ...]]:
    """The rows of a table that is made of the data."""
    connection.load("made", data, mode="replace")
    return connection.execute("FROM made").fetchall()


def kinds(connection: Connection, table: str = "made") -> list[str]:
    return [row[0] for row in connection.execute(f"SELECT column_type FROM (DESCRIBE {table})")]


ROWS = [(1, "a"), (2, None)]

AT_HAND = {
    "columns": {"id": [1, 2], "name": ["a", None]},
    "columns of all sorts": {"id": np.array([1, 2], ">i8"), "name": pd.Series(["a", None])},
    "arrays": {"id": pa.chunked_array([[1], [2]]), "name": pl.Series(["a", None])},
    "tuples": {"id": range(1, 3), "name": ("a", None)},
    "rows": [{"id": 1, "name": "a"}, {"id": 2, "name": None}],
    "rows that lack": ({"id": 1, "name": "a"}, {"id": 2}),
    "structured": np.array([(1, "a"), (2, None)], [("id", "i8"), ("name", "O")]),
    "records": np.array([(1, "a")], [("id", "i8"), ("name", "U1")]).view(np.recarray),
    "struct array": pa.array([{"id": 1, "name": "a"}, {"id": 2, "name": None}]),
}


@pytest.mark.parametrize("what", AT_HAND)
def test_what_is_at_hand(auto: Connection, what: str) -> None:
    expected = ROWS[:1] if what == "records" else ROWS
    assert loaded(auto, AT_HAND[what]) == expected
    auto.execute("CREATE TABLE there (name VARCHAR, id TINYINT)")
    auto.load("there", AT_HAND[what])
    assert auto.execute("SELECT id, name FROM there").fetchall() == expected


def test_a_generator_of_rows_and_a_csv_reader(auto: Connection) -> None:
    assert loaded(auto, ({"n": n} for n in range(3))) == [(0,), (1,), (2,)]
    assert auto.load("made", iter([])) == 0


@pytest.mark.parametrize("library", [pd, pl])
def test_a_series_is_a_column_of_its_name(auto: Connection, library: Any) -> None:
    assert loaded(auto, library.Series(name="n", **_values(library))) == [(1,), (2,)]
    with pytest.raises(ProgrammingError, match=r'the series has no name.*rename\("name"\)'):
        auto.load("t", library.Series(**_values(library)), mode="create")


def _values(library: Any) -> dict[str, Any]:
    return {"data" if library is pd else "values": [1, 2]}


def test_structured_arrays(auto: Connection) -> None:
    kind = [
        ("b", "?"),
        ("big", ">i4"),
        ("text", "U5"),
        ("at", "M8[us]"),
        ("inner", [("x", "i2"), ("y", "f8")]),
        ("three", "i4", (3,)),
    ]
    row = (True, 7, "ab", np.datetime64("2026-01-02T03:04:05.000006", "us"), (1, 0.5), [1, 2, 3])
    array = np.array([row], kind)
    array = np.concatenate([array, array])
    array["at"][1] = np.datetime64("NaT")
    at = dt.datetime(2026, 1, 2, 3, 4, 5, 6)
    first = (True, 7, "ab", at, {"x": 1, "y": 0.5}, [1, 2, 3])
    assert loaded(auto, array) == [first, (*first[:3], None, *first[4:])]
    masked = np.ma.array(np.array([(1,), (2,)], [("n", "i8")]), mask=[(False,), (True,)])
    assert loaded(auto, masked) == [(1,), (None,)]
    with pytest.raises(ProgrammingError, match='load {"name": array}'):
        auto.load("t", np.zeros((2, 2)), mode="create")
    with pytest.raises(DataError, match="column 'c'.*complex128|column 'c': Unsupported numpy"):
        auto.load("t", {"c": np.array([1j])}, mode="create")


def test_types_come_from_the_table(auto: Connection) -> None:
    auto.execute(
        "CREATE TABLE t (zip VARCHAR, n DOUBLE, price DECIMAL(9, 2), m MAP(VARCHAR, INTEGER), "
        "tags VARCHAR[], day DATE, big HUGEINT)"
    )
    auto.load(
        "t",
        [
            {"zip": "00501", "n": 1, "price": 5, "m": {"a": 1}, "tags": [], "big": 2**70},
            {"n": 2.5, "price": Decimal("1.50"), "day": "2026-01-01"},
        ],
    )
    assert auto.execute("FROM t ORDER BY n").fetchall() == [
        ("00501", 1.0, Decimal("5.00"), {"a": 1}, [], None, 2**70),
        (None, 2.5, Decimal("1.50"), None, None, dt.date(2026, 1, 1), None),
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"a": 5}, r"column 'a' is a int.*\[data\] loads one row"),
        ({"a": "text"}, r"column 'a' is a str.*\[data\] loads one row"),
        ({"a": [1], "b": [1, 2]}, "columns are of several lengths: 'a' 1, 'b' 2"),
        ({1: [1]}, "the name of a column is 1; expected text"),
        ([{1: 1}], "the name of a column is 1; expected text"),
        ([{"a": 1}, (1,)], "row 1 is a tuple"),
        ([(1, "a")], r"gives a tuple.*executemany\("),
        ([[1, "a"]], r"gives a list.*executemany\("),
        ([1, 2], "the iterable gives a int"),
        (b"a,b", r"cannot load a bytes.*pyarrow\.csv\.open_csv\(file\)"),
        (io.BytesIO(b"a"), r"cannot load a BytesIO.*pyarrow\.csv\.open_csv\(file\)"),
        (pa.array([1]), r'has no name for its column: load {"name": array}'),
        (pa.chunked_array([[1]]), r'has no name for its column: load {"name": array}'),
        (5, "cannot load a int: load takes"),
    ],
)
def test_what_is_refused_names_the_call_that_does_it(
    server: Server, auto: Connection, data: Any, said: str
) -> None:
    with pytest.raises(ProgrammingError, match=said):
        auto.load("local.main.t", data, mode="create")
    assert not [call for call in server.calls if call.startswith("DoPut")]


@dataclasses.dataclass
class Lazy:
    frame: pd.DataFrame

    def to_pandas(self) -> pd.DataFrame:
        return self.frame


def test_what_has_a_way_to_arrow_is_told_of_it(auto: Connection) -> None:
    with pytest.raises(ProgrammingError, match=r"cannot load a Lazy.*load what its to_pandas\(\)"):
        auto.load("t", Lazy(pd.DataFrame()), mode="create")  # type: ignore[arg-type]


# Readers of pyarrow


def test_readers_of_pyarrow(auto: Connection, tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2], "name": ["a", None]})
    parquet.write_table(table, tmp_path / "t.parquet")
    feather.write_feather(table, str(tmp_path / "t.feather"))
    csv.write_csv(table, tmp_path / "t.csv")
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "t.arrows").write_bytes(stream.getvalue())
    files = dataset.dataset(tmp_path / "t.parquet")
    assert loaded(auto, files) == ROWS
    assert loaded(auto, files.scanner(columns=["id"])) == [(1,), (2,)]
    with parquet.ParquetFile(tmp_path / "t.parquet") as file:
        assert loaded(auto, file) == ROWS
    assert loaded(auto, pa.ipc.open_file(tmp_path / "t.feather")) == ROWS
    assert loaded(auto, pa.ipc.open_stream(stream.getvalue())) == ROWS
    assert loaded(auto, tmp_path / "t.arrows") == ROWS
    with csv.open_csv(tmp_path / "t.csv") as reader:
        assert loaded(auto, reader) == [(1, "a"), (2, "")]


def test_int96_that_the_program_has_opened_as_nanoseconds(auto: Connection) -> None:
    path = Path(__file__).parents[1] / "support" / "int96.parquet"
    with parquet.ParquetFile(path) as file:
        with pytest.raises(ProgrammingError, match="'when' is INT96.*coerce_int96_timestamp_unit"):
            auto.load("t", file, mode="create")
    with pytest.raises(ProgrammingError, match="is INT96.*load its path"):
        auto.load("t", dataset.dataset(path), mode="create")
    with parquet.ParquetFile(path, coerce_int96_timestamp_unit="us") as file:
        assert loaded(auto, file)[1][0] == dt.datetime(1600, 7, 20, 1, 2, 3, 4)


# What cannot be read as Arrow data


class Thing:
    """Any object."""


NOT_READABLE = {
    "objects": pd.DataFrame({"bad": [Thing()]}),
    "periods": pd.DataFrame({"bad": pd.period_range("2026-01", periods=2, freq="M")}),
    "periods among objects": pd.DataFrame({"bad": [pd.Period("2026-01"), None]}, dtype=object),
    "categories of periods": pd.DataFrame(
        {"bad": pd.Categorical(pd.period_range("2026-01", periods=2, freq="M"))}
    ),
    "intervals": pd.DataFrame({"bad": pd.interval_range(0, 2)}),
    "sparse": pd.DataFrame({"bad": pd.arrays.SparseArray([0, 0, 1])}),
    "complex": pd.DataFrame({"bad": [1j]}),
    "mixed": pd.DataFrame({"bad": [1, "x"]}, dtype=object),
    "naive and aware": pd.DataFrame(
        {"bad": [dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)]},
        dtype=object,
    ),
    "nanoseconds of a Timedelta": pd.DataFrame({"bad": [pd.Timedelta(1, "ns")]}, dtype=object),
    "large integers": pd.DataFrame({"bad": [10**40]}, dtype=object),
    "bytes and text": pd.DataFrame({"bad": [b"x", "y"]}, dtype=object),
    "polars objects": pl.DataFrame({"bad": [Thing(), Thing()]}),
    "lazy polars objects": pl.DataFrame({"bad": [Thing(), Thing()]}).lazy(),
    "a polars series": pl.Series("bad", [Thing(), Thing()]),
    "polars objects in a mapping": {"bad": pl.Series([Thing(), Thing()])},
    "an array of objects": {"bad": np.array([Thing()], object)},
    "rows of objects": [{"bad": Thing()}],
}


@pytest.mark.parametrize("what", NOT_READABLE)
@pytest.mark.parametrize("mode", ["create", "append"])
def test_what_cannot_be_read_names_the_column(auto: Connection, what: str, mode: Any) -> None:
    auto.execute("CREATE TABLE there (bad VARCHAR)")
    with pytest.raises(DataError, match="bad"):
        auto.load("there" if mode == "append" else "made", NOT_READABLE[what], mode=mode)
    assert auto.execute("FROM there").fetchall() == []


def test_polars_objects_through_write_database(auto: Connection) -> None:
    # Old versions of polars fail by themselves, in a panic.
    with pytest.raises(BaseException, match="column 'bad' is of Python objects|Option::unwrap"):
        pl.DataFrame({"bad": [Thing()]}).write_database("t", auto)


class Kelvin(pa.ExtensionType):  # type: ignore[misc]
    """A type whose number is no degree Celsius."""

    def __init__(self) -> None:
        super().__init__(pa.float64(), "tests.kelvin")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""


def test_extension_types_whose_storage_need_not_be_the_value(auto: Connection) -> None:
    array = pa.ExtensionArray.from_storage(Kelvin(), pa.array([1.5]))
    marked = pa.schema(
        [pa.field("t", pa.int64(), metadata={"ARROW:extension:name": "pandas.period"})]
    )
    inside = pa.StructArray.from_arrays([array], ["k"])
    for data in (
        pa.table({"t": array}),
        pa.table({"t": inside}),
        pa.table([[1]], schema=marked),
    ):
        with pytest.raises(DataError, match=r"column 't.*extension type (tests\.kelvin|pandas)"):
            auto.load("made", data, mode="create")
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ones((2, 2)))
    assert loaded(auto, {"t": tensor}) == [([1.0, 1.0],), ([1.0, 1.0],)]


def test_object_columns_keep_their_values(auto: Connection) -> None:
    instant = pd.Timestamp(1577836800000000001)
    frame = pd.DataFrame(
        {
            "n": [2**70, None],
            "d": [Decimal("1.1"), float("nan")],
            "s": ["a", float("nan")],
            "at": [instant, pd.NaT],
            "l": [[1, 2], None],
            "m": [{"x": 1}, {"y": 2}],
            "b": [True, None],
        },
        dtype=object,
    )
    auto.load("made", frame, mode="create")
    assert auto.execute('SELECT n, d, s, "at"::VARCHAR, l, m, b FROM made').fetchall() == [
        (2**70, Decimal("1.1"), "a", str(instant), [1, 2], {"x": 1, "y": None}, True),
        (None, None, None, None, None, {"x": None, "y": 2}, None),
    ]


def test_dates_among_datetimes_stay_what_they_are(auto: Connection) -> None:
    values = [dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, 5)]
    for data in (
        pd.DataFrame({"a": values}, dtype=object),
        {"a": values},
        [{"a": v} for v in values],
    ):
        found = loaded(auto, data)
        assert found == [(dt.datetime(2026, 1, 1),), (dt.datetime(2026, 1, 1, 5),)]


# A load of rows is an INSERT of them

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "HUGEINT": st.integers(-(10**37), 10**37),
    "DOUBLE": st.floats(allow_nan=False) | st.integers(-(2**53), 2**53),
    "VARCHAR": st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    "BLOB": st.binary(max_size=20),
    "BOOLEAN": st.booleans(),
    "DATE": st.dates(),
    "TIME": st.times(),
    "TIMESTAMP": st.datetimes(),
    "TIMESTAMPTZ": st.datetimes(
        dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.timezone.utc)
    ),
    "INTERVAL": st.timedeltas(dt.timedelta(-10_000), dt.timedelta(10_000)),
    "DECIMAL(18, 3)": st.decimals(-(10**14), 10**14, places=3),
    "BIGINT[]": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    "STRUCT(a BIGINT, b VARCHAR)": st.fixed_dictionaries(
        {"a": st.integers(-5, 5), "b": st.sampled_from(["x", "y"])}
    ),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[dict[str, Any]]]:
    chosen = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
    row = st.fixed_dictionaries({f"c{i}": st.none() | VALUES[k] for i, k in enumerate(chosen)})
    return chosen, draw(st.lists(row, min_size=1, max_size=5))


_numbers = itertools.count()


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=tables())
def test_loading_rows_is_inserting_them(
    auto: Connection, drawn: tuple[list[str], list[dict[str, Any]]]
) -> None:
    chosen, rows = drawn
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(chosen))
    names = [f"{way}_{next(_numbers)}" for way in ("one", "rows", "columns")]
    for name in names:
        auto.execute(f"CREATE TABLE {name} ({columns})")
    one, by_rows, by_columns = names
    places = ", ".join(f"$c{i}" for i in range(len(chosen)))
    for row in rows:
        auto.execute(f"INSERT INTO {one} VALUES ({places})", row)
    auto.load(by_rows, [dict(reversed(row.items())) for row in rows])
    auto.load(by_columns, {f"c{i}": [r[f"c{i}"] for r in rows] for i in range(len(chosen))})
    expected = auto.execute(f"FROM {one}").fetchall()
    for name in names[1:]:
        assert auto.execute(f"FROM {name}").fetchall() == expected
