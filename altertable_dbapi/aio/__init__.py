"""The driver for asyncio: `connect`, `AsyncConnection`, `AsyncCursor`, `AsyncPool`."""

from ._connect import connect
from .batches import AsyncRecordBatchReader
from .connection import AsyncConnection
from .cursor import AsyncCursor
from .pool import AsyncPool

__all__ = ["AsyncConnection", "AsyncCursor", "AsyncPool", "AsyncRecordBatchReader", "connect"]

for _name in __all__:
    globals()[_name].__module__ = __name__
del _name
