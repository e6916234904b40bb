"""One server for each database that this process opens with ``connect("local")``."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import duckdb

from ..errors import OperationalError
from ..process import fork
from .server import Server

# A signal handler of the thread that has it may connect as well.
_lock = threading.RLock()
_servers: dict[tuple[int, str, bool], tuple[Server, int]] = {}

fork.in_child(lambda: fork.free(_lock))


@contextlib.contextmanager
def shared_server(database: str = ":memory:", *, lake: bool = False) -> Iterator[Server]:
    """The server of a database, for as long as the block; the last block to end closes it.

    Connections of one process to the same database thus see the same data, as they would on a
    server elsewhere; an in-memory database goes with the last of them.

    Parameters
    ----------
    database : str
        A DuckDB file, or ``":memory:"``.
    lake : bool
        Whether `database` is the directory of a lake, or ``":memory:"`` for a temporary one.
    """
    process = os.getpid()
    key = process, database if database == ":memory:" else os.path.realpath(database), lake
    with _lock:
        server, users = _servers.get(key) or (_opened(database, lake), 0)
        _servers[key] = server, users + 1
    try:
        yield server
    finally:
        if process == os.getpid():  # otherwise it is for the parent to close
            _leave(key)


def _opened(database: str, lake: bool) -> Server:
    try:
        if lake:
            return Server(lake=True if database == ":memory:" else database)
        return Server(database)
    except (duckdb.Error, OSError) as error:
        kind = "lake" if lake else "database"
        which = f" {database!r}" if database != ":memory:" else ""
        raise OperationalError(f"cannot open the local {kind}{which}: {error}") from None


def _leave(key: tuple[int, str, bool]) -> None:
    with _lock:
        server, users = _servers[key]
        if users > 1:
            _servers[key] = server, users - 1
        else:
            del _servers[key]
            server.close()
