"""What the command line takes: commands, every setting of `connect`, a password, help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import altertable_dbapi
from altertable_dbapi.cli.forms import CONNECTION, FORMS
from altertable_dbapi.cli.main import main
from altertable_dbapi.local import Server
from altertable_dbapi.settings.settings import SETTINGS

from ..support.certificates import Certificate
from ..support.secret_watch import PASSWORD
from ..support.terminal import Terminal, at_a_terminal, running

Captured = pytest.CaptureFixture[str]


def _leaves(*argv: str) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    return caught.value.code


def _run(*argv: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "altertable_dbapi", *argv],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("command", FORMS)
def test_help_of_a_command(command: str, capsys: Captured) -> None:
    assert _leaves(command, "--help") == 0
    help = capsys.readouterr().out
    assert help.startswith("usage: ")
    assert f" {command} [options] " in help.splitlines()[0]
    assert ("--into TABLE" in help) == (command == "load")
    assert ("--write" in help) == (command == "doctor")
    assert ("--format" in help) == (command not in ("load", "doctor"))
    assert "--connect-timeout SECONDS" in help


def test_help_lists_the_commands(capsys: Captured) -> None:
    assert _leaves("--help") == 0
    help = capsys.readouterr().out
    for command, form in FORMS.items():
        assert f"  {command:9} {form.arguments}" in help


def test_version(capsys: Captured) -> None:
    assert _leaves("--version") == 0
    assert capsys.readouterr().out == f"altertable-dbapi {altertable_dbapi.__version__}\n"


def test_nothing_at_all() -> None:
    status, text = at_a_terminal([])
    assert (status, text.splitlines()[0][:6]) == (0, "usage:")
    piped = _run()
    assert (piped.returncode, piped.stdout) == (2, "")
    assert "no statement is given, and standard input is empty" in piped.stderr


def test_options_without_a_statement() -> None:
    status, text = at_a_terminal(["--local"])
    assert status == 2
    assert text.splitlines()[-1].endswith("error: no statement and no command is given")


def test_every_setting_is_an_option_that_says_what_it_is() -> None:
    said = {option.kind.get("dest"): option.kind["help"] for option in CONNECTION.options}
    assert set(SETTINGS) - set(said) == {"password"}
    for name in SETTINGS:
        assert name == "password" or len(said[name]) > 10


def test_settings_reach_the_connection(server: Server, capsys: Captured, tmp_path: Path) -> None:
    where = ["--uri", server.uri, "--catalog", "local", "--schema", "main", "--compute-size", "l"]
    limits = ["--query-timeout=5", "--statement-timeout", "7.5", "--keepalive", "0"]
    more = ["--autocommit", "--binding", "client", "--no-keepalive-idle"]
    query = "SELECT current_schema() AS s, $x AS x"
    assert main([*where, *limits, *more, "--param", "x=1", "--format", "csv", query]) == 0
    assert capsys.readouterr().out == "s,x\nmain,1\n"
    assert server.executed[-1].endswith("CAST('1' AS INTEGER) AS x")
    assert main([*where, "--query-timeout", "soon", "SELECT 1"]) == 1
    assert "query_timeout is 'soon' (from the argument query_timeout)" in capsys.readouterr().err
    assert main([*where, "--port", "x", "SELECT 1"]) == 1
    assert "expected a number from 1 to 65535" in capsys.readouterr().err


def test_tls(capsys: Captured, tmp_path: Path) -> None:
    certificate = Certificate("127.0.0.1")
    password, root = tmp_path / "password", tmp_path / "root.pem"
    password.write_text(f"{PASSWORD}\nsecond line\n")
    root.write_text(certificate.pem)
    with Server(tls_cert=certificate.pem, tls_key=certificate.key_pem) as server:
        where = ["--host", "127.0.0.1", "--port", str(server.port), "--user", server.username]
        where += ["--password-file", str(password), "--format", "csv"]
        assert main([*where, "--tls-root-certs", str(root), "SELECT 1 AS a"]) == 0
        assert capsys.readouterr().out == "a\n1\n"
        assert main([*where, "--tls-skip-verify", "SELECT 1 AS a"]) == 0
        out, err = capsys.readouterr()
        assert out == "a\n1\n"
        assert err.startswith("warning: tls_skip_verify: ")
        assert err.count("\n") == 2


@pytest.mark.parametrize("text", ["", "\n", "\xff"])
def test_a_file_without_a_password(text: str, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "password"
    file.write_bytes(text.encode("latin-1"))
    assert main(["--user", "ana", "--password-file", str(file), "SELECT 1"]) == 1
    err = capsys.readouterr().err
    assert str(file) in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--local", "--into", "t", "SELECT 1"], "--into is for the command load"),
        (["load", "x.csv", "--into", "t", "--format=csv"], "--format is for statements and"),
        (["tables", "--param", "a=1"], "--param is for statements"),
        (["doctor", "now"], "unrecognized arguments: now"),
        (["load"], "the following arguments are required: --into"),
        (["load", "--into", "t"], "the following arguments are required: FILE"),
        (["--frob", "SELECT 1"], "unrecognized arguments: --frob"),
        (["SELECT", "1"], "2 arguments, where the statement is one, in quotes"),
    ],
)
def test_usage_errors(arguments: list[str], said: str, capsys: Captured) -> None:
    assert _leaves(*arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--local", "{file}", "SELECT 7 AS x"],
        ["--local={file}", "SELECT 7 AS x"],
        ["SELECT 7 AS x", "--local", "{file}"],
        ["--local", "--format", "csv", "SELECT 7 AS x"],
        ["--local", "SELECT 7 AS x"],
        ["SELECT 7 AS x", "--local"],
        ["--format=csv", "--local", "--", "SELECT 7 AS x"],
        ["--local", "-- which?\nSELECT 7 AS x"],
    ],
)
def test_what_follows_local(arguments: list[str], tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "shop.duckdb"
    assert main([argument.format(file=file) for argument in arguments]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "7"
    assert file.exists() == any("{file}" in argument for argument in arguments)


def test_a_file_whose_name_says_nothing(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "shop"
    assert main(["--local", str(file), "CREATE TABLE t (a INTEGER)"]) == 0
    assert main(["--local", str(file), "tables", "--format", "csv"]) == 0
    assert ",t," in capsys.readouterr().out


class TestPassword:
    def _arguments(self, server: Server) -> list[str]:
        where = ["--host", server.host, "--port", str(server.port), "--no-tls"]
        return [*where, "--user", server.username, "--format", "csv", "SELECT 42 AS a"]

    def test_is_asked_for_at_a_terminal(self, server: Server) -> None:
        terminal = Terminal()
        with running(terminal, self._arguments(server)) as process:
            terminal.wait_for(f"password of {server.username} at {server.host}:{server.port}: ")
            terminal.type(f"{PASSWORD}\n")
        text = terminal.close()
        assert process.returncode == 0, text
        assert text.splitlines()[1:3] == ["a", "42"]
        assert PASSWORD not in text

    def test_is_not_asked_for_elsewhere(self, server: Server, capsys: Captured) -> None:
        assert main(self._arguments(server)) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert "no password given" in err

    def test_given_up(self, server: Server) -> None:
        terminal = Terminal()
        with running(terminal, self._arguments(server)) as process:
            terminal.wait_for("password of ")
            terminal.type("\x04")
        assert process.returncode == 1
        assert terminal.close().endswith(": error: no password is given\n")


class TestErrors:
    def test_the_place_in_the_statement_is_kept(self, capsys: Captured) -> None:
        assert main(["--local", "SELECT 1\n  FROM range(9) LIMT 2 2"]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("error: Parser Error: syntax error at or near ")
        assert lines[1] == "LINE 2:   FROM range(9) LIMT 2 2"
        assert lines[2].strip() == "^"
        assert lines[1][lines[2].index("^") :].startswith("2")
        assert len(lines) == 3

    def test_control_characters_of_a_statement_are_escaped(self, capsys: Captured) -> None:
        assert main(["--local", "SELECT '\x1b[31m' FROM nowhere"]) == 1
        err = capsys.readouterr().err
        assert "\x1b" not in err
        assert r"'\x1b[31m' FROM nowhere" in err

    @pytest.mark.parametrize("kind", ["text", "directory", "missing"])
    def test_a_database_file_that_cannot_be_opened(
        self, tmp_path: Path, kind: str, capsys: Captured
    ) -> None:
        file = tmp_path / "shop.db"
        if kind == "text":
            file.write_text("no database")
        elif kind == "directory":
            file.mkdir()
        else:
            file = tmp_path / "nowhere" / "shop.db"
        assert main(["--local", str(file), "SELECT 1"]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"error: cannot open the local database {str(file)!r}: ")
        assert err.count("\n") == 1

    def test_what_the_encoding_of_the_terminal_lacks(self) -> None:
        query = "SELECT 'größe 日本 👩‍💻' AS \"naïve\", NULL AS n"
        run = _run("--local", query, PYTHONIOENCODING="ascii")
        assert run.returncode == 0, run.stderr
        assert r"gr\xf6\xdfe \u65e5\u672c \U0001f469\u200d\U0001f4bb" in run.stdout
