"""The whole test run is watched for server sessions that nobody ends."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest

from altertable_dbapi.local import Server

#: What a session that is being closed by a thread may take.
_SECONDS = 10.0


@pytest.fixture(scope="session", autouse=True)
def _no_session_is_left() -> Iterator[None]:
    """Each server that is closed has no session then, unless the test says why.

    ``@pytest.mark.leaves_sessions("why")`` is for tests whose client cannot tell the server, such
    as one behind a connection that was cut, or is not this driver.
    """
    with pytest.MonkeyPatch.context() as patch:
        close = Server.close

        def close_and_count(server: Server) -> None:
            if server._finalizer.alive and not _leaves_sessions:
                if server.open_sessions:
                    # A connection in a circle that nobody has closed.
                    gc.collect()
                deadline = time.monotonic() + _SECONDS
                while server.open_sessions and time.monotonic() < deadline:
                    time.sleep(0.01)
                left = server.open_sessions, server.open_statements
                close(server)
                assert left == (0, 0), f"{left[0]} sessions left, with {left[1]} statements"
            close(server)

        patch.setattr(Server, "close", close_and_count)
        yield


_leaves_sessions = False


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    global _leaves_sessions
    _leaves_sessions = item.get_closest_marker("leaves_sessions") is not None
    return (yield)


def pytest_collection_finish() -> None:
    """Each full collection would look through all modules and tests again."""
    gc.collect()
    gc.freeze()


def configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "leaves_sessions(why): sessions stay open at the end")
