"""Airflow in a home of its own, and a server of each test's own that its connection leads to."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = Path(tempfile.mkdtemp(prefix="altertable-airflow-"))
DAGS = HOME / "dags"

# Airflow reads its settings when it is imported, and makes files in its home then.
for _name in list(os.environ):
    if _name.startswith(("ALTERTABLE_", "AIRFLOW_")):
        del os.environ[_name]
os.environ["AIRFLOW_HOME"] = str(HOME)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
DAGS.mkdir()
(DAGS / "examples").symlink_to(ROOT / "examples" / "airflow")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi.airflow import AltertableHook
from altertable_dbapi.local import Server

PASSWORD = "correct-horse-battery"
BIN = Path(sys.executable).parent


def connection(server: Server, **over: Any) -> str:
    """An Airflow connection to a server, as the JSON that AIRFLOW_CONN_… may hold."""
    fields = {
        "conn_type": "altertable",
        "host": server.host,
        "port": server.port,
        "login": server.username,
        "password": PASSWORD,
        "extra": {"tls": False},
    }
    return json.dumps({**fields, **over})


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(password=PASSWORD, catalogs=["sales"]) as server:
        yield server


@pytest.fixture
def connect(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Define an Airflow connection to the server: ``connect("other", schema="s")``."""

    def define(conn_id: str = "altertable_default", **over: Any) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", connection(server, **over))

    return define


@pytest.fixture
def hook(connect: Callable[..., None]) -> AltertableHook:
    """A hook for the default connection, which leads to the server."""
    connect()
    return AltertableHook()


@pytest.fixture
def auto(server: Server) -> Iterator[altertable_dbapi.Connection[tuple[Any, ...]]]:
    """The driver's own connection to the server, with autocommit."""
    with server.connect(autocommit=True) as conn:
        yield conn


@pytest.fixture(scope="session")
def database() -> None:
    """Airflow's own database, which DAG runs are written to."""
    command = [str(BIN / "airflow"), "db", "migrate"]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
