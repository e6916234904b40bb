"""CSV files, read in bounded pieces; all rows are looked at before a column gets a type."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from ..errors import DataError, ProgrammingError
from ..statement.names import folded
from .csv_types import ColumnType, first_refused, typed

if TYPE_CHECKING:
    from pyarrow import fs

_BLOCK_BYTES = 1 << 20
#: The largest row that is read.
_ROW_BYTES = 1 << 29

_STRADDLES = "straddl"


class CsvOptions(NamedTuple):
    """How CSV files are written.

    Attributes
    ----------
    delimiter : str, optional
        A comma, a tab in ``.tsv``.
    quote : str, optional
        What surrounds text; twice in it for itself. A double quote.
    header : bool or sequence of str, optional
        Whether the first line has the names of the columns, as it has unless told; or the names,
        where it has not. Without either the columns are those of the table, in its order.
    encoding : str, optional
        UTF-8, and UTF-16 where the file begins with its mark; else any of Python's codecs.
    null_text : str or sequence of str, optional
        What stands for NULL, where it is not in quotes; nothing at all, unless told.
    column_types : mapping of str to pyarrow.DataType, optional
        The types of columns; those of the table, or what all of their text can be.
    """

    delimiter: str | None = None
    quote: str | None = None
    header: bool | Sequence[str] | None = None
    encoding: str | None = None
    null_text: str | Sequence[str] | None = None
    column_types: Mapping[str, pa.DataType] | None = None


def check_options(options: CsvOptions) -> None:
    """Refuse what is no option.

    Raises
    ------
    ProgrammingError
        It says which, and what is expected.
    """
    import codecs

    for name in ("delimiter", "quote"):
        value = getattr(options, name)
        if value is not None and not (
            isinstance(value, str) and len(value) == 1 and value.isascii() and value not in "\r\n"
        ):
            raise ProgrammingError(f"{name} is {value!r}; expected one ASCII character")
    header = options.header
    if header is not None and not isinstance(header, bool):
        names = [] if isinstance(header, str) else list(header)
        if not names or not all(isinstance(name, str) and name for name in names):
            raise ProgrammingError(
                f"header is {header!r}; expected True, False or the names of the columns"
            )
    if options.encoding is not None:
        try:
            codecs.lookup(options.encoding)
        except (LookupError, TypeError):
            raise ProgrammingError(
                f"encoding is {options.encoding!r}, which Python has no codec for; expected "
                "utf-8, utf-16, cp1252, …"
            ) from None
    for text in _null_texts(options):
        if not isinstance(text, str):
            raise ProgrammingError(f"null_text is {options.null_text!r}; expected text, or texts")
    types = options.column_types
    if types is not None and not isinstance(types, Mapping):
        raise ProgrammingError(f"column_types is {types!r}; expected a mapping of names to types")
    for name, kind in (types or {}).items():
        if not isinstance(kind, pa.DataType):
            raise ProgrammingError(
                f"column_types has {kind!r} for {name!r}; expected a type of Arrow or SQL"
            )
        try:
            typed(pa.array([], pa.string()), kind)
        except pa.ArrowException:
            raise ProgrammingError(
                f"column_types has {kind} for {name!r}, which is not read from text here; make the "
                "table first, and the server reads it"
            ) from None


def check_unused(options: CsvOptions | None, data: str) -> None:
    """Refuse options where `data` is no CSV.

    Raises
    ------
    ProgrammingError
        It says which.
    """
    for name, value in () if options is None else options._asdict().items():
        if value is not None:
            raise ProgrammingError(f"{name}={value!r} is for CSV files, and {data} is none")


def _null_texts(options: CsvOptions) -> list[Any]:
    given = options.null_text
    if given is None:
        return [""]
    return [given] if isinstance(given, str) or not isinstance(given, Sequence) else list(given)


class CsvFiles:
    """CSV files that are one table.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
        Where they are.
    delimiter : str
        Where the options have none.
    options : CsvOptions
        How they are written.
    stored : pyarrow.Schema, optional
        The columns of the table that they go to, where there is one.
    """

    def __init__(
        self,
        filesystem: fs.FileSystem,
        delimiter: str,
        options: CsvOptions,
        stored: pa.Schema | None,
    ) -> None:
        self._filesystem = filesystem
        self._delimiter = options.delimiter or delimiter
        self._options = options
        self._stored = None if stored is None else stored.names
        self._known = {} if stored is None else {folded(f.name): _readable(f.type) for f in stored}
        given = options.column_types or {}
        self._known.update((folded(name), kind) for name, kind in given.items())
        self._given = dict(given)
        self._schemas: dict[str, pa.Schema] = {}

    def schemas(self, paths: Sequence[str]) -> list[pa.Schema]:
        """The columns of each file; those of one name have one type in all of them."""
        names = [self._names(path) for path in paths]
        every = {folded(name) for of_file in names for name in of_file}
        for name in self._given:
            if folded(name) not in every:
                raise ProgrammingError(
                    f"column_types has {name!r}; the columns of {paths[0]} are "
                    f"{', '.join(names[0])}"
                )
        found = {name: ColumnType() for name in every if name not in self._known}
        if found:
            for path, of_file in zip(paths, names, strict=True):
                self._look(path, of_file, found)
        # Nothing but NULLs may be text.
        kinds = {n: pa.string() if c.type == pa.null() else c.type for n, c in found.items()}
        kinds.update(self._known)
        schemas = [pa.schema([(n, kinds[folded(n)]) for n in of_file]) for of_file in names]
        self._schemas.update(zip(paths, schemas, strict=True))
        return schemas

    def batches(self, path: str) -> Iterator[pa.RecordBatch]:
        """The rows of one of the files."""
        schema = self._schemas[path]
        for batch in self._text(path, schema.names):
            columns = []
            for field, text in zip(schema, batch.columns, strict=True):
                try:
                    columns.append(typed(text, field.type))
                except pa.ArrowException:
                    raise DataError(
                        f"cannot read {path}: {first_refused(text, field.type)!r} in column "
                        f"{field.name!r} is no {field.type}; column_types= gives another type"
                    ) from None
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def _look(self, path: str, names: Sequence[str], found: Mapping[str, ColumnType]) -> None:
        columns = [found.get(folded(name)) for name in names]
        for batch in self._text(path, names):
            for column, text in zip(columns, batch.columns, strict=True):
                if column is not None:
                    column.see(text)

    def _names(self, path: str) -> list[str]:
        header = self._options.header
        if header is False and self._stored is not None:
            return list(map(str, self._stored))
        if header is not None and not isinstance(header, bool):
            return list(header)
        with _reading(path):
            reader = self._open(path, [], _BLOCK_BYTES, single=False)
            names = list(map(str, reader.schema.names))
        for name in names:
            try:
                name.encode()
            except UnicodeEncodeError:
                raise _wrong_encoding(path) from None
        return names

    def _text(self, path: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows, all as text; read again with more at once where a row is larger than that."""
        given, block = 0, _BLOCK_BYTES
        while True:
            passed = 0
            try:
                with _reading(path):
                    for batch in self._open(path, names, block, single=len(names) == 1):
                        start = max(given - passed, 0)
                        passed += batch.num_rows
                        if passed > given:
                            given = passed
                            yield batch.slice(start)
                    return
            except DataError as error:
                if _STRADDLES not in str(error) or block >= _ROW_BYTES:
                    raise
                block *= 8

    def _open(self, path: str, names: Sequence[str], block: int, single: bool) -> Any:
        from pyarrow import csv

        options = self._options
        header = options.header
        named = header is False or (header is not None and not isinstance(header, bool))
        stream = self._filesystem.open_input_stream(path)
        return csv.open_csv(
            stream,
            read_options=csv.ReadOptions(
                use_threads=False,
                block_size=block,
                encoding=options.encoding or self._encoding(path),
                column_names=list(names) if named and names else None,
                autogenerate_column_names=named and not names,
            ),
            parse_options=csv.ParseOptions(
                delimiter=self._delimiter,
                quote_char=options.quote or '"',
                newlines_in_values=True,
                # An empty line is a row of one column that is NULL.
                ignore_empty_lines=not single,
            ),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=_null_texts(options),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    def _encoding(self, path: str) -> str:
        with self._filesystem.open_input_stream(path) as stream:
            start = stream.read(2)
        return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf8"


@contextlib.contextmanager
def _reading(path: str) -> Iterator[None]:
    """What Arrow and the codecs say of a file, as a DataError that names it."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _wrong_encoding(path, error.encoding.upper()) from None
    except pa.ArrowException as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        if "invalid UTF8" in said:
            raise _wrong_encoding(path) from None
        raise DataError(f"cannot read {path}: {said}") from error


def _wrong_encoding(path: str, encoding: str = "UTF-8") -> DataError:
    return DataError(
        f"cannot read {path}: it is not {encoding}; encoding= says what it is, 'cp1252'"
    )


def _readable(kind: pa.DataType) -> pa.DataType:
    """The type that a CSV column is read as on its way to a column of this type.

    The server turns text into anything else, and knows its own notation best.
    """
    types = pa.types
    if (
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_date32(kind)
        or types.is_decimal128(kind)
    ):
        return kind
    return pa.string()
