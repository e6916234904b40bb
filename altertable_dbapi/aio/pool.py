"""The pool of asynchronous connections, for the tasks of one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import os
import time
import warnings
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import adbc_driver_manager as adbc

from .. import _connect as synchronous
from ..errors import InterfaceError
from ..logs import logger
from ..pool import lending
from ..pool.errors import PoolTimeout, closed
from ..pool.ledger import Ledger, Member, PoolStats, Waiter
from ..pool.limits import checked, concealed, seconds
from ..process import exiting, fork
from ..rows.factories import RowFactory
from .connection import AsyncConnection, opened

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from .._connect import ConnectionSettings

Row = TypeVar("Row")


class AsyncPool(Generic[Row]):
    """Connections that are kept open, and lent to one task at a time.

    It is `Pool` for asyncio: the parameters are the same, except that `configure` is a coroutine
    function. It belongs to the event loop that first uses it.

    A task that is cancelled while it waits leaves the queue at once, and what it was given in that
    moment goes to the next. A connection is back, or closed, before a cancelled task goes on.
    """

    @overload
    def __init__(
        self: AsyncPool[tuple[Any, ...]],
        uri: str | None = None,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 30.0,
        max_waiting: int = 0,
        max_lifetime: float = 3600.0,
        max_idle: float = 600.0,
        check_after: float = 60.0,
        configure: Callable[[AsyncConnection[Any]], Awaitable[object]] | None = None,
        **settings: Unpack[ConnectionSettings],
    ) -> None: ...

    @overload
    def __init__(
        self,
        uri: str | None = None,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 30.0,
        max_waiting: int = 0,
        max_lifetime: float = 3600.0,
        max_idle: float = 600.0,
        check_after: float = 60.0,
        configure: Callable[[AsyncConnection[Any]], Awaitable[object]] | None = None,
        row_factory: RowFactory[Row],
        **settings: Unpack[ConnectionSettings],
    ) -> None: ...

    def __init__(
        self,
        uri: str | None = None,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 30.0,
        max_waiting: int = 0,
        max_lifetime: float = 3600.0,
        max_idle: float = 600.0,
        check_after: float = 60.0,
        configure: Callable[[AsyncConnection[Any]], Awaitable[object]] | None = None,
        **settings: Any,
    ) -> None:
        self._settings = concealed(uri, settings)
        self._ledger: Ledger[AsyncConnection[Row]] = Ledger(checked(locals()))
        self._configure = configure
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        fork.watch(self)
        exiting.watch(self)

    def __repr__(self) -> str:
        stats = self.stats
        state = "closed " if self._ledger.closed else ""
        return f"<altertable_dbapi.aio.AsyncPool {state}{stats.lent} lent, {stats.idle} idle>"

    @property
    def closed(self) -> bool:
        """Whether the pool is closed."""
        return self._ledger.closed

    @property
    def stats(self) -> PoolStats:
        """What the pool has now, and has done."""
        return self._ledger.stats

    # Lending

    def connection(
        self, timeout: float | None = None
    ) -> AbstractAsyncContextManager[AsyncConnection[Row]]:
        """A block with a connection: ``async with``; see `Pool.connection`."""
        return _Loan(self, timeout)

    async def getconn(self, timeout: float | None = None) -> AsyncConnection[Row]:
        """Borrow a connection, which has to be given back: `connection` does that by itself."""
        limit = self._ledger.limits.timeout if timeout is None else seconds("timeout", timeout)
        ready: asyncio.Future[None] = self._checked_loop().create_future()
        asked = self._ledger.ask(functools.partial(_wake, ready))
        member = await self._granted(asked, ready, limit) if isinstance(asked, Waiter) else asked
        try:
            connection = await self._connected(member)
            if not self._ledger.lend(member):
                raise closed()
        except BaseException:
            await self._give(member, fit=False)
            raise
        return connection

    async def putconn(self, connection: AsyncConnection[Row]) -> None:
        """Give a connection back; a cancelled task goes on when it is.

        Raises
        ------
        ProgrammingError
            It is not lent by this pool.
        """
        if self._pid != os.getpid():
            return  # a block that a forked child leaves: it is the parent's
        member = self._ledger.take_back(connection)
        fit: list[bool] = []
        try:
            bridge = connection._bridge
            if (
                bridge.doubt is not None
                or connection.closed
                or not lending.is_sound(bridge.connection)
            ):
                if bridge.doubt is not None:
                    logger.warning(
                        "nobody has asked how a cancelled commit ended: %s", bridge.doubt
                    )
                self._ledger.broke()
            elif not (self._ledger.closed or self._ledger.is_old(member)):
                assert member.defaults is not None
                reset = functools.partial(lending.reset, bridge.connection, member.defaults)
                await bridge.finish(lambda: fit.append(reset()))
        finally:
            await self._give(member, fit == [True])
        for surplus in self._ledger.surplus():
            await _close(surplus)

    async def _granted(
        self, waiter: Waiter[AsyncConnection[Row]], ready: asyncio.Future[None], limit: float
    ) -> Member[AsyncConnection[Row]]:
        """Wait for what comes free."""
        try:
            # Not the future itself, which would be cancelled with the task.
            await asyncio.wait([ready], timeout=None if math.isinf(limit) else limit)
        except BaseException:
            member = self._ledger.leave(waiter)
            if member is not None:
                await self._give(member, fit=True)
            raise
        member = self._ledger.leave(waiter)
        if member is None:
            raise self._ledger.refused(limit)
        return member

    async def _connected(self, member: Member[AsyncConnection[Row]]) -> AsyncConnection[Row]:
        """The connection of a member, opened where it has none that is usable."""
        connection = member.connection
        if connection is not None:
            if not self._ledger.is_old(member):
                if not self._ledger.is_doubtful(member) or await connection.is_usable():
                    return connection
                self._ledger.broke()
            member.connection = None
            await _close(connection)
        connection = await opened(functools.partial(synchronous.connect, **self._settings))
        try:
            if self._configure is not None:
                await self._configure(connection)
                await connection.commit()
            defaults = lending.Defaults.of(connection._sync)
        except BaseException:
            await _close(connection)
            raise
        self._ledger.opened(member, connection, defaults)
        return connection

    async def _give(self, member: Member[AsyncConnection[Row]], fit: bool) -> None:
        """Give a member to whoever waits; its connection is closed unless it is fit."""
        connection = member.connection
        try:
            if connection is not None and not fit:
                member.connection = None
                await _close(connection)
        finally:
            if not self._ledger.give(member) and connection is not None:
                await _close(connection)

    # Opening and closing

    async def open(self, timeout: float | None = None) -> None:
        """Open `min_size` connections now; see `Pool.open`."""
        limit = self._ledger.limits.timeout if timeout is None else seconds("timeout", timeout)
        self._checked_loop()
        deadline = time.monotonic() + limit
        while (member := self._ledger.missing()) is not None:
            fit = False
            try:
                if time.monotonic() > deadline:
                    raise PoolTimeout(
                        f"the pool has not opened {self._ledger.limits.min_size} connections "
                        f"(min_size) within {limit:g} s (timeout)"
                    )
                await self._connected(member)
                fit = True
            finally:
                await self._give(member, fit)

    async def wait(self, timeout: float | None = None) -> None:
        """Do what `open` does, under the name that it has in psycopg_pool."""
        await self.open(timeout)

    async def close(self) -> None:
        """Close the pool and what is idle; who waits is told. What is lent is closed as it comes.

        Idempotent. It waits for nobody, and a cancelled task goes on when it is done.
        """
        if self._pid != os.getpid():
            return  # it is the parent's
        cancelled = None
        for connection in self._ledger.close():
            try:
                await _close(connection)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __del__(self) -> None:
        ledger = getattr(self, "_ledger", None)
        if ledger is None or ledger.closed or getattr(self, "_pid", 0) != os.getpid():
            return
        if idle := ledger.close():
            for connection in idle:
                connection._bridge.worker.stop_after(connection._sync._close)
            warnings.warn(
                f"a pool of {len(idle)} connections was not closed",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    # The process

    def _checked_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of this task, which has to be the pool's.

        Raises
        ------
        InterfaceError
            It is another one, or another process.
        """
        if self._pid != os.getpid():
            raise fork.inherited("this pool")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError as error:
            raise InterfaceError(
                "AsyncPool is for asyncio's event loop, and none is running here"
            ) from error
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise InterfaceError(
                "this pool is used in another event loop than before; make one in each loop"
            )
        return loop

    def inherit(self) -> None:
        """In a forked child: all of it is the parent's, unless nothing was opened yet."""
        if self._ledger.unused:
            self._pid, self._loop = os.getpid(), None
        else:
            fork.leak(self)

    def leave(self, in_time: bool) -> None:
        """At the interpreter's exit: close what is idle."""
        if in_time and self._pid == os.getpid():
            for connection in self._ledger.close():
                connection._bridge.worker.stop()
                lending.close(connection._sync)


class _Loan(AbstractAsyncContextManager["AsyncConnection[Row]"], Generic[Row]):
    """A block with a connection of a pool."""

    def __init__(self, pool: AsyncPool[Row], timeout: float | None) -> None:
        self._pool = pool
        self._timeout = timeout
        self._connection: AsyncConnection[Row] | None = None

    async def __aenter__(self) -> AsyncConnection[Row]:
        connection = self._connection = await self._pool.getconn(self._timeout)
        return connection

    async def __aexit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        connection, self._connection = self._connection, None
        if connection is None or connection._sync._session.lifetime.inherited:
            return
        bridge = connection._bridge
        session = connection._sync._session
        try:
            if not connection.closed:
                if exc_type is None:
                    await bridge.call(session.commit, ends_transaction=True)
                else:
                    await bridge.finish(session.roll_back_quietly)
        finally:
            await self._pool.putconn(connection)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _close(connection: AsyncConnection[Any]) -> None:
    """Close a connection of which nobody is told more; done before a cancelled task goes on."""
    if not connection._bridge.worker.stopped:
        with contextlib.suppress(adbc.Error):
            await connection._end(connection._sync._close)
