"""Record batches that are read as they are asked for, and batches that a load is given."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterable, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from ..errors import InterfaceError
from .bridge import Bridge

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..result.result import Result


T = TypeVar("T")


class AsyncRecordBatchReader:
    """What is left of a result: ``async for batch in reader``.

    It holds one record batch at a time, until another statement of the connection makes it hold
    the rest. Used as a context manager, it drops what was not read.
    """

    def __init__(self, bridge: Bridge, result: Result) -> None:
        self._bridge = bridge
        self._result: Result | None = result
        self._schema = result.schema

    @property
    def schema(self) -> pa.Schema:
        """The schema of the batches."""
        return self._schema

    def _reading(self) -> Result:
        if self._result is None:
            raise InterfaceError("the reader is closed")
        return self._result

    async def read_next_batch(self) -> pa.RecordBatch | None:
        """The next batch, or None at the end."""
        return await self._call(self._reading().read_batch)

    async def read_all(self) -> pa.Table:
        """All that is left, as a table."""
        return await self._call(self._reading().read_table)

    async def _call(self, function: Callable[[], T]) -> T:
        return await self._bridge.call(function, self._drop)

    def _drop(self) -> None:
        result, self._result = self._result, None
        if result is not None:
            result.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> pa.RecordBatch:
        batch = await self.read_next_batch()
        if batch is None:
            raise StopAsyncIteration
        return batch

    async def close(self) -> None:
        """Drop what was not read. Idempotent."""
        result, self._result = self._result, None
        if result is not None and not self._bridge.connection.closed:
            await self._bridge.call(result.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class Feed:
    """What an asynchronous iterable gives, as an iterator for another thread.

    One item is taken when the other thread asks for it, so that nothing piles up.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wanted = asyncio.Event()
        self._items: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[Any]:
        """In the other thread: the items."""
        while True:
            self._loop.call_soon_threadsafe(self._wanted.set)
            kind, value = self._items.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value

    async def pump(self, source: AsyncIterable[Any], done: asyncio.Future[None]) -> None:
        """Hand over the items of `source`, in the task that has it, until `done`."""
        try:
            if not await self._is_wanted(done):
                return
            async for item in source:
                self._items.put(("item", item))
                if not await self._is_wanted(done):
                    return
            self._items.put(("end", None))
        except BaseException as error:
            self._items.put(("error", _Given(error)))
            raise

    async def _is_wanted(self, done: asyncio.Future[None]) -> bool:
        wanted: asyncio.Future[Any] = asyncio.ensure_future(self._wanted.wait())
        waited: asyncio.Future[Any] = done
        try:
            await asyncio.wait([wanted, waited], return_when=asyncio.FIRST_COMPLETED)
        finally:
            wanted.cancel()
        self._wanted.clear()
        return not done.done()


class _Given(Exception):
    """In the other thread: the source has failed, so that nothing is loaded."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"the data has failed with {type(error).__name__}")
