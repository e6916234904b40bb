"""Loading files: formats, folders, types of a CSV, memory."""

from __future__ import annotations

import datetime as dt
import gzip
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import altertable_dbapi
from altertable_dbapi import DataError, ProgrammingError
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
    with pytest.raises(DataError, match=r"cannot read the CSV.*column_types"):
        auto.load("t", folder / "late.csv", mode="create")
    assert tables(auto) == []


def test_a_csv_takes_the_types_of_the_table(auto: Connection, tmp_path: Path) -> None:
    auto.execute(
        "CREATE TABLE t (zip VARCHAR, price DECIMAL(9, 2), since TIMESTAMPTZ, tags VARCHAR[], "
        "n INT)"
    )
    path = tmp_path / "t.csv"
    path.write_text(
        "zip,price,since,tags,n\n"
        "01234,10.50,2026-01-01 00:00:00+00,\"['a', 'b']\",7\n"
        "NA,,,,\n"
        '"",,,,\n'
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
import re, sys
import numpy as np
import pyarrow as pa
import altertable_dbapi

def peak():
    # Unlike getrusage's, this one does not begin with the parent's.
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) * 1024

def source():
    text = pa.array(["x" * 1000] * 2_000)
    for i in range(300):
        yield pa.record_batch({"id": np.arange(i * 2_000, (i + 1) * 2_000), "text": text})

with altertable_dbapi.connect(sys.argv[1], autocommit=True) as connection:
    key = sys.argv[2] or None
    connection.load("local.main.u", pa.table({"id": [0], "text": ["x"]}), mode="create",
                    primary_key=key)
    before = peak()
    sent = []
    rows = connection.load("local.main.u", source(), primary_key=key,
                           on_progress=lambda rows, size: sent.append(size))
    print(rows, sent[-1], peak() - before)
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
