"""Bulk load: what is accepted, how it is sent, and that it is all or nothing."""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from adbc_driver_manager import AdbcStatement, AdbcStatusCode
from hypothesis import given
from hypothesis import strategies as st

import altertable_dbapi
from altertable_dbapi import DataError, NotSupportedError, ProgrammingError
from altertable_dbapi.local import Server
from altertable_dbapi.statement.names import table_names

Connection = altertable_dbapi.Connection[tuple[Any, ...]]


@pytest.fixture(params=[False, True], ids=["by_name", "by_position"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that appends by the names of columns, and one that goes by their position."""
    with Server(ingest_by_position=request.param) as server:
        yield server


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
    def load(mode: Any) -> int:
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
def test_table_names(given: tuple[Any, ...], names: tuple[str | None, str | None, str]) -> None:
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


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
        min_size=1,
        max_size=3,
    )
)
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


def test_a_load_costs_one_call_and_appending_two_more_and_the_first_without_names_two(
    server: Server, auto: Connection
) -> None:
    server.clear()
    auto.load("local.main.t", PAIR, mode="create")
    assert server.calls == ["DoPut:CommandStatementIngest"]
    # What is appended has to know the table's columns.
    auto.load("local.main.t", PAIR)
    assert len(server.calls) == 4
    auto.load("t", PAIR)
    assert len(server.calls) == 9
    auto.load("t", PAIR)
    assert len(server.calls) == 12
    # The statement of a load is used again, and nothing of it shows in what comes after.
    assert auto.execute("SELECT $1 + 1", [41]).fetchall() == [(42,)]
    auto.load("other", PAIR, mode="create")
    assert count(auto, "other") == 2


def _use(connection: Connection) -> None:
    connection.execute("USE local.mine")


def _set_schema(connection: Connection) -> None:
    connection.execute("SET schema = 'mine'")


def _set_search_path(connection: Connection) -> None:
    connection.cursor().executescript("/* mine */ SET search_path = 'mine'")


def _set_property(connection: Connection) -> None:
    connection.adbc_current_db_schema = "mine"


def _use_low_level(connection: Connection) -> None:
    with AdbcStatement(connection.adbc_connection) as statement:
        statement.set_sql_query("USE local.mine")
        partitions, schema, _ = statement.execute_partitions()
    del schema
    stream = connection.adbc_connection.read_partition(partitions[0])
    pa.RecordBatchReader.from_stream(stream).read_all()


@pytest.mark.parametrize(
    "change",
    [_use, _set_schema, _set_search_path, _set_property, _use_low_level],
)
def test_where_a_load_goes_after_the_schema_has_changed(auto: Connection, change: Any) -> None:
    auto.execute("CREATE SCHEMA mine")
    auto.load("t", PAIR, mode="create")
    change(auto)
    auto.load("t", PAIR, mode="create")
    assert rows(auto, "local.mine.t") == ROWS


def test_where_a_load_goes_after_the_session_has_expired(server: Server, auto: Connection) -> None:
    """As any statement, it finds itself in the schema of the session before."""
    auto.execute("CREATE SCHEMA mine")
    auto.execute("USE local.mine")
    auto.load("t", PAIR, mode="create")
    server.expire_sessions()
    auto.load("t", PAIR, mode="append")
    assert rows(auto, "local.mine.t") == sorted(ROWS * 2)


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
        ([1], "gives a int"),
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
    with pytest.raises(ProgrammingError, match="no record batch"):
        auto.load("u", iter([]), mode="create")


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
    with pytest.raises(DataError, match="cannot load str 'x' to column 'a', row 1: "):
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
def test_a_load_that_is_given_up_has_ended_on_the_server(server: Server, key: str | None) -> None:
    """At whatever moment: the source fails as the call begins, or when it has begun."""

    def source() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1], "b": [1]})
        raise ValueError("enough")

    with server.connect(autocommit=True) as connection:
        for _ in range(40):
            with pytest.raises(ValueError, match="enough"):
                connection.load("t", source(), mode="create", primary_key=key)
            # A session has one call at a time; one that is busy would be left for another.
            assert tables(connection) == []
        assert connection.load("t", PAIR, mode="create") == 2
    assert list(server.calls).count("Handshake") == (1 if key is None else 41)


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


@pytest.mark.parametrize("key", [None, "a"])
def test_cancel_from_another_thread(auto: Connection, key: str | None) -> None:
    loading = threading.Event()

    def cancel() -> None:
        loading.wait(10)
        auto.adbc_cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()

    def source() -> Iterator[pa.RecordBatch]:
        batch = pa.record_batch({"a": list(range(200_000)), "b": [1] * 200_000})
        yield batch
        loading.set()
        while True:
            yield batch

    with pytest.raises(altertable_dbapi.OperationalError, match="cancelled") as caught:
        auto.load("t", source(), mode="create", primary_key=key)
    assert caught.value.status_code == AdbcStatusCode.CANCELLED
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
    with pytest.raises(ProgrammingError, match=r"^catalog:writer is needed$"):
        auto.load("t", PAIR, mode="create")
    assert auto.load("t", PAIR, mode="create") == 2
