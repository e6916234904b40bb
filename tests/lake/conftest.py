"""Fixtures: a server on a temporary lake for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from altertable_dbapi.local import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(lake=True) as server:
        yield server
