"""A local server for a test, and its engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from altertable_dbapi.local import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def engine(server: Server) -> Iterator[Any]:
    engine = sa.create_engine(server.uri)
    yield engine
    engine.dispose()
