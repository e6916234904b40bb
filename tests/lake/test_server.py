"""The local server on lakes: where they are, what is attached, refused and hidden."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import Error, OperationalError, ProgrammingError
from altertable_dbapi.cli.main import main
from altertable_dbapi.local import Server

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

KINDS = "SELECT database_name, type, readonly FROM duckdb_databases() WHERE NOT internal ORDER BY 1"


def test_the_default_catalog_is_a_lake(auto: Connection) -> None:
    assert auto.catalog == "lake"
    auto.execute("CREATE TABLE t (i INTEGER)")
    auto.execute("INSERT INTO t VALUES (1), (2)")
    assert auto.execute("SELECT sum(i) FROM lake.main.t").fetchone() == (3,)
    assert ("lake", "ducklake", False) in auto.execute(KINDS).fetchall()


def test_a_directory_keeps_its_lake_and_may_be_moved(tmp_path: Path) -> None:
    first, second = tmp_path / "deep" / "first's", tmp_path / "second"
    with Server(lake=first) as server, server.connect(autocommit=True) as connection:
        connection.load("t", pa.table({"i": range(1000)}), mode="create")
    assert sorted(path.name for path in first.iterdir()) == ["lake", "lake.ducklake"]
    assert list((first / "lake").rglob("*.parquet"))
    first.rename(second)
    with altertable_dbapi.connect(f"local:lake:{second}", autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1000,)
        connection.execute("INSERT INTO t SELECT range FROM range(500)")
        connection.execute("CALL ducklake_merge_adjacent_files('lake')")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1500,)


def test_connections_to_one_directory_share_it(tmp_path: Path) -> None:
    uri = f"local:lake:{tmp_path}"
    with altertable_dbapi.connect(uri, autocommit=True) as one:
        one.execute("CREATE TABLE t AS SELECT 42 AS i")
        with altertable_dbapi.connect(f"{uri}/.") as other:
            assert other.execute("FROM t").fetchone() == (42,)
        with altertable_dbapi.connect("local:lake") as other:
            with pytest.raises(ProgrammingError, match="does not exist"):
                other.execute("FROM t")


def test_a_temporary_lake_goes_with_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Server(lake=True) as server, server.connect(autocommit=True) as connection:
        connection.load("t", pa.table({"i": range(1000)}), mode="create")
        assert list(tmp_path.rglob("*.parquet"))
    assert list(tmp_path.iterdir()) == []


def test_several_lakes_beside_plain_catalogs(tmp_path: Path) -> None:
    catalogs: dict[str, str | Path]
    catalogs = {"sales": "lake", "plain": ":memory:", "file": tmp_path / "x.duckdb"}
    with Server(catalogs=catalogs) as server, server.connect(autocommit=True) as connection:
        assert connection.get_catalogs()["catalog_name"].to_pylist() == [
            *("file", "local", "plain", "sales")
        ]
        kinds = {name: kind for name, kind, _ in connection.execute(KINDS).fetchall()}
        assert kinds.pop("sales") == "ducklake"
        assert set(kinds.values()) == {"duckdb"}
        for name in ("sales", "plain", "file", "local"):
            connection.load("t", pa.table({"i": [1, 2]}), catalog=name, mode="create")
        joined = "SELECT count(*) FROM sales.main.t JOIN plain.main.t AS p USING (i)"
        assert connection.execute(joined).fetchone() == (2,)


def test_catalogs_of_a_server_on_a_lake_are_lakes(tmp_path: Path) -> None:
    with Server(tmp_path / "x.duckdb", lake=tmp_path, catalogs=["a-b"]) as server:
        with server.connect() as connection:
            kinds = {name: kind for name, kind, _ in connection.execute(KINDS).fetchall()}
    assert (kinds["lake"], kinds["a-b"], kinds["x"]) == ("ducklake", "ducklake", "duckdb")
    assert (tmp_path / "a-b.ducklake").exists()


@pytest.mark.parametrize("kind", ["lake", "file"])
def test_a_read_only_catalog_refuses_writes(kind: str, tmp_path: Path) -> None:
    catalogs: dict[str, str | Path]
    catalogs = {"product_analytics": "lake" if kind == "lake" else tmp_path / "p.duckdb"}
    with Server(lake=tmp_path, catalogs=catalogs) as server:
        with server.connect(autocommit=True, catalog="product_analytics") as connection:
            connection.execute("CREATE TABLE events (i INTEGER)")
            connection.execute("INSERT INTO events VALUES (1)")
    with Server(lake=tmp_path, catalogs=catalogs, read_only=["product_analytics"]) as server:
        with server.connect(autocommit=True) as connection:
            assert ("product_analytics", True) in [
                (name, readonly) for name, _, readonly in connection.execute(KINDS).fetchall()
            ]
            events = "product_analytics.main.events"
            for statement in (
                f"INSERT INTO {events} VALUES (2)",
                f"UPDATE {events} SET i = 2",
                f"DROP TABLE {events}",
                "CREATE TABLE product_analytics.main.t (i INTEGER)",
            ):
                with pytest.raises(Error, match=r"read-only"):
                    connection.execute(statement)
            with pytest.raises(Error, match=r"read-only"):
                connection.load("events", pa.table({"i": [1]}), catalog="product_analytics")
            assert connection.execute(f"FROM {events}").fetchall() == [(1,)]


def test_a_read_only_lake_that_is_not_there_is_empty() -> None:
    with Server(lake=True, catalogs=["empty"], read_only=["empty"]) as server:
        with server.connect(catalog="empty", autocommit=True) as connection:
            assert connection.get_tables().num_rows == 0
            with pytest.raises(Error, match="read-only"):
                connection.execute("CREATE TABLE t (i INTEGER)")


def test_what_cannot_be_served_is_said() -> None:
    with pytest.raises(ValueError, match="cannot have that name"):
        Server(lake=True, catalogs=["../x"])
    with pytest.raises(ValueError, match="read_only names 'b'; the catalogs are lake, a"):
        Server(lake=True, catalogs=["a"], read_only=["b"])
    with pytest.raises(ValueError, match="'a' is in memory"):
        Server(catalogs=["a"], read_only=["a"])


def test_a_lake_that_cannot_be_opened_is_an_operational_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OperationalError, match="cannot open the local lake"):
        altertable_dbapi.connect(f"local:lake:{tmp_path / 'file'}")


def test_metadata_catalogs_are_hidden(server: Server) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t (i INTEGER)")
        for found in (
            connection.get_catalogs(),
            connection.get_schemas(),
            connection.get_tables(),
            connection.get_columns(),
        ):
            assert set(found["catalog_name"].to_pylist()) == {"lake"}
        for statement in (
            "SELECT catalog_name FROM information_schema.schemata",
            "SELECT table_catalog FROM information_schema.tables",
            "SELECT table_catalog FROM information_schema.columns",
            "SELECT database FROM (SHOW ALL TABLES)",
            "SELECT database_name FROM (SHOW DATABASES)",
            "SELECT database_name FROM duckdb_tables()",
            "SELECT database_name FROM duckdb_databases()",
        ):
            names = {name for (name,) in connection.execute(statement).fetchall()}
            assert not [name for name in names if "ducklake" in name], statement


def test_compute_size_is_kept(server: Server) -> None:
    with server.connect(compute_size="XS", catalog="lake"):
        (session,) = server.sessions
        assert session.options == {"catalog": "lake", "compute_size": "XS"}


def test_without_external_access_only_the_lakes_files_are_reached(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with Server(lake=tmp_path / "lakes", catalogs=["b"], external_access=False) as server:
        with server.connect(autocommit=True) as connection:
            for name in ("lake", "b"):
                connection.load("t", pa.table({"i": range(1000)}), catalog=name, mode="create")
                connection.execute(f"DELETE FROM {name}.main.t WHERE i < 10")
                assert connection.execute(f"SELECT count(*) FROM {name}.main.t").fetchone() == (
                    990,
                )
            with pytest.raises(Error, match="disabled by configuration"):
                connection.execute(f"FROM read_csv('{secret}')")
            with pytest.raises(Error, match="disabled by configuration"):
                connection.execute(f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = str(tmp_path / "new")
    assert main(["--lake", where, "CREATE TABLE t AS SELECT 7 AS i"]) == 0
    assert main(["--lake", where, "--format", "csv", "FROM t"]) == 0
    assert capsys.readouterr().out.split() == ["i", "7"]
    assert main(["--format", "csv", "--lake", where, "SELECT current_database() AS c"]) == 0
    assert capsys.readouterr().out.split() == ["c", "lake"]
    assert main(["--lake", where, "--local", "SELECT 1"]) == 1
    assert "--local and --lake name two servers" in capsys.readouterr().err


def test_the_example_runs_on_a_lake(tmp_path: Path) -> None:
    root = Path(altertable_dbapi.__file__).parent.parent
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "examples/quickstart.py", "--lake", str(tmp_path)],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.startswith("loaded 51,955 flights")
