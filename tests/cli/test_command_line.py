"""``python -m altertable_dbapi`` as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from altertable_dbapi.cli.main import main
from altertable_dbapi.local import Server

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def _environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTERTABLE_HOST", server.host)
    monkeypatch.setenv("ALTERTABLE_PORT", str(server.port))
    monkeypatch.setenv("ALTERTABLE_TLS", "no")
    monkeypatch.setenv("ALTERTABLE_USERNAME", server.username)
    monkeypatch.setenv("ALTERTABLE_PASSWORD", server._password)


def test_table(capsys: Captured) -> None:
    status = main(["--local", "SELECT 42 AS answer, NULL::VARCHAR AS nothing, 'größe\n' AS text"])
    out, err = capsys.readouterr()
    assert status == 0
    assert out.splitlines() == [
        "answer │ nothing │ text",
        "───────┼─────────┼────────",
        "    42 │ NULL    │ größe\\n",
    ]
    assert err.startswith("1 row in ")


def test_wide_characters_line_up(capsys: Captured) -> None:
    main(["--local", "SELECT * FROM (VALUES ('日本', 1), ('x', 22)) t(a, b)"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == ["日本 │  1", "x    │ 22"]


def test_csv(capsys: Captured) -> None:
    main(["--local", "--format", "csv", "SELECT 'a,b' AS x, NULL AS y, 1.50 AS z, true AS t"])
    assert capsys.readouterr().out == 'x,y,z,t\n"a,b",,1.50,true\n'


def test_json(capsys: Captured) -> None:
    query = "SELECT 1 AS a, {'k': [1, 2]} AS b, 'nan'::FLOAT AS c, NULL AS d FROM range(2)"
    main(["--local", "--format", "json", query])
    expected = {"a": 1, "b": {"k": [1, 2]}, "c": "nan", "d": None}
    assert json.loads(capsys.readouterr().out) == [expected, expected]


def test_json_needs_names_that_differ(capsys: Captured) -> None:
    assert main(["--local", "--format", "json", "SELECT 1 AS a, 2 AS a"]) == 1
    assert "'a' names more than one column" in capsys.readouterr().err


def test_parameters(capsys: Captured) -> None:
    arguments = ["--param", "n=5", "--param", "zip=01234", "--param", 't="7"', "--param", "e=a=b"]
    query = "SELECT typeof($n) AS n, $zip AS zip, typeof($t) AS t, $e AS e"
    main(["--local", *arguments, "--format", "csv", query])
    assert capsys.readouterr().out.splitlines()[1] == "INTEGER,01234,VARCHAR,a=b"
    assert main(["--local", "--param", "n", "SELECT 1"]) == 1
    assert "expected NAME=VALUE" in capsys.readouterr().err


def test_a_file(capsys: Captured, tmp_path: Path) -> None:
    file = str(tmp_path / "shop.duckdb")
    assert main(["--local", file, "CREATE TABLE t AS SELECT 1 AS a"]) == 0
    assert "1 row changed" in capsys.readouterr().err
    assert main(["--local", file, "FROM t"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1"


@pytest.mark.usefixtures("_environment")
def test_settings_from_the_environment(capsys: Captured) -> None:
    assert main(["SELECT 1 AS a"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1"


def test_settings_from_a_uri(server: Server, capsys: Captured) -> None:
    assert main(["--uri", server.uri, "--catalog", "local", "SELECT current_catalog() AS c"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "local"


def test_an_error_is_a_line_and_an_exit_status(server: Server, capsys: Captured) -> None:
    assert main(["--local", "SELECT error('a ü')"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: Invalid Input Error: a ü\n"
    assert main(["--local", "--uri", server.uri, "SELECT 1"]) == 1
    assert main(["SELECT 1"]) == 1
    assert "ALTERTABLE_USERNAME" in capsys.readouterr().err


def test_no_sql() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--local", "--format", "xml", "SELECT 1"])
    assert caught.value.code == 2


def test_as_a_module_with_sql_on_standard_input() -> None:
    command = [sys.executable, "-m", "altertable_dbapi", "--local", "--format", "csv"]
    run = subprocess.run(
        command, input="SELECT 42 AS a", capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (0, "a\n42\n")


def test_output_that_nobody_reads_to_the_end() -> None:
    command = f"{sys.executable} -m altertable_dbapi --local 'FROM range(200000)' | head -n 1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert run.stdout == "range\n"
    assert "Traceback" not in run.stderr
