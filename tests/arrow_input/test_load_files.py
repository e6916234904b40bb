"""Loading files: formats, folders, types of a CSV, memory."""

from __future__ import annotations

import datetime as dt
import gzip
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import altertable_dbapi
from altertable_dbapi import DataError, ProgrammingError
from altertable_dbapi.local import Server

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


def load_text(auto: Connection, path: Path, text: str | bytes, **options: Any) -> list[Any]:
    """What a CSV of this text is, loaded into a table that it makes."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    auto.load("made", path, mode="replace", **options)
    return auto.execute("FROM made").fetchall()


def kinds(auto: Connection, table: str = "made") -> list[str]:
    return [row[0] for row in auto.execute(f"SELECT column_type FROM (DESCRIBE {table})")]


def test_the_case_of_a_csv_header_does_not_matter(auto: Connection, tmp_path: Path) -> None:
    auto.execute("CREATE TABLE t (Zip VARCHAR, n DECIMAL(9, 2))")
    (tmp_path / "t.csv").write_text("N,ZIP\n1.50,00501\n")
    auto.load("t", tmp_path / "t.csv")
    assert rows(auto) == [("00501", Decimal("1.50"))]


def test_all_rows_of_a_csv_say_what_a_column_is(auto: Connection, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    late = "n,text,day,empty,wide\n" + "1,,2026-01-01,,1\n" * 200_000
    late += "x,late,2026-01-01 10:00:00,,12345678901234567890\n"
    found = load_text(auto, path, late)
    assert len(found) == 200_001
    assert kinds(auto) == ["VARCHAR", "VARCHAR", "TIMESTAMP", "VARCHAR", "DECIMAL(38,0)"]
    day = dt.datetime(2026, 1, 1)
    assert found[0] == ("1", None, day, None, Decimal(1))
    ten = dt.datetime(2026, 1, 1, 10)
    assert found[-1] == ("x", "late", ten, None, Decimal(12345678901234567890))


@pytest.mark.parametrize(
    ("fields", "kind", "value"),
    [
        (["1", "-2"], "BIGINT", 1),
        (["1", "2.5"], "DOUBLE", 1.0),
        (["9007199254740993", "2.5"], "VARCHAR", "9007199254740993"),
        (["2.5", "9007199254740993"], "VARCHAR", "2.5"),
        (["00501", "1"], "VARCHAR", "00501"),
        (["1", "0x1F"], "VARCHAR", "1"),
        (["true", "False"], "BOOLEAN", True),
        (["0", "true"], "VARCHAR", "0"),
        (["2026-01-02", "1600-01-01"], "DATE", dt.date(2026, 1, 2)),
        (["2026-01-02 03:04:05.25", ""], "TIMESTAMP", dt.datetime(2026, 1, 2, 3, 4, 5, 250_000)),
        (["1600-01-01 00:00:00.5", ""], "TIMESTAMP", dt.datetime(1600, 1, 1, 0, 0, 0, 500_000)),
        (
            ["2026-01-02T03:04:05Z", ""],
            "TIMESTAMP WITH TIME ZONE",
            dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc),
        ),
        (["03:04:05", "03:04"], "TIME", dt.time(3, 4, 5)),
        (["1", '""'], "VARCHAR", "1"),
        (["a", "1"], "VARCHAR", "a"),
        (["1e3", "inf"], "DOUBLE", 1000.0),
    ],
)
def test_types_of_text(
    auto: Connection, tmp_path: Path, fields: list[str], kind: str, value: Any
) -> None:
    text = "a,b\n" + "".join(f"{field},x\n" for field in fields)
    assert load_text(auto, tmp_path / "t.csv", text)[0][0] == value
    assert kinds(auto)[0] == kind


def test_line_breaks_and_long_rows_of_a_csv(auto: Connection, tmp_path: Path) -> None:
    note = 'a,b\n"c"\r\n' * 40
    quoted = note.replace('"', '""')
    text = "id,note\n" + "".join(f'{i},"{quoted}"\n' for i in range(6_000))
    assert len(text) > 2_000_000
    found = load_text(auto, tmp_path / "t.csv", text)
    assert found == [(i, note) for i in range(6_000)]
    long = "x" * 3_900_000
    found = load_text(auto, tmp_path / "t.csv", f'id,note\n1,a\n2,"{long}"\n3,\n')
    assert found == [(1, "a"), (2, long), (3, None)]


def test_rows_of_one_column_may_be_empty(auto: Connection, tmp_path: Path) -> None:
    assert load_text(auto, tmp_path / "t.csv", "a\n1\n\n3\n") == [(1,), (None,), (3,)]
    assert load_text(auto, tmp_path / "t.csv", "a,b\n\n3,4\n") == [(3, 4)]
    assert load_text(auto, tmp_path / "t.csv", "a,b\n") == []


def test_encodings_of_a_csv(auto: Connection, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    text = "名,b\né,1\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be"):
        given = {"encoding": encoding} if encoding.endswith("be") else {}
        assert load_text(auto, path, text.encode(encoding), **given) == [("é", 1)]
    latin = "a,b\né,1\n".encode("cp1252")
    assert load_text(auto, path, latin, encoding="cp1252") == [("é", 1)]
    auto.execute("CREATE TABLE t (a VARCHAR, b INT)")
    for mode in ("replace", "append"):
        with pytest.raises(DataError, match=r"t\.csv: it is not UTF-8; encoding="):
            auto.load("t", path, mode=mode)
    path.write_bytes("é,b\n1,1\n".encode("cp1252"))
    with pytest.raises(DataError, match="it is not UTF-8"):
        auto.load("t", path, mode="replace")
    with pytest.raises(DataError, match="it is not ASCII"):
        auto.load("t", path, mode="replace", encoding="ascii")
    assert count(auto) == 0


def test_options_of_a_csv(auto: Connection, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    text = "A;'x;y'\nNULL;N/A\n"
    options = {"delimiter": ";", "quote": "'", "null_text": ["NULL", "N/A"], "header": ["a", "b"]}
    assert load_text(auto, path, text, **options) == [("A", "x;y"), (None, None)]
    types = {"B": pa.decimal128(9, 2), "a": "VARCHAR", "c": "TIMESTAMP"}
    found = load_text(auto, path, "a,b,c\n01,1.5,2026-01-01\n", column_types=types)
    assert found == [("01", Decimal("1.50"), dt.datetime(2026, 1, 1))]
    auto.execute("CREATE TABLE t (a VARCHAR, n INT)")
    path.write_text("01,5\n")
    assert auto.load("t", path, header=False) == 1
    assert rows(auto) == [("01", 5)]
    assert load_text(auto, path, "01,5\n", header=False) == [("01", 5)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delimiter": ";;"}, "delimiter is ';;'; expected one"),
        ({"quote": ""}, "quote is ''"),
        ({"header": "a"}, "header is 'a'"),
        ({"encoding": "latin-99"}, "encoding is 'latin-99'"),
        ({"null_text": 5}, "null_text is 5"),
        ({"column_types": {"a": 5}}, "column_types has 5 for 'a'"),
        ({"column_types": {"x": "INT"}}, "column_types has 'x'; the columns of .* are a"),
        ({"column_types": {"a": "INT[]"}}, "column_types has list.* for 'a'.*make the table first"),
        ({"column_types": ["a"]}, r"column_types is \['a'\]"),
    ],
)
def test_wrong_options_of_a_csv(
    auto: Connection, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ProgrammingError, match=said):
        load_text(auto, tmp_path / "t.csv", "a\n1\n", **options)
    assert tables(auto) == []


def test_options_of_a_csv_are_for_a_csv(auto: Connection, folder: Path) -> None:
    for data in (PAIR, folder / "pair.parquet"):
        with pytest.raises(ProgrammingError, match="delimiter=';' is for CSV files"):
            auto.load("t", data, delimiter=";")


def test_text_that_is_no_value_of_the_column(auto: Connection, tmp_path: Path) -> None:
    auto.execute("CREATE TABLE t (a INT, b INT)")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,many\n")
    with pytest.raises(DataError, match=r"t\.csv: 'many' in column 'b' is no int32"):
        auto.load("t", tmp_path / "t.csv")
    assert count(auto) == 0


# Several files


def write(table: pa.Table, path: Path) -> None:
    writers: dict[str, Any] = {
        ".parquet": parquet.write_table,
        ".feather": feather.write_feather,
        ".csv": csv.write_csv,
    }
    writers[path.suffix](table, str(path))


ENDS = ["parquet", "feather", "csv"]


@pytest.mark.parametrize("mode", ["create", "append"])
@pytest.mark.parametrize("as_glob", [True, False])
@pytest.mark.parametrize("end", ENDS)
def test_columns_of_several_files_go_by_name(
    auto: Connection, tmp_path: Path, end: str, as_glob: bool, mode: Any
) -> None:
    write(PAIR, tmp_path / f"1.{end}")
    write(pa.table({"NAME": ["z"], "ID": [3]}), tmp_path / f"2.{end}")
    if mode == "append":
        auto.execute("CREATE TABLE t (name VARCHAR, Id BIGINT)")
    auto.load("t", str(tmp_path / f"*.{end}") if as_glob else tmp_path, mode=mode)
    assert auto.execute("SELECT id, name FROM t ORDER BY ALL").fetchall() == [*ROWS, (3, "z")]


@pytest.mark.parametrize("mode", ["create", "append"])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"id": [3]}, r"2\.\w+ has no column 'name', which .*1\.\w+ has"),
        ({"id": [3], "name": ["c"], "x": [1]}, r"2\.\w+ has a column 'x', which .*1\."),
    ],
)
def test_files_with_other_columns_are_no_table(
    auto: Connection, tmp_path: Path, end: str, second: dict[str, Any], said: str, mode: Any
) -> None:
    write(PAIR, tmp_path / f"1.{end}")
    write(pa.table(second), tmp_path / f"2.{end}")
    auto.execute("CREATE TABLE t (id BIGINT, name VARCHAR)")
    with pytest.raises(DataError, match=said):
        auto.load("t" if mode == "append" else "u", tmp_path, mode=mode)
    assert count(auto) == 0


def test_types_of_several_files(auto: Connection, tmp_path: Path) -> None:
    (tmp_path / "csv").mkdir()
    tmp_path /= "files"
    tmp_path.mkdir()
    write(pa.table({"a": pa.array([1], pa.int32()), "b": ["x"]}), tmp_path / "1.parquet")
    write(pa.table({"a": [2.5], "b": pa.array(["y"]).dictionary_encode()}), tmp_path / "2.parquet")
    auto.load("t", tmp_path, mode="create")
    assert rows(auto) == [(1.0, "x"), (2.5, "y")]
    write(pa.table({"a": ["1"], "b": ["x"]}), tmp_path / "3.parquet")
    with pytest.raises(DataError, match=r"'a' is string in .*3\.parquet, and double in a file"):
        auto.load("t", tmp_path)
    texts = tmp_path.parent / "csv"
    (texts / "1.csv").write_text("a\n1\n")
    (texts / "2.csv").write_text("a\nx\n")
    auto.load("u", texts, mode="create")
    assert rows(auto, "u") == [("1",), ("x",)]
    wide = pa.table({"a": [2**53 + 1], "b": ["x"]})
    write(wide, tmp_path / "3.parquet")
    with pytest.raises(DataError, match=r"'a' of .*3\.parquet does not go into double unchanged"):
        auto.load("t", tmp_path)
    assert count(auto) == 2


def test_folders_say_columns(auto: Connection, tmp_path: Path) -> None:
    for folder in ("day=1/city=S%C3%A3o", "day=2/city=__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / folder).mkdir(parents=True)
        write(pa.table({"n": [1]}), tmp_path / folder / "part.parquet")
    auto.load("t", tmp_path, mode="create")
    assert rows(auto) == [(1, 1, "São"), (1, 2, None)]
    write(pa.table({"n": [1]}), tmp_path / "bare.parquet")
    with pytest.raises(
        DataError, match=r"day=1.* has a column 'day', which .*bare\.parquet has not"
    ):
        auto.load("t", tmp_path)


# What Arrow's reader of Parquet changes


#: Written by pyarrow 26: what pyarrow 18 writes of years before 1970 is wrong.
INT96 = Path(__file__).parents[1] / "support" / "int96.parquet"


def test_int96_of_any_year(auto: Connection) -> None:
    years = [dt.datetime(year, 7, 20, 1, 2, 3, 4) for year in (1, 1600, 1969, 2026, 2500, 9999)]
    auto.load("t", INT96, mode="create")
    assert auto.execute("FROM t").fetchall() == [*((at, [at]) for at in years), (None, [None])]
    assert kinds(auto, "t") == ["TIMESTAMP", "TIMESTAMP[]"]


def test_int96_of_nanoseconds(auto: Connection, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    column = pa.array([123_456_789], pa.timestamp("ns"))
    parquet.write_table(
        pa.table({"when": column, "inside": column}), path, use_deprecated_int96_timestamps=True
    )
    auto.load("t", path, mode="create")
    assert auto.execute('SELECT "when"::VARCHAR FROM t').fetchall() == [
        ("1970-01-01 00:00:00.123456789",),
    ]
    # One of each, in two files.
    flat = parquet.read_table(INT96, columns=["when"], coerce_int96_timestamp_unit="us")
    old = pa.table({"when": flat["when"].slice(4, 1), "inside": flat["when"].slice(4, 1)})
    parquet.write_table(old, tmp_path / "u.parquet", use_deprecated_int96_timestamps=True)
    with pytest.raises(DataError, match=r"'when' of .*u\.parquet does not go into timestamp\[ns"):
        auto.load("t", tmp_path)
    assert count(auto) == 1


def test_parquet_types_that_arrow_gives_as_bytes(auto: Connection, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    value = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    duckdb.connect().execute(
        f"COPY (SELECT '{value}'::UUID AS u, INTERVAL '14 months 3 days 5 seconds' AS i, 1 AS n "
        f"UNION ALL SELECT NULL, NULL, 2) TO '{path}' (FORMAT parquet)"
    )
    auto.load("t", path, mode="create")
    assert kinds(auto, "t") == ["UUID", "INTERVAL", "INTEGER"]
    assert auto.execute("SELECT u::VARCHAR, i::VARCHAR FROM t ORDER BY n").fetchall() == [
        (value, "1 year 2 months 3 days 00:00:05"),
        (None, None),
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
