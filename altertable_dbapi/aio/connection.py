"""The asynchronous connection: the synchronous one, whose calls run in a thread of its own."""

from __future__ import annotations

import functools
import warnings
from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ..connection import Connection
from ..errors import InterfaceError
from ..ingest.options import BATCH_BYTES, Progress
from ..parameters.bind import Parameters
from ..rows.factories import RowFactory
from .batches import Feed
from .bridge import Bridge, Mirror, mirrored
from .cursor import AsyncCursor
from .worker import Worker

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..arrow_input.loadable import ArrowType, Loadable
    from ..ingest.options import Mode
    from ..session.block import TransactionBlock
    from ..settings.checks import Binding

Row = TypeVar("Row")
OtherRow = TypeVar("OtherRow")


class AsyncConnection(Mirror, Generic[Row]):
    """An asynchronous connection; made by `connect`.

    Its methods are those of `Connection`, and do the same. One thread makes all its calls, one
    after the other, so that tasks which share it wait for each other. Used as a context manager
    it commits on success, rolls back on an exception, and closes either way.

    A task that is cancelled in a call cancels that call, and waits until the driver has let go of
    it; the connection goes on.
    """

    def __init__(self, worker: Worker, connection: Connection[Row]) -> None:
        self._bridge = Bridge(worker, connection)
        self._sync: Connection[Row] = connection

    def __repr__(self) -> str:
        return repr(self._sync).replace(".Connection", ".aio.AsyncConnection", 1)

    # What is known without a call

    @property
    def host(self) -> str:
        """The server's host name."""
        return self._sync.host

    @property
    def port(self) -> int:
        """The server's port."""
        return self._sync.port

    @property
    def user(self) -> str:
        """The user name."""
        return self._sync.user

    @property
    def database(self) -> str | None:
        """The catalog that the connection was opened with, if any."""
        return self._sync.database

    @property
    def closed(self) -> bool:
        """Whether the connection is closed."""
        return self._sync.closed or self._bridge.worker.stopped

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on the server."""
        return self._sync.in_transaction

    @property
    def autocommit(self) -> bool:
        """Whether each statement outside `transaction` is committed by itself; False by default."""
        return self._sync.autocommit

    @autocommit.setter
    def autocommit(self, enabled: bool) -> None:
        self._sync.autocommit = enabled

    @property
    def row_factory(self) -> RowFactory[Row]:
        """The row factory of cursors that are made from now on."""
        return self._sync.row_factory

    @row_factory.setter
    def row_factory(self, factory: RowFactory[Row]) -> None:
        self._sync.row_factory = factory

    # Cursors

    @overload
    def cursor(
        self,
        *,
        adbc_stmt_kwargs: Mapping[str, Any] | None = None,
        binding: Binding | None = None,
        query_timeout: float | None = None,
        fetch_timeout: float | None = None,
        update_timeout: float | None = None,
        statement_timeout: float | None = None,
    ) -> AsyncCursor[Row]: ...

    @overload
    def cursor(
        self,
        *,
        adbc_stmt_kwargs: Mapping[str, Any] | None = None,
        row_factory: RowFactory[OtherRow],
        binding: Binding | None = None,
        query_timeout: float | None = None,
        fetch_timeout: float | None = None,
        update_timeout: float | None = None,
        statement_timeout: float | None = None,
    ) -> AsyncCursor[OtherRow]: ...

    def cursor(
        self,
        *,
        adbc_stmt_kwargs: Mapping[str, Any] | None = None,
        row_factory: RowFactory[Any] | None = None,
        binding: Binding | None = None,
        query_timeout: float | None = None,
        fetch_timeout: float | None = None,
        update_timeout: float | None = None,
        statement_timeout: float | None = None,
    ) -> AsyncCursor[Any]:
        """A new cursor; see `Connection.cursor`. Nothing is awaited, since nothing is sent."""
        return AsyncCursor(
            self,
            self._sync.cursor(
                adbc_stmt_kwargs=adbc_stmt_kwargs,
                row_factory=self._sync.row_factory if row_factory is None else row_factory,
                binding=binding,
                query_timeout=query_timeout,
                fetch_timeout=fetch_timeout,
                update_timeout=update_timeout,
                statement_timeout=statement_timeout,
            ),
        )

    async def execute(
        self,
        operation: str,
        parameters: Parameters = None,
        *,
        adbc_stmt_kwargs: Mapping[str, Any] | None = None,
    ) -> AsyncCursor[Row]:
        """Execute a statement on a new cursor, and return the cursor."""
        return await self.cursor(adbc_stmt_kwargs=adbc_stmt_kwargs).execute(operation, parameters)

    # Transactions

    async def commit(self) -> None:
        """Commit the open transaction; see `Connection.commit`.

        A task that is cancelled meanwhile waits for the server's answer. Where that does not come
        (`update_timeout`, a lost connection) it is not known whether the transaction was committed:
        the next call of the connection raises OperationalError, which says so, and the log does.
        """
        await self._bridge.call(self._sync.commit, ends_transaction=True)

    rollback = mirrored(Connection.rollback)

    def transaction(self) -> AbstractAsyncContextManager[Self]:
        """A block in one transaction: ``async with``; see `Connection.transaction`."""
        return _AsyncTransaction(self)

    def cancel(self) -> None:
        """Cancel the call that is under way, from another task."""
        self._sync.cancel()

    def adbc_cancel(self) -> None:
        """Cancel the call that is under way, from another task."""
        self._sync.adbc_cancel()

    # Loading

    async def load(
        self,
        table: str,
        data: Loadable | AsyncIterable[Any],
        *,
        mode: Mode = "append",
        catalog: str | None = None,
        schema: str | None = None,
        primary_key: str | Sequence[str] | None = None,
        cursor_field: str | Sequence[str] | None = None,
        on_progress: Progress | None = None,
        batch_bytes: int = BATCH_BYTES,
        delimiter: str | None = None,
        quote: str | None = None,
        header: bool | Sequence[str] | None = None,
        encoding: str | None = None,
        null_text: str | Sequence[str] | None = None,
        column_types: Mapping[str, ArrowType | str] | None = None,
    ) -> int:
        """Load data into a table, all of it or nothing; see `Connection.load`.

        `data` may be an asynchronous iterable of record batches or of mappings too: it is read in
        the task, an item as it is asked for. Anything else is read in the connection's thread, in
        which `on_progress` is called.
        """
        given = locals()
        options = {name: given[name] for name in _LOAD_OPTIONS}
        if not isinstance(data, AsyncIterable):
            return await self._bridge.call(
                functools.partial(self._sync.load, table, data, **options)
            )
        feed = Feed()
        call = self._bridge.submit(functools.partial(self._sync.load, table, iter(feed), **options))
        try:
            await feed.pump(data, call.future)
        except BaseException:
            await self._bridge.let_go(call)
            raise
        return await self._bridge.wait(call)

    # Introspection

    get_catalogs = mirrored(Connection.get_catalogs)
    get_schemas = mirrored(Connection.get_schemas)
    get_tables = mirrored(Connection.get_tables)
    get_columns = mirrored(Connection.get_columns)
    get_primary_keys = mirrored(Connection.get_primary_keys)
    get_table_schema = mirrored(Connection.get_table_schema)
    get_table_types = mirrored(Connection.get_table_types)
    snapshots = mirrored(Connection.snapshots)
    current_snapshot = mirrored(Connection.current_snapshot)
    adbc_get_objects = mirrored(Connection.adbc_get_objects)
    adbc_get_table_schema = mirrored(Connection.adbc_get_table_schema)
    adbc_get_table_types = mirrored(Connection.adbc_get_table_types)
    adbc_get_info = mirrored(Connection.adbc_get_info)
    is_usable = mirrored(Connection.is_usable)

    async def get_place(self) -> tuple[str, str]:
        """The session's current catalog and schema."""
        self._sync._check_open()
        return await self._bridge.call(self._sync._session.place.current)

    # The end

    async def adbc_clone(self) -> AsyncConnection[Row]:
        """A new connection, with a thread and a session of its own, with the same settings."""
        return await opened(self._sync.adbc_clone)

    async def close(self) -> None:
        """Close the connection and its cursors. An open transaction is rolled back.

        It is done before a cancelled task goes on, and needs no more than a few seconds.

        Raises
        ------
        InterfaceError
            It was closed by a call before.
        """
        if self._bridge.worker.stopped and not self._sync._close_called:
            self._sync._close_called = True  # a block has closed it
            return
        await self._end(self._sync.close)

    async def _end(self, close: Any) -> None:
        worker = self._bridge.worker
        if worker.stopped:
            raise InterfaceError("the connection is closed already")
        try:
            await self._bridge.finish(close)
        finally:
            worker.stop()
            await worker.join()

    async def __aenter__(self) -> Self:
        self._sync._check_open()
        return self

    async def __aexit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        if self.closed:
            return
        session = self._sync._session
        try:
            if exc_type is None:
                await self._bridge.call(session.commit, ends_transaction=True)
            else:
                await self._bridge.finish(session.roll_back_quietly)
        finally:
            if not self._bridge.worker.stopped:
                await self._end(self._sync._close)

    def __del__(self) -> None:
        bridge = getattr(self, "_bridge", None)
        if bridge is None or self.closed or bridge.connection._session.lifetime.inherited:
            return
        bridge.worker.stop_after(bridge.connection._close)
        warnings.warn(f"{self!r} was not closed", ResourceWarning, stacklevel=2, source=self)


_LOAD_OPTIONS = [name for name, value in (AsyncConnection.load.__kwdefaults__ or {}).items()]


class _AsyncTransaction(AbstractAsyncContextManager[Any]):
    """A block in one transaction, which nothing else ends."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        connection._sync._check_open()
        self._connection = connection
        self._block: TransactionBlock[Any] | None = None

    async def __aenter__(self) -> Any:
        connection = self._connection
        session = connection._sync._session
        block: Any = connection._sync.transaction()
        # A block that was begun and is not entered is rolled back.
        await connection._bridge.call(block.__enter__, session.roll_back_quietly)
        self._block = block
        return connection

    async def __aexit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        block, self._block = self._block, None
        bridge = self._connection._bridge
        if block is None or self._connection.closed:
            return
        leave = functools.partial(block.__exit__, exc_type, exc_value, traceback)
        if exc_type is None:
            await bridge.call(leave, ends_transaction=True)
        else:
            await bridge.finish(leave)


async def opened(open_connection: Any) -> AsyncConnection[Any]:
    """Open a connection in a new thread.

    A task that is cancelled meanwhile goes on at once; the thread closes what it opens, and ends.
    """
    worker = Worker("altertable-aio")
    made: list[Connection[Any]] = []

    def open_it() -> None:
        made.append(open_connection())

    def close_it(error: BaseException | None) -> None:
        for connection in made:
            connection._close()

    call = worker.submit(open_it, close_it)
    try:
        await call.wait()
        call.result()
    except BaseException:
        call.cancel(None)
        worker.stop_after(call.take_back)
        raise
    return AsyncConnection(worker, made.pop())
