"""One server for each database that this process opens with ``connect("local")``."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from .server import Server

_lock = threading.Lock()
_servers: dict[str, tuple[Server, int]] = {}


@contextlib.contextmanager
def shared_server(database: str = ":memory:") -> Iterator[Server]:
    """The server of a database, for as long as the block; the last block to end closes it.

    Connections of one process to the same database thus see the same data, as they would on a
    server elsewhere; an in-memory database goes with the last of them.
    """
    key = database if database == ":memory:" else os.path.realpath(database)
    with _lock:
        server, users = _servers.get(key) or (Server(database), 0)
        _servers[key] = server, users + 1
    try:
        yield server
    finally:
        with _lock:
            users = _servers[key][1] - 1
            if users:
                _servers[key] = server, users
            else:
                del _servers[key]
                server.close()
