"""A server that goes on with a cancelled statement: nothing of the program waits for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import Error, OperationalError
from altertable_dbapi.local import Server

Conn = altertable_dbapi.Connection[tuple[Any, ...]]

#: Well above the seconds that a session has for an answer, and below a wait without an end.
BOUND = 12.0


@contextlib.contextmanager
def a_cancelled_statement(server: Server, conn: Conn) -> Iterator[None]:
    """In the block the server is busy with a statement that its client has cancelled."""
    (session,) = server.sessions
    # What a running statement holds; others of the session wait for it.
    with session.lock:
        seen = len(server.calls)
        canceller = threading.Thread(target=_cancel_once, args=(server, conn, seen))
        canceller.start()
        with pytest.raises(Error):
            conn.execute("SELECT count(*) FROM t").fetchall()
        canceller.join()
        yield


def _cancel_once(server: Server, conn: Conn, seen: int) -> None:
    limit = time.monotonic() + 20
    while len(server.calls) == seen and time.monotonic() < limit:
        time.sleep(0.005)
    conn.cancel()


NEXT: dict[str, Callable[[Conn], Any]] = {
    "statement": lambda conn: conn.execute("SELECT 1"),
    "change": lambda conn: conn.execute("INSERT INTO t VALUES (2)"),
    "many": lambda conn: conn.cursor().executemany("INSERT INTO t VALUES (?)", [[2], [3]]),
    "parameters": lambda conn: conn.execute("SELECT ?", [1]),
    "commit": lambda conn: conn.commit(),
}


@pytest.mark.parametrize("step", NEXT.values(), ids=NEXT)
def test_what_comes_next_in_a_transaction_says_that_it_is_lost(
    step: Callable[[Conn], Any], server: Server
) -> None:
    with server.connect(binding="server") as conn:
        conn.execute("SELECT ?", [1]).fetchall()  # it is known who binds
        conn.execute("CREATE TABLE t (i INTEGER)")
        conn.commit()
        conn.execute("INSERT INTO t VALUES (1)")
        with a_cancelled_statement(server, conn):
            started = time.monotonic()
            with pytest.raises(OperationalError, match=r"transaction is lost.*busy.*broken off"):
                step(conn)
            with pytest.raises(OperationalError, match=r"call rollback\(\) to go on"):
                conn.execute("SELECT 1")
            conn.rollback()
            # In a session of its own, while the old one is busy still.
            assert conn.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
            assert time.monotonic() - started < BOUND
        conn.execute("INSERT INTO t VALUES (3)")
        conn.commit()
        assert conn.execute("FROM t").fetchall() == [(3,)]


def test_a_rollback_does_not_wait(server: Server) -> None:
    with server.connect() as conn:
        conn.execute("CREATE TABLE t (i INTEGER)")
        conn.commit()
        conn.execute("INSERT INTO t VALUES (1)")
        with a_cancelled_statement(server, conn):
            started = time.monotonic()
            conn.rollback()
            assert not conn.in_transaction
            assert conn.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
            assert time.monotonic() - started < BOUND


def test_the_end_of_a_block_does_not_wait(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        conn.execute("CREATE TABLE t (i INTEGER)")
        with contextlib.ExitStack() as busy:
            with pytest.raises(LookupError), conn.transaction():
                conn.execute("INSERT INTO t VALUES (1)")
                busy.enter_context(a_cancelled_statement(server, conn))
                started = time.monotonic()
                raise LookupError
            assert time.monotonic() - started < BOUND
            assert conn.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_outside_a_transaction_the_next_statement_runs_elsewhere(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        conn.execute("CREATE TABLE t (i INTEGER)")
        with a_cancelled_statement(server, conn):
            started = time.monotonic()
            assert conn.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
            assert time.monotonic() - started < BOUND
