"""DuckDB's types as SQLAlchemy's: its own, and what changes about the standard ones."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import types as sqltypes
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.sqltypes import _AbstractInterval
from sqlalchemy.sql.type_api import NativeForEmulated

from ..interval import Interval as DuckInterval
from . import json_types

Processor = Callable[[Any], Any]


class _Whole(sqltypes.Integer):
    """An integer of a width that standard SQL has not."""

    @property
    def _type_affinity(self) -> type[sqltypes.Integer]:
        return sqltypes.Integer


class TINYINT(_Whole):
    """8 bits with a sign."""

    __visit_name__ = "TINYINT"


class UTINYINT(_Whole):
    """8 bits without a sign."""

    __visit_name__ = "UTINYINT"


class USMALLINT(_Whole):
    """16 bits without a sign."""

    __visit_name__ = "USMALLINT"


class UINTEGER(_Whole):
    """32 bits without a sign."""

    __visit_name__ = "UINTEGER"


class UBIGINT(_Whole):
    """64 bits without a sign."""

    __visit_name__ = "UBIGINT"


class HUGEINT(_Whole):
    """128 bits with a sign."""

    __visit_name__ = "HUGEINT"


class UHUGEINT(_Whole):
    """128 bits without a sign."""

    __visit_name__ = "UHUGEINT"


class BIGNUM(_Whole):
    """An integer without a bound."""

    __visit_name__ = "BIGNUM"


class TIMESTAMP_S(sqltypes.DateTime):
    """A timestamp in seconds."""

    __visit_name__ = "TIMESTAMP_S"


class TIMESTAMP_MS(sqltypes.DateTime):
    """A timestamp in milliseconds."""

    __visit_name__ = "TIMESTAMP_MS"


class TIMESTAMP_NS(sqltypes.DateTime):
    """A timestamp in nanoseconds; Python's datetime keeps microseconds."""

    __visit_name__ = "TIMESTAMP_NS"


class TIME_NS(sqltypes.Time):
    """A time in nanoseconds; Python's time keeps microseconds."""

    __visit_name__ = "TIME_NS"


class BIT(sqltypes.TypeEngine[Any]):
    """A string of bits."""

    __visit_name__ = "BIT"


class GEOMETRY(sqltypes.TypeEngine[Any]):
    """A geometry."""

    __visit_name__ = "GEOMETRY"


class VARIANT(sqltypes.TypeEngine[Any]):
    """A value that carries its own type."""

    __visit_name__ = "VARIANT"


class INTERVAL(sqltypes.TypeEngine[DuckInterval]):
    """An interval as `altertable_dbapi.Interval`: months, days and microseconds.

    SQLAlchemy's own `Interval` gives a timedelta, which has no months.
    """

    __visit_name__ = "INTERVAL"

    @property
    def python_type(self) -> type[DuckInterval]:
        return DuckInterval


class _Members(sqltypes.TypeEngine[Any]):
    """A type with named members, in their order.

    Parameters
    ----------
    members : mapping of str to a type
        Name -> type.
    """

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = {name: sqltypes.to_instance(member) for name, member in members.items()}

    @property
    def _static_cache_key(self) -> tuple[Any, ...]:
        keys = tuple((name, member._static_cache_key) for name, member in self.members.items())
        return type(self), keys

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.members!r})"


class STRUCT(_Members):
    """A STRUCT, whose values are dicts.

    Parameters
    ----------
    members : mapping of str to a type
        Name -> type.

    Examples
    --------
    >>> STRUCT({"x": sqltypes.INTEGER(), "y": sqltypes.VARCHAR()})
    STRUCT({'x': INTEGER(), 'y': VARCHAR()})
    """

    __visit_name__ = "STRUCT"

    class Comparator(sqltypes.TypeEngine.Comparator[Any]):
        """A member by its name: ``column["x"]``."""

        def __getitem__(self, index: Any) -> Any:
            from sqlalchemy import func, literal_column

            member = self.type.members[index]
            quoted = "'" + index.replace("'", "''") + "'"
            return func.struct_extract(self.expr, literal_column(quoted), type_=member)

    comparator_factory = Comparator


class UNION(_Members):
    """A UNION: a value of one of several types.

    Parameters
    ----------
    members : mapping of str to a type
        Name -> type.
    """

    __visit_name__ = "UNION"


class MAP(sqltypes.TypeEngine[dict[Any, Any]]):
    """A MAP, whose values are dicts.

    Parameters
    ----------
    key, value : a type
        The types of all keys and of all values.
    """

    __visit_name__ = "MAP"

    def __init__(self, key: Any, value: Any) -> None:
        self.key = sqltypes.to_instance(key)
        self.value = sqltypes.to_instance(value)

    @property
    def _static_cache_key(self) -> tuple[Any, ...]:
        return type(self), self.key._static_cache_key, self.value._static_cache_key

    def __repr__(self) -> str:
        return f"MAP({self.key!r}, {self.value!r})"


# What changes about the standard types


class _Numeric(sqltypes.Numeric[Any]):
    """Decimals, also where DuckDB answers with a DOUBLE: it divides decimals so."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:
        if not self.asdecimal:
            return super().result_processor(dialect, coltype)

        def process(value: Any) -> Any:
            return decimal.Decimal(repr(value)) if isinstance(value, float) else value

        return process


class _Uuid(sqltypes.Uuid[Any]):
    """UUIDs travel as such, and arrive as text."""

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        def process(value: Any) -> Any:
            return uuid.UUID(value) if isinstance(value, str) else value

        return process

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:
        make: Callable[[str], Any] = uuid.UUID if self.as_uuid else str

        def process(value: Any) -> Any:
            return None if value is None else make(str(value))

        return process


class _UUID(_Uuid, sqltypes.UUID[Any]):
    """The same under SQL's name."""


class _Interval(NativeForEmulated, _AbstractInterval):
    """Timedeltas; an interval of months has no length, and is refused."""

    __visit_name__ = "INTERVAL"
    native = True

    @classmethod
    def adapt_emulated_to_native(cls, interval: Any, **kw: Any) -> _Interval:
        return cls()

    @property
    def _type_affinity(self) -> Any:
        return sqltypes.Interval

    @property
    def python_type(self) -> type[dt.timedelta]:
        return dt.timedelta

    def literal_processor(self, dialect: Dialect) -> Processor | None:
        def process(value: dt.timedelta) -> str:
            return f"INTERVAL '{DuckInterval.from_timedelta(value)}'"

        return process

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:
        def process(value: Any) -> Any:
            if not isinstance(value, DuckInterval):
                return value
            if value.months:
                raise ValueError(
                    f"the interval {value} has months, which have no length as a timedelta; "
                    "declare the column with altertable_dbapi.sqlalchemy.INTERVAL"
                )
            return value.to_timedelta()

        return process


class _LargeBinary(sqltypes.LargeBinary):
    """BLOBs are bytes both ways."""

    def bind_processor(self, dialect: Dialect) -> None:
        return None

    def literal_processor(self, dialect: Dialect) -> Processor | None:
        def process(value: bytes) -> str:
            return "'" + "".join(f"\\x{byte:02X}" for byte in bytes(value)) + "'::BLOB"

        return process


class _DateTime(sqltypes.DateTime):
    """A literal of its own type, with its offset where it has one."""

    def literal_processor(self, dialect: Dialect) -> Processor | None:
        def process(value: dt.datetime) -> str:
            name = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
            return f"{name} '{_aligned(value).isoformat(sep=' ')}'"

        return process


class _Date(sqltypes.Date):
    """A literal of its own type."""

    def literal_processor(self, dialect: Dialect) -> Processor | None:
        def process(value: dt.date) -> str:
            return f"DATE '{value.isoformat()}'"

        return process


class _Time(sqltypes.Time):
    """A literal of its own type."""

    def literal_processor(self, dialect: Dialect) -> Processor | None:
        def process(value: dt.time) -> str:
            return f"{'TIME' if value.tzinfo is None else 'TIMETZ'} '{value.isoformat()}'"

        return process


def _aligned(value: dt.datetime) -> dt.datetime:
    """The same moment with an offset that SQL can write: one of whole minutes."""
    offset = value.utcoffset()
    if offset is None or offset % dt.timedelta(minutes=1) == dt.timedelta(0):
        return value
    return value.astimezone(dt.timezone.utc)


#: Standard type -> what stands for it here.
COLSPECS: dict[type[Any], type[Any]] = {
    sqltypes.Numeric: _Numeric,
    sqltypes.Float: sqltypes.Float,
    sqltypes.Uuid: _Uuid,
    sqltypes.UUID: _UUID,
    sqltypes.Interval: _Interval,
    sqltypes.LargeBinary: _LargeBinary,
    sqltypes.DateTime: _DateTime,
    sqltypes.Date: _Date,
    sqltypes.Time: _Time,
    sqltypes.JSON: json_types.JSON,
    sqltypes.JSON.JSONIndexType: json_types.JSONIndex,
    sqltypes.JSON.JSONPathType: json_types.JSONPath,
}
