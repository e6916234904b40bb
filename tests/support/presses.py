"""A program that is interrupted at random moments, and says what that has left behind."""

from __future__ import annotations

import contextlib
import gc
import json
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pyarrow as pa

import altertable_dbapi
from altertable_dbapi.local import Server

#: How late a press comes at the most, in seconds.
LATEST = 0.03

Conn = altertable_dbapi.Connection[tuple[Any, ...]]


class Pressed(BaseException):
    """What the handler of SIGALRM raises."""


def raise_pressed(number: int, frame: object) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Pressed


def connect(server: Server, conn: Conn, turn: int) -> None:
    with server.connect() as other:
        other.execute("SELECT 1").fetchall()


def transaction(server: Server, conn: Conn, turn: int) -> None:
    with conn.transaction():
        conn.execute("INSERT INTO t VALUES ($turn)", {"turn": turn})
        conn.execute("INSERT INTO t VALUES ($turn)", {"turn": turn})


def executemany(server: Server, conn: Conn, turn: int) -> None:
    conn.cursor().executemany("INSERT INTO t VALUES (?)", [(turn,), (turn,)])


def load(server: Server, conn: Conn, turn: int) -> None:
    conn.load("t", pa.table({"a": pa.array([turn, turn], pa.int64())}))


def close(server: Server, conn: Conn, turn: int) -> None:
    other = server.connect()
    try:
        other.execute("INSERT INTO t VALUES (1)")
    finally:
        other.close()


ACTIONS: dict[str, Callable[[Server, Conn, int], None]] = {
    function.__name__: function for function in (connect, transaction, executemany, load, close)
}


def run(action: Callable[[Server, Conn, int], None], rounds: int, seed: int) -> dict[str, Any]:
    """What went wrong in so many rounds, by its kind."""
    chance = random.Random(seed)
    found: dict[str, Any] = {"seed": seed, "pressed": 0, "wrong": []}
    for number in (signal.SIGINT, signal.SIGALRM):
        signal.signal(number, raise_pressed)
    with Server() as server, server.connect(autocommit=True) as conn:
        conn.execute("CREATE TABLE t (a BIGINT)")
        threads = _threads()
        for turn in range(rounds):
            timer = threading.Timer(
                chance.uniform(0, LATEST),
                signal.pthread_kill,
                (threading.main_thread().ident, chance.choice((signal.SIGINT, signal.SIGALRM))),
            )
            try:
                try:
                    timer.start()
                    action(server, conn, turn)
                finally:
                    # The press comes here at the latest.
                    timer.join()
                    time.sleep(0)
            except (KeyboardInterrupt, Pressed):
                found["pressed"] += 1
            except altertable_dbapi.Error as error:
                found["wrong"].append(f"{turn}: {error!r}")
            with contextlib.suppress(KeyboardInterrupt, Pressed):
                timer.join()
            _check(server, conn, turn, found)
        gc.collect()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            left = {"sessions": server.open_sessions - 1, "threads": _threads() - threads}
            if not any(left.values()):
                break
            time.sleep(0.05)
        found |= left
        found["odd"] = conn.execute(
            "SELECT count(*) FROM (SELECT a FROM t GROUP BY a HAVING count(*) % 2 = 1)"
        ).fetchone()
    return found


def _threads() -> int:
    return sum(thread.name.startswith("altertable") for thread in threading.enumerate())


def _check(server: Server, conn: Conn, turn: int, found: dict[str, Any]) -> None:
    """No transaction is open, neither visibly nor hidden; the connection goes on."""
    if conn.in_transaction:
        found["wrong"].append(f"{turn}: a transaction is open")
    if conn.execute("SELECT 42").fetchall() != [(42,)]:
        found["wrong"].append(f"{turn}: another answer")
    if any(session.transaction for session in server.sessions):
        deadline = time.monotonic() + 10
        # A session that is being ended may take its time.
        while any(session.transaction for session in server.sessions):
            if time.monotonic() > deadline:
                found["wrong"].append(f"{turn}: a hidden transaction")
                return
            time.sleep(0.01)


if __name__ == "__main__":
    warnings.simplefilter("ignore", ResourceWarning)
    name, rounds, seed = sys.argv[1:]
    print(json.dumps(run(ACTIONS[name], int(rounds), int(seed))))
