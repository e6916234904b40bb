"""Record batches -> rows of Python values."""

from __future__ import annotations

import gc
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pyarrow as pa
from pyarrow import types

from ..errors import DataError
from . import duckdb, flat, nested, temporal
from .flat import Converter

#: Rows go into tuples a step at a time, while their values are still in the processor's cache: it
#: holds so many.
_VALUES = 16_384
_LONGEST_STEP = 4096
_SHORTEST_STEP = 64

#: A column whose conversion takes some microseconds even of one row is converted for so many steps
#: together where a step has fewer rows than this.
_FEW_ROWS = 512

#: What a value that has no Python object, or bytes that are not what their type says, may raise.
_UNSUITABLE = (
    pa.ArrowException,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    RecursionError,
)


#: Gives the values of a column's rows from the one to before the other, in ascending order.
Values: TypeAlias = Callable[[int, int], list[Any]]
Reader: TypeAlias = Callable[[pa.Array], Values]


class RowConverter:
    """Converts the record batches of one stream.

    How each column is converted is decided once, at the first batch.

    Parameters
    ----------
    schema : pyarrow.Schema
        The stream's.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._readers: list[Reader] | None = None
        self._step = _step(len(schema))
        self._nested = any(types.is_nested(field.type) for field in schema)

    def rows(self, batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
        """Convert a record batch, or a slice of one, to a list of tuples.

        Raises
        ------
        DataError
            A value has no Python object that is equal to it: an infinite date, a year before 1
            or after 9999.
        """
        rows: list[tuple[Any, ...]] = []
        self.extend(rows, batch)
        return rows

    def extend(self, rows: list[tuple[Any, ...]], batch: pa.RecordBatch) -> None:
        """Append a batch's rows to `rows`; none of them when it raises, as `rows`."""
        before, count = len(rows), batch.num_rows
        if not batch.num_columns:
            rows.extend([()] * count)
            return
        if self._readers is None:
            self._readers = [_reader(field, self._step) for field in self._schema]
        try:
            with collector_paused() as collect:
                columns = [
                    read(column)
                    for read, column in zip(self._readers, batch.columns)  # noqa: B905
                ]
                for start in range(0, count, self._step):
                    end = min(start + self._step, count)
                    rows.extend(zip(*[values(start, end) for values in columns]))  # noqa: B905
                    if end < count and not self._nested:
                        collect()
        except BaseException:
            del rows[before:]
            raise


def _step(columns: int) -> int:
    """How many rows of so many columns go into tuples at a time."""
    step = _LONGEST_STEP
    while step > _SHORTEST_STEP and step * columns > _VALUES:
        step //= 2
    return step


@contextmanager
def collector_paused() -> Iterator[Callable[[], Any]]:
    """Pause Python's cyclic garbage collector, and give a function that runs it once.

    The collector runs after every 700 new containers and walks the new ones. Rows hold no cycles,
    and a result makes millions of them. A row of plain values is walked once, so with those the
    function is called after every step, while the values are in the processor's cache: to walk a
    whole batch of a hundred columns takes a third as long as to convert it. Lists and dicts are
    walked again and again, so with those it is not called before the end of the batch. The switch
    is the process's: cycles of another thread wait some milliseconds longer. A collector that is
    off stays off.
    """
    if not gc.isenabled():
        yield _nothing
        return
    gc.disable()
    try:
        yield _collect_new
    finally:
        gc.enable()


def _nothing() -> None:
    pass


def _collect_new() -> None:
    gc.collect(0)


if sysconfig.get_config_var("Py_GIL_DISABLED"):  # it has no generations, and would walk everything
    _collect_new = _nothing


def _reader(field: pa.Field, step: int) -> Reader:
    """How to get at a column's values, `step` rows at a time."""
    convert = column_converter(field)
    number = None
    if _is_number(field.type) and duckdb.converter(field, field.name) is None:
        number = flat.numpy_type(field.type)

    def read(array: pa.Array) -> Values:
        if number is not None and not array.null_count:
            numbers = flat.words(array, number)
            return lambda start, end: numbers[start:end].tolist()
        if step >= _FEW_ROWS:
            return lambda start, end: convert(array.slice(start, end - start))
        return _several_steps(convert, array)

    return read


def _is_number(kind: pa.DataType) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind))


def _several_steps(convert: Converter, array: pa.Array) -> Values:
    converted: list[Any] = []
    first = -_LONGEST_STEP

    def values(start: int, end: int) -> list[Any]:
        nonlocal converted, first
        if start >= first + _LONGEST_STEP:
            first = start
            converted = convert(array.slice(first, _LONGEST_STEP))
        return converted[start - first : end - first]

    return values


def column_converter(field: pa.Field) -> Converter:
    """Choose the fastest route from a column to Python values that changes none of them.

    Parameters
    ----------
    field : pyarrow.Field
        The column's name, for errors, its type and its metadata, which can name what an
        extension type is called.

    Returns
    -------
    callable
        Takes an array of that type, any slice of it, and gives a list.
    """
    convert = _converter(field, field.name)

    def convert_column(array: pa.Array) -> list[Any]:
        try:
            return convert(array)
        except _UNSUITABLE as error:
            raise DataError(
                f"column {field.name}: {type(error).__name__}: {error}; fetch it as Arrow"
            ) from error

    return convert_column


def _converter(field: pa.Field, path: str) -> Converter:
    kind = field.type
    special = duckdb.converter(field, path)
    if special is not None:
        return special
    if isinstance(kind, pa.BaseExtensionType):
        storage = _converter(pa.field(field.name, kind.storage_type), path)
        return lambda array: storage(array.storage)
    for test, choose in _ROUTES:
        if test(kind):
            return choose(kind, path)
    # Intervals of months or of days alone, as it is; pyarrow cannot read them.
    raise DataError(f"column {path}: there are no Python values for {kind}; fetch it as Arrow")


def _list(kind: pa.DataType, path: str) -> Converter:
    return nested.lists(_converter(kind.value_field, f"{path}[]"))


def _list_view(kind: pa.DataType, path: str) -> Converter:
    items = _converter(kind.value_field, f"{path}[]")
    return nested.list_views(items, types.is_large_list_view(kind))


def _fixed_size_list(kind: pa.DataType, path: str) -> Converter:
    items = _converter(kind.value_field, f"{path}[]")
    return nested.fixed_size_lists(items, kind.list_size)


def _members(kind: pa.DataType, path: str) -> list[Converter]:
    fields = [kind.field(i) for i in range(kind.num_fields)]
    return [_converter(field, f"{path}.{field.name}") for field in fields]


def _struct(kind: pa.DataType, path: str) -> Converter:
    names = [kind.field(i).name for i in range(kind.num_fields)]
    return nested.structs(names, _members(kind, path))


def _map(kind: pa.DataType, path: str) -> Converter:
    keys = _converter(kind.key_field, f"{path}.key")
    values = _converter(kind.item_field, f"{path}.value")
    return nested.maps(keys, values, not types.is_nested(kind.key_type), path)


def _union(kind: pa.DataType, path: str) -> Converter:
    return nested.unions(kind.type_codes, _members(kind, path), kind.mode == "sparse")


def _dictionary(kind: pa.DataType, path: str) -> Converter:
    values = _converter(pa.field("", kind.value_type), path)
    return nested.dictionaries(values, kind)


def _run_ends(kind: pa.DataType, path: str) -> Converter:
    return nested.run_ends(_converter(pa.field("", kind.value_type), path))


def _numbers(kind: pa.DataType, path: str) -> Converter:
    return flat.numbers(flat.numpy_type(kind))


Choice = Callable[[pa.DataType, str], Converter]

_ROUTES: list[tuple[Callable[[pa.DataType], bool], Choice]] = [
    (_is_number, _numbers),
    (types.is_string, lambda kind, path: flat.texts(kind)),
    (types.is_decimal, lambda kind, path: flat.decimals(kind)),
    (types.is_timestamp, temporal.timestamps),
    (types.is_date, temporal.dates),
    (types.is_boolean, lambda kind, path: flat.booleans),
    (types.is_time, temporal.times),
    (types.is_duration, temporal.durations),
    (types.is_interval, lambda kind, path: temporal.intervals(path)),
    (types.is_null, lambda kind, path: flat.nothing),
    (types.is_fixed_size_binary, lambda k, path: flat.fixed_size_binaries(k.byte_width)),
    (types.is_large_string, lambda kind, path: flat.texts(kind)),
    (types.is_string_view, lambda kind, path: flat.texts(kind)),
    (types.is_binary, lambda kind, path: flat.texts(kind)),
    (types.is_large_binary, lambda kind, path: flat.texts(kind)),
    (types.is_binary_view, lambda kind, path: flat.texts(kind)),
    (types.is_dictionary, _dictionary),
    (types.is_struct, _struct),
    (types.is_list, _list),
    (types.is_large_list, _list),
    (types.is_map, _map),
    (types.is_fixed_size_list, _fixed_size_list),
    (types.is_list_view, _list_view),
    (types.is_large_list_view, _list_view),
    (types.is_union, _union),
    (types.is_run_end_encoded, _run_ends),
]
