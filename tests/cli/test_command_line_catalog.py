"""The command line's listings, and how it tells a command from a statement."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from altertable_dbapi.cli.main import main
from altertable_dbapi.local import Server


@pytest.fixture
def shop(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server with a few tables, which the environment names."""
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE SCHEMA sales")
        connection.execute("CREATE TABLE trips (id INTEGER, city VARCHAR DEFAULT 'Lyon')")
        connection.execute('CREATE TABLE sales."a.b" (x DECIMAL(5,2))')
        connection.execute("CREATE VIEW sales.cities AS SELECT city FROM trips")
    for name, value in {
        "HOST": server.host,
        "PORT": str(server.port),
        "TLS": "false",
        "USERNAME": "local",
        "PASSWORD": server._password,
    }.items():
        monkeypatch.setenv(f"ALTERTABLE_{name}", value)
    return server


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> list[dict[str, str]]:
    """The rows that a command prints."""
    assert main([*argv, "--format", "csv"]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def tables(capsys: pytest.CaptureFixture[str], *argv: str) -> list[str]:
    return [row["table_name"] for row in run(capsys, "tables", *argv)]


@pytest.mark.usefixtures("shop")
class TestListings:
    def test_catalogs(self, capsys: pytest.CaptureFixture[str]) -> None:
        (row,) = run(capsys, "catalogs")
        assert (row["catalog_name"], row["catalog_type"]) == ("local", "duckdb")
        assert run(capsys, "catalogs", "x%") == []

    def test_schemas(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert [row["db_schema_name"] for row in run(capsys, "schemas")] == ["main", "sales"]
        (row,) = run(capsys, "schemas", "local.s%")
        assert row["db_schema_name"] == "sales"

    @pytest.mark.parametrize(
        ("patterns", "expected"),
        [
            ([], ["trips", "a.b", "cities"]),
            (["TR%"], ["trips"]),
            (["sales.%"], ["a.b", "cities"]),
            (["local.main.%"], ["trips"]),
            (["other.main.%"], []),
            (['"a.b"'], ["a.b"]),
            (['sales."a.b"'], ["a.b"]),
            (["cities", "trips", "sales.c%"], ["cities", "trips"]),
        ],
    )
    def test_tables(
        self, capsys: pytest.CaptureFixture[str], patterns: list[str], expected: list[str]
    ) -> None:
        assert tables(capsys, *patterns) == expected

    def test_columns(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = run(capsys, "columns", "trips")
        assert [(row["column_name"], row["data_type"]) for row in found] == [
            ("id", "INTEGER"),
            ("city", "VARCHAR"),
        ]
        assert found[1]["column_default"] == "'Lyon'"

    def test_options_may_stand_anywhere(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--format", "json", "tables", "--catalog", "local", "trips"]) == 0
        printed = capsys.readouterr()
        assert [row["table_name"] for row in json.loads(printed.out)] == ["trips"]
        assert printed.err.startswith("1 row in ")

    def test_a_table_for_people(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["tables", "trips"]) == 0
        head, _, row = capsys.readouterr().out.splitlines()
        assert head.startswith("catalog_name │ db_schema_name │ table_name │ table_type")
        assert row.split(" │ ")[-1] == "BASE TABLE"

    def test_a_pattern_of_too_many_names(self, capsys: pytest.CaptureFixture[str]) -> None:
        for pattern in ("a.b.c.d", "a..b", ".a"):
            assert main(["tables", pattern]) == 1
            assert "CATALOG.SCHEMA.TABLE" in capsys.readouterr().err

    def test_a_statement_is_no_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(capsys, "SELECT 'tables' AS tables") == [{"tables": "tables"}]

    def test_words_that_are_no_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["SELECT", "1"])
        assert "in quotes; commands are catalogs" in capsys.readouterr().err


class TestLocal:
    """``--local [FILE]``, which may take the next word for its file."""

    def test_before_a_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert [row["catalog_name"] for row in run(capsys, "--local", "catalogs")] == ["local"]
        assert run(capsys, "--local", "tables", "x%", "y") == []

    def test_after_a_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(capsys, "schemas", "--local")[0]["catalog_name"] == "local"

    def test_with_a_file(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        file = str(tmp_path / "shop.duckdb")
        assert main(["--local", file, "CREATE TABLE trips (id INTEGER)"]) == 0
        capsys.readouterr()
        (row,) = run(capsys, "--local", file, "tables", "shop.main.%")
        assert row["table_name"] == "trips"
        (row,) = run(capsys, "columns", "--local", file)
        assert row["column_name"] == "id"

    def test_before_a_statement(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(capsys, "--local", "SELECT 1 AS x") == [{"x": "1"}]
