"""The asynchronous cursor: the synchronous one, whose calls run in the connection's thread."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..cursor import Cursor
from ..parameters.bind import Parameters
from ..rows.description import Column
from ..rows.factories import RowFactory
from .batches import AsyncRecordBatchReader
from .bridge import Bridge, Mirror, mirrored

if TYPE_CHECKING:
    from typing_extensions import Self

    from .connection import AsyncConnection

Row = TypeVar("Row")
T = TypeVar("T")


class AsyncCursor(Mirror, Generic[Row]):
    """An asynchronous cursor; made by `AsyncConnection.cursor`.

    Its methods are those of `Cursor`, and do the same. A method whose task is cancelled cancels
    the statement, waits until the driver has let go of it and drops what is left of the result.
    """

    def __init__(self, connection: AsyncConnection[Any], cursor: Cursor[Row]) -> None:
        self._connection = connection
        self._bridge: Bridge = connection._bridge
        self._sync: Cursor[Row] = cursor

    def __repr__(self) -> str:
        return repr(self._sync).replace(".Cursor", ".aio.AsyncCursor", 1)

    def _undo(self) -> None:
        self._sync._reset()

    async def _call(self, function: Callable[..., T], *args: Any) -> T:
        return await self._bridge.call(functools.partial(function, *args), self._undo)

    # What is known without a call

    @property
    def connection(self) -> AsyncConnection[Any]:
        """The connection that made this cursor."""
        return self._connection

    @property
    def closed(self) -> bool:
        """Whether the cursor, or its connection, is closed."""
        return self._sync.closed

    @property
    def description(self) -> list[Column] | None:
        """A column each of the result, or None when the last statement returned no rows."""
        return self._sync.description

    @description.setter
    def description(self, columns: Sequence[Any] | None) -> None:
        self._sync.description = columns

    @property
    def rowcount(self) -> int:
        """Rows that the last statement inserted, updated or deleted; -1 when not known."""
        return self._sync.rowcount

    @property
    def rownumber(self) -> int | None:
        """How many rows of the result have been fetched, or None without a result."""
        return self._sync.rownumber

    @property
    def arraysize(self) -> int:
        """How many rows `fetchmany` returns by default."""
        return self._sync.arraysize

    @arraysize.setter
    def arraysize(self, size: int) -> None:
        self._sync.arraysize = size

    @property
    def row_factory(self) -> RowFactory[Row]:
        """What makes a row of each tuple of values, from the next statement on."""
        return self._sync.row_factory

    @row_factory.setter
    def row_factory(self, factory: RowFactory[Row]) -> None:
        self._sync.row_factory = factory

    # Execution

    async def execute(self, operation: str, parameters: Parameters = None) -> Self:
        """Execute one statement; see `Cursor.execute`."""
        await self._call(self._sync.execute, operation, parameters)
        return self

    async def executemany(self, operation: str, seq_of_parameters: Iterable[Any]) -> None:
        """Execute one statement for each set of parameters; see `Cursor.executemany`."""
        await self._call(self._sync.executemany, operation, seq_of_parameters)

    executescript = mirrored(Cursor.executescript)
    adbc_ingest = mirrored(Cursor.adbc_ingest)
    adbc_prepare = mirrored(Cursor.adbc_prepare)
    adbc_execute_schema = mirrored(Cursor.adbc_execute_schema)
    adbc_execute_partitions = mirrored(Cursor.adbc_execute_partitions)
    adbc_read_partition = mirrored(Cursor.adbc_read_partition)
    callproc = mirrored(Cursor.callproc)
    nextset = mirrored(Cursor.nextset)

    def cancel(self) -> None:
        """Cancel the statement that is running, from another task; `Cursor.cancel` tells more."""
        self._sync.cancel()

    def adbc_cancel(self) -> None:
        """Cancel the statement that is running, from another task."""
        self._sync.adbc_cancel()

    def setinputsizes(self, sizes: Any) -> None:
        """Nothing to do: values are bound with their own types."""
        self._sync.setinputsizes(sizes)

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Nothing to do: columns have no size limit."""
        self._sync.setoutputsize(size, column)

    # Rows

    async def fetchone(self) -> Row | None:
        """The next row, or None when there is none left."""
        rows = self._sync._rows
        if rows is not None:  # almost always, and then the row is at hand
            row: Row
            for row in rows.ready:
                return row
        return await self._call(self._sync.fetchone)

    async def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next `size` rows (`arraysize` by default); fewer at the end, then none."""
        return await self._call(self._sync.fetchmany, size)

    async def fetchall(self) -> list[Row]:
        """All rows that are left."""
        return await self._call(self._sync.fetchall)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        rows = self._sync._rows
        row: Row
        if rows is not None:
            for row in rows.ready:
                return row
        for row in await self._call(_next_row, self._sync):
            return row
        raise StopAsyncIteration

    fetch_arrow_table = mirrored(Cursor.fetch_arrow_table)
    fetchallarrow = mirrored(Cursor.fetchallarrow)
    fetch_df = mirrored(Cursor.fetch_df)
    fetch_polars = mirrored(Cursor.fetch_polars)

    async def fetch_record_batch(self) -> AsyncRecordBatchReader:
        """What is left of the result, as an asynchronous iterator of record batches.

        A batch is read when it is asked for, so that the server waits for whoever is slow.
        """
        return AsyncRecordBatchReader(
            self._bridge, await self._call(self._sync._take_result, "record batches")
        )

    # The end

    async def close(self) -> None:
        """Close the cursor; what is left of its result is dropped. Idempotent."""
        if self._sync._result is None or self._connection.closed:
            self._sync.close()
        else:
            await self._call(self._sync.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


def _next_row(cursor: Cursor[Row]) -> list[Row]:
    """The next row, or none: StopIteration does not go through a future."""
    for row in cursor._fetching():
        return [row]
    return []
