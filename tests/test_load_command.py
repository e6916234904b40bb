"""``python -m altertable_dbapi load`` and its progress line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import altertable_dbapi
from altertable_dbapi.cli.main import main
from altertable_dbapi.cli.progress import ProgressLine
from altertable_dbapi.local import Server

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
