"""The example DAG, run whole in this process."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import EXAMPLES, PASSWORD


@pytest.fixture(scope="session")
def database() -> None:
    """Airflow's own database, which a DAG run is written to."""
    command = [str(Path(sys.executable).parent / "airflow"), "db", "migrate"]
    subprocess.run(command, check=True, capture_output=True, timeout=180)


def flights() -> Any:
    path = EXAMPLES / "airflow" / "flights.py"
    spec = importlib.util.spec_from_file_location("altertable_flights", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.flights


def test_the_example_dag(
    database: None, connect: Callable[..., None], auto: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    connect()
    run = flights().test()
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
    dag = flights()
    assert dag.test().state == "success"
    first = auto.execute("FROM delays ORDER BY carrier").fetchall()
    assert dag.test().state == "success"
    assert auto.execute("FROM delays ORDER BY carrier").fetchall() == first
    assert auto.execute("SELECT count(*) FROM flights").fetchall() == [(51_955,)]
