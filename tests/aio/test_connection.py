"""Connections and cursors of asyncio, over the wire."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import aio, dict_row, scalar_row
from altertable_dbapi.local import Server

Program = Callable[[Server], Coroutine[Any, Any, None]]


def test_rows_in_every_way(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri) as conn:
            async with conn.cursor() as cursor:
                assert await cursor.execute("SELECT range FROM range(70000)") is cursor
                assert await cursor.fetchone() == (0,)
                assert await cursor.fetchmany(2) == [(1,), (2,)]
                assert [row async for row in cursor] == [(n,) for n in range(3, 70000)]
                assert cursor.rowcount == 70000
                assert await cursor.fetchone() is None
            cursor = await conn.execute("SELECT $a AS a, 'x' AS b", {"a": 5})
            assert [column[0] for column in cursor.description or ()] == ["a", "b"]
            assert await cursor.fetchall() == [(5, "x")]
            dicts = await conn.cursor(row_factory=dict_row).execute("SELECT 1 AS n")
            assert await dicts.fetchone() == {"n": 1}
            table = await (await conn.execute("SELECT 1 AS n")).fetch_arrow_table()
            assert table.to_pydict() == {"n": [1]}
            with pytest.raises(altertable_dbapi.ProgrammingError, match="no rows to fetch"):
                await conn.cursor().fetchone()
            assert await conn.get_place() == ("local", "main")
        assert conn.closed

    asyncio.run(program())


def test_row_factories_of_the_connection(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri, row_factory=scalar_row) as conn:
            assert [n async for n in await conn.execute("FROM range(3)")] == [0, 1, 2]
            conn.row_factory = scalar_row
            assert await (await conn.execute("SELECT 7")).fetchone() == 7

    asyncio.run(program())


def test_changes_belong_to_transactions(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri) as conn:
            await conn.execute("CREATE TABLE t (a INT)")
            await conn.cursor().executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
            assert conn.in_transaction
        with pytest.raises(ZeroDivisionError):
            async with await aio.connect(server.uri) as conn:
                await conn.execute("DELETE FROM t")
                1 / 0  # noqa: B018
        async with await aio.connect(server.uri, autocommit=True) as conn:
            with pytest.raises(ZeroDivisionError):
                async with conn.transaction() as same:
                    assert same is conn
                    await conn.execute("DELETE FROM t")
                    with pytest.raises(altertable_dbapi.ProgrammingError, match="end of its block"):
                        await conn.commit()
                    1 / 0  # noqa: B018
            async with conn.transaction():
                await conn.execute("INSERT INTO t VALUES (3)")
            assert await (await conn.execute("FROM t ORDER BY a")).fetchall() == [(1,), (2,), (3,)]

    asyncio.run(program())


def test_introspection(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            await conn.execute("CREATE TABLE t (a INT PRIMARY KEY)")
            assert (await conn.get_tables())["table_name"].to_pylist() == ["t"]
            assert (await conn.get_table_schema("t")).names == ["a"]
            assert await conn.is_usable()

    asyncio.run(program())


async def batches(count: int) -> AsyncIterator[pa.RecordBatch]:
    for n in range(count):
        await asyncio.sleep(0)
        yield pa.record_batch({"a": [n]})


def test_load_from_sync_and_async_iterables(server: Server) -> None:
    async def failing() -> AsyncIterator[pa.RecordBatch]:
        async for batch in batches(3):
            yield batch
        raise ZeroDivisionError("of the source")

    async def program() -> None:
        async with await aio.connect(server.uri, autocommit=True) as conn:
            assert await conn.load("t", {"a": [1, 2]}, mode="create") == 2
            assert await conn.load("t", batches(50)) == 50
            assert await conn.load("t", (pa.record_batch({"a": [n]}) for n in range(3))) == 3
            with pytest.raises(ZeroDivisionError, match="of the source"):
                await conn.load("t", failing())
            # The server refuses what is there after the first item: the source is asked no more.
            with pytest.raises(altertable_dbapi.ProgrammingError, match="exists"):
                await conn.load("t", batches(5), mode="create")
            assert await (await conn.execute("SELECT count(*) FROM t")).fetchone() == (55,)

    asyncio.run(program())


def test_batches_are_read_as_they_are_asked_for(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri) as conn:
            # 8 GB, of which no more than a few batches are held at any time.
            cursor = await conn.execute("SELECT range AS n FROM range(1000000000)")
            rows = 0
            async with await cursor.fetch_record_batch() as reader:
                assert reader.schema.names == ["n"]
                async for batch in reader:
                    rows += batch.num_rows
                    assert pa.total_allocated_bytes() < 200_000_000
                    if rows > 1_000_000:
                        break
            assert await (await conn.execute("SELECT 1")).fetchone() == (1,)
            with pytest.raises(altertable_dbapi.InterfaceError, match="reader is closed"):
                await reader.read_next_batch()

    asyncio.run(program())


def test_tasks_on_one_connection_wait_for_each_other(server: Server) -> None:
    async def program() -> None:
        async with await aio.connect(server.uri) as conn:

            async def ask(n: int) -> Any:
                return await (await conn.execute("SELECT ?", (n,))).fetchall()

            asked = await asyncio.gather(*(ask(n) for n in range(20)))
            assert asked == [[(n,)] for n in range(20)]

    asyncio.run(program())


def test_one_connection_in_two_loops(server: Server) -> None:
    async def one() -> aio.AsyncConnection[tuple[Any, ...]]:
        conn = await aio.connect(server.uri)
        await conn.execute("SELECT 1")
        return conn

    async def other(conn: aio.AsyncConnection[tuple[Any, ...]]) -> None:
        assert await (await conn.execute("SELECT 2")).fetchone() == (2,)
        await conn.close()
        with pytest.raises(altertable_dbapi.InterfaceError, match="closed"):
            await conn.execute("SELECT 3")
        with pytest.raises(altertable_dbapi.InterfaceError, match="closed already"):
            await conn.close()

    asyncio.run(other(asyncio.run(one())))


def aio_threads() -> int:
    return sum(thread.name == "altertable-aio" for thread in threading.enumerate())


def test_one_that_is_not_closed_is_closed_with_a_warning(server: Server) -> None:
    async def program() -> None:
        conn = await aio.connect(server.uri)
        await conn.execute("SELECT 1")
        assert server.open_sessions == 1
        left = [conn]
        del conn

        def forget() -> None:
            left.clear()
            gc.collect()

        with pytest.warns(ResourceWarning, match="AsyncConnection .* was not closed"):
            forget()

    asyncio.run(program())
    deadline = time.monotonic() + 10
    while (server.open_sessions or aio_threads()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (server.open_sessions, aio_threads()) == (0, 0)


def test_without_a_loop_it_says_so(server: Server) -> None:
    opening = aio.connect(server.uri)
    with pytest.raises(altertable_dbapi.InterfaceError, match="asyncio's event loop"):
        opening.send(None)


def test_a_connection_that_cannot_be_opened() -> None:
    async def program() -> None:
        with pytest.raises(altertable_dbapi.OperationalError):
            await aio.connect("altertable://a:b@localhost:1?tls=false&connect_timeout=5")

    asyncio.run(program())


def test_the_loop_runs_on_while_rows_stream(server: Server) -> None:
    async def program() -> float:
        turns, done = 0, asyncio.Event()

        async def watch() -> None:
            nonlocal turns
            while not done.is_set():
                await asyncio.sleep(0)
                turns += 1

        async with await aio.connect(server.uri) as conn:
            cursor = await conn.execute("SELECT range FROM range(5000000)")
            watching = asyncio.create_task(watch())
            rows = batches = 0
            async for batch in await cursor.fetch_record_batch():
                rows += batch.num_rows
                batches += 1
            done.set()
            await watching
        assert rows == 5_000_000
        return turns / batches

    # A loop that waits for each batch takes a turn or two for it.
    assert asyncio.run(program()) > 4
