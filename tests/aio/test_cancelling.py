"""Tasks that are cancelled: the statement ends, the connection goes on, and nothing is left."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import aio
from altertable_dbapi.local import Server

SLOW = "SELECT count(*) FROM range(100000000) a, range(100000000) b"
Conn = aio.AsyncConnection[tuple[Any, ...]]


async def goes_on(conn: Conn) -> None:
    assert await (await conn.execute("SELECT 42")).fetchone() == (42,)


async def sent(server: Server, text: str) -> None:
    """Wait until the server has a statement."""
    while not any(text in said for said in server.executed):
        await asyncio.sleep(0.001)


async def cancelled(task: asyncio.Task[Any]) -> float:
    """Cancel a task; the seconds until it has ended."""
    started = time.perf_counter()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.perf_counter() - started


def test_a_statement_that_runs(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            running = asyncio.create_task(conn.execute(SLOW))
            await sent(server, SLOW)
            assert await cancelled(running) < 5
            await goes_on(conn)

    asyncio.run(program())


def test_timeouts_and_task_groups(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(conn.execute(SLOW), 0.2)
            await goes_on(conn)

            async def failing() -> None:
                await sent(server, SLOW)
                raise ZeroDivisionError

            tasks = [asyncio.ensure_future(conn.execute(SLOW)), asyncio.ensure_future(failing())]
            with pytest.raises(ZeroDivisionError):
                await asyncio.gather(*tasks)
            tasks[0].cancel()
            await asyncio.wait(tasks)
            assert tasks[0].cancelled()
            await goes_on(conn)

    asyncio.run(program())


def test_one_that_waits_for_another_is_not_sent(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            running = asyncio.create_task(conn.execute(SLOW))
            await sent(server, SLOW)
            waiting = asyncio.create_task(conn.execute("SELECT 'waiting'"))
            await asyncio.sleep(0)
            assert await cancelled(waiting) < 5
            assert not running.done()
            await cancelled(running)
            await goes_on(conn)
        assert not any("waiting" in text for text in server.executed)

    asyncio.run(program())


def test_a_fetch(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            cursor = await conn.execute("SELECT range FROM range(1000000000)")
            fetching = asyncio.create_task(cursor.fetch_arrow_table())
            await asyncio.sleep(0.05)
            assert await cancelled(fetching) < 5
            with pytest.raises(altertable_dbapi.ProgrammingError, match="to fetch"):
                await cursor.fetchone()
            await goes_on(conn)

    asyncio.run(program())


def test_leaving_a_loop_over_rows(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            async with conn.cursor() as cursor:
                async for row in await cursor.execute("SELECT range FROM range(1000000000)"):
                    assert row == (0,)
                    break
            await goes_on(conn)

    asyncio.run(program())


def test_a_load_loads_nothing(server: Server) -> None:
    started = asyncio.Event

    async def program() -> None:
        given = started()

        async def source() -> AsyncIterator[pa.RecordBatch]:
            yield pa.record_batch({"a": [1]})
            given.set()
            await asyncio.Event().wait()

        async with await aio.connect(server.uri, autocommit=True) as conn:
            await conn.execute("CREATE TABLE t (a BIGINT)")
            loading = asyncio.create_task(conn.load("t", source()))
            await given.wait()
            assert await cancelled(loading) < 5
            assert await (await conn.execute("SELECT count(*) FROM t")).fetchone() == (0,)

    asyncio.run(program())


def test_a_connect_is_left_at_once_and_closes_what_it_opens(server: Server) -> None:
    server.delay_next("Handshake", 4.0)

    async def program() -> None:
        opening = asyncio.create_task(aio.connect(server.uri))
        await asyncio.sleep(0.1)
        assert await cancelled(opening) < 3

    asyncio.run(program())
    nothing_is_left(server)


async def commit_cancelled(server: Server, conn: Conn, delay: float) -> None:
    await conn.execute("CREATE TABLE t (a INT)")
    server.delay_next("DoAction:EndTransaction", delay)
    committing = asyncio.create_task(conn.commit())
    while not any("EndTransaction" in call for call in server.calls):
        await asyncio.sleep(0.001)
    await cancelled(committing)


def test_a_commit_that_is_answered_in_spite_of_all_is_one(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri) as conn:
            await commit_cancelled(server, conn, 0.3)
            assert not conn.in_transaction
            assert await (await conn.execute("FROM t")).fetchall() == []

    asyncio.run(program())


def test_a_commit_without_answer_is_in_doubt_for_whoever_asks_next(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri, update_timeout=0.3) as conn:
            await commit_cancelled(server, conn, 1.0)
            with pytest.raises(altertable_dbapi.OperationalError, match="committed is not known"):
                await conn.execute("SELECT 1")
            await goes_on(conn)

    asyncio.run(program())


def test_a_begin_leaves_no_transaction(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            for pause in (0.0, 0.001, 0.005, 0.02):

                async def block() -> None:
                    async with conn.transaction():
                        await asyncio.Event().wait()

                task = asyncio.create_task(block())
                await asyncio.sleep(pause)
                await cancelled(task)
                assert not conn.in_transaction
                await goes_on(conn)

    asyncio.run(program())


def nothing_is_left(server: Server) -> None:
    """No session, statement, or thread of a connection."""

    def left() -> tuple[int, int, int]:
        threads = sum(thread.name == "altertable-aio" for thread in threading.enumerate())
        return server.open_sessions, server.open_statements, threads

    deadline = time.monotonic() + 20
    while left() != (0, 0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left() == (0, 0, 0)


def test_two_thousand_cancelled_tasks_leave_nothing(server: Server) -> None:
    chance = random.Random(18)

    async def work(conn: Conn) -> None:
        kind = chance.randrange(6)
        if kind == 0:
            await (await conn.execute("SELECT sum(range) FROM range(3000000)")).fetchall()
        elif kind == 1:
            async with conn.transaction():
                await conn.execute("INSERT INTO t VALUES (1)")
                await asyncio.sleep(0.002)
        elif kind == 2:
            async for _ in await conn.execute("SELECT range FROM range(100000)"):
                pass
        elif kind == 3:
            await conn.execute("SELECT $a + 1", {"a": chance.randrange(100)})
        elif kind == 4:
            await conn.load("t", {"a": [1, 2, 3]})
        else:
            async with await aio.connect(server.uri) as other:
                await other.execute("INSERT INTO t VALUES (2)")

    async def lane(number: int) -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            for _ in range(250):
                task = asyncio.create_task(work(conn))
                await asyncio.sleep(chance.choice([0, 0, 0.001, 0.003, 0.01]))
                task.cancel()
                await asyncio.wait([task])
                error = None if task.cancelled() else task.exception()
                # A commit that was cancelled is told to the next, and writers meet.
                assert error is None or isinstance(error, altertable_dbapi.OperationalError), error
            await settled(conn)
            assert not conn.in_transaction

    async def settled(conn: Conn) -> None:
        try:
            await goes_on(conn)
        except altertable_dbapi.OperationalError:  # the doubt of the last one
            await goes_on(conn)

    async def program() -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            await conn.execute("CREATE TABLE t (a BIGINT)")
        await asyncio.gather(*(lane(number) for number in range(8)))

    asyncio.run(program())
    nothing_is_left(server)
