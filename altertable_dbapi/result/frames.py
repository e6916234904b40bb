"""Results as pandas and polars data frames, or an error that names the column they cannot hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from ..errors import DataError, ProgrammingError
from ..rows.temporal import INTERVAL_OVERFLOW, overflowed

if TYPE_CHECKING:
    import pandas
    import polars

_CAST = "cast the column to VARCHAR, or fetch it as Arrow"
_MEMBERS = "select its members with union_extract, cast it to VARCHAR, or fetch it as Arrow"

#: What pyarrow and pandas raise for a column that has no place in a frame.
_UNSUITABLE = (pa.ArrowException, ValueError, ArithmeticError, LookupError, TypeError)

_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def check_pandas(schema: pa.Schema) -> None:
    """Refuse what pandas has no column for, before anything is read.

    Raises
    ------
    DataError
        Names the column.
    """
    for field in schema:
        if _holds(field.type, types.is_union):
            raise DataError(f"column {field.name}: pandas has no UNION; {_MEMBERS}")


def to_pandas(table: pa.Table) -> pandas.DataFrame:
    """Make a data frame of a table.

    Raises
    ------
    DataError
        pandas has no object for a value; names the column.
    """
    _check_intervals(table)
    try:
        return table.to_pandas()
    except _UNSUITABLE as error:
        raise _refused(table, "pandas", lambda part: part.to_pandas(), _UNSUITABLE, error) from None


def check_polars(schema: pa.Schema) -> None:
    """Refuse what polars has no column for, before anything is read.

    Raises
    ------
    DataError
        Names the column.
    ProgrammingError
        Two columns have one name.
    """
    names = schema.names
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ProgrammingError(
            f"polars needs a name for each column, and {', '.join(map(repr, repeated))} "
            "stands more than once; rename with AS"
        )
    # polars' own setting, by which it makes a struct of them.
    intervals = os.environ.get("POLARS_IMPORT_INTERVAL_AS_STRUCT")
    for field in schema:
        if _holds(field.type, types.is_union):
            raise DataError(f"column {field.name}: polars has no UNION; {_MEMBERS}")
        if not intervals and _holds(field.type, types.is_interval):
            raise DataError(f"column {field.name}: polars has no INTERVAL; {_CAST}")


def to_polars(table: pa.Table) -> polars.DataFrame:
    """Make a data frame of a table.

    Raises
    ------
    DataError
        polars has no type for a column, or no value; names the column.
    """
    import polars

    _check_intervals(table)
    for field, column in zip(table.schema, table.columns, strict=True):
        # polars takes it and shows a null.
        if types.is_time(field.type) and _reaches_midnight(column):
            raise DataError(f"column {field.name}: polars has no time of 24:00:00; {_CAST}")
    # PanicException is no Exception.
    unsuitable = (polars.exceptions.PolarsError, polars.exceptions.PanicException, *_UNSUITABLE)
    try:
        return polars.DataFrame(table)
    except unsuitable as error:
        raise _refused(table, "polars", polars.DataFrame, unsuitable, error) from None


def _check_intervals(table: pa.Table) -> None:
    for field, column in zip(table.schema, table.columns, strict=True):
        if _holds(field.type, types.is_interval):
            found = (inner for chunk in column.chunks for inner in _intervals(chunk))
            if any(map(overflowed, found)):
                raise DataError(f"column {field.name}: {INTERVAL_OVERFLOW}")


def _intervals(array: pa.Array) -> Iterator[pa.Array]:
    """The arrays of INTERVAL in lists, maps and structs, without what belongs to a NULL."""
    if types.is_interval(array.type):
        yield array
    elif types.is_struct(array.type):
        for inner in array.flatten():
            yield from _intervals(inner)
    elif types.is_map(array.type):
        yield from _intervals(array.keys)
        yield from _intervals(array.items)
    elif types.is_nested(array.type) and not types.is_union(array.type):
        yield from _intervals(array.flatten())


def _reaches_midnight(column: pa.ChunkedArray) -> bool:
    kind = column.type
    latest = pc.max(column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())).as_py()
    return latest is not None and latest >= _DAY[kind.unit]


def _refused(
    table: pa.Table,
    tool: str,
    make: Callable[[pa.Table], Any],
    unsuitable: tuple[type[BaseException], ...],
    error: BaseException,
) -> DataError:
    """The error for the first column of which no frame can be made."""
    for i, field in enumerate(table.schema):
        try:
            make(table.select([i]))
        except unsuitable as reason:
            column = f"column {field.name} ({field.type})"
            return DataError(f"{column} cannot be a column of {tool}: {reason}; {_CAST}")
    return DataError(f"the result cannot be a frame of {tool}: {error}; fetch it as Arrow")


def _holds(kind: pa.DataType, is_kind: Callable[[pa.DataType], bool]) -> bool:
    """Whether a type is of a kind, or a type inside it is."""
    if is_kind(kind):
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return _holds(kind.storage_type, is_kind)
    if types.is_dictionary(kind):
        return _holds(kind.value_type, is_kind)
    return any(_holds(kind.field(i).type, is_kind) for i in range(kind.num_fields))
