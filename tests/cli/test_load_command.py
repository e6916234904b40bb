"""``python -m altertable_dbapi load`` and its progress line."""

from __future__ import annotations

import functools
import io
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import altertable_dbapi
from altertable_dbapi.cli import commands
from altertable_dbapi.cli.main import main
from altertable_dbapi.cli.progress import Elapsed, ProgressLine
from altertable_dbapi.local import Server

from ..support.terminal import Terminal, seen_at

Captured = pytest.CaptureFixture[str]
Connection = altertable_dbapi.Connection[tuple[Any, ...]]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "pair.parquet"
    parquet.write_table(pa.table({"id": [1, 2], "seq": [1, 1]}), path)
    return str(path)


def test_load(server: Server, auto: Connection, file: str, capsys: Captured) -> None:
    assert main(["--uri", server.uri, "load", file, "--into", "s.t", "--mode", "create"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("2 rows loaded in ")
    assert auto.execute("FROM s.t").fetchall() == [(1, 1), (2, 1)]
    auto.execute("UPDATE s.t SET seq = 5 WHERE id = 1")
    command = ["--uri", server.uri, "load", "--into", "s.t", file]
    assert main([*command, "--primary-key", "id", "--cursor-field", "seq"]) == 0
    assert capsys.readouterr().err.startswith("0 rows loaded in ")
    assert main([*command, "--primary-key", "id"]) == 0
    assert auto.execute("FROM s.t ORDER BY id").fetchall() == [(1, 1), (2, 1)]


def test_several_files(server: Server, auto: Connection, tmp_path: Path, file: str) -> None:
    other = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"seq": [7], "id": pa.array([3], pa.int32())}), other)
    load = ["--uri", server.uri, "load", "--into", "t"]
    assert main([*load, "--mode", "create", file, str(other)]) == 0
    assert auto.execute("FROM t ORDER BY id").fetchall() == [(1, 1), (2, 1), (3, 7)]
    before = len(server.calls)
    assert auto.load("t", [file, other]) == 3
    assert sum("DoPut" in call for call in server.calls[before:]) == 1
    assert auto.execute("SELECT count(*) FROM t").fetchone() == (6,)


def test_several_files_are_one_table(
    server: Server, auto: Connection, tmp_path: Path, file: str, capsys: Captured
) -> None:
    other, text = tmp_path / "other.parquet", tmp_path / "text.csv"
    parquet.write_table(pa.table({"id": [3]}), other)
    text.write_text("id,seq\n1,2\n")
    auto.execute("CREATE TABLE t (id BIGINT, seq BIGINT)")
    load = ["--uri", server.uri, "load", "--into", "t", file]
    assert main([*load, str(other)]) == 1
    assert f"{other} has no column 'seq', which {file} has" in capsys.readouterr().err
    assert main([*load, str(text)]) == 1
    assert f"{str(text)!r} is csv and {file!r} parquet" in capsys.readouterr().err
    assert auto.execute("SELECT count(*) FROM t").fetchone() == (0,)


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "arrow"])
def test_standard_input(
    kind: str, server: Server, auto: Connection, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = {"csv": b'id,t\n1,\n2,""\n', "tsv": b'id\tt\n1\t\n2\t""\n'}.get(kind)
    data = io.BytesIO(text or b"")
    table = pa.table({"id": [1, 2], "t": [None, ""]})
    if kind == "parquet":
        parquet.write_table(table, data)
    elif kind == "arrow":
        with pa.ipc.new_stream(data, table.schema) as writer:
            writer.write_table(table)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data.getvalue())))
    load = ["--uri", server.uri, "load", "-", "--into", "t", "--mode", "create"]
    assert main([*load, "--from", kind]) == 0
    assert auto.execute("FROM t ORDER BY id").fetchall() == [(1, None), (2, "")]


def test_standard_input_needs_a_format(
    server: Server, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = ["--uri", server.uri, "load", "-", "--into", "t", "--mode", "create"]
    assert main(load) == 1
    assert "--from csv|tsv|parquet|arrow does" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"no parquet")))
    assert main([*load, "--from", "parquet"]) == 1
    assert capsys.readouterr().err.startswith("error: cannot read the data: ")
    assert server.open_sessions == 0


class TestElapsed:
    def test_a_terminal_sees_how_long_a_statement_runs(self) -> None:
        terminal = Terminal(80)
        with Elapsed(terminal.file, every=0.01):
            terminal.wait_for("running, 0 s; Ctrl-C cancels")
        text = terminal.close()
        assert text.endswith("\r" + " " * 28 + "\r")
        assert "altertable-elapsed" not in {thread.name for thread in threading.enumerate()}

    def test_it_ends_before_rows_are_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(commands, "Elapsed", functools.partial(Elapsed, every=0.001))
        work = "SELECT count(*) >= 0 AS n FROM range(3000) a, range(3000) b "
        status, text = seen_at(80, "--local", work + "WHERE hash(a.range + b.range) = 0")
        assert status == 0
        assert "running, " in text
        rows = text.rpartition("\r")[2].splitlines()
        assert rows[:3] == ["   n", "────", "true"]

    def test_nothing_is_shown_elsewhere(self) -> None:
        out = io.StringIO()
        with Elapsed(out, every=0.001) as elapsed:
            assert elapsed._thread is None
        assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["load", "nowhere.parquet", "--into", "t"], "no file to load: 'nowhere.parquet'"),
        (["load", "FILE", "--into", "t"], "does not exist; mode='create_append'"),
    ],
)
def test_errors(
    server: Server, file: str, arguments: list[str], said: str, capsys: Captured
) -> None:
    words = [file if word == "FILE" else word for word in arguments]
    assert main(["--uri", server.uri, *words]) == 1
    assert said in capsys.readouterr().err


def test_options_of_load_are_for_load(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["--local", "--into", "t", "SELECT 1"])
    assert "--into is for the command load" in capsys.readouterr().err


def test_a_terminal_sees_progress(
    server: Server, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = _Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert main(["--uri", server.uri, "load", file, "--into", "t", "--mode", "create"]) == 0
    lines = terminal.getvalue().split("\r")
    assert lines[1].startswith("[########################] 100%  2 rows  0.0 MB  ")
    assert lines[2].strip() == ""
    assert lines[3].startswith("2 rows loaded in ")


def test_progress_line() -> None:
    out, now = io.StringIO(), [0.0]
    line = ProgressLine(out, 2_000, clock=lambda: now[0])
    for seconds, rows in ((1.0, 500), (1.05, 1_000), (2.0, 1_500)):
        now[0] = seconds
        line(rows, rows * 1_000)
    assert out.getvalue().split("\r")[1:] == [
        "[######------------------]  25%  500 rows  0.5 MB  0.5 MB/s",
        "[##################------]  75%  1,500 rows  1.5 MB  0.8 MB/s",
    ]
    unknown = io.StringIO()
    ProgressLine(unknown, clock=lambda: now[0])(3, 10)
    assert unknown.getvalue() == "\r3 rows  0.0 MB  0.0 MB/s"
