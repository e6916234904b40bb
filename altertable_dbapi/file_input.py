"""Files to load, read lazily in bounded batches by ``pyarrow.dataset``."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from .errors import DataError, ProgrammingError

#: Rows that a scan gives at once; with the readahead below it bounds the memory of a load.
_ROWS = 16_384

_BUFFER_BYTES = 1024 * 1024

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".feather": "ipc",
    ".arrow": "ipc",
    ".ipc": "ipc",
}
_TEXT = ("csv", "tsv")
_COMPRESSIONS = (".gz", ".bz2", ".zst", ".lz4")


def open_files(
    path: str, column_types: Callable[[], Mapping[str, pa.DataType]] | None = None
) -> pa.RecordBatchReader:
    """A reader of the rows of one file, of a directory, or of what a glob pattern matches.

    Parameters
    ----------
    path : str
        Parquet, CSV (``.csv``, ``.tsv``, also ``.gz`` and other compressions) or Arrow IPC
        (``.feather``, ``.arrow``); told by the name's end. In a directory
        ``key=value`` folders become columns, and names that begin with ``_`` or ``.`` are left
        out. A URL is given to ``pyarrow.dataset``.
    column_types : callable, optional
        The types that CSV columns have where they are going; others are inferred from the first
        megabyte. An empty field without quotes is NULL.

    Raises
    ------
    ProgrammingError
        The format is not known, or the files are of several.
    FileNotFoundError
        There is no such file.
    """
    if os.path.isfile(path) and _kind(path) == "parquet":
        # A scan decodes a row group at a time, however large; this a batch.
        from pyarrow import parquet

        file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(_ROWS))
    found, kind = _open(path, column_types)
    scanner = found.scanner(
        batch_size=_ROWS,
        batch_readahead=2,
        fragment_readahead=1,
        fragment_scan_options=_scan_options(kind),
    )
    reader = scanner.to_reader()
    if kind not in _TEXT:
        return reader
    return pa.RecordBatchReader.from_batches(reader.schema, _explained(reader))


def count_rows(path: str) -> int | None:
    """The rows of what `open_files` opens, or None where they would have to be read for it."""
    found, kind = _open(path, None)
    return None if kind in _TEXT else int(found.count_rows())


def _open(
    path: str, column_types: Callable[[], Mapping[str, pa.DataType]] | None
) -> tuple[Any, str]:
    """The dataset behind a path, and the files' format."""
    from pyarrow import dataset

    folder = "://" not in path and os.path.isdir(path)
    if folder:
        files = sorted(_files_in(path))
    elif "://" in path or os.path.exists(path):
        files = [path]
    else:
        files = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []
    if not files:
        raise FileNotFoundError(f"no file to load: {path!r}")
    kinds = sorted({_kind(file) for file in files})
    if len(kinds) > 1:
        raise ProgrammingError(f"{path!r} holds files of several formats: {', '.join(kinds)}")
    kind = kinds[0]
    types = column_types() if kind in _TEXT and column_types is not None else {}
    return dataset.dataset(
        path if files == [path] else files,
        format=_format(kind, types),
        partitioning="hive" if folder else None,
        partition_base_dir=path if folder else None,
    ), kind


def _explained(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except pa.ArrowInvalid as error:
        raise DataError(
            f"cannot read the CSV: {str(error).splitlines()[0]}; column types are those of the "
            "table, or inferred from the first megabyte: to set them, load "
            "pyarrow.csv.open_csv(path, convert_options=ConvertOptions(column_types={…}))"
        ) from error


def _files_in(directory: str) -> Iterator[str]:
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in names:
            if not name.startswith((".", "_")):
                yield os.path.join(folder, name)


def _kind(path: str) -> str:
    name = path.partition("?")[0].lower() if "://" in path else path.lower()
    stem, extension = os.path.splitext(name)
    if extension in _COMPRESSIONS:
        inner = _FORMATS.get(os.path.splitext(stem)[1])
        if inner in _TEXT:
            return inner
    if extension not in _FORMATS:
        raise ProgrammingError(
            f"cannot tell the format of {path!r}; known are {', '.join(_FORMATS)}, and CSV also "
            f"with {', '.join(_COMPRESSIONS)}"
        )
    return _FORMATS[extension]


def _format(kind: str, types: Mapping[str, pa.DataType]) -> Any:
    from pyarrow import csv, dataset

    if kind not in _TEXT:
        return kind
    return dataset.CsvFileFormat(
        parse_options=csv.ParseOptions(delimiter="," if kind == "csv" else "\t"),
        default_fragment_scan_options=dataset.CsvFragmentScanOptions(
            csv.ConvertOptions(
                column_types={name: _readable(kind) for name, kind in types.items()},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            )
        ),
    )


def _scan_options(kind: str) -> Any:
    from pyarrow import dataset

    if kind != "parquet":
        return None
    # Columns of a row group are read as they are needed, not all of them at once.
    return dataset.ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False)


def _readable(kind: pa.DataType) -> pa.DataType:
    """The type that a CSV column is read as on its way to a column of this type.

    The server turns text into anything else, and knows its own notation best.
    """
    types = pa.types
    if (
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_date32(kind)
        or types.is_decimal128(kind)
    ):
        return kind
    return pa.string()
