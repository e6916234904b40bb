"""Which columns a load fills: by name, on a server that goes by names and on one by position."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from adbc_driver_manager import AdbcStatusCode

import altertable_dbapi
from altertable_dbapi import ProgrammingError
from altertable_dbapi.local import Server

Connection = altertable_dbapi.Connection[tuple[Any, ...]]
Load = Callable[[Connection, pa.Table, Path], object]


@pytest.fixture(params=[False, True], ids=["by_name", "by_position"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(ingest_by_position=request.param) as server:
        yield server


def _adbc_ingest(connection: Connection, table: pa.Table, path: Path) -> object:
    with connection.cursor() as cursor:
        return cursor.adbc_ingest("p", table, mode="append")


def _write_database(connection: Connection, table: pa.Table, path: Path) -> object:
    frame = pl.DataFrame(pl.from_arrow(table))
    return frame.write_database("p", connection, if_table_exists="append")


def _csv(connection: Connection, table: pa.Table, path: Path) -> object:
    (path / "p.csv").write_bytes(table.to_pandas().to_csv(index=False).encode())
    return connection.load("p", path / "p.csv")


WAYS: dict[str, Load] = {
    "load": lambda c, table, _: c.load("p", table),
    "create_append": lambda c, table, _: c.load("p", table, mode="create_append"),
    "adbc_ingest": _adbc_ingest,
    "to_sql": lambda c, table, _: table.to_pandas().to_sql("p", c, index=False, if_exists="append"),
    "write_database": _write_database,
    "csv": _csv,
    "batches": lambda c, table, _: c.load("p", iter(table.to_batches(max_chunksize=1))),
    "upsert": lambda c, table, _: c.load("p", table, primary_key=["FIRST", "last"]),
}


@contextlib.contextmanager
def refused(said: str) -> Iterator[None]:
    """A ProgrammingError, which pandas wraps in an error of its own."""
    with pytest.raises((ProgrammingError, pd.errors.DatabaseError)) as caught:
        yield
    error = caught.value
    if isinstance(error, pd.errors.DatabaseError):
        assert isinstance(error.__cause__, ProgrammingError)
    assert re.search(said, str(error.__cause__ or error))


NAMES = pa.table({"n": [1, 2], "Last": ["Curie", "Noether"], "first": ["Marie", "Emmy"]})


@pytest.fixture
def table(auto: Connection) -> Connection:
    auto.execute("CREATE TABLE p (First VARCHAR, last VARCHAR, n BIGINT)")
    return auto


@pytest.mark.parametrize("way", WAYS)
def test_columns_go_to_those_of_their_name(table: Connection, tmp_path: Path, way: str) -> None:
    WAYS[way](table, NAMES, tmp_path)
    assert table.execute("SELECT first, last, n FROM p ORDER BY n").fetchall() == [
        ("Marie", "Curie", 1),
        ("Emmy", "Noether", 2),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_column_that_the_table_lacks_is_refused_before_anything_is_sent(
    server: Server, table: Connection, tmp_path: Path, way: str
) -> None:
    server.clear()
    with refused(r"\.p has no column 'lasst'; it has First, last, n"):
        WAYS[way](
            table,
            NAMES.rename_columns(["n", "lasst", "first"]).append_column("last", NAMES[1]),
            tmp_path,
        )
    assert not [call for call in server.calls if call.startswith("DoPut")]


@pytest.mark.parametrize("way", [way for way in WAYS if way != "upsert"])
def test_a_column_that_the_data_lacks_is_null(table: Connection, tmp_path: Path, way: str) -> None:
    table.execute("ALTER TABLE p ADD COLUMN since TIMESTAMP")
    table.execute("ALTER TABLE p ADD COLUMN inside STRUCT(a INTEGER)[]")
    WAYS[way](table, NAMES.select(["n", "Last"]), tmp_path)
    assert table.execute("FROM p ORDER BY n").fetchall() == [
        (None, "Curie", 1, None, None),
        (None, "Noether", 2, None, None),
    ]


def test_an_upsert_leaves_columns_alone_that_the_data_lacks(table: Connection) -> None:
    table.load("p", NAMES)
    table.load("p", pa.table({"n": [7, 8], "LAST": ["Curie", "Hopper"]}), primary_key="last")
    assert table.execute("FROM p ORDER BY n").fetchall() == [
        ("Emmy", "Noether", 2),
        ("Marie", "Curie", 7),
        (None, "Hopper", 8),
    ]


@pytest.mark.parametrize("way", [way for way in WAYS if way != "upsert"])
def test_a_default_that_the_load_would_not_use_is_named(
    server: Server, auto: Connection, tmp_path: Path, way: str
) -> None:
    auto.execute("CREATE TABLE p (n BIGINT, first VARCHAR, last VARCHAR DEFAULT 'x')")
    server.clear()
    with refused("no column 'last', which has a default .*'x'"):
        WAYS[way](auto, NAMES.select(["n", "first"]), tmp_path)
    assert not [call for call in server.calls if call.startswith("DoPut")]
    WAYS[way](auto, NAMES, tmp_path)


def test_names_differ_in_the_case_of_a_to_z_alone(auto: Connection) -> None:
    auto.execute('CREATE TABLE p ("É" INTEGER, "é" INTEGER, a INTEGER)')
    data = pa.table({"A": [1], "é": [2], "É": [3]})
    # The local server's own check of names takes É and é for one.
    with pytest.raises(ProgrammingError, match="no column 'Á'"):
        auto.load("p", data.rename_columns(["A", "é", "Á"]))
    auto.load("q", data, mode="create")
    assert auto.execute("FROM q").fetchall() == [(1, 2, 3)]
    with pytest.raises(ProgrammingError, match="columns of one name, letter case aside: 'A', 'a'"):
        auto.load("p", data.rename_columns(["A", "é", "a"]))


def test_a_missing_table_and_one_too_many(server: Server, auto: Connection) -> None:
    for key in (None, "n"):
        with pytest.raises(ProgrammingError, match=r"p does not exist; mode='create") as caught:
            auto.load("p", NAMES, primary_key=key)
        assert caught.value.status_code == AdbcStatusCode.NOT_FOUND
    auto.load("p", NAMES, mode="create")
    with pytest.raises(ProgrammingError, match=r"p already exists; mode='append'") as caught:
        auto.load("p", NAMES, mode="create")
    assert caught.value.status_code == AdbcStatusCode.ALREADY_EXISTS
    # It has gone since it was asked for, and each server has another code for that.
    for code in ("NOT_FOUND", "FAILED_PRECONDITION", "INTERNAL", "INVALID_ARGUMENT"):
        server.fail_next("DoPut", code, "Table local.main.p does not exist")
        with pytest.raises(ProgrammingError, match=r"mode='create_append'") as caught:
            auto.load("p", NAMES)
        assert caught.value.status_code == AdbcStatusCode.NOT_FOUND
        server.fail_next("DoPut", code, "Table local.main.p already exists")
        with pytest.raises(ProgrammingError, match=r"mode='append'") as caught:
            auto.load("p", NAMES, mode="create")
        assert caught.value.status_code == AdbcStatusCode.ALREADY_EXISTS


def test_frames_without_rows_and_with_repeated_names(table: Connection) -> None:
    assert table.load("p", NAMES.slice(0, 0)) == 0
    frame = pd.DataFrame([[1, 2]], columns=["n", "N"])
    with pytest.raises(ProgrammingError, match="'N', 'n'"):
        table.load("p", frame)
