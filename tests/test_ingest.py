"""Bulk load: what is accepted, how it is sent, and that it is all or nothing."""

from __future__ import annotations

import datetime as dt
import gzip
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, feather, parquet

import altertable_dbapi
from altertable_dbapi import DataError, NotSupportedError, ProgrammingError
from altertable_dbapi.batches import Conversion, cut, merged
from altertable_dbapi.ingest import table_names
from altertable_dbapi.local import Server

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

PAIR = pa.table({"id": [1, 2], "name": ["a", None]})
ROWS = [(1, "a"), (2, None)]


def rows(connection: Connection, table: str = "t") -> list[tuple[Any, ...]]:
    return connection.execute(f"FROM {table} ORDER BY ALL").fetchall()


def count(connection: Connection, table: str = "t") -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def tables(connection: Connection) -> list[str]:
    listed = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
    return [row[0] for row in listed]


# Modes, names, transactions


@pytest.mark.parametrize("ingest", ["adbc_ingest", "load"])
def test_modes(auto: Connection, ingest: str) -> None:
    def load(mode: str) -> int:
        if ingest == "load":
            return auto.load("t", PAIR, mode=mode)
        with auto.cursor() as cursor:
            loaded = cursor.adbc_ingest("t", PAIR, mode)
            assert cursor.rowcount == loaded
            assert cursor.description is None
            return loaded

    with pytest.raises(ProgrammingError, match=r"t does not exist.*mode='create_append'"):
        load("append")
    assert load("create") == 2
    assert rows(auto) == ROWS
    with pytest.raises(ProgrammingError, match=r"t already exists.*mode='append'"):
        load("create")
    assert load("append") == 2
    assert load("create_append") == 2
    assert count(auto) == 6
    assert load("replace") == 2
    assert rows(auto) == ROWS
    with pytest.raises(ProgrammingError, match="mode is 'merge'; expected one of create, append"):
        load("merge")


def test_adbc_ingest_creates_unless_told_otherwise(auto: Connection) -> None:
    assert auto.cursor().adbc_ingest("t", PAIR) == 2
    assert rows(auto) == ROWS


def test_a_temporary_table_is_refused(server: Server, auto: Connection) -> None:
    server.clear()
    with pytest.raises(NotSupportedError, match="temporary"):
        auto.cursor().adbc_ingest("t", PAIR, temporary=True)
    assert server.calls == []


def test_an_open_transaction_is_refused_with_the_way_out(conn: Connection) -> None:
    conn.load("t", PAIR, mode="create")
    assert not conn.in_transaction
    conn.execute("INSERT INTO t VALUES (3, 'c')")
    with pytest.raises(ProgrammingError, match=r"commit\(\) or rollback\(\) first.*autocommit"):
        conn.load("t", PAIR)
    conn.rollback()
    assert conn.load("t", PAIR) == 2
    conn.rollback()
    assert count(conn) == 4


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (("t",), (None, None, "t")),
        (("s.t",), (None, "s", "t")),
        (("c.s.t",), ("c", "s", "t")),
        (('"my.table"',), (None, None, "my.table")),
        (('"a""b"."x.y".t',), ('a"b', "x.y", "t")),
        (("t", "c", "s"), ("c", "s", "t")),
        (("s.t", "c"), ("c", "s", "t")),
        (("t", None, "s"), (None, "s", "t")),
        (("my table",), (None, None, "my table")),
    ],
)
def test_table_names(
    given: tuple[Any, ...], names: tuple[str | None, str | None, str]
) -> None:
    assert table_names(*given) == names


@pytest.mark.parametrize("name", ["", "a..b", ".t", "t.", 'a"b', '"a', "a.b.c.d", '""', "a\0", 5])
def test_names_that_cannot_be_read(name: Any) -> None:
    with pytest.raises(ProgrammingError, match="table"):
        table_names(name)


def test_a_name_given_twice() -> None:
    with pytest.raises(ProgrammingError, match=r"schema='x' is given, and 's.t'"):
        table_names("s.t", None, "x")
    with pytest.raises(ProgrammingError, match=r"catalog='x' is given, and 'c.s.t'"):
        table_names("c.s.t", "x")


@given(st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), min_size=1, max_size=3))
def test_quoted_names_are_read_back(parts: list[str]) -> None:
    quoted = ".".join(altertable_dbapi.quote_identifier(part) for part in parts)
    assert [name for name in table_names(quoted) if name is not None] == parts


def test_where_a_load_goes() -> None:
    with Server(catalogs=["other"]) as server, server.connect(autocommit=True) as auto:
        auto.load('"odd.s""c"."t.1"', PAIR, mode="create")
        assert rows(auto, '"odd.s""c"."t.1"') == ROWS
        auto.load("t", PAIR, mode="create", catalog="other")
        assert rows(auto, "other.main.t") == ROWS
        auto.cursor().adbc_ingest("a.b", PAIR, catalog_name="other", db_schema_name="s")
        assert rows(auto, 'other.s."a.b"') == ROWS
        auto.execute("CREATE SCHEMA other.mine")
        auto.execute("USE other.mine")
        auto.load("here", PAIR, mode="create")
        assert rows(auto, "other.mine.here") == ROWS


def test_a_named_target_costs_one_call_and_any_other_three(
    server: Server, auto: Connection
) -> None:
    server.clear()
    auto.load("local.main.t", PAIR, mode="create")
    assert server.calls == ["DoPut:CommandStatementIngest"]
    auto.load("t", PAIR)
    assert len(server.calls) == 4
    # The statement of a load is used again, and nothing of it shows in what comes after.
    assert auto.execute("SELECT $1 + 1", [41]).fetchall() == [(42,)]
    auto.load("other", PAIR, mode="create")
    assert count(auto, "other") == 2


# What is loaded


def _batches() -> Iterator[pa.RecordBatch]:
    yield from PAIR.to_batches(max_chunksize=1)


class _Array:
    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return PAIR.to_batches()[0].__arrow_c_array__(requested_schema)


class _Stream:
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return PAIR.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "data",
    [
        lambda: PAIR,
        lambda: PAIR.to_batches()[0],
        lambda: PAIR.to_reader(),
        lambda: _Array(),
        lambda: _Stream(),
        lambda: PAIR.__arrow_c_stream__(),
        lambda: _batches(),
        lambda: list(_batches()),
        lambda: [PAIR.slice(0, 1), pl.DataFrame(PAIR.slice(1))],
        lambda: pl.DataFrame(PAIR),
        lambda: pl.DataFrame(PAIR).lazy().filter(pl.col("id") > 0),
        lambda: PAIR.to_pandas(),
        lambda: PAIR.to_pandas().set_index(pd.Index([7, 9])),
        lambda: parquet_dataset_scanner(),
    ],
)
def test_everything_that_is_arrow(auto: Connection, data: Any) -> None:
    given = data()
    if isinstance(given, list) and isinstance(given[1], pl.DataFrame):
        # One schema for all batches: polars writes its text as views.
        given = [pl.DataFrame(given[0]), given[1]]
    assert auto.load("t", given, mode="create") == 2
    assert rows(auto) == ROWS


def parquet_dataset_scanner() -> Any:
    from pyarrow import dataset

    return dataset.dataset(PAIR).scanner()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (5, "cannot load a int"),
        (b"x", "cannot load a bytes"),
        ({"a": [1]}, r"pyarrow\.table\(data\)"),
        ([{"a": 1}], r"from_pylist\(rows\)"),
        ([1], "gives a int, not a record batch"),
        (pa.table({}), "no columns"),
        (pa.table([[1], [2]], ["a", "A"]), "letter case aside: 'A', 'a'"),
        (pa.table([[1]], [""]), "column 0 of the data has no name"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "one name: 'a'"),
    ],
)
def test_what_cannot_be_loaded(server: Server, auto: Connection, data: Any, said: str) -> None:
    server.clear()
    with pytest.raises(ProgrammingError, match=said):
        auto.load("local.main.t", data, mode="create")
    assert server.calls == []


def test_no_rows_and_no_batches(auto: Connection) -> None:
    assert auto.load("t", PAIR.schema.empty_table(), mode="create") == 0
    assert auto.load("t", pa.RecordBatchReader.from_batches(PAIR.schema, [])) == 0
    assert auto.load("t", iter([])) == 0
    assert auto.load("t", pl.DataFrame(PAIR).lazy().filter(pl.col("id") > 9)) == 0
    assert rows(auto) == []
    assert auto.execute("DESCRIBE t").fetch_arrow_table()["column_type"].to_pylist() == [
        "BIGINT",
        "VARCHAR",
    ]
    with pytest.raises(ProgrammingError, match="not one batch"):
        auto.load("u", iter([]), mode="create")


@pytest.mark.parametrize("mode", ["plain", "upsert"])
def test_types_arrive_as_what_they_are(auto: Connection, mode: str) -> None:
    zone = dt.timezone.utc
    at = dt.datetime(2026, 1, 2, 3, 4, 5, 678901)
    text = pa.array(["a", None])
    columns: dict[str, tuple[Any, str, Any]] = {
        "i": (pa.array([1, None], pa.int8()), "TINYINT", 1),
        "u64": (pa.array([2**64 - 1, None], pa.uint64()), "UBIGINT", 2**64 - 1),
        "f16": (pa.array([1.5, None], pa.float16()), "FLOAT", 1.5),
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
        (pa.array([1000, 1001], pa.timestamp("ns", "UTC")), r"column 'c', row 1: timestamp\[ns"),
        (pa.array([1], pa.time64("ns")), r"column 'c', row 0: time64\[ns\]"),
        (pa.array([None, 1], pa.duration("ns")), r"column 'c', row 1: duration\[ns\]"),
        (pa.array([2**62], pa.timestamp("s")), r"column 'c', row 0: timestamp\[s\]"),
        (
            pa.array([[1000], [1001]], pa.list_(pa.timestamp("ns", "UTC"))),
            r"column 'c', row 1: list<",
        ),
        (pa.array([(0, 0, 1000), (0, 0, 1)], pa.month_day_nano_interval()), "column 'c', row 1"),
    ],
)
def test_what_would_lose_something_is_refused(auto: Connection, column: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        auto.load("t", pa.table({"c": column}), mode="create")
    assert tables(auto) == []


def test_the_row_of_a_bad_value_is_found_in_a_long_load(auto: Connection) -> None:
    values = pa.array(range(0, 400_000_000, 1000), pa.int64()).cast(pa.timestamp("ns", "UTC"))
    bad = pa.chunked_array([values, pa.array([5], values.type)])
    with pytest.raises(DataError, match="column 'at', row 400000: "):
        auto.load("t", pa.table({"at": bad}), mode="create")
    assert tables(auto) == []


def test_batches_of_another_schema(auto: Connection) -> None:
    other = pa.record_batch({"id": [1], "name": [2]})
    with pytest.raises(DataError, match="from row 2 on has the columns id int64, name int64"):
        auto.load("t", [*PAIR.to_batches(), other], mode="create")
    assert tables(auto) == []


def test_a_failing_iterable_loads_nothing_and_its_error_is_seen(auto: Connection) -> None:
    class Mine(Exception):
        pass

    def source() -> Iterator[pa.RecordBatch]:
        for _ in range(8):
            yield pa.record_batch({"a": list(range(200_000))})
        raise Mine("the disk is gone")

    with pytest.raises(Mine, match="the disk is gone"):
        auto.load("t", source(), mode="create")
    assert tables(auto) == []
    reader = pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), source())
    with pytest.raises(Mine):
        auto.load("t", reader, mode="create")
    assert tables(auto) == []
    assert auto.load("t", PAIR, mode="create") == 2


def test_an_error_of_arrow_becomes_a_data_error(auto: Connection) -> None:
    def source() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise pa.ArrowInvalid("torn")

    with pytest.raises(DataError, match="cannot read the data: torn") as caught:
        auto.load("t", source(), mode="create")
    assert isinstance(caught.value.__cause__, pa.ArrowInvalid)
    with pytest.raises(DataError, match="cannot read the data"):
        auto.load("t", pd.DataFrame({"a": [1, "x"]}), mode="create")


def test_the_source_runs_in_the_callers_thread(auto: Connection) -> None:
    with sqlite3.connect(":memory:") as stored:
        cursor = stored.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                "LIMIT 5000) SELECT i FROM n")  # fmt: skip

        def source() -> Iterator[pa.RecordBatch]:
            while some := cursor.fetchmany(1000):
                yield pa.record_batch({"i": [row[0] for row in some]})

        assert auto.load("t", source(), mode="create") == 5000
    stored.close()


def test_a_result_of_the_same_connection(auto: Connection) -> None:
    cursor = auto.execute("SELECT range AS a FROM range(300_000)")
    assert cursor.fetchmany(3) == [(0,), (1,), (2,)]
    assert auto.load("t", cursor, mode="create") == 299_997

    def source() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        auto.execute("SELECT 1")

    with pytest.raises(ProgrammingError, match="needs a connection of its own"):
        auto.load("t", source())
    assert count(auto) == 299_997


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


# Progress and interruption


@pytest.mark.parametrize("key", [None, "a"])
def test_progress(auto: Connection, key: str | None) -> None:
    table = pa.table({"a": list(range(1_000_000)), "b": [0.5] * 1_000_000})
    seen: list[tuple[int, int]] = []
    auto.load(
        "t", table, mode="create", primary_key=key, on_progress=lambda r, b: seen.append((r, b))
    )
    assert seen[-1] == (1_000_000, 16_000_000)
    assert seen == sorted(seen)
    assert len(seen) >= 8


@pytest.mark.parametrize("key", [None, "a"])
def test_progress_that_raises_gives_the_load_up(auto: Connection, key: str | None) -> None:
    table = pa.table({"a": list(range(1_000_000)), "b": [0.5] * 1_000_000})

    def stop(rows: int, size: int) -> None:
        if rows == 1_000_000:
            raise TimeoutError("enough")

    with pytest.raises(TimeoutError, match="enough"):
        auto.load("t", table, mode="create", primary_key=key, on_progress=stop)
    assert tables(auto) == []


@pytest.mark.parametrize("key", [None, "a"])
def test_ctrl_c_gives_the_load_up(auto: Connection, key: str | None) -> None:
    asked = threading.Event()

    def source() -> Iterator[pa.RecordBatch]:
        for i in range(4):
            yield pa.record_batch({"a": [i], "b": [i]})
        signal.raise_signal(signal.SIGINT)
        asked.set()

    with pytest.raises(KeyboardInterrupt):
        auto.load("t", source(), mode="create", primary_key=key)
    assert not asked.is_set()
    assert tables(auto) == []
    assert auto.load("t", PAIR, mode="create") == 2


def test_cancel_from_another_thread(auto: Connection) -> None:
    loading = threading.Event()

    def cancel() -> None:
        loading.wait(10)
        auto.adbc_cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()

    def source() -> Iterator[pa.RecordBatch]:
        batch = pa.record_batch({"a": list(range(200_000))})
        yield batch
        loading.set()
        while True:
            yield batch

    with pytest.raises(altertable_dbapi.OperationalError, match="cancel"):
        auto.load("t", source(), mode="create")
    canceller.join()
    assert tables(auto) == []


def test_the_servers_refusal_ends_an_endless_source(auto: Connection) -> None:
    auto.load("t", PAIR, mode="create")
    taken = 0

    def source() -> Iterator[pa.RecordBatch]:
        nonlocal taken
        while True:
            taken += 1
            yield pa.record_batch({"id": list(range(100_000)), "name": ["x"] * 100_000})

    with pytest.raises(ProgrammingError, match="already exists"):
        auto.load("t", source(), mode="create")
    assert taken < 200
    assert rows(auto) == ROWS


def test_a_refused_call_is_reported(server: Server, auto: Connection) -> None:
    server.fail_next("DoPut", "PERMISSION_DENIED", "catalog:writer is needed")
    with pytest.raises(ProgrammingError, match="^catalog:writer is needed$"):
        auto.load("t", PAIR, mode="create")
    assert auto.load("t", PAIR, mode="create") == 2


# Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    parquet.write_table(PAIR, tmp_path / "pair.parquet")
    feather.write_feather(PAIR, str(tmp_path / "pair.feather"))
    csv.write_csv(PAIR, tmp_path / "pair.csv")
    (tmp_path / "pair.csv.gz").write_bytes(gzip.compress((tmp_path / "pair.csv").read_bytes()))
    (tmp_path / "pair.tsv").write_text("id\tname\n1\ta\n2\t\n")
    for year in (2025, 2026):
        (tmp_path / "many" / f"year={year}").mkdir(parents=True)
        parquet.write_table(PAIR, tmp_path / "many" / f"year={year}" / "part.parquet")
    (tmp_path / "many" / "_SUCCESS").write_text("")
    return tmp_path


@pytest.mark.parametrize("name", ["parquet", "feather", "csv", "csv.gz", "tsv"])
def test_files(auto: Connection, folder: Path, name: str) -> None:
    assert auto.load("t", folder / f"pair.{name}", mode="create") == 2
    assert rows(auto) == ROWS
    assert auto.load("t", str(folder / f"pair.{name}")) == 2


def test_folders_and_patterns(auto: Connection, folder: Path) -> None:
    assert auto.load("t", folder / "many", mode="create") == 4
    assert rows(auto) == [(1, "a", 2025), (1, "a", 2026), (2, None, 2025), (2, None, 2026)]
    assert auto.load("u", str(folder / "many" / "*" / "*.parquet"), mode="create") == 4
    assert count(auto, "u") == 4


def test_files_that_cannot_be_read(auto: Connection, folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file to load"):
        auto.load("t", folder / "none.parquet")
    (folder / "notes.txt").write_text("x")
    with pytest.raises(ProgrammingError, match=r"format of .*notes\.txt.*known are \.parquet"):
        auto.load("t", folder / "notes.txt")
    with pytest.raises(ProgrammingError, match="several formats"):
        auto.load("t", str(folder / "pair.[pt]*"))
    (folder / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="cannot read the data"):
        auto.load("t", folder / "broken.parquet", mode="create")
    (folder / "late.csv").write_text("a\n" + "1\n" * 800_000 + "x\n")
    with pytest.raises(DataError, match="cannot read the CSV.*column_types"):
        auto.load("t", folder / "late.csv", mode="create")
    assert tables(auto) == []


def test_a_csv_takes_the_types_of_the_table(auto: Connection, tmp_path: Path) -> None:
    auto.execute(
        "CREATE TABLE t (zip VARCHAR, price DECIMAL(9, 2), since TIMESTAMPTZ, tags VARCHAR[], n INT)"
    )
    path = tmp_path / "t.csv"
    path.write_text(
        "zip,price,since,tags,n\n01234,10.50,2026-01-01 00:00:00+00,\"['a', 'b']\",7\nNA,,,,\n\"\",,,,\n"
    )
    assert auto.load("t", path) == 3
    assert auto.execute("FROM t").fetchall() == [
        (
            "01234",
            Decimal("10.50"),
            dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc),
            ["a", "b"],
            7,
        ),
        ("NA", None, None, None, None),
        ("", None, None, None, None),
    ]


# Memory

_MEASURE = """
import resource, sys
import pyarrow as pa
import altertable_dbapi

def source():
    import numpy as np
    text = pa.array(["x" * 1000] * 2_000)
    for i in range(300):
        yield pa.record_batch({"id": np.arange(i * 2_000, (i + 1) * 2_000), "text": text})

with altertable_dbapi.connect(sys.argv[1], autocommit=True) as connection:
    connection.load("local.main.t", pa.table({"id": [0], "text": ["x"]}), mode="create")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sent = []
    rows = connection.load("local.main.u", source(), mode="create",
                           primary_key=sys.argv[2] or None,
                           on_progress=lambda rows, size: sent.append(size))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(rows, sent[-1], (peak - before) * 1024)
"""


@pytest.mark.parametrize("key", ["", "id"])
def test_memory_stays_flat(tmp_path: Path, key: str) -> None:
    with Server(str(tmp_path / "local.duckdb")) as server:
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, server.uri, key],
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
    loaded, sent, grown = map(int, done.stdout.split())
    assert loaded == 600_000
    assert sent > 600_000_000
    assert grown < 100_000_000
