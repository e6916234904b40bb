"""What can be loaded: Arrow data of any library, data frames, iterables of batches, files."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..errors import DataError, ProgrammingError
from .csv_files import CsvOptions, check_unused
from .files import Stored, ipc_batches, open_files
from .parquet_files import check_int96, opened_parquet
from .python_values import check_polars, of_columns, of_pandas, of_rows, of_series, of_structured

ACCEPTED = (
    "an Arrow table, batch, reader or other object with __arrow_c_stream__, a pandas or polars "
    "data frame or series, a mapping of columns, a list of mappings, a structured numpy array, an "
    "iterable of record batches, or the path or paths of Parquet, CSV or Arrow files"
)


class Source(NamedTuple):
    """Record batches of one schema, read once.

    Attributes
    ----------
    schema : pyarrow.Schema or None
        None where there was no batch.
    batches : iterator of pyarrow.RecordBatch
        All of them.
    sample : sequence of pyarrow.RecordBatch
        Those of them that are in memory anyway.
    """

    schema: pa.Schema | None
    batches: Iterator[pa.RecordBatch]
    sample: Sequence[pa.RecordBatch] = ()


def open_source(data: Any, stored: Stored = lambda: None, csv: CsvOptions | None = None) -> Source:
    """Open what is to be loaded.

    Parameters
    ----------
    data : object
        One of `ACCEPTED`.
    stored : callable, optional
        Asked for the columns of the table that it goes to, where the data has no types of its own
        (CSV).
    csv : CsvOptions, optional
        How CSV files are written.

    Raises
    ------
    ProgrammingError
        It is none of those.
    DataError
        It cannot be read as Arrow data.
    """
    with reading():
        paths = _paths(data)
        if not paths and not isinstance(data, (str, os.PathLike)):
            check_unused(csv, f"a {type(data).__name__}")
        if isinstance(data, (str, os.PathLike)):
            return _of_reader(open_files(os.fspath(data), stored, csv))
        if paths:
            return _of_reader(open_files(paths, stored, csv))
        if isinstance(data, pa.RecordBatch):
            return _of_batches(data.schema, [data])
        if isinstance(data, pa.Table):
            return _of_batches(data.schema, data.to_batches())
        if isinstance(data, pa.RecordBatchReader):
            return _of_reader(data)
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(data, pandas.DataFrame):
            return _of_table(of_pandas(data, stored()))
        if pandas is not None and isinstance(data, pandas.Series):
            return _of_table(of_series(data, stored()))
        polars = sys.modules.get("polars")
        if polars is not None and isinstance(data, polars.LazyFrame):
            check_polars(_lazy_schema(data))
            return _of_lazy_frame(data)
        if polars is not None and isinstance(data, polars.DataFrame):
            return _of_reader(_frame_reader(data))
        if polars is not None and isinstance(data, polars.Series):
            return _of_table(of_series(data, stored()))
        if isinstance(data, (pa.Array, pa.ChunkedArray)) and not pa.types.is_struct(data.type):
            raise ProgrammingError(
                f'an array of {data.type} has no name for its column: load {{"name": array}}'
            )
        dataset = sys.modules.get("pyarrow.dataset")
        if dataset is not None and isinstance(data, (dataset.Dataset, dataset.Scanner)):
            if isinstance(data, dataset.Dataset):
                check_int96(data)
                data = data.scanner(batch_readahead=2, fragment_readahead=1)
            return _of_reader(data.to_reader())
        parquet = sys.modules.get("pyarrow.parquet")
        if parquet is not None and isinstance(data, parquet.ParquetFile):
            schema, batches = opened_parquet(data)
            return Source(schema, batches)
        if isinstance(data, pa.ipc.RecordBatchFileReader):
            return Source(data.schema, ipc_batches(data))
        if hasattr(data, "__arrow_c_stream__"):
            return _of_reader(pa.RecordBatchReader.from_stream(data))
        if type(data).__name__ == "PyCapsule":
            return _of_reader(pa.RecordBatchReader.from_stream(_Capsule(data)))
        if hasattr(data, "__arrow_c_array__"):
            batch = pa.record_batch(data)
            return _of_batches(batch.schema, [batch])
        if isinstance(data, Mapping):
            return _of_table(of_columns(data, stored()))
        if isinstance(data, np.ndarray):
            return _of_table(of_structured(data, stored()))
    if isinstance(data, (bytes, bytearray, memoryview)) or hasattr(data, "read"):
        raise _refused(
            data, "; pyarrow.csv.open_csv(file) and pyarrow.parquet.ParquetFile(file) read one"
        )
    try:
        items = iter(data)
    except TypeError:
        raise _refused(data, _way_out(data)) from None
    first = next(items, None)
    if isinstance(first, Mapping):
        return _of_table(of_rows([first, *items], stored()))
    return _of_iterable(iter(()) if first is None else itertools.chain([first], items))


def _paths(data: Any) -> list[str]:
    """The paths that a list or tuple has, if it has nothing else."""
    if isinstance(data, (list, tuple)) and all(isinstance(p, (str, os.PathLike)) for p in data):
        return [os.fspath(path) for path in data]
    return []


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """What Arrow says of the data, as a DataError."""
    try:
        yield
    except pa.ArrowException as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise DataError(f"cannot read the data: {lines[0]}") from error


class _Capsule:
    """An Arrow stream that somebody has exported already."""

    def __init__(self, capsule: object) -> None:
        self._capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._capsule


def _of_reader(reader: pa.RecordBatchReader) -> Source:
    batches = iter(reader)
    first = next(batches, None)
    if first is None:
        return Source(reader.schema, batches)
    return Source(reader.schema, itertools.chain([first], batches), [first])


def _of_batches(schema: pa.Schema, batches: list[pa.RecordBatch]) -> Source:
    return Source(schema, iter(batches), batches)


def _of_table(table: pa.Table) -> Source:
    return _of_batches(table.schema, table.to_batches())


def _lazy_schema(frame: Any) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = frame.collect_schema()
    return schema


def _of_lazy_frame(frame: Any) -> Source:
    if hasattr(frame, "collect_batches"):
        frames = frame.collect_batches(maintain_order=True)
        first = next(iter(frames), None)
        if first is not None:
            every = itertools.chain([first], frames)
            return _of_iterable(batch for each in every for batch in _frame_reader(each))
    return _of_reader(_frame_reader(frame.collect()))


def _frame_reader(frame: Any) -> pa.RecordBatchReader:
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(frame, polars.DataFrame):
        check_polars(frame.schema)
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(frame)
    # polars before 1.3
    return frame.to_arrow().to_reader()


def _of_iterable(items: Iterator[Any]) -> Source:
    batches = _batches(items)
    first = next(batches, None)
    if first is None:
        return Source(None, iter(()))
    return Source(first.schema, itertools.chain([first], batches), [first])


def _batches(items: Iterator[Any]) -> Iterator[pa.RecordBatch]:
    """The record batches among or inside what an iterable gives."""
    for item in items:
        if isinstance(item, pa.RecordBatch):
            yield item
        elif hasattr(item, "__arrow_c_stream__") or hasattr(item, "to_arrow"):
            yield from _frame_reader(item)
        elif hasattr(item, "__arrow_c_array__"):
            yield pa.record_batch(item)
        elif isinstance(item, (tuple, list)):
            raise ProgrammingError(
                f"the iterable gives a {type(item).__name__}: rows without names go by "
                'executemany("INSERT INTO … VALUES (?, …)", rows); load takes mappings'
            )
        else:
            raise ProgrammingError(
                f"the iterable gives a {type(item).__name__}, not a record batch; load takes "
                f"{ACCEPTED}"
            )


def _way_out(data: Any) -> str:
    for name in ("to_arrow", "to_pandas", "to_polars", "collect"):
        if callable(getattr(data, name, None)):
            return f"; load what its {name}() gives"
    return ""


def _refused(data: Any, way: str = "") -> ProgrammingError:
    return ProgrammingError(f"cannot load a {type(data).__name__}: load takes {ACCEPTED}{way}")
