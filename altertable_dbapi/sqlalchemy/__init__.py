"""SQLAlchemy's dialect: ``create_engine("altertable://user:password@host/catalog/schema")``."""

from importlib.util import find_spec

from sqlalchemy.dialects.postgresql import Insert, insert

from .dialect import AltertableDialect
from .merge import Merge, merge
from .time_travel import TableAt, at_timestamp, at_version
from .types import (
    BIGNUM,
    BIT,
    GEOMETRY,
    HUGEINT,
    INTERVAL,
    MAP,
    STRUCT,
    TIME_NS,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TINYINT,
    UBIGINT,
    UHUGEINT,
    UINTEGER,
    UNION,
    USMALLINT,
    UTINYINT,
    VARIANT,
)

dialect = AltertableDialect

if find_spec("alembic") is not None:
    from . import migrations as migrations

__all__ = [
    "BIGNUM",
    "BIT",
    "GEOMETRY",
    "HUGEINT",
    "INTERVAL",
    "MAP",
    "STRUCT",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP_S",
    "TIME_NS",
    "TINYINT",
    "UBIGINT",
    "UHUGEINT",
    "UINTEGER",
    "UNION",
    "USMALLINT",
    "UTINYINT",
    "VARIANT",
    "AltertableDialect",
    "Insert",
    "Merge",
    "TableAt",
    "at_timestamp",
    "at_version",
    "dialect",
    "insert",
    "merge",
]
