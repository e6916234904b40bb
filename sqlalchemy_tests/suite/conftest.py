"""SQLAlchemy's plugin for pytest, on a local server."""

from __future__ import annotations

import pytest

from altertable_dbapi.local import Server

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing.plugin import pytestplugin
from sqlalchemy.testing.plugin.pytestplugin import *

from . import provision

_server = Server()


def pytest_configure(config: pytest.Config) -> None:
    _server.__enter__()
    with _server.connect(autocommit=True) as connection:
        connection.execute("CREATE SCHEMA test_schema")
    config.option.dburi = [_server.uri]
    pytestplugin.pytest_configure(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    _server.__exit__(None, None, None)
