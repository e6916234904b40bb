"""PEP 249 driver for Altertable over Arrow Flight SQL, built on ADBC."""

from ._connect import connect
from .connection import Connection
from .cursor import Cursor
from .dbapi20 import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
    apilevel,
    paramstyle,
    threadsafety,
)
from .errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from .interval import Interval
from .rows.description import Column
from .rows.factories import RowFactory, class_row, dict_row, namedtuple_row, scalar_row, tuple_row
from .statement.names import quote_identifier
from .statement.query import Query, sql

__version__ = "0.1.0"

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Column",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "Interval",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Query",
    "RowFactory",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "class_row",
    "connect",
    "dict_row",
    "namedtuple_row",
    "paramstyle",
    "quote_identifier",
    "scalar_row",
    "sql",
    "threadsafety",
    "tuple_row",
]

# Where a public name is defined is no user's matter: a pickle, a traceback and a page of
# documentation name the package. Connection and Cursor say that they are the bridge's.
for _name in __all__:
    _public = globals()[_name]
    if getattr(_public, "__module__", "").startswith(f"{__name__}."):
        _public.__module__ = __name__
del _name, _public
