"""A result in each format, on a terminal, in a pipe and in a file."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import altertable_dbapi
from altertable_dbapi.cli.formats import FORMATS
from altertable_dbapi.cli.main import main
from altertable_dbapi.cli.width import width
from altertable_dbapi.local import Server

from ..support.terminal import Terminal, seen_at

Captured = pytest.CaptureFixture[str]
Connection = altertable_dbapi.Connection[tuple[Any, ...]]

MANY = "SELECT " + ", ".join(f"{i} AS column_{i}" for i in range(100))
LONG = "SELECT repeat('x', 200) AS a, 1 AS n, repeat('日本', 100) AS b"


@pytest.fixture(autouse=True)
def _terminal_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def _printed(capsys: Captured, *argv: str) -> str:
    assert main(["--local", *argv]) == 0
    return capsys.readouterr().out


class TestTable:
    @pytest.mark.parametrize("columns", [20, 40, 80, 120, 200])
    @pytest.mark.parametrize("query", [MANY, LONG])
    def test_it_fits(self, columns: int, query: str) -> None:
        status, text = seen_at(columns, "--local", query)
        assert status == 0
        lines = [line for line in text.splitlines() if "--format" not in line]
        assert all(width(line) <= columns for line in lines)
        if query == LONG:
            assert max(map(width, lines)) == columns

    def test_columns_left_out_are_counted(self) -> None:
        _, text = seen_at(80, "--local", MANY)
        assert "… 93 more columns: --format vertical" in text.splitlines()

    def test_a_number_is_whole_or_not_there(self) -> None:
        query = "SELECT 123456789012345678901234567890::DECIMAL(38,0) AS n, "
        query += "170141183460469231731687303715884105727::HUGEINT AS h, 1 AS one"
        _, text = seen_at(40, "--local", query)
        assert text.splitlines()[2:4] == [
            "123456789012345678901234567890",
            "… 2 more columns: --format vertical",
        ]

    def test_the_variable_columns_goes_before_the_terminal(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "33")
        _, text = seen_at(80, "--local", LONG)
        assert max(map(width, text.splitlines())) == 33

    def test_a_later_row_does_not_stick_out(self) -> None:
        query = "SELECT CASE WHEN range < 1500 THEN 'x' ELSE repeat('y', 99) END AS a, 7 AS b "
        _, text = seen_at(80, "--local", query + "FROM range(1501)")
        assert text.splitlines()[1501:1503] == ["x │ 7", "… │ 7"]

    def test_all_of_it_in_a_pipe(self, capsys: Captured) -> None:
        lines = _printed(capsys, LONG).splitlines()
        assert lines[2] == f"{'x' * 200} │ 1 │ {'日本' * 100}"
        assert len(_printed(capsys, MANY).splitlines()[2].split("│")) == 100

    def test_null_is_not_text(self, capsys: Captured) -> None:
        query = "SELECT unnest([NULL, 'NULL', '''NULL''', '', 'null', 'x']) AS t, 1 AS n"
        cells = [line.split("│")[0].strip() for line in _printed(capsys, query).splitlines()[2:]]
        assert cells == ["NULL", "'NULL'", "''NULL''", "", "null", "x"]

    def test_no_row_and_no_column_that_is_long(self, capsys: Captured) -> None:
        assert _printed(capsys, "SELECT 1 AS a WHERE false").splitlines() == ["a", "─"]

    def test_an_encoding_without_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = Terminal(20, encoding="ascii")
        monkeypatch.setattr(sys, "stdout", terminal.file)
        assert main(["--local", "SELECT 'größe' AS a, repeat('x', 99) AS b"]) == 0
        assert terminal.close().splitlines() == [
            "a         | b",
            "----------+---------",
            r"gr\xf6... | xxxxx...",
        ]


class TestVertical:
    def test_vertical(self, capsys: Captured) -> None:
        query = "SELECT 1 AS a, NULL AS größer, 'x\ny' AS c FROM range(2)"
        lines = _printed(capsys, "--format", "vertical", query).splitlines()
        one = ["a      │ 1", "größer │ NULL", r"c      │ x\ny"]
        bar = "─" * 32
        assert lines == [f"─ row 1 {bar}", *one, f"─ row 2 {bar}", *one]

    def test_every_column_is_there(self) -> None:
        _, text = seen_at(80, "--local", "--format", "vertical", MANY)
        assert "column_99 │ 99" in text.splitlines()


def test_markdown(capsys: Captured) -> None:
    query = "SELECT 'a|b' AS \"x|y\", 1.5 AS n, '<b>*_`' AS h, NULL::VARCHAR AS z, 'l\nm' AS l"
    assert _printed(capsys, "--format", "markdown", query).splitlines() == [
        r"| x\|y | n | h | z | l |",
        "| --- | --: | --- | --- | --- |",
        r"| a\|b | 1.5 | \<b\>\*\_\` | NULL | l\\nm |",
    ]


class TestCsv:
    ODD = ("a", "", None, "NULL", ' "q", x', "l1\nl2", "r\r", "日本", "  ", "-1", "'")

    def test_null_is_not_empty_text(self, capsys: Captured) -> None:
        text = _printed(capsys, "--format", "csv", "SELECT '' AS e, NULL AS n, 'x' AS \"a,b\"")
        assert text == 'e,n,"a,b"\n"",,x\n'

    def test_it_is_loaded_as_what_it_was(
        self, auto: Connection, server: Server, tmp_path: Path
    ) -> None:
        auto.execute("CREATE TABLE odd (i INTEGER, t VARCHAR)")
        auto.cursor().executemany("INSERT INTO odd VALUES (?, ?)", list(enumerate(self.ODD)))
        auto.execute("CREATE TABLE again (i INTEGER, t VARCHAR)")
        file = str(tmp_path / "odd.csv")
        assert main(["--uri", server.uri, "-o", file, "FROM odd ORDER BY i"]) == 0
        assert main(["--uri", server.uri, "load", file, "--into", "again"]) == 0
        assert auto.execute("FROM again ORDER BY i").fetchall() == list(enumerate(self.ODD))
        read = list(csv.reader(io.StringIO(Path(file).read_bytes().decode(), newline="")))
        assert [row[1] for row in read[1:]] == [text or "" for text in self.ODD]

    def test_an_encoding_that_lacks_a_character(self) -> None:
        command = [sys.executable, "-m", "altertable_dbapi", "--local", "--format", "csv"]
        run = subprocess.run(
            [*command, "SELECT 'größe' AS a"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONIOENCODING": "ascii"},
        )
        assert run.returncode == 1
        assert run.stderr.startswith(r"error: standard output is ascii, which has no '\xf6'; --out")
        assert run.stderr.count("\n") == 1


def test_jsonl(capsys: Captured) -> None:
    query = "SELECT range AS a, {'k': [1, NULL]} AS b, 'é\n' AS c FROM range(3)"
    lines = _printed(capsys, "--format", "jsonl", query).splitlines()
    assert [json.loads(line) for line in lines] == [
        {"a": i, "b": {"k": [1, None]}, "c": "é\n"} for i in range(3)
    ]


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_json_is_json_in_every_encoding(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", written)
    assert main(["--local", "--format", kind, "SELECT 'größe 👩' AS a"]) == 0
    written.seek(0)
    assert "größe 👩" in str(json.loads(written.read()))


class TestFiles:
    QUERY = "SELECT range AS a, 'é' || range AS t, NULL::DATE AS d FROM range(5000)"

    @pytest.fixture
    def expected(self) -> Iterator[pa.Table]:
        with altertable_dbapi.connect("local") as connection:
            yield connection.execute(self.QUERY).fetch_arrow_table()

    def _read(self, path: Path) -> pa.Table:
        if path.suffix == ".parquet":
            return parquet.read_table(path)
        with pa.OSFile(str(path)) as file:
            opened = pa.ipc.open_stream if path.suffix == ".arrows" else pa.ipc.open_file
            return opened(file).read_all()

    @pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.arrows"])
    def test_binary(self, name: str, expected: pa.Table, tmp_path: Path, capsys: Captured) -> None:
        path = tmp_path / name
        assert main(["--local", "--output", str(path), self.QUERY]) == 0
        out, err = capsys.readouterr()
        assert (out, err[:12]) == ("", "5,000 rows i")
        assert self._read(path).equals(expected)
        assert os.listdir(tmp_path) == [name]

    @pytest.mark.parametrize("name", ["table", "csv", "json", "jsonl", "markdown", "vertical"])
    def test_text_is_utf_8(self, name: str, tmp_path: Path, capsys: Captured) -> None:
        query = "SELECT 'größe 日本' AS a, 1 AS b"
        ending = FORMATS[name].endings[:1]
        path = tmp_path / f"x{ending[0] if ending else ''}"
        given = () if ending else ("--format", name)
        assert main(["--local", "-o", str(path), *given, query]) == 0
        assert main(["--local", "--format", name, query]) == 0
        assert path.read_text("utf-8") == capsys.readouterr().out

    @pytest.mark.parametrize("name", ["parquet", "arrow"])
    def test_to_a_pipe(self, name: str, expected: pa.Table, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "altertable_dbapi", "--local", "--format", name]
        run = subprocess.run([*command, self.QUERY], capture_output=True, check=False)
        assert run.returncode == 0, run.stderr
        path = tmp_path / {"parquet": "x.parquet", "arrow": "x.arrows"}[name]
        path.write_bytes(run.stdout)
        assert self._read(path).equals(expected)

    @pytest.mark.parametrize("name", ["parquet", "arrow"])
    def test_bytes_are_not_for_a_terminal(self, name: str) -> None:
        status, text = seen_at(80, "--uri", "grpc://a:b@127.0.0.1:1", "--format", name, "SELECT 1")
        assert status == 1
        assert text == (
            f"error: --format {name} writes bytes, which a terminal cannot show; give --output "
            "FILE\n"
        )

    @pytest.mark.parametrize(
        "query", ["FROM nowhere", "SELECT CASE WHEN range = 99999 THEN error('late') END FROM t"]
    )
    def test_a_file_is_replaced_when_all_is_written(
        self, query: str, tmp_path: Path, capsys: Captured
    ) -> None:
        path = tmp_path / "x.csv"
        path.write_text("before")
        query = query.replace("FROM t", "FROM range(100000)")
        assert main(["--local", "-o", str(path), query]) == 1
        assert path.read_text() == "before"
        assert os.listdir(tmp_path) == ["x.csv"]
        assert main(["--local", "-o", str(path), "SELECT 1 AS a"]) == 0
        assert path.read_text() == "a\n1\n"

    def test_a_file_that_cannot_be_written(self, tmp_path: Path, capsys: Captured) -> None:
        path = tmp_path / "nowhere" / "x.csv"
        assert main(["--local", "-o", str(path), "SELECT 1 AS a"]) == 1
        assert capsys.readouterr().err.startswith("error: [Errno 2] No such file or directory")

    def test_a_listing(self, tmp_path: Path, auto: Connection, server: Server) -> None:
        auto.execute("CREATE TABLE t (a INTEGER)")
        path = tmp_path / "tables.parquet"
        assert main(["--uri", server.uri, "tables", "-o", str(path)]) == 0
        assert self._read(path)["table_name"].to_pylist() == ["t"]
