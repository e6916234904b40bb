"""The pool of tasks: what cancelled ones leave, and what is the same as for threads."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from typing import Any

import pytest

from altertable_dbapi import InterfaceError, OperationalError, ProgrammingError
from altertable_dbapi.aio import AsyncConnection, AsyncPool
from altertable_dbapi.local import Server
from altertable_dbapi.pool import PoolTimeout

from ..support.server_process import ServerProcess

AnyPool = AsyncPool[tuple[Any, ...]]


async def value(pool: AnyPool, query: str) -> Any:
    async with pool.connection() as conn:
        rows = await (await conn.execute(query)).fetchall()
        return rows[0][0]


async def is_waiting(pool: AnyPool, count: int) -> None:
    while pool.stats.waiting != count:
        await asyncio.sleep(0)


def threads() -> int:
    return sum(thread.name.startswith("altertable-aio") for thread in threading.enumerate())


def test_many_tasks_on_few_connections(server: Server) -> None:
    async def program() -> None:
        async with AsyncPool(server.uri, max_size=4) as pool:
            async with pool.connection() as conn:
                await conn.execute("CREATE TABLE t (n INT)")

            async def work(n: int) -> None:
                async with pool.connection() as conn:
                    await conn.execute("INSERT INTO t VALUES (?)", (n,))
                with pytest.raises(ZeroDivisionError):
                    async with pool.connection() as conn:
                        await conn.execute("INSERT INTO t VALUES (-1)")
                        1 / 0  # noqa: B018
                assert threads() <= 4

            await asyncio.gather(*map(work, range(32)))
            assert await value(pool, "SELECT count(DISTINCT n) FROM t WHERE n >= 0") == 32
            assert await value(pool, "SELECT count(*) FROM t") == 32
            stats = pool.stats
            assert (stats.lent, stats.waiting, stats.broken) == (0, 0, 0)
            assert stats.size == stats.idle <= 4
        assert (pool.stats.size, server.open_sessions, threads()) == (0, 0, 0)

    asyncio.run(program())


def test_tasks_that_are_cancelled_anywhere_lose_no_connection(server: Server) -> None:
    chance = random.Random(5)

    async def program() -> None:
        async with AsyncPool(server.uri, max_size=3) as pool:

            async def work() -> None:
                async with pool.connection() as conn:
                    await conn.execute(
                        "SET VARIABLE mine = 1" if chance.random() < 0.1 else "BEGIN"
                    )
                    await (await conn.execute("SELECT 1")).fetchall()

            tasks = []
            for _ in range(150):
                tasks.append(asyncio.create_task(work()))
                await asyncio.sleep(chance.random() * 0.01)
                chance.choice(tasks).cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(result) for result in results} <= {type(None), asyncio.CancelledError}
            assert len({type(result) for result in results}) == 2
            stats = pool.stats
            assert (stats.lent, stats.waiting) == (0, 0)
            assert stats.size == stats.idle <= 3
            # All three can be had at once, and are as new.
            borrowed = [await pool.getconn(5) for _ in range(3)]
            for conn in borrowed:
                assert not conn.in_transaction
                row = await (await conn.execute("SELECT getvariable('mine')")).fetchone()
                assert row == (None,)
                await pool.putconn(conn)
        assert (server.open_sessions, threads()) == (0, 0)

    asyncio.run(program())


def test_a_waiter_that_is_cancelled_as_it_is_served(server: Server) -> None:
    async def program() -> None:
        async with AsyncPool(server.uri, max_size=1) as pool:
            conn = await pool.getconn()
            waiters = [asyncio.create_task(pool.getconn()) for _ in range(1000)]
            last = asyncio.create_task(pool.getconn())
            await is_waiting(pool, 1001)
            for waiter in waiters[1:]:
                waiter.cancel()
            await is_waiting(pool, 2)
            # The first has it already as it is cancelled, and has not run since.
            back = asyncio.create_task(pool.putconn(conn))
            while pool.stats.waiting == 2:
                await asyncio.sleep(0)
            waiters[0].cancel()
            results = await asyncio.gather(*waiters, return_exceptions=True)
            if isinstance(results[0], AsyncConnection):  # it was faster than this task
                await pool.putconn(results[0])
            assert all(isinstance(result, asyncio.CancelledError) for result in results[1:])
            await back
            assert await last is conn
            await pool.putconn(conn)
            assert (pool.stats.idle, pool.stats.size, pool.stats.lent) == (1, 1, 0)

    asyncio.run(program())


def test_those_who_wait_are_served_in_order_and_in_time(server: Server) -> None:
    async def program() -> None:
        order: list[int] = []
        async with AsyncPool(server.uri, max_size=1) as pool:

            async def work(number: int) -> None:
                async with pool.connection():
                    order.append(number)

            async with pool.connection():
                tasks = [asyncio.create_task(work(number)) for number in range(8)]
                await is_waiting(pool, 8)
                with pytest.raises(PoolTimeout, match=r"within 0\.1 s \(timeout\)"):
                    await pool.getconn(0.1)
            await asyncio.gather(*tasks)
            assert order == list(range(8))

    asyncio.run(program())


def test_nothing_is_left_to_the_next(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    async def configure(conn: AsyncConnection[Any]) -> None:
        await conn.execute("SET VARIABLE name = 'pool'")

    async def program() -> None:
        async with AsyncPool(server.uri, max_size=1, configure=configure) as pool:
            assert await value(pool, "SELECT getvariable('name')") == "pool"
            assert pool.stats.opened == 1
            async with pool.connection() as conn:
                await conn.execute("SET VARIABLE name = 'mine'")
                await conn.execute("CREATE TEMP TABLE own (n INT)")
            assert await value(pool, "SELECT getvariable('name')") == "pool"
            assert pool.stats.opened == 2
            conn = await pool.getconn()
            conn.autocommit = True
            await conn.execute("BEGIN")
            await pool.putconn(conn)
            assert "in a transaction: rolled back" in caplog.text
            async with pool.connection() as again:
                assert again is conn
                assert not (conn.autocommit or conn.in_transaction)
            with pytest.raises(ProgrammingError, match="not lent by this pool"):
                await pool.putconn(conn)
            server.fail_next("GetFlightInfo", "UNAVAILABLE", "away", times=1)
            with pytest.raises(OperationalError):
                async with pool.connection() as conn:
                    await conn.execute("SELECT 1")
            assert await value(pool, "SELECT 1") == 1

    asyncio.run(program())


def test_closing(server: Server) -> None:
    async def program() -> None:
        pool = AsyncPool(server.uri, max_size=1)
        conn = await pool.getconn()
        waiter = asyncio.create_task(pool.getconn())
        await is_waiting(pool, 1)
        await pool.close()
        with pytest.raises(InterfaceError, match="the pool is closed"):
            await waiter
        await pool.putconn(conn)
        assert conn.closed
        with pytest.raises(InterfaceError, match="the pool is closed"):
            await pool.wait()
        assert (pool.stats.size, server.open_sessions, threads()) == (0, 0, 0)

    asyncio.run(program())


def test_another_event_loop_is_refused(server: Server) -> None:
    pool = AsyncPool(server.uri)
    asyncio.run(pool.open())
    with pytest.raises(InterfaceError, match="another event loop"):
        asyncio.run(value(pool, "SELECT 1"))
    asyncio.run(pool.close())


def test_a_server_that_is_not_there() -> None:
    with ServerProcess() as gone:
        port = gone.port

    async def program() -> None:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "tls": False}
        pool = AsyncPool(username="local", password="local", **where, max_size=1)
        for _ in range(2):
            with pytest.raises(OperationalError, match=str(port)):
                await pool.getconn()
        assert pool.stats.size == 0
        await pool.close()

    asyncio.run(program())


def test_the_exit_of_the_interpreter(server: Server) -> None:
    program = (
        "import asyncio, sys\n"
        "from altertable_dbapi.aio import AsyncPool\n"
        "pool = AsyncPool(sys.argv[1], min_size=2)\n"
        "asyncio.run(pool.open())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", program, server.uri],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert server.open_sessions == 0
