"""Fixtures: a server of its own for each test, and connections to it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

import altertable_dbapi
from altertable_dbapi.local import Server

from .support.engines import configure as _choose_engine
from .support.engines import (  # noqa: F401
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_ignore_collect,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from .support.secret_watch import _no_secret_is_told, pytest_runtest_makereport  # noqa: F401
from .support.session_watch import (  # noqa: F401
    _no_session_is_left,
    pytest_collection_finish,
    pytest_runtest_protocol,
)
from .support.session_watch import configure as _watch_sessions

# The same examples in each run, so that a failure says something about the change that it is seen
# with; `--hypothesis-profile=default` looks for new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

# A shell's background job ignores Ctrl-C, and what it starts does, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    _choose_engine(config)
    _watch_sessions(config)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests must not steer them."""
    from altertable_dbapi.settings.settings import ENVIRONMENT

    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def conn(server: Server) -> Iterator[altertable_dbapi.Connection[tuple[Any, ...]]]:
    """A connection with PEP 249's default, no autocommit."""
    with server.connect() as connection:
        yield connection


@pytest.fixture
def auto(server: Server) -> Iterator[altertable_dbapi.Connection[tuple[Any, ...]]]:
    """A connection with autocommit."""
    with server.connect(autocommit=True) as connection:
        yield connection
