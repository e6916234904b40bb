"""What a lake would change of what is loaded, by the types of the data and of the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..catalog.queries import LAKE, kind_of, literal
from ..errors import DataError
from ..statement.names import folded

if TYPE_CHECKING:
    from ..session.session import Session
    from ..statement.names import Target

_INTERVAL = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])

# Parquet has three counts for an interval, of 32 bits and without a sign: months, days and
# milliseconds.
_MOST = 2**32

#: Units of a duration in a millisecond; seconds are whole milliseconds.
_IN_A_MILLISECOND = {"s": 1, "ms": 1, "us": 1000, "ns": 1_000_000}
_IN_A_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}

#: What DOUBLE, as which a lake stores a HUGEINT, holds of whole numbers.
_EXACT = 2**53


class _Change(NamedTuple):
    """What becomes of a type, and what to load in its place."""

    becomes: str
    safe: str


_CHANGES = {
    "HUGEINT": _Change(
        "stores it as DOUBLE, which holds whole numbers of up to 2**53 alone",
        "decimal128(38, 0), into a column of DECIMAL(38, 0)",
    ),
    "TIME WITH TIME ZONE": _Change(
        "moves it to UTC", "time64[us] of UTC, or a TIME and the offset in a column of its own"
    ),
    "TIME_NS": _Change(
        "cannot write it to its files, which ends the database for every session",
        "time64[us], into a column of TIME, or the nanoseconds as int64",
    ),
    "INTERVAL": _Change(
        "keeps whole milliseconds, none below zero",
        "a count, such as the microseconds as int64, or a duration",
    ),
}
_CHANGES["UHUGEINT"] = _CHANGES["HUGEINT"]

# Of Arrow's opaque types those that DuckDB reads as its own.
_OPAQUE = {
    "hugeint": "HUGEINT",
    "uhugeint": "UHUGEINT",
    "time_tz": "TIME WITH TIME ZONE",
    "time_ns": "TIME_NS",
}

# A field's name in quotes, or a type that changes; a field's type follows its name.
_CHANGED_TYPE = re.compile(
    r'"(?:[^"]|"")*"|\b(U?HUGEINT|TIME WITH TIME ZONE|TIME_NS|INTERVAL)(?=[\[),]|$)'
)

_Wrong = Callable[[pa.Array], "np.ndarray[Any, Any]"]


def may_change(schema: pa.Schema) -> bool:
    """Whether a lake may change a value of these columns, or of a table that has them."""
    return any(_is_suspect(kind) for top in schema.types for kind in _within(top))


def is_lake(session: Session, target: Target) -> bool:
    """Whether a table is in a lake."""
    name = literal(target.catalog)
    found = [] if name is None else session.query(kind_of(name)).column(0).to_pylist()
    return found == [LAKE]


def types_of(session: Session, target: Target) -> dict[str, str]:
    """The SQL type of each column of a table, by its folded name."""
    rows = session.query(f"DESCRIBE {target}").to_pylist()
    return {folded(row["column_name"]): row["column_type"] for row in rows}


def check_types(given: pa.Schema, stored: Mapping[str, str]) -> None:
    """Refuse columns of which a lake would change every value that is not the same by chance.

    Parameters
    ----------
    given : pyarrow.Schema
        The data's.
    stored : mapping of str to str
        What `types_of` gives of a table that is there.

    Raises
    ------
    DataError
        Names the column, its type and the one to load in its place.
    """
    for field in given:
        for kind in _within(field.type):
            if (name := _opaque(kind)) is not None:
                raise _refused(field, name)
        text = stored.get(folded(field.name), "")
        for name in _changed_types(text):
            if not _can_be_checked(field.type, text, name):
                raise _refused(field, name)


def checked(
    pieces: Iterator[pa.RecordBatch], stored: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """Pass batches on whose values a lake keeps as they are.

    Raises
    ------
    DataError
        A lake would change a value, or could not write it to its files later on.
    """
    rows = 0
    for piece in pieces:
        for field, column in zip(piece.schema, piece.columns, strict=True):
            whole = stored.get(folded(field.name)) in ("HUGEINT", "UHUGEINT")
            _check(field, column, rows, _is_large if whole else _is_changed_interval)
        rows += piece.num_rows
        yield piece


def _within(kind: Any) -> Iterator[pa.DataType]:
    """A type and all that are inside it."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        yield from _within(kind.value_type)
        return
    yield kind
    for index in range(kind.num_fields):
        yield from _within(kind.field(index).type)


def _is_suspect(kind: pa.DataType) -> bool:
    # HUGEINT is read as a decimal, TIMETZ as a time.
    return bool(
        _is_interval(kind)
        or pa.types.is_time64(kind)
        or kind == pa.decimal128(38, 0)
        or _opaque(kind) is not None
    )


def _is_interval(kind: pa.DataType) -> bool:
    return bool(pa.types.is_duration(kind) or pa.types.is_interval(kind))


def _opaque(kind: Any) -> str | None:
    """The type of DuckDB that an opaque one of Arrow stands for, where a lake changes it."""
    if not isinstance(kind, pa.BaseExtensionType) or kind.extension_name != "arrow.opaque":
        return None
    return _OPAQUE.get(kind.type_name)


def _changed_types(text: str) -> list[str]:
    """The types in a column's SQL type that a lake changes."""
    return [name for name in _CHANGED_TYPE.findall(text) if name]


def _can_be_checked(given: pa.DataType, stored: str, name: str) -> bool:
    """Whether the values tell that a lake keeps them in a column of the type `stored`."""
    types = pa.types
    within = list(_within(given))
    if name == "INTERVAL":
        # Text may say any interval.
        told = [kind for kind in within if _is_interval(kind) or types.is_null(kind)]
        return len(told) >= _changed_types(stored).count(name)
    if name == "TIME_NS" or stored != name:
        return False
    if name == "TIME WITH TIME ZONE":
        # A time without a zone is one of UTC there.
        return bool(types.is_time(within[0]) or types.is_null(within[0]))
    whole = types.is_integer(within[0]) or types.is_decimal(within[0])
    return bool(whole or types.is_null(within[0]))


def _refused(field: pa.Field, name: str) -> DataError:
    change = _CHANGES[name]
    return DataError(
        f"column {field.name!r} ({field.type}) would be of the type {name}, and a lake "
        f"{change.becomes}; load {change.safe}"
    )


def _check(field: pa.Field, column: pa.Array, before: int, is_wrong: _Wrong) -> None:
    if not any(is_wrong(leaf).any() for leaf in _leaves(column)):
        return
    for row in range(len(column)):
        for leaf in _leaves(column.slice(row, 1)):
            wrong = is_wrong(leaf)
            if not wrong.any():
                continue
            value = leaf[int(wrong.argmax())].as_py()
            where = f"column {field.name!r}, row {before + row}: a lake"
            if is_wrong is _is_large:
                change = _CHANGES["HUGEINT"]
                raise DataError(
                    f"{where} keeps {value} as another number: it has HUGEINT and "
                    f"{change.becomes}; load {change.safe}"
                )
            raise DataError(
                f"{where} keeps an interval as whole months, days and milliseconds (2**32 at "
                f"most), none below zero, and would change or refuse {value!r}; load a count, "
                "such as the microseconds as int64"
            )


def _leaves(array: Any) -> Iterator[Any]:
    """The arrays of plain values that an array is made of."""
    if pa.types.is_map(array.type):
        for inside in (array.keys, array.items):
            yield from _leaves(pa.ListArray.from_arrays(array.offsets, inside))
    elif pa.types.is_list(array.type):
        yield from _leaves(array.flatten())
    elif pa.types.is_struct(array.type):
        for inside in array.flatten():
            yield from _leaves(inside)
    else:
        yield array


def _is_large(column: Any) -> np.ndarray[Any, Any]:
    """Which whole numbers a DOUBLE need not hold."""
    most = _EXACT
    if pa.types.is_integer(column.type):
        values = column.fill_null(0).to_numpy(zero_copy_only=False)
        # 2**53 is beyond what fewer bits hold.
        if column.type.bit_width < 64:
            return np.zeros(len(column), bool)
        outside = values > most
        if pa.types.is_signed_integer(column.type):
            outside |= values < -most
        large: np.ndarray[Any, Any] = outside
        return large
    return np.array([v is not None and abs(v) > most for v in column.to_pylist()], bool)


def _is_changed_interval(column: Any) -> np.ndarray[Any, Any]:
    """Which values are intervals that a lake does not keep."""
    kind = column.type
    data = column.buffers()[1] if _is_interval(kind) else None
    if data is None or not len(column):
        return np.zeros(len(column), bool)
    if pa.types.is_duration(kind):
        values = np.frombuffer(data, "<i8")[column.offset :][: len(column)]
        whole = values % _IN_A_MILLISECOND[kind.unit] == 0
        kept = whole & (values >= 0) & (values // _IN_A_SECOND[kind.unit] < _MOST // 1000)
    else:
        parts = np.frombuffer(data, _INTERVAL)[column.offset :][: len(column)]
        kept = (parts["months"] >= 0) & (parts["days"] >= 0)
        kept &= (parts["nanoseconds"] % 1_000_000 == 0) & (parts["nanoseconds"] >= 0)
        kept &= parts["nanoseconds"] // 1_000_000 < _MOST
    changed: np.ndarray[Any, Any] = ~kept & np.asarray(column.is_valid())
    return changed
