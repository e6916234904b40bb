"""The pool of threads: who gets which connection, what is left in it, and what ends it."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import InterfaceError, OperationalError, ProgrammingError, dict_row
from altertable_dbapi.local import Server
from altertable_dbapi.pool import Pool, PoolTimeout

from ..support.server_process import ServerProcess

AnyPool = Pool[tuple[Any, ...]]


@pytest.fixture
def pool(server: Server) -> Iterator[AnyPool]:
    """One connection, so that each borrower gets what the one before has left."""
    with Pool(server.uri, max_size=1) as pool:
        yield pool
    assert pool.stats.size == pool.stats.lent == 0


def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def value(pool: AnyPool, query: str) -> Any:
    with pool.connection() as conn:
        return conn.execute(query).fetchall()[0][0]


# Lending


def test_32_threads_on_4_connections(server: Server) -> None:
    threads_before = threading.active_count()
    with Pool(server.uri, max_size=4) as pool:
        with pool.connection() as conn:
            conn.execute("CREATE TABLE t (thread INT, n INT)")

        def work(thread: int) -> None:
            for n in range(2, 6):
                if n == 3:
                    with pytest.raises(ZeroDivisionError), pool.connection() as conn:
                        conn.execute("INSERT INTO t VALUES (-1, -1)")
                        1 / 0  # noqa: B018
                elif n == 4:
                    with pool.connection() as conn:
                        conn.execute(f"SET VARIABLE who = {thread}")
                        found = conn.execute("SELECT getvariable('who')").fetchall()
                        assert found == [(thread,)]
                elif n == 5:
                    with pool.connection() as conn:
                        conn.load("t", {"thread": [thread], "n": [n]})
                else:
                    with pool.connection() as conn:
                        assert len(conn.execute("FROM range(3000)").fetchall()) == 3000
                        assert pool.stats.lent <= 4
                        assert server.open_sessions <= 4
                    with pool.connection() as conn:
                        assert conn.execute("SELECT getvariable('who')").fetchall() == [(None,)]
                        conn.execute("INSERT INTO t VALUES (?, ?)", (thread, n))

        with ThreadPoolExecutor(32) as executor:
            list(executor.map(work, range(32)))
        assert value(pool, "SELECT count(*) FROM t") == 32 * 2
        assert value(pool, "SELECT count(DISTINCT (thread, n)) FROM t WHERE n <> 3") == 32 * 2
        stats = pool.stats
        assert (stats.lent, stats.waiting) == (0, 0)
        assert stats.requests == 1 + 32 * 5 + 2
        assert stats.waited > 0
        assert stats.wait_seconds > 0
        assert (stats.timeouts, stats.broken) == (0, 0)
        assert stats.size == stats.idle <= 4
    assert server.open_sessions == 0
    until(lambda: threading.active_count() <= threads_before + 1)  # the housekeeping thread


def test_those_who_wait_are_served_in_their_order(server: Server) -> None:
    order: list[int] = []
    with Pool(server.uri, max_size=1) as pool:
        with pool.connection():

            def wait(number: int) -> None:
                with pool.connection():
                    order.append(number)

            threads = [threading.Thread(target=wait, args=(number,)) for number in range(8)]
            for number, thread in enumerate(threads):
                thread.start()
                until(lambda number=number: pool.stats.waiting == number + 1)  # type: ignore[misc]
        for thread in threads:
            thread.join()
    assert order == list(range(8))


def test_a_wait_has_its_limit(pool: AnyPool) -> None:
    with pool.connection():
        started = time.monotonic()
        with pytest.raises(PoolTimeout, match=r"within 0\.2 s \(timeout\).*1 are lent") as caught:
            with pool.connection(timeout=0.2):
                raise AssertionError
        assert 0.2 <= time.monotonic() - started < 5
        assert isinstance(caught.value, OperationalError)
        with pytest.raises(PoolTimeout):
            pool.getconn(0)
        assert pool.stats.waiting == 0
        assert pool.stats.timeouts == 2
    assert value(pool, "SELECT 1") == 1


def test_not_too_many_may_wait(server: Server) -> None:
    with Pool(server.uri, max_size=1, max_waiting=1) as pool:
        conn = pool.getconn()
        with ThreadPoolExecutor(1) as executor:
            waits = executor.submit(pool.getconn)
            until(lambda: pool.stats.waiting == 1)
            with pytest.raises(PoolTimeout, match="max_waiting"):
                pool.getconn()
            pool.putconn(conn)
            pool.putconn(waits.result())


def test_what_is_not_lent_cannot_be_given_back(pool: AnyPool, server: Server) -> None:
    conn = pool.getconn()
    pool.putconn(conn)
    with pytest.raises(ProgrammingError, match="not lent by this pool"):
        pool.putconn(conn)
    with server.connect() as other, pytest.raises(ProgrammingError, match="not lent"):
        pool.putconn(other)


def test_an_interrupt_while_waiting_loses_nothing(pool: AnyPool) -> None:
    class Interrupted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pool.putconn(conn)  # in that moment it comes free
            raise KeyboardInterrupt

    conn = pool.getconn()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "Event", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            pool.getconn()
    assert (pool.stats.idle, pool.stats.waiting, pool.stats.lent) == (1, 0, 0)


# What a borrower leaves


def test_a_block_is_committed_or_rolled_back(pool: AnyPool) -> None:
    with pool.connection() as first:
        first.execute("CREATE TABLE t AS SELECT 1 AS n")
    with pytest.raises(ZeroDivisionError), pool.connection() as conn:
        assert conn is first
        conn.execute("INSERT INTO t VALUES (2)")
        1 / 0  # noqa: B018
    assert value(pool, "SELECT count(*) FROM t") == 1


def test_an_open_transaction_is_rolled_back_and_told(
    pool: AnyPool, caplog: pytest.LogCaptureFixture
) -> None:
    with pool.connection() as conn:
        conn.execute("CREATE TABLE t (n INT)")
    conn = pool.getconn()
    conn.execute("INSERT INTO t VALUES (1)")
    with caplog.at_level(logging.WARNING, "altertable_dbapi"):
        pool.putconn(conn)
    assert "in a transaction: rolled back" in caplog.text
    assert value(pool, "SELECT count(*) FROM t") == 0
    assert pool.stats.opened == 1


@pytest.mark.parametrize(
    ("change", "question", "before"),
    [
        ("CREATE SCHEMA IF NOT EXISTS s; USE s", "SELECT current_schema()", "main"),
        ("SET VARIABLE who = 'me'", "SELECT getvariable('who')", None),
        ("SET threads_of_mine = 1", "SELECT 1", 1),
        (
            "CREATE TEMP TABLE own AS SELECT 1 AS n",
            "SELECT count(*) FROM duckdb_tables() WHERE temporary",
            0,
        ),
        ("SET order_by_non_integer_literal = true", None, None),
    ],
)
def test_the_session_of_one_borrower_is_not_the_next_ones(
    pool: AnyPool, change: str, question: str | None, before: object
) -> None:
    if "threads_of_mine" in change:
        with pytest.raises(altertable_dbapi.Error), pool.connection() as conn:
            conn.execute(change)
        assert value(pool, "SELECT 1") == 1
        assert pool.stats.opened == 1  # what was refused has changed nothing
        return
    if question is None:
        question = "SELECT current_setting('order_by_non_integer_literal')"
        before = value(pool, question)
    with pool.connection() as conn:
        for statement in change.split("; "):
            conn.execute(statement)
    assert value(pool, question) == before
    assert pool.stats.opened == 2


def test_autocommit_rows_and_cursors_are_reset(pool: AnyPool) -> None:
    with pool.connection() as first:
        first.autocommit = True
        first.row_factory = dict_row  # type: ignore[assignment]
        cursor = first.execute("FROM range(1000000)")
        cursor.fetchone()
    with pool.connection() as conn:
        assert conn is first
        assert not conn.autocommit
        assert conn.execute("SELECT 5").fetchone() == (5,)
        with pytest.raises(InterfaceError):
            cursor.fetchone()
    assert pool.stats.opened == 1


def test_handles_that_were_handed_out_end_the_session(pool: AnyPool) -> None:
    with pool.connection() as conn:
        assert conn.adbc_connection is not None
    assert value(pool, "SELECT 1") == 1
    assert pool.stats.opened == 2


def test_what_configure_sets_stays(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        conn.execute("CREATE SCHEMA s")

    def configure(conn: altertable_dbapi.Connection[Any]) -> None:
        conn.execute("USE s")
        conn.execute("CREATE TEMP TABLE mine AS SELECT 7 AS n")
        conn.autocommit = False
        conn.row_factory = dict_row

    with Pool(server.uri, max_size=1, configure=configure, autocommit=True) as pool:
        for _ in range(2):
            with pool.connection() as conn:
                row: Any = conn.execute("SELECT n, current_schema() AS s FROM mine").fetchone()
                assert row == {"n": 7, "s": "s"}
                assert not conn.autocommit
        assert pool.stats.opened == 1
        with pool.connection() as conn:
            conn.execute("USE main")
        with pool.connection() as conn:
            assert conn.schema == "s"
        assert pool.stats.opened == 2


def test_a_configure_that_fails_leaves_nothing(server: Server) -> None:
    def configure(conn: altertable_dbapi.Connection[Any]) -> None:
        conn.execute("FROM nowhere")

    pool = Pool(server.uri, max_size=1, configure=configure)
    for _ in range(3):
        with pytest.raises(ProgrammingError, match="nowhere"):
            pool.getconn(0)
    assert (pool.stats.size, server.open_sessions) == (0, 0)
    pool.close()


# Age and faults


def test_one_that_a_borrower_closes_is_replaced(pool: AnyPool) -> None:
    with pool.connection() as conn, conn:
        conn.execute("CREATE TABLE t AS SELECT 1 AS n")
    assert conn.closed
    assert value(pool, "SELECT n FROM t") == 1


def test_old_ones_are_replaced(server: Server) -> None:
    with Pool(server.uri, max_size=1, max_lifetime=0.0) as pool:
        with pool.connection() as first:
            pass
        assert first.closed
        with pool.connection() as second:
            assert second is not first
    with Pool(server.uri, max_size=1, max_lifetime=0.3) as pool:
        with pool.connection() as first:
            pass
        time.sleep(0.3)  # what is tested is that this time passes
        with pool.connection() as second:
            assert first.closed
            assert second is not first
        assert pool.stats.broken == 0


def test_idle_ones_are_closed_down_to_the_least(server: Server) -> None:
    with Pool(server.uri, min_size=2, max_size=5, max_idle=0.0) as pool:
        assert (pool.stats.size, server.open_sessions) == (2, 2)
        borrowed = [pool.getconn() for _ in range(5)]
        assert server.open_sessions == 5
        for conn in borrowed:
            pool.putconn(conn)
        assert (pool.stats.size, pool.stats.idle, server.open_sessions) == (2, 2, 2)
        assert sum(conn.closed for conn in borrowed) == 3


def test_idle_ones_are_asked_before_they_are_lent(server: Server) -> None:
    with Pool(server.uri, max_size=1, check_after=0.0) as pool:
        with pool.connection() as first:
            pass
        with pool.connection() as second:
            assert second is first
        server.fail_next("GetFlightInfo", "INTERNAL", "broken", times=1)
        with pool.connection() as third:
            assert third is not first
            assert third.execute("SELECT 1").fetchone() == (1,)
        assert (pool.stats.opened, pool.stats.broken) == (2, 1)


def test_an_expired_session_is_no_matter(pool: AnyPool, server: Server) -> None:
    assert value(pool, "SELECT 1") == 1
    server.expire_sessions()
    assert value(pool, "SELECT 2") == 2


def test_a_server_that_is_not_there_is_told_and_takes_no_place() -> None:
    with ServerProcess() as server:
        port = server.port
    where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "tls": False}
    pool = Pool(username="local", password="local", **where, max_size=1)
    for _ in range(2):
        with pytest.raises(OperationalError, match=str(port)), pool.connection():
            raise AssertionError
    with pytest.raises(OperationalError, match=str(port)):
        pool.open()
    assert pool.stats.size == 0
    pool.close()


def test_a_server_that_is_restarted(tmp_path: Path) -> None:
    database = str(tmp_path / "data.duckdb")
    done: list[int] = []
    stop = threading.Event()
    with ServerProcess(database) as server:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "tls": False}
        pool = Pool(username="local", password="local", **where, max_size=4)
        with pool.connection() as conn:
            conn.execute("CREATE TABLE t (n INT)")

        def work(first: int) -> None:
            n = first
            while not stop.is_set():
                try:
                    with pool.connection(timeout=20) as conn:
                        conn.execute("INSERT INTO t VALUES (?)", (n,))
                except altertable_dbapi.Error:
                    stop.wait(0.02)  # not at once: the server is away
                else:
                    done.append(n)
                n += 1

        with ThreadPoolExecutor(8) as executor:
            for number in range(8):
                executor.submit(work, number * 1_000_000)
            try:
                until(lambda: len(done) > 10)
                server.kill()
                with ServerProcess(database, server.port):
                    before = len(done)
                    until(lambda: len(done) > before + 15)
                    stop.set()
                    executor.shutdown()
                    found = {n for (n,) in _rows(pool, "SELECT n FROM t")}
                    # One whose answer was lost with the server may be there.
                    assert set(done) <= found
                    assert len(found) - len(done) <= 4
                    assert (pool.stats.lent, pool.stats.waiting) == (0, 0)
                    assert pool.stats.size == pool.stats.idle <= 4
                    pool.close()
            finally:
                stop.set()
    assert pool.stats.size == 0


def _rows(pool: AnyPool, query: str) -> list[tuple[Any, ...]]:
    with pool.connection() as conn:
        return conn.execute(query).fetchall()


# Opening and closing


def test_closing_tells_who_waits_and_ends_what_comes_back(server: Server) -> None:
    pool = Pool(server.uri, max_size=1)
    conn = pool.getconn()
    with ThreadPoolExecutor(1) as executor:
        waits = executor.submit(pool.getconn)
        until(lambda: pool.stats.waiting == 1)
        pool.close()
        with pytest.raises(InterfaceError, match="the pool is closed"):
            waits.result()
    assert conn.execute("SELECT 1").fetchone() == (1,)
    pool.putconn(conn)
    assert conn.closed
    assert (pool.stats.size, server.open_sessions) == (0, 0)
    pool.close()
    for use in (pool.getconn, pool.open, pool.wait):
        with pytest.raises(InterfaceError, match="the pool is closed"):
            use()


def test_closing_while_one_is_opened(server: Server) -> None:
    pools: list[AnyPool] = []
    pools.append(Pool(server.uri, max_size=1, configure=lambda _: pools[0].close()))
    with pytest.raises(InterfaceError, match="the pool is closed"):
        pools[0].getconn()
    assert (pools[0].stats.size, server.open_sessions) == (0, 0)


def test_a_pool_that_is_forgotten_is_closed(server: Server) -> None:
    pool = Pool(server.uri, min_size=2, max_size=2)
    pool.open()
    forgotten = [pool]
    del pool
    with pytest.warns(ResourceWarning, match="a pool of 2 connections was not closed"):
        forgotten.clear()
    gc.collect()
    assert server.open_sessions == 0


def test_the_exit_of_the_interpreter(server: Server) -> None:
    program = (
        "import sys, threading, altertable_dbapi.pool as p\n"
        "pool = p.Pool(sys.argv[1], min_size=3)\n"
        "pool.open()\n"
        "lent = pool.getconn()\n"
        "pool.putconn(lent)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", program, server.uri],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert server.open_sessions == 0


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork")
def test_a_forked_child_is_refused(server: Server) -> None:
    program = (
        "import os, sys, warnings, altertable_dbapi as a, altertable_dbapi.pool as p\n"
        "warnings.simplefilter('ignore', DeprecationWarning)\n"
        "pool, unused = p.Pool(sys.argv[1], min_size=2), p.Pool(sys.argv[1])\n"
        "pool.open()\n"
        "lent = pool.getconn()\n"
        "if os.fork() == 0:\n"
        "    for use in (pool.getconn, pool.open, unused.getconn):\n"
        "        try:\n"
        "            use()\n"
        "        except a.InterfaceError as error:\n"
        "            print('fork' in str(error), flush=True)\n"
        "    pool.putconn(lent)\n"
        "    pool.close()\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print(lent.execute('SELECT 5').fetchone())\n"
        "pool.putconn(lent)\n"
        "pool.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, server.uri], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("True\nTrue\nTrue\n(5,)\n", "")
    assert server.open_sessions == 0


def test_numbers_that_are_wrong() -> None:
    for wrong, said in [
        ({"max_size": 0}, "max_size is 0"),
        ({"min_size": 5, "max_size": 4}, "min_size is 5, which is more than max_size, 4"),
        ({"timeout": -1}, "timeout is -1"),
        ({"max_idle": float("nan")}, "max_idle is nan"),
        ({"max_waiting": True}, "max_waiting is True"),
    ]:
        with pytest.raises(ProgrammingError, match=said):
            Pool("local", **wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'max_sice'"):
        Pool("local", max_sice=3)  # type: ignore[call-overload]


def test_no_secret_is_shown() -> None:
    pool = Pool("altertable://u:verysecret@host", password="hidden")
    shown = repr(pool) + repr(vars(pool))
    assert "verysecret" not in shown
    assert "hidden" not in shown
