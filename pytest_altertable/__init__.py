"""Fixtures of pytest for applications that are tested against the embedded server.

pytest loads this module in every run of an environment that has the package, so it imports nothing
of it before a test asks for a fixture. That is why it lies outside of ``altertable_dbapi``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from altertable_dbapi import Connection
    from altertable_dbapi.local import Server


@pytest.fixture(scope="session")
def altertable_server() -> Iterator[Server]:
    """A server in the test process, with an empty database, for all tests of the process."""
    from altertable_dbapi.local import Server

    with Server() as server:
        yield server


@pytest.fixture
def altertable_connection(altertable_server: Server) -> Iterator[Connection[tuple[Any, ...]]]:
    """A connection to `altertable_server`; what the test has not committed is rolled back."""
    connection = altertable_server.connect()
    try:
        yield connection
    finally:
        if not connection.closed:
            connection.close()
