"""Connections that are kept open and lent: `Pool`; for asyncio there is `aio.AsyncPool`."""

from .errors import PoolTimeout
from .ledger import PoolStats
from .pool import Pool

__all__ = ["Pool", "PoolStats", "PoolTimeout"]

for _name in __all__:
    globals()[_name].__module__ = __name__
del _name
