"""What is forgotten, collected, or open still at the interpreter's exit is ended, and in time."""

from __future__ import annotations

import gc
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import Connection, OperationalError
from altertable_dbapi.local import Server

from ..support.server_process import ServerProcess

Conn = Connection[tuple[Any, ...]]

MANY = "SELECT i, repeat('x', 100) AS t FROM range(10_000_000) AS r(i)"


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def _is_idle(server: Server) -> bool:
    return not any(session.lock.locked() for session in server.sessions)


def _forget(held: list[Any]) -> None:
    held.clear()
    gc.collect()


# Forgotten objects


@pytest.mark.parametrize("cycle", [False, True])
def test_a_forgotten_cursor_stops_its_statement(server: Server, auto: Conn, cycle: bool) -> None:
    cursor: Any = auto.execute(MANY)
    assert cursor.fetchone() == (0, "x" * 100)
    assert not _is_idle(server)
    if cycle:
        cursor.itself = cursor
    del cursor
    gc.collect()
    _until(lambda: _is_idle(server))
    assert auto.execute("SELECT 1").fetchall() == [(1,)]


def test_a_forgotten_reader_stops_its_statement(server: Server, auto: Conn) -> None:
    reader = auto.execute(MANY).fetch_record_batch()
    assert reader.read_next_batch().num_rows > 0
    assert not _is_idle(server)
    del reader
    gc.collect()
    _until(lambda: _is_idle(server))
    assert auto.execute("SELECT 1").fetchall() == [(1,)]


def test_a_reader_outlives_its_forgotten_connection(server: Server) -> None:
    connection = server.connect(autocommit=True)
    query = "SELECT i FROM range(300_000) AS r(i)"
    reader = connection.execute(query).fetch_record_batch()
    held = [connection]
    del connection
    with pytest.warns(ResourceWarning, match="was not closed"):
        _forget(held)
    # Its session has ended with the connection, and it says so instead of ending early.
    with pytest.raises(altertable_dbapi.InterfaceError, match="closed"):
        reader.read_all()
    assert server.open_sessions == 0


@pytest.mark.parametrize("cycle", [False, True])
def test_a_forgotten_connection_ends_its_session(server: Server, cycle: bool) -> None:
    connection: Any = server.connect()
    connection.execute("CREATE TABLE t AS SELECT 1 AS i")
    connection.execute("SELECT ?", [1])
    connection.execute(MANY).fetchone()
    assert (server.open_sessions, server.open_statements) == (1, 1)
    if cycle:
        connection.itself = connection
    shown = re.escape(f"<altertable_dbapi.Connection local@127.0.0.1:{server.port}> was not closed")
    held = [connection]
    del connection
    with pytest.warns(ResourceWarning, match=shown):
        _forget(held)
    _until(lambda: server.open_sessions == 0)
    assert server.open_statements == 0
    with server.connect() as other:
        assert other.get_tables().num_rows == 0


def test_a_closed_connection_warns_of_nothing(server: Server) -> None:
    connection = server.connect()
    cursor = connection.execute(MANY)
    connection.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del connection, cursor
        gc.collect()


def test_prepared_statements_are_few(server: Server, auto: Conn) -> None:
    for number in range(100):
        assert auto.cursor(binding="server").execute(f"SELECT ?, {number}", [1]).fetchone() == (
            1,
            number,
        )
    assert server.open_statements <= 32


def test_the_collector_of_another_thread(server: Server, auto: Conn) -> None:
    """It finds a half-read result while this thread has the session and needs it free."""
    cursor: Any = auto.execute(MANY)
    cursor.fetchone()
    cursor.itself = cursor
    gc.disable()
    try:
        del cursor
        with auto._session.lock:
            collector = threading.Thread(target=gc.collect)
            collector.start()
            # Neither waits for the other.
            collector.join(20)
            assert not collector.is_alive()
            assert auto.execute("SELECT 1").fetchall() == [(1,)]
    finally:
        gc.enable()


# Many of them


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_connect_execute_close_leaves_nothing(server: Server) -> None:
    def cycle() -> None:
        with server.connect(autocommit=True) as connection:
            assert connection.execute("SELECT ?", [1]).fetchall() == [(1,)]
            connection.execute("SELECT i FROM range(100_000) AS r(i)").fetchone()

    figures = []
    for _ in range(5):
        for _ in range(20):
            cycle()
        gc.collect()
        server.clear()
        figures.append((threading.active_count(), _descriptors(), _resident()))
    threads, descriptors, memory = zip(*figures, strict=True)
    # Threads and sockets of the last few connections may be on their way out.
    assert max(threads[1:]) <= threads[0] + 3
    assert max(descriptors[1:]) <= descriptors[0] + 6
    assert statistics.median(memory[3:]) < memory[0] + 40e6
    assert server.open_sessions == 0


# The interpreter's exit

EXIT = """
import contextlib, sys, threading, time
import altertable_dbapi

connection = altertable_dbapi.connect(sys.argv[1], keepalive=0.05)
connection.execute("SELECT 1").fetchall()
connection.commit()
"""

RUNNING = """
started = threading.Event()
def run():
    started.set()
    with contextlib.suppress(Exception):
        connection.execute("SELECT count(*) FROM range(1_000_000_000_000)").fetchall()
threading.Thread(target=run, daemon=True).start()
started.wait()
time.sleep(0.3)
"""


def _exit(uri: str, script: str, seconds: float) -> str:
    """Run a script; what it wrote as errors. It must end by itself in so many seconds."""
    command = [sys.executable, "-W", "always::ResourceWarning", "-c", EXIT + script, uri]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it is about to end
        started = time.monotonic()
        _, errors = process.communicate(timeout=40)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert time.monotonic() - started < seconds
    return errors


END = "\nprint(flush=True)\n"


@pytest.mark.parametrize(
    "script",
    [
        "",
        "connection.execute('CREATE TABLE t AS SELECT 1 AS i')",
        "cursor = connection.execute('SELECT ?', [1])",
        f"cursor = connection.execute({MANY!r}); cursor.fetchone()",
        f"reader = connection.execute({MANY!r}).fetch_record_batch(); reader.read_next_batch()",
        f"cursor = connection.execute({MANY!r}); cursor.fetchone(); cursor.me = [cursor]",
    ],
    ids=["connection", "transaction", "prepared", "half-read", "reader", "cycle"],
)
def test_exit_with_something_open(server: Server, script: str) -> None:
    errors = _exit(server.uri, script + END, 8)
    shown = f"<altertable_dbapi.Connection local@127.0.0.1:{server.port}> was not closed"
    assert errors.count("ResourceWarning") == errors.count(shown) == 1
    assert len(errors.splitlines()) == 1
    _until(lambda: server.open_sessions == 0)
    with server.connect() as connection:
        assert connection.get_tables().num_rows == 0


def test_exit_while_a_thread_runs_a_statement(server: Server) -> None:
    errors = _exit(server.uri, RUNNING + END, 8)
    assert "Fatal" not in errors
    _until(lambda: server.open_sessions == 0)


@pytest.mark.parametrize(
    ("connections", "script"), [(1, "connection.execute('SELECT ?', [1])"), (4, RUNNING)]
)
def test_exit_while_the_server_does_not_answer(connections: int, script: str) -> None:
    with ServerProcess() as server:
        uri = f"altertable://local:local@127.0.0.1:{server.port}?tls=false"
        others = (
            "others = [altertable_dbapi.connect(sys.argv[1]) for _ in range(int(sys.argv[2]))]\n"
        )
        pause = "import os, signal; os.kill(int(sys.argv[3]), signal.SIGSTOP)\n"
        command = EXIT + others + script + "\n" + pause + END
        process = subprocess.Popen(
            [sys.executable, "-c", command, uri, str(connections - 1), str(server._process.pid)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            started = time.monotonic()
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        assert (process.returncode, errors) == (0, "")
        assert time.monotonic() - started < 12


def test_exit_with_a_local_server() -> None:
    script = f"""
local = altertable_dbapi.connect("local")
cursor = local.execute({MANY!r})
cursor.fetchone()
"""
    with Server() as server:
        assert "Fatal" not in _exit(server.uri, script + END, 12)


def test_an_error_in_the_middle_is_told_again_to_whoever_reads_on(server: Server) -> None:
    with server.connect(autocommit=True) as connection:
        server.drop_stream_after(2)
        reader = connection.execute(MANY).fetch_record_batch()
        for _ in range(2):
            reader.read_next_batch()
        for _ in range(3):
            with pytest.raises(OperationalError, match="broken off"):
                reader.read_next_batch()
        with pytest.raises(OperationalError, match="broken off"):
            reader.read_all()
