"""Forked children: refused at once, and nothing of the parent's is touched; what works instead."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from altertable_dbapi.local import Server

NANOBIND = re.compile("nanobind: | - |See https://nanobind")

# The script of a parent. A process that waits for ever shows where, and is ended.
BEGIN = """
import contextlib, faulthandler, gc, os, select, signal, sys, threading

faulthandler.register(signal.SIGALRM, chain=True)
signal.alarm(45)

import altertable_dbapi
from altertable_dbapi import InterfaceError

uri = sys.argv[1]

# Where Python makes or ends a thread's state at the time of the fork, as a server's threads have it
# all the time, the child may wait for ever before it runs (CPython's gh-112275).
MAY_HANG = sys.version_info < (3, 10, 15) or (3, 11) <= sys.version_info < (3, 11, 10)

def fork():
    while True:
        alive, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(tell, b".")
            return 0
        if not MAY_HANG or select.select([alive], [], [], 5)[0]:
            return pid
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

def forked(child):
    sys.stdout.flush()
    pid = fork()
    if pid == 0:
        signal.alarm(15)
        child()
        duckdb = sys.modules.get("duckdb")
        if duckdb is not None and duckdb.__version__.startswith("1."):
            # Its own end aborts in a child that has connected anywhere through ADBC.
            sys.stdout.flush()
            os._exit(0)
        sys.exit()  # by way of the interpreter's whole end
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, f"the child ended with {status}"

def refused(function, *arguments):
    try:
        function(*arguments)
    except InterfaceError as error:
        assert "spawn or forkserver" in str(error), error
    else:
        raise AssertionError("not refused")

def connect(**settings):
    return altertable_dbapi.connect(uri, **settings)
"""


def run(server: Server, script: str, directory: Path | None = None) -> list[str]:
    """Run a script of its own; the lines it printed. It must end well, and say nothing else."""
    source = BEGIN + script
    warned = ["-W", "always::ResourceWarning", "-W", "ignore::DeprecationWarning"]
    command = [sys.executable, *warned, "-X", "faulthandler", "-c", source]
    if directory is not None:
        # Children that are spawned import it again.
        file = directory / "main.py"
        file.write_text(source)
        command[-2:] = [str(file)]
    done = subprocess.run(
        [*command, server.uri], capture_output=True, text=True, timeout=60, check=False
    )
    # DuckDB's module counts, at a child's exit, what the child has left to the parent.
    assert [line for line in done.stderr.splitlines() if not NANOBIND.match(line)] == []
    assert done.returncode == 0
    return done.stdout.splitlines()


def test_connect_is_refused_where_the_parent_was_connected(server: Server) -> None:
    script = """
connect().close()
forked(lambda: (refused(connect), refused(altertable_dbapi.connect, "local"), print("refused")))
with connect() as connection:
    print(connection.execute("SELECT 1").fetchall())
"""
    assert run(server, script) == ["refused", "[(1,)]"]
    assert server.open_sessions == 0


def test_connect_is_refused_where_the_parent_tried_to_connect(server: Server) -> None:
    script = """
with contextlib.suppress(altertable_dbapi.Error):
    altertable_dbapi.connect(uri, password="wrong")
forked(lambda: (refused(connect), forked(lambda: refused(connect)), print("refused")))
"""
    assert run(server, script) == ["refused"]


def test_a_child_of_a_parent_that_only_imported_the_driver_connects(server: Server) -> None:
    script = """
import pyarrow

def child():
    with connect(autocommit=True) as connection:
        print(connection.execute("SELECT $a", {"a": 1}).fetchall())
        data = pyarrow.table({"id": [1, 2], "name": ["a", "b"]})
        print(connection.load("loaded", data, mode="create"))
        print(connection.load("loaded", data, primary_key="id"))

forked(lambda: connect().close())
forked(child)
connect().close()
forked(lambda: refused(connect))
"""
    assert run(server, script) == ["[(1,)]", "2", "2"]


def test_inherited_objects_are_refused_and_the_parent_goes_on(server: Server) -> None:
    script = """
connection = connect(autocommit=True)
cursor = connection.cursor()
cursor.execute("SELECT i FROM range(1_000_000) AS r(i)")
assert cursor.fetchone() == (0,)
finished = connection.cursor()

def child():
    refused(cursor.fetchone)
    refused(cursor.fetchmany, 3)
    refused(cursor.fetchall)
    refused(next, cursor)
    refused(cursor.fetch_arrow_table)
    refused(cursor.execute, "SELECT 1")
    refused(cursor.executemany, "INSERT INTO t VALUES (?)", [(1,)])
    refused(cursor.adbc_cancel)
    refused(connection.execute, "SELECT 1")
    refused(connection.cursor)
    refused(connection.commit)
    refused(connection.rollback)
    refused(connection.load, "t", [])
    refused(connection.get_tables)
    refused(connection.adbc_clone)
    refused(connection.adbc_cancel)
    refused(connection.__enter__)
    refused(lambda: connection.adbc_connection)
    refused(lambda: connection.transaction().__enter__())
    assert not connection.is_usable()
    cursor.close()
    connection.close()
    print("refused")

forked(child)
forked(gc.collect)
assert cursor.fetchone() == (1,)
assert len(cursor.fetchall()) == 999_998
print(connection.execute("SELECT 1").fetchall())
connection.close()
"""
    assert run(server, script) == ["refused", "[(1,)]"]
    assert server.open_sessions == 0


def test_inherited_readers_are_refused(server: Server) -> None:
    script = """
connection = connect(autocommit=True)
query = "SELECT i FROM range(1_000_000) AS r(i)"
buffered = connection.execute(query).fetch_record_batch()
reader = connection.execute(query).fetch_record_batch()
first = reader.read_next_batch().num_rows

def child():
    for inherited in (buffered, reader):
        refused(inherited.read_next_batch)
        refused(inherited.read_all)
    print("refused")

forked(child)
print(first + reader.read_all().num_rows, buffered.read_all().num_rows)
connection.close()
"""
    assert run(server, script) == ["refused", "1000000 1000000"]


@pytest.mark.parametrize("end", ["pass", "drop(); gc.collect()", "os._exit(0)"])
def test_a_child_drops_what_it_inherited_without_a_word(server: Server, end: str) -> None:
    script = f"""
state = [connect() for _ in range(3)]
state[0].execute("CREATE TABLE t (i INTEGER)")
state += [state[0].execute("INSERT INTO t VALUES (?)", [1])]
state += [state[1].execute("SELECT i FROM range(1_000_000) AS r(i)")]
state[-1].fetchone()
state += [state[2].execute("SELECT i FROM range(1_000_000) AS r(i)").fetch_record_batch()]
state += [state[0].execute("SELECT i FROM range(1_000) AS r(i)").fetch_arrow_table()]
state += [[state]]  # for the collector

def drop():
    state.clear()

def child():
    {end}

for _ in range(3):
    forked(child)
print(state[4].fetchone(), state[5].read_all().num_rows)
print(state[0].execute("SELECT * FROM t").fetchall())
for connection in state[:3]:
    connection.rollback()
    connection.close()
"""
    assert run(server, script) == ["(1,) 1000000", "[(1,)]"]
    assert server.open_sessions == 0


def test_a_child_of_a_busy_parent(server: Server) -> None:
    """Locks that other threads hold at the time of the fork do not hold the child up."""
    script = """
connection = connect(autocommit=True)
cursor = connection.execute("SELECT 1")
stop = threading.Event()
running = threading.Event()

def work():
    while not stop.is_set():
        connection.execute("SELECT i FROM range(300_000) AS r(i)").fetchmany(3)
        running.set()

thread = threading.Thread(target=work, daemon=True)
thread.start()
running.wait()

def child():
    refused(connection.execute, "SELECT 1")
    refused(cursor.fetchall)
    refused(connect)
    cursor.close()
    connection.close()

for _ in range(8):
    forked(child)
stop.set()
thread.join()
connection.close()
print("done")
"""
    assert run(server, script) == ["done"]


def test_blocks_are_left_without_touching_the_parents_transaction(server: Server) -> None:
    script = """
with connect() as connection:
    connection.execute("CREATE TABLE t AS SELECT 1 AS i")
    forked(lambda: None)
    assert connection.in_transaction
with connect(autocommit=True) as connection, connection.transaction():
    connection.execute("INSERT INTO t VALUES (2)")
    forked(lambda: None)
    pid = os.fork()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0
if not pid:
    sys.exit()
with connect() as connection:
    print(connection.execute("SELECT i FROM t ORDER BY i").fetchall())
"""
    assert run(server, script) == ["[(1,), (2,)]"]
    assert [text for text in server.executed if "INSERT" in text] == ["INSERT INTO t VALUES (2)"]


def test_workers_of_a_preloaded_application(server: Server) -> None:
    """As gunicorn has it with ``preload_app``: the parent imports, or even connects."""
    script = """
shared = connect(autocommit=True) if sys.argv[2:] else None

def worker(number):
    signal.alarm(15)
    try:
        with connect() as connection:
            answer = connection.execute("SELECT ?", [number]).fetchall()
    except InterfaceError as error:
        answer = "InterfaceError"
    os.write(out, f"{answer}\\n".encode())
    sys.exit(0)

read, out = os.pipe()
def serve():
    workers = []
    for number in range(3):
        workers.append(os.fork())
        if not workers[-1]:
            worker(number)
    for pid in workers:
        assert os.waitpid(pid, 0)[1] == 0
    return sorted(os.read(read, 1000).decode().splitlines())

print(serve())
shared = connect(autocommit=True)
print(serve())
print(shared.execute("SELECT 1").fetchall())
shared.close()
"""
    assert run(server, script) == [
        "['[(0,)]', '[(1,)]', '[(2,)]']",
        "['InterfaceError', 'InterfaceError', 'InterfaceError']",
        "[(1,)]",
    ]


@pytest.mark.parametrize(
    ("method", "answer"), [("fork", "refused"), ("forkserver", "[(1,)]"), ("spawn", "[(1,)]")]
)
def test_multiprocessing(server: Server, tmp_path: Path, method: str, answer: str) -> None:
    script = f"""
import multiprocessing

def work(queue, uri):
    try:
        with altertable_dbapi.connect(uri) as connection:
            queue.put(str(connection.execute("SELECT 1").fetchall()))
    except InterfaceError:
        queue.put("refused")

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    if {method!r} == "forkserver":
        context.set_forkserver_preload(["altertable_dbapi"])
    connection = connect(autocommit=True)
    queue = context.Queue()
    process = context.Process(target=work, args=(queue, uri))
    process.start()
    print(queue.get(timeout=30))
    process.join(30)
    print(process.exitcode, connection.execute("SELECT 2").fetchall())
    connection.close()
"""
    assert run(server, script, tmp_path) == [answer, "0 [(2,)]"]


@pytest.mark.parametrize("database", [":memory:", "file"])
def test_a_local_server_in_the_parent(server: Server, tmp_path: Path, database: str) -> None:
    where = "local" if database == ":memory:" else f"local:{tmp_path / 'shop.duckdb'}"
    script = f"""
connection = altertable_dbapi.connect({where!r}, autocommit=True)
connection.execute("CREATE TABLE t AS SELECT 1 AS i")
cursor = connection.execute("SELECT i FROM range(1_000_000) AS r(i)")

def child():
    refused(connection.execute, "SELECT 1")
    refused(altertable_dbapi.connect, "local")
    connection.close()
    print("refused")

forked(child)
forked(lambda: globals().pop("connection"))
forked(lambda: None)
assert len(cursor.fetchall()) == 1_000_000
print(connection.execute("FROM t").fetchall())
connection.close()
"""
    assert run(server, script) == ["refused", "[(1,)]"]


def test_a_child_connects_to_a_server_in_a_parent_without_connections(server: Server) -> None:
    script = """
from altertable_dbapi.local import Server

with Server() as local:
    def child():
        local.close()
        with local.connect() as connection:
            print(connection.execute("SELECT 1").fetchall())
    forked(child)
    with local.connect() as connection:
        print(connection.execute("SELECT 2").fetchall())
"""
    assert run(server, script) == ["[(1,)]", "[(2,)]"]


def test_grpc_is_refused_in_a_child_of_a_parent_with_a_server(server: Server) -> None:
    """It would end the child with a failed assertion of its own."""
    script = """
import pyarrow
from altertable_dbapi.local import Server

def child():
    refused(Server)
    with connect(autocommit=True) as connection:
        data = pyarrow.table({"id": [1], "name": ["a"]})
        print(connection.load("t", data, mode="create"))
        refused(lambda: connection.load("t", data, primary_key="id"))
        print(connection.execute("FROM t").fetchall())

Server().close()
forked(child)
"""
    assert run(server, script) == ["1", "[(1, 'a')]"]
