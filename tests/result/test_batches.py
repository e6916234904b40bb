"""Batches on their way out: types, what would be cut off, sizes."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import DataError, ProgrammingError
from altertable_dbapi.arrow_input.conversion import Conversion, cut, merged
from altertable_dbapi.local import Server

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

PAIR = pa.table({"id": [1, 2], "name": ["a", None]})


def count(connection: Connection, table: str = "t") -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def tables(connection: Connection) -> list[str]:
    listed = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
    return [row[0] for row in listed]


@pytest.mark.parametrize("mode", ["plain", "upsert"])
def test_types_arrive_as_what_they_are(auto: Connection, mode: Any) -> None:
    zone = dt.timezone.utc
    at = dt.datetime(2026, 1, 2, 3, 4, 5, 678901)
    text = pa.array(["a", None])
    columns: dict[str, tuple[Any, str, Any]] = {
        "i": (pa.array([1, None], pa.int8()), "TINYINT", 1),
        "u64": (pa.array([2**64 - 1, None], pa.uint64()), "UBIGINT", 2**64 - 1),
        "f16": (pa.array([np.float16(1.5), None], pa.float16()), "FLOAT", 1.5),
        "b": (pa.array([True, None]), "BOOLEAN", True),
        "dictionary": (text.dictionary_encode(), "VARCHAR", "a"),
        "large": (text.cast(pa.large_string()), "VARCHAR", "a"),
        "view": (text.cast(pa.string_view()), "VARCHAR", "a"),
        "bytes": (pa.array([b"\0a", None], pa.binary_view()), "BLOB", b"\0a"),
        "fixed": (pa.array([b"ab", None], pa.binary(2)), "BLOB", b"ab"),
        "nothing": (pa.nulls(2), "VARCHAR", None),
        "lists": (pa.array([["a"], None], pa.large_list(pa.string_view())), "VARCHAR[]", ["a"]),
        "listv": (pa.array([[1], None], pa.list_view(pa.int32())), "INTEGER[]", [1]),
        "pairs": (pa.array([[1, 2], None], pa.list_(pa.int32(), 2)), "INTEGER[]", [1, 2]),
        "struct": (
            pa.array([{"x": ["a"]}, None], pa.struct([("x", pa.large_list(pa.large_string()))])),
            "STRUCT(x VARCHAR[])",
            {"x": ["a"]},
        ),
        "dec": (pa.array([Decimal("1.50"), None], pa.decimal256(9, 2)), "DECIMAL(9,2)", None),
        "thousands": (pa.array([Decimal("1E3"), None], pa.decimal128(5, -2)), "DECIMAL(7,0)", 1000),
        "d64": (pa.array([at.date(), None], pa.date64()), "DATE", at.date()),
        "t": (pa.array([at.time(), None], pa.time64("ns")), "TIME", at.time()),
        "ts_s": (pa.array([at, None], pa.timestamp("s")), "TIMESTAMP", at.replace(microsecond=0)),
        "ts_ns": (pa.array([at, None], pa.timestamp("ns")), "TIMESTAMP_NS", at),
        "tz": (
            pa.array([at, None], pa.timestamp("ns", "UTC")),
            "TIMESTAMP WITH TIME ZONE",
            at.replace(tzinfo=zone),
        ),
        "uuid": (pa.array([uuid.UUID(int=5).bytes, None], pa.uuid()), "UUID", uuid.UUID(int=5)),
        "runs": (pa.RunEndEncodedArray.from_arrays([1, 2], text), "VARCHAR", "a"),
        "key": (pa.array([1, 2]), "BIGINT", 1),
    }
    table = pa.table({name: values for name, (values, _, _) in columns.items()})
    key = "key" if mode == "upsert" else None
    assert auto.load("t", table, mode="create", primary_key=key) == 2
    described = auto.execute("DESCRIBE t").fetchall()
    assert {row[0]: row[1] for row in described} == {n: kind for n, (_, kind, _) in columns.items()}
    row = auto.execute("FROM t ORDER BY key").fetchone()
    assert row is not None
    found = dict(zip(columns, row, strict=True))
    expected = {name: value for name, (_, _, value) in columns.items()}
    expected["dec"] = Decimal("1.50")
    found["uuid"] = uuid.UUID(str(found["uuid"]))
    assert found == expected


def test_polars_categories_and_nested_ones(auto: Connection) -> None:
    frame = pl.DataFrame({"c": ["x", None, "x"], "l": [["x"], None, []]}).with_columns(
        pl.col("c").cast(pl.Categorical), pl.col("l").cast(pl.List(pl.Categorical))
    )
    assert auto.load("t", frame, mode="create") == 3
    assert auto.execute("FROM t").fetchall() == [("x", ["x"]), (None, None), ("x", [])]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([None], pa.decimal256(40, 2)), r"column 'c' is decimal256\(40, 2\).*38 digits"),
        (
            pa.array([None], pa.struct([("x", pa.list_(pa.decimal256(39, 0)))])),
            r"column 'c\.x\[\]' is decimal256\(39, 0\)",
        ),
        (pa.array([None, 1], pa.duration("ns")), r"column 'c', row 1: duration\[ns\]"),
        (pa.array([2**62], pa.timestamp("s")), r"column 'c', row 0: timestamp\[s\]"),
        (pa.array([(0, 0, 1000), (0, 0, 1)], pa.month_day_nano_interval()), "column 'c', row 1"),
    ],
)
def test_what_would_lose_something_is_refused(auto: Connection, column: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        auto.load("t", pa.table({"c": column}), mode="create")
    assert tables(auto) == []


@pytest.mark.parametrize(
    ("kind", "column", "said"),
    [
        (
            "TIMESTAMPTZ",
            pa.array([1000, 1001], pa.timestamp("ns", "UTC")),
            r"column 'c', row 1: timestamp\[ns",
        ),
        ("TIME", pa.array([1], pa.time64("ns")), r"column 'c', row 0: time64\[ns\]"),
        (
            "TIMESTAMPTZ[]",
            pa.array([[1000], [1001]], pa.list_(pa.timestamp("ns", "UTC"))),
            r"column 'c', row 1: list<",
        ),
    ],
)
def test_nanoseconds_are_refused_where_the_column_has_none(
    auto: Connection, kind: str, column: Any, said: str
) -> None:
    auto.execute(f"CREATE TABLE t (c {kind})")
    with pytest.raises(DataError, match=said):
        auto.load("t", pa.table({"c": column}))
    assert count(auto) == 0


def test_the_row_of_a_bad_value_is_found_in_a_long_load(auto: Connection) -> None:
    values = pa.array(range(0, 400_000_000, 1000), pa.int64()).cast(pa.timestamp("ns", "UTC"))
    bad = pa.chunked_array([values, pa.array([5], values.type)])
    # What follows the first batch is not known when the columns get their types.
    reader = pa.table({"at": bad}).to_reader()
    with pytest.raises(DataError, match="column 'at', row 400000: "):
        auto.load("t", reader, mode="create")
    assert tables(auto) == []


NANOSECONDS = {
    "TIME_NS": (pa.time64("ns"), "12:00:00.123456789"),
    "TIMESTAMPTZ_NS": (pa.timestamp("ns", "UTC"), "2026-01-01 12:00:00.123456789+00"),
    "TIMESTAMP_NS": (pa.timestamp("ns"), "2026-01-01 12:00:00.123456789"),
}


#: The DuckDB that has them in Arrow data.
SINCE = {"TIME_NS": (1, 5), "TIMESTAMPTZ_NS": (2, 0), "TIMESTAMP_NS": (1, 4)}


@pytest.mark.parametrize("name", NANOSECONDS)
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_nanoseconds_stay_where_the_server_has_them(auto: Connection, name: str, mode: Any) -> None:
    kind, text = NANOSECONDS[name]
    if tuple(map(int, duckdb.__version__.split(".")[:2])) < SINCE[name]:
        with pytest.raises(altertable_dbapi.DatabaseError):
            auto.execute(f"SELECT CAST(NULL AS {name})").fetch_arrow_table()
        return
    value = f"CAST('{text}' AS {name})"
    auto.execute(
        f"CREATE TABLE t AS SELECT {value} AS v, [{value}] AS l, {{'a': {value}}} AS s, "
        f"MAP {{1: {value}}} AS m"
    )
    data = auto.execute("FROM t").fetch_arrow_table()
    assert str(data.schema.field("v").type)[:8] == str(kind)[:8]
    auto.load("t", data, mode=mode)
    found = auto.execute("SELECT DISTINCT v::VARCHAR, l::VARCHAR, s::VARCHAR, m::VARCHAR FROM t")
    assert found.fetchall() == [(text, f"['{text}']", f"{{'a': '{text}'}}", f"{{1='{text}'}}")]


def test_batches_of_another_schema(auto: Connection) -> None:
    other = pa.record_batch({"id": [1], "name": [2]})
    with pytest.raises(DataError, match="from row 2 on has the columns id int64, name int64"):
        auto.load("t", [*PAIR.to_batches(), other], mode="create")
    assert tables(auto) == []


# Sizes


NESTED = pa.table(
    {
        "text": ["x" * (i % 3000) for i in range(4000)],
        "list": [["y" * 20] * (i % 50) for i in range(4000)],
        "struct": [{"a": "z" * 100, "b": list(range(i % 30))} for i in range(4000)],
        "flag": [i % 2 == 0 for i in range(4000)],
    }
)


@pytest.mark.parametrize("encode", ["plain", "views", "large"])
def test_batches_stay_small_on_the_wire(encode: str) -> None:
    """The server refuses what is larger than 300 kB, as it arrives."""
    table = NESTED.slice(13, 3980)
    if encode == "views":
        table = table.set_column(0, "text", table["text"].cast(pa.string_view()))
    if encode == "large":
        table = table.set_column(0, "text", table["text"].cast(pa.large_string()))
    with Server(max_message=300_000) as server, server.connect(autocommit=True) as auto:
        assert auto.load("t", table, mode="create", batch_bytes=250_000) == 3980
        assert auto.execute("FROM t").fetch_arrow_table().to_pylist() == table.to_pylist()
        with pytest.raises(altertable_dbapi.Error, match="larger than max"):
            auto.load("t", table, mode="replace", batch_bytes=2_000_000)
        assert count(auto) == 3980


def test_a_row_larger_than_a_batch_goes_alone(auto: Connection) -> None:
    table = pa.table({"a": ["x" * 3_000_000, "y", "z" * 3_500_000]})
    assert auto.load("t", table, mode="create") == 3
    assert auto.execute("SELECT sum(len(a)) FROM t").fetchall() == [(6_500_001,)]


def test_cutting_keeps_rows_and_order() -> None:
    for batch in NESTED.to_batches():
        pieces = list(cut(batch, 10_000))
        assert pa.Table.from_batches(pieces) == NESTED
        assert all(piece.nbytes <= 10_000 or piece.num_rows == 1 for piece in pieces)


def test_small_batches_are_put_together() -> None:
    whole = pa.record_batch({"a": list(range(10_000)), "b": ["x"] * 10_000})
    singles = [whole.slice(i, 1) for i in range(10_000)]
    sent = list(merged(iter(singles), 50_000))
    assert pa.Table.from_batches(sent) == pa.Table.from_batches([whole])
    assert len(sent) < 10
    assert all(batch.nbytes <= 60_000 for batch in sent)


def test_conversion_counts_rows_over_batches() -> None:
    kind = pa.timestamp("ns", "UTC")
    conversion = Conversion(pa.schema([("at", kind)]))
    good = pa.record_batch({"at": pa.array([1000] * 5, kind)})
    assert [piece.num_rows for piece in conversion.pieces(good, 1 << 20)] == [5]
    with pytest.raises(DataError, match="row 6: "):
        list(conversion.pieces(pa.record_batch({"at": pa.array([0, 1, 0], kind)}), 1 << 20))


@pytest.mark.parametrize("size", [0, -1, True, 1.5])
def test_batch_bytes_must_be_a_size(auto: Connection, size: Any) -> None:
    with pytest.raises(ProgrammingError, match="batch_bytes"):
        auto.load("t", PAIR, batch_bytes=size)
