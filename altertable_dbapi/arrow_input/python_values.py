"""Python values to load: columns and rows by name, series, structured arrays, object columns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError, ProgrammingError
from ..parameters.values import column
from ..statement.names import folded

#: Arrow types that pyarrow makes of Python values only where all of them are one already.
_EXACT = (pa.string(), pa.large_string(), pa.bool_(), pa.int64(), pa.null())


def of_columns(columns: Mapping[Any, Any], stored: pa.Schema | None) -> pa.Table:
    """A table of columns by their names: lists, arrays of any library, series.

    Raises
    ------
    ProgrammingError
        A name is no text, a column is one value, or columns are of several lengths.
    DataError
        No type holds all values of a column; names it.
    """
    targets = _targets(stored)
    arrays = {}
    for name, values in columns.items():
        _check_name(name)
        if isinstance(values, (str, bytes, bytearray, Mapping)) or not isinstance(values, Iterable):
            raise ProgrammingError(
                f"column {name!r} is a {type(values).__name__}, not a list or an array; "
                "[data] loads one row"
            )
        arrays[name] = _array(name, values, targets.get(folded(name)))
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} {length}" for name, length in lengths.items())
        raise ProgrammingError(f"columns are of several lengths: {shown}")
    return pa.table(arrays)


def of_rows(rows: Sequence[Any], stored: pa.Schema | None) -> pa.Table:
    """A table of rows by the names of their columns; what a row lacks is NULL.

    Raises
    ------
    ProgrammingError
        A row is no mapping, or a name is no text.
    DataError
        No type holds all values of a column; names it.
    """
    names: dict[str, None] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ProgrammingError(
                f"row {number} is a {type(row).__name__}, and the rows before it are mappings"
            )
        names.update(dict.fromkeys(row))
    for name in names:
        _check_name(name)
    targets = _targets(stored)
    return pa.table(
        {
            name: _of_values(name, [row.get(name) for row in rows], targets.get(folded(name)))
            for name in names
        }
    )


def of_series(series: Any, stored: pa.Schema | None) -> pa.Table:
    """A table of one column, a pandas or polars series, which has its name.

    Raises
    ------
    ProgrammingError
        The series has no name.
    """
    if not isinstance(series.name, str) or not series.name:
        raise ProgrammingError(
            f"the series has no name ({series.name!r}), and a column needs one: load "
            '{"name": series}, or series.rename("name")'
        )
    return of_columns({series.name: series}, stored)


def of_structured(array: Any, stored: pa.Schema | None) -> pa.Table:
    """A table of a numpy array's fields.

    Raises
    ------
    ProgrammingError
        The array has no fields, or several dimensions.
    """
    if array.dtype.names is None or array.ndim != 1:
        raise ProgrammingError(
            f"cannot load an array of {array.dtype} with {array.ndim} dimensions: columns need "
            'names; load {"name": array}, each of one dimension, or a structured array'
        )
    return of_columns({name: array[name] for name in array.dtype.names}, stored)


def of_pandas(frame: Any, stored: pa.Schema | None) -> pa.Table:
    """A table of a pandas frame, without its index.

    Raises
    ------
    ProgrammingError
        Columns have one name.
    DataError
        No type holds all values of a column, or it is of a kind that Arrow lacks; names it.
    """
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise ProgrammingError(
            f"the data frame has columns of one name: {', '.join(map(repr, repeated))}"
        )
    objects = [index for index, kind in enumerate(frame.dtypes) if _is_object(kind)]
    # The index is left out; reset_index() makes columns of it.
    rest = frame.iloc[:, [i for i in range(len(names)) if i not in objects]] if objects else frame
    try:
        table = pa.Table.from_pandas(rest, preserve_index=False)
    except (TypeError, ValueError, OverflowError, NotImplementedError) as error:
        raise DataError(f"cannot read the data frame: {_said(error)}") from error
    if not objects:
        return table
    targets = _targets(stored)
    columns: list[Any] = table.columns
    for index in objects:
        name = names[index]
        values = _of_objects(name, frame.iloc[:, index], targets.get(folded(name)))
        columns.insert(index, values)
    return pa.table(columns, names=names)


def check_polars(schema: Mapping[str, Any]) -> None:
    """Refuse columns of Python objects, of which polars would give the addresses.

    Raises
    ------
    DataError
        Names the column.
    """
    for name, kind in schema.items():
        if "Object" in str(kind):
            raise DataError(
                f"column {name!r} is of Python objects (polars {kind}), which no other library can "
                "read; make it text, or of another type of polars"
            )


def _array(name: str, values: Any, target: pa.DataType | None) -> Any:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    polars, pandas = sys.modules.get("polars"), sys.modules.get("pandas")
    if polars is not None and isinstance(values, polars.Series):
        check_polars({name: values.dtype})
        return values.to_arrow()
    if pandas is not None and isinstance(values, (pandas.Series, pandas.Index)):
        if _is_object(values.dtype):
            return _of_objects(name, values, target)
        return of_pandas(pandas.DataFrame({name: values}).reset_index(drop=True), None)[name]
    if isinstance(values, np.ndarray):
        return _of_numpy(name, values, target)
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    if hasattr(values, "__arrow_c_array__") or hasattr(values, "__arrow_array__"):
        return pa.array(values)
    return _of_values(name, list(values), target)


def _of_numpy(name: str, values: Any, target: pa.DataType | None) -> Any:
    kind = values.dtype
    if kind.names is not None:
        # An array of records becomes a struct.
        parts = [_of_numpy(f"{name}.{part}", values[part], None) for part in kind.names]
        return pa.StructArray.from_arrays(parts, list(kind.names))
    if values.ndim > 1:
        return _of_values(name, [list(map(_plain, value)) for value in values], target)
    if kind.hasobject:
        return _of_values(name, values.tolist(), target)
    if not kind.isnative:
        values = values.astype(kind.newbyteorder("="))
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    try:
        return pa.array(np.ma.getdata(values), mask=mask)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"column {name!r}: {_said(error)}") from error


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _of_objects(name: str, series: Any, target: pa.DataType | None) -> Any:
    """A pandas column of Python objects, whose NaN, NaT and NA are NULL."""
    try:
        array = pa.array(series, from_pandas=True)
        if array.type in _EXACT:
            return array
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        pass  # What is wrong is said below, where the values are looked at one by one.
    missing = series.isna()
    values = [None if null else value for value, null in zip(series, missing, strict=True)]
    return _of_values(name, values, target)


def _of_values(name: str, values: list[Any], target: pa.DataType | None) -> pa.Array:
    """Python values, each as it is: by the type of all of them, or that of the table's column."""
    # pandas' Timedelta, a timedelta of nanoseconds.
    if any(hasattr(kind, "nanoseconds") for kind in set(map(type, values))):
        for row, value in enumerate(values):
            if getattr(value, "nanoseconds", 0):
                raise DataError(
                    f"column {name!r}, row {row}: an interval of nanoseconds ({value!r}), and the "
                    "server's have microseconds"
                )
    struct = target is None or pa.types.is_struct(target)
    if struct and all(value is None or isinstance(value, dict) for value in values):
        keys = dict.fromkeys(key for value in values if value is not None for key in value)
        values = [None if v is None else {key: v.get(key) for key in keys} for v in values]
    what = f"column {name!r}"
    try:
        return column(values, what, target)
    except DataError as error:
        if target is None or not (pa.types.is_floating(target) or pa.types.is_decimal128(target)):
            raise _of_load(error, what) from None
        try:
            # What a column of the table makes one, 1 beside 2.5, if nothing of it is lost.
            return pa.array(values, target)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            pass
        raise _of_load(error, what) from None


def _of_load(error: DataError, what: str) -> DataError:
    """What is said of a parameter, in the words of a load, whose rows count from 0."""
    text = str(error).replace("cannot bind", "cannot load", 1)
    head, place, tail = text.partition(f"{what} in row ")
    number, colon, reason = tail.partition(":")
    if place and number.isdigit():
        text = f"{head}{what}, row {int(number) - 1}{colon}{reason}"
    return DataError(text, status_code=error.status_code)


def _targets(stored: pa.Schema | None) -> dict[str, pa.DataType]:
    return {} if stored is None else {folded(field.name): field.type for field in stored}


def _check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise ProgrammingError(f"the name of a column is {name!r}; expected text")


def _is_object(kind: Any) -> bool:
    return isinstance(kind, np.dtype) and kind.hasobject


def _said(error: Exception) -> str:
    return " ".join(map(str, error.args)) or type(error).__name__
