"""Airflow in a home of its own, and a server of each test's own that its connection leads to."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# Airflow reads these when it is imported, and it makes files in its home then.
_HOME = tempfile.mkdtemp(prefix="altertable-airflow-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
for _variable in [name for name in os.environ if name.startswith(("ALTERTABLE_", "AIRFLOW_CONN_"))]:
    del os.environ[_variable]

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi.airflow import AltertableHook
from altertable_dbapi.local import Server

PASSWORD = "correct-horse-battery"
EXAMPLES = Path(__file__).parents[1] / "examples"


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
