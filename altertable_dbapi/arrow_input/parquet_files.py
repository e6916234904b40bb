"""Parquet files, read in bounded pieces, with the values that Arrow's reader would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, ProgrammingError

if TYPE_CHECKING:
    from pyarrow import fs

_ROWS = 16_384

_BUFFER_BYTES = 1024 * 1024

#: The microseconds that 64 bits of nanoseconds can be.
_FIRST, _LAST = -(2**63) // 1000 + 1, (2**63 - 1) // 1000 - 1


class ParquetFiles:
    """Parquet files.

    Timestamps of 96 bits (INT96, which Spark, Hive and Impala write) span more years than 64 bits
    of nanoseconds, and Arrow's reader makes other dates of what is outside. They are read as
    microseconds, or as nanoseconds where a file has some and no such year.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
        Where they are.
    rows : int
        Rows of a batch.
    """

    def __init__(self, filesystem: fs.FileSystem, rows: int) -> None:
        self._filesystem = filesystem
        self._rows = rows
        self._units: dict[str, str] = {}

    def schemas(self, paths: Sequence[str]) -> list[pa.Schema]:
        """The columns of each file."""
        found = []
        for path in paths:
            self._units[path] = self._unit(path)
            with self._open(path, self._units[path]) as file:
                found.append(_schema(file))
        return found

    def batches(self, path: str) -> Iterator[pa.RecordBatch]:
        """The rows of one of the files."""
        with self._open(path, self._units[path]) as file:
            yield from parquet_batches(file, self._rows)

    def _open(self, path: str, unit: str) -> Any:
        from pyarrow import parquet

        # A scan decodes a row group at a time, however large; this a batch.
        return parquet.ParquetFile(
            self._filesystem.open_input_file(path),
            pre_buffer=False,
            buffer_size=_BUFFER_BYTES,
            coerce_int96_timestamp_unit=unit,
        )

    def _unit(self, path: str) -> str:
        """The unit in which a file's INT96 keep their values."""
        with self._open(path, "us") as coarse, self._open(path, "ns") as fine:
            columns = int96_columns(coarse)
            if not columns:
                return "us"
            outside: set[str] = set()
            finer: set[str] = set()
            sizes = self._rows
            for a, b in zip(
                coarse.iter_batches(sizes, columns=columns),
                fine.iter_batches(sizes, columns=columns),
                strict=True,
            ):
                for name in a.schema.names:
                    us, ns = _leaves(a.column(name)), _leaves(b.column(name))
                    if ((us < _FIRST) | (us > _LAST)).any():
                        outside.add(name)
                    # Both wrap around in the same way where the years are too many.
                    with np.errstate(over="ignore"):
                        if (ns - us * 1000).any():
                            finer.add(name)
        if finer and outside:
            names = sorted(outside | finer)
            raise DataError(
                f"cannot read {path}: INT96 in column {', '.join(map(repr, names))} with both "
                "nanoseconds and years outside of 1677 to 2262, which no timestamp of 64 bits holds"
            )
        return "ns" if finer else "us"


def int96_columns(file: Any) -> list[str]:
    """The columns of a ParquetFile that have INT96 in them."""
    columns = (file.schema.column(index) for index in range(len(file.schema)))
    found = (each.path.partition(".")[0] for each in columns if each.physical_type == "INT96")
    return list(dict.fromkeys(found))


def opened_parquet(file: Any) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The columns and rows of a ParquetFile that the program has opened.

    Raises
    ------
    ProgrammingError
        It makes nanoseconds of INT96, which are other dates outside of 1677 to 2262.
    """
    for name in int96_columns(file):
        if any(is_nanoseconds(kind) for kind in _within(file.schema_arrow.field(name).type)):
            raise _other_dates(name)
    return _schema(file), parquet_batches(file, _ROWS)


def check_int96(dataset: Any) -> None:
    """Refuse a dataset that makes nanoseconds of INT96.

    Raises
    ------
    ProgrammingError
        It names a column.
    """
    finest = {f.name for f in dataset.schema if any(map(is_nanoseconds, _within(f.type)))}
    options = getattr(getattr(dataset, "format", None), "read_options", None)
    if not finest or getattr(options, "coerce_int96_timestamp_unit", "us") not in (None, "ns"):
        return
    for fragment in dataset.get_fragments():
        for name in int96_columns(fragment.metadata):
            if name in finest:
                raise _other_dates(name)


def is_nanoseconds(kind: pa.DataType) -> bool:
    """Whether a type is a timestamp of nanoseconds."""
    return bool(pa.types.is_timestamp(kind)) and kind.unit == "ns"


def _within(kind: pa.DataType) -> Iterator[pa.DataType]:
    yield kind
    for index in range(kind.num_fields):
        yield from _within(kind.field(index).type)


def _other_dates(name: str) -> ProgrammingError:
    return ProgrammingError(
        f"column {name!r} is INT96 in a Parquet file, and read as nanoseconds, which makes other "
        "dates of years outside of 1677 to 2262: load its path, or open it with "
        "coerce_int96_timestamp_unit='us'"
    )


def parquet_batches(file: Any, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a ParquetFile."""
    schema = _schema(file)
    for batch in file.iter_batches(rows):
        columns = [
            _read_as(column, kind) for column, kind in zip(batch.columns, schema.types, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _schema(file: Any) -> pa.Schema:
    """The columns of a file, with the types that Arrow gives as bytes."""
    logical = {
        column.path: str(column.logical_type)
        for column in (file.schema.column(index) for index in range(len(file.schema)))
    }
    own = {"UUID": pa.uuid(), "Interval": pa.month_day_nano_interval()}
    fields = []
    for field in file.schema_arrow:
        kind = own.get(logical.get(field.name, ""))
        bare = pa.types.is_fixed_size_binary(field.type)
        fields.append(pa.field(field.name, kind if bare and kind is not None else field.type))
    return pa.schema(fields)


def _read_as(column: Any, kind: pa.DataType) -> Any:
    if column.type == kind or not pa.types.is_fixed_size_binary(column.type):
        return column
    if kind == pa.uuid():
        return pa.ExtensionArray.from_storage(kind, column)
    # Months, days and milliseconds, 32 bits each.
    parts = np.frombuffer(b"".join(value.as_py() or bytes(12) for value in column), "<u4")
    values = np.empty(len(column), [("m", "<i4"), ("d", "<i4"), ("n", "<i8")])
    values["m"], values["d"] = parts[0::3], parts[1::3]
    values["n"] = parts[2::3].astype("i8") * 1_000_000
    valid = None if not column.null_count else pc.is_valid(column).buffers()[1]
    return pa.Array.from_buffers(kind, len(column), [valid, pa.py_buffer(values)])


def _leaves(column: Any) -> Any:
    """The timestamps in a column of any depth, as numbers."""
    kind = column.type
    if pa.types.is_map(kind):
        column = pa.StructArray.from_arrays([column.keys, column.items], ["key", "value"])
        kind = column.type
    if pa.types.is_struct(kind):
        parts = [_leaves(part) for part in column.flatten()]
        return np.concatenate(parts) if parts else np.empty(0, "i8")
    if pa.types.is_nested(kind):
        return _leaves(column.flatten())
    if not pa.types.is_timestamp(kind):
        return np.empty(0, "i8")
    return column.drop_null().cast(pa.int64()).to_numpy()
