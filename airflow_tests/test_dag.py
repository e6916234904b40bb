"""The example DAG, run whole in this process."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import DAGS, PASSWORD


def dag(path: Path, name: str) -> Any:
    """A DAG of a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def test_the_example_dag(
    database: None, connect: Callable[..., None], auto: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    connect()
    run = dag(DAGS / "examples" / "flights.py", "flights").test()
    assert run.state == "success"
    assert {ti.task_id: str(ti.state) for ti in run.get_task_instances()} == {
        "load": "success",
        "delays": "success",
        "check_table": "success",
        "check_columns": "success",
        "report": "success",
    }
    query = "SELECT carrier, flights, round(minutes, 1) FROM delays ORDER BY carrier"
    expected = """
        SELECT carrier, count(*), round(avg(dep_delay), 1) FROM flights
        WHERE origin = 'JFK' AND date >= DATE '2013-02-01'
        GROUP BY carrier HAVING count(*) >= 100 ORDER BY carrier
    """
    assert auto.execute(query).fetchall() == auto.execute(expected).fetchall()
    assert PASSWORD not in "".join(capfd.readouterr())


def test_running_the_dag_again_gives_the_same(
    database: None, connect: Callable[..., None], auto: Any
) -> None:
    connect()
    flights = dag(DAGS / "examples" / "flights.py", "flights")
    assert flights.test().state == "success"
    first = auto.execute("FROM delays ORDER BY carrier").fetchall()
    assert flights.test().state == "success"
    assert auto.execute("FROM delays ORDER BY carrier").fetchall() == first
    assert auto.execute("SELECT count(*) FROM flights").fetchall() == [(51_955,)]
