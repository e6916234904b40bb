"""Files to load: which a path means, and several of them as one table."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

import pyarrow as pa

from ..errors import DataError, ProgrammingError
from ..statement.names import folded
from .conversion import Conversion
from .csv_files import CsvFiles, CsvOptions, check_options, check_unused
from .parquet_files import ParquetFiles

Stored = Callable[[], pa.Schema | None]

#: Rows that are read at once.
_ROWS = 16_384

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".feather": "ipc",
    ".arrow": "ipc",
    ".arrows": "ipc",
    ".ipc": "ipc",
}
_TEXT = {"csv": ",", "tsv": "\t"}
_COMPRESSIONS = (".gz", ".bz2", ".zst", ".lz4")

#: What Hive calls the folder of rows whose key is NULL.
_NULL_KEY = "__HIVE_DEFAULT_PARTITION__"


class _Files(Protocol):
    """Files of one format."""

    def schemas(self, paths: Sequence[str]) -> list[pa.Schema]:
        """The columns of each."""

    def batches(self, path: str) -> Iterator[pa.RecordBatch]:
        """The rows of one, whose columns have been asked for."""


class _Found(NamedTuple):
    """The files of a path.

    Attributes
    ----------
    filesystem : pyarrow.fs.FileSystem
    paths : list of str
    kind : str
        The files' format.
    keys : list of dict
        What the folders of each file say, by column.
    """

    filesystem: Any
    paths: list[str]
    kind: str
    keys: list[dict[str, str | None]]


def open_files(
    path: str | Sequence[str], stored: Stored = lambda: None, options: CsvOptions | None = None
) -> pa.RecordBatchReader:
    """A reader of the rows of one file, of a directory, or of what a glob pattern matches.

    Parameters
    ----------
    path : str or sequence of str
        Several are one table, as the files of a directory are.
        Parquet, CSV (``.csv``, ``.tsv``, also ``.gz`` and other compressions) or Arrow IPC
        (``.feather``, ``.arrow``); told by the name's end. In a directory
        ``key=value`` folders become columns, and names that begin with ``_`` or ``.`` are left
        out. A URL is given to ``pyarrow.fs``.
    stored : callable, optional
        Asked for the columns of the table that they go to, whose types those of a CSV get; others
        get the type that all of their text can be.
    options : CsvOptions, optional
        How CSV files are written.

    Raises
    ------
    ProgrammingError
        The format is not known, or the files are of several.
    DataError
        The files are not one table: one lacks a column that another has, or has it as another
        type; names both.
    FileNotFoundError
        There is no such file.
    """
    found = _find_all(path)
    options = options or CsvOptions()
    files: _Files
    if found.kind in _TEXT:
        check_options(options)
        files = CsvFiles(found.filesystem, _TEXT[found.kind], options, stored())
    else:
        check_unused(options, repr(path))
        kind = ParquetFiles if found.kind == "parquet" else _IpcFiles
        files = kind(found.filesystem, _ROWS)
    schemas = files.schemas(found.paths)
    if len(found.paths) == 1 and not found.keys[0]:
        return pa.RecordBatchReader.from_batches(schemas[0], files.batches(found.paths[0]))
    return _one_table(found, files, schemas)


def count_rows(path: str | Sequence[str]) -> int | None:
    """The rows of what `open_files` opens, or None where they would have to be read for it."""
    from pyarrow import dataset

    found = _find_all(path)
    if found.kind in _TEXT:
        return None
    files = dataset.dataset(found.paths, format=found.kind, filesystem=found.filesystem)
    return int(files.count_rows())


# Which files


def _find_all(path: str | Sequence[str]) -> _Found:
    if isinstance(path, str):
        return _find(path)
    each = [_find(one) for one in path]
    first = each[0]
    for one, found in zip(path, each, strict=True):
        if found.kind != first.kind:
            raise ProgrammingError(
                f"{one!r} is {found.kind} and {path[0]!r} {first.kind}; files that are loaded "
                "together are of one format"
            )
        if not found.filesystem.equals(first.filesystem):
            raise ProgrammingError(
                f"{one!r} is on another file system than {path[0]!r}; load them one by one"
            )
    paths = [name for found in each for name in found.paths]
    return first._replace(paths=paths, keys=[keys for found in each for keys in found.keys])


def _find(path: str) -> _Found:
    from pyarrow import fs

    filesystem: Any = fs.LocalFileSystem()
    base = ""
    if "://" in path:
        filesystem, inner = fs.FileSystem.from_uri(path)
        if filesystem.get_file_info(inner).type == fs.FileType.Directory:
            base = inner
            listed = filesystem.get_file_info(fs.FileSelector(inner, recursive=True))
            paths = sorted(
                each.path
                for each in listed
                if each.type == fs.FileType.File and not _is_hidden(each.path[len(base) :])
            )
        else:
            paths = [inner]
    elif os.path.isdir(path):
        base = path
        paths = sorted(_files_in(path))
    elif os.path.exists(path):
        paths = [path]
    else:
        paths = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []
        paths = [each for each in paths if os.path.isfile(each)]
    if not paths:
        raise FileNotFoundError(f"no file to load: {path!r}")
    kinds = sorted({_kind(each) for each in paths})
    if len(kinds) > 1:
        raise ProgrammingError(f"{path!r} holds files of several formats: {', '.join(kinds)}")
    keys = [_keys(each[len(base) :]) if base else {} for each in paths]
    return _Found(filesystem, paths, kinds[0], keys)


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in path.split("/"))


def _files_in(directory: str) -> Iterator[str]:
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in names:
            if not name.startswith((".", "_")):
                yield os.path.join(folder, name)


def _kind(path: str) -> str:
    name = path.lower()
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


def _keys(path: str) -> dict[str, str | None]:
    """The columns that the folders of a path stand for."""
    folders = path.replace(os.sep, "/").split("/")[:-1]
    pairs = (folder.partition("=") for folder in folders if "=" in folder)
    return {
        unquote(name): None if value == _NULL_KEY else unquote(value) for name, _, value in pairs
    }


# Several files as one table


def _one_table(found: _Found, files: _Files, schemas: Sequence[pa.Schema]) -> pa.RecordBatchReader:
    kinds = _key_types(found.keys)
    conversions = [
        Conversion(schema, {field.name: field.type for field in schema}) for schema in schemas
    ]
    wholes = []
    for conversion, keys in zip(conversions, found.keys, strict=True):
        own = {folded(name) for name in conversion.schema.names}
        # What a file says itself goes before what its folder says.
        added = [pa.field(name, kinds[name]) for name in keys if folded(name) not in own]
        wholes.append(pa.schema([*conversion.schema, *added]))
    one = _unified(found.paths, wholes)

    def batches() -> Iterator[pa.RecordBatch]:
        for path, conversion, keys in zip(found.paths, conversions, found.keys, strict=True):
            for batch in files.batches(path):
                for piece in conversion.pieces(batch, batch.nbytes + 1):
                    yield _as_one(piece, keys, one, path)

    return pa.RecordBatchReader.from_batches(one, batches())


def _unified(paths: Sequence[str], schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of all files, in the order of the first one."""
    first = schemas[0]
    known = {folded(name): name for name in first.names}
    kinds = {name: first.field(name).type for name in first.names}
    for path, schema in zip(paths[1:], schemas[1:], strict=True):
        here = {folded(name): name for name in schema.names}
        for name in (name for name in known if name not in here):
            raise DataError(
                f"{path} has no column {known[name]!r}, which {paths[0]} has; files that are "
                "loaded together have the same columns, in any order"
            )
        for name in (name for name in here if name not in known):
            raise DataError(
                f"{path} has a column {here[name]!r}, which {paths[0]} has not; files that are "
                "loaded together have the same columns, in any order"
            )
        for name, spelled in here.items():
            kind, other = kinds[known[name]], schema.field(spelled).type
            common = _common(kind, other)
            if common is None:
                raise DataError(
                    f"column {spelled!r} is {other} in {path}, and {kind} in a file before it; "
                    "load them one by one into a table"
                )
            kinds[known[name]] = common
    return pa.schema([pa.field(name, kind) for name, kind in kinds.items()])


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds the values of both as they are, or None."""
    types = pa.types
    if one == other:
        return one
    if any(map(types.is_decimal, (one, other))) and any(map(types.is_floating, (one, other))):
        return None
    both = [pa.schema([pa.field("a", kind)]) for kind in (one, other)]
    try:
        return pa.unify_schemas(both, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return None


def _as_one(
    batch: pa.RecordBatch, keys: dict[str, str | None], schema: pa.Schema, path: str
) -> pa.RecordBatch:
    place = {folded(name): index for index, name in enumerate(batch.schema.names)}
    values = {folded(name): value for name, value in keys.items()}
    columns = []
    for field in schema:
        index = place.get(folded(field.name))
        if index is None:
            value = values[folded(field.name)]
            column = pa.repeat(pa.scalar(value, pa.string()), batch.num_rows)
        else:
            column = batch.column(index)
        try:
            columns.append(column.cast(field.type) if column.type != field.type else column)
        except pa.ArrowException as error:
            raise DataError(
                f"column {field.name!r} of {path} does not go into {field.type} unchanged, "
                f"which it is with the other files: {error}"
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _key_types(keys: Sequence[dict[str, str | None]]) -> dict[str, pa.DataType]:
    """The types of the columns that folders stand for: numbers where all of them are."""
    texts: dict[str, list[str | None]] = {}
    for each in keys:
        for name, value in each.items():
            texts.setdefault(name, []).append(value)
    found = {}
    for name, values in texts.items():
        found[name] = pa.string()
        for kind in (pa.int32(), pa.int64()):
            try:
                pa.array(values, pa.string()).cast(kind)
            except pa.ArrowInvalid:
                continue
            found[name] = kind
            break
    return found


class _IpcFiles:
    """Arrow IPC files and streams."""

    def __init__(self, filesystem: Any, rows: int) -> None:
        self._filesystem = filesystem

    def schemas(self, paths: Sequence[str]) -> list[pa.Schema]:
        """The columns of each file."""
        return [self._open(path).schema for path in paths]

    def batches(self, path: str) -> Iterator[pa.RecordBatch]:
        """The rows of one of the files."""
        return ipc_batches(self._open(path))

    def _open(self, path: str) -> Any:
        with self._filesystem.open_input_stream(path, compression=None) as stream:
            is_file = stream.read(6) == b"ARROW1"
        if is_file:
            return pa.ipc.open_file(self._filesystem.open_input_file(path))
        return pa.ipc.open_stream(self._filesystem.open_input_stream(path, compression=None))


def ipc_batches(reader: Any) -> Iterator[pa.RecordBatch]:
    """The batches of a RecordBatchFileReader or a reader of a stream."""
    if hasattr(reader, "get_batch"):
        return map(reader.get_batch, range(reader.num_record_batches))
    return iter(reader)
