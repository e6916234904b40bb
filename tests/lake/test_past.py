"""The lake's past: snapshots, and what `AT` reads with parameters."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import NotSupportedError, ProgrammingError
from altertable_dbapi.local import Server

from ..test_documentation import ON_A_LAKE

Connection = altertable_dbapi.Connection[tuple[Any, ...]]


@pytest.mark.parametrize("binding", ["server", "client"])
def test_a_version_and_a_time_may_be_parameters(server: Server, binding: str) -> None:
    with server.connect(autocommit=True, binding=binding) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS i")
        first = connection.current_snapshot()
        connection.execute("INSERT INTO t VALUES (2)")
        (when,) = connection.snapshots().column("snapshot_time").to_pylist()[-1:]
        connection.execute("INSERT INTO t VALUES (3)")
        count = "SELECT count(*) FROM t AS o AT"
        for query, value, rows in (
            (f"{count} (VERSION => $v)", {"v": first}, 1),
            (f"{count} (VERSION => ?)", (first + 1,), 2),
            (f"{count} (TIMESTAMP => $t)", {"t": when}, 2),
            (f"{count} (TIMESTAMP => $t)", {"t": datetime.datetime.now(datetime.timezone.utc)}, 3),
        ):
            assert connection.execute(query, value).fetchone() == (rows,), query
        with pytest.raises(ProgrammingError, match="No snapshot found at version 1000"):
            connection.execute(f"{count} (VERSION => $v)", {"v": 1000})


def test_snapshots_are_the_commits(server: Server) -> None:
    with server.connect() as connection:
        connection.execute("CREATE TABLE t (i INTEGER)")
        connection.execute("INSERT INTO t VALUES (1)")
        before = connection.current_snapshot()
        connection.commit()
        assert connection.current_snapshot() == before + 1
        found = connection.snapshots()
        assert found.schema.field("snapshot_time").type == pa.timestamp("us", "UTC")
        assert found.column("snapshot_id").to_pylist() == [0, 1]
        changes = dict(found.column("changes").to_pylist()[-1])
        assert changes["tables_created"] == ["main.t"]
        assert not connection.in_transaction


def test_each_lake_has_its_own_and_other_catalogs_none() -> None:
    with Server(catalogs={"a": "lake", "B": "lake"}) as server:
        with server.connect(autocommit=True) as connection:
            connection.execute("CREATE TABLE a.main.t (i INTEGER)")
            assert connection.current_snapshot("a") == connection.current_snapshot("b") + 1
            assert connection.snapshots(catalog="A").num_rows == 2
            for ask in (connection.snapshots, connection.current_snapshot):
                with pytest.raises(NotSupportedError, match="'local' is of type duckdb"):
                    ask()
                with pytest.raises(ProgrammingError, match="no catalog 'x'"):
                    ask("x")


@pytest.mark.parametrize("page", sorted(ON_A_LAKE))
def test_a_page_runs(page: str) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.run_page", f"docs/{page}"],
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert result.returncode == 0, result.stdout + result.stderr
