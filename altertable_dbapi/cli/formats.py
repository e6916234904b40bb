"""A result in each format, for people and for programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import IO, Any, NamedTuple, TextIO

import pyarrow as pa

from ..errors import NotSupportedError, ProgrammingError
from .table import print_markdown, print_table, print_vertical
from .values import Printable, as_json, as_text, names_of, rows_of

_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


def print_csv(rows: Printable, out: TextIO) -> int:
    """Print the rows as CSV, NULL as nothing and empty text in quotes; the number of rows."""
    out.write(",".join(map(_field, names_of(rows))) + "\n")
    count = 0
    for row in rows_of(rows):
        out.write(",".join("" if v is None else _field(as_text(v)) for v in row) + "\n")
        count += 1
    return count


def _field(text: str) -> str:
    if not text or _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def print_json(rows: Printable, out: TextIO) -> int:
    """Print the rows as a JSON array of objects; the number of rows."""
    count = 0
    out.write("[")
    for text in _objects(rows, out):
        out.write((",\n " if count else "") + text)
        count += 1
    out.write("]\n")
    return count


def print_jsonl(rows: Printable, out: TextIO) -> int:
    """Print the rows as JSON objects, one in a line; the number of rows."""
    count = 0
    for text in _objects(rows, out):
        out.write(text + "\n")
        count += 1
    return count


def _objects(rows: Printable, out: TextIO) -> Any:
    names = names_of(rows)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ProgrammingError(
            f"{', '.join(map(repr, repeated))} names more than one column, which a JSON object "
            "cannot hold; name them apart with AS"
        )
    ascii_alone = (getattr(out, "encoding", None) or "utf-8").lower() != "utf-8"
    return (as_json(dict(zip(names, row, strict=True)), ascii_alone) for row in rows_of(rows))


def write_parquet(rows: Printable, out: IO[bytes]) -> int:
    """Write the rows as a Parquet file; the number of rows."""
    from pyarrow import parquet

    return _write(rows, lambda schema: parquet.ParquetWriter(out, schema))


def write_arrow(rows: Printable, out: IO[bytes]) -> int:
    """Write the rows as an Arrow IPC stream; the number of rows."""
    return _write(rows, lambda schema: pa.ipc.new_stream(out, schema))


def write_arrow_file(rows: Printable, out: IO[bytes]) -> int:
    """Write the rows as an Arrow IPC file; the number of rows."""
    return _write(rows, lambda schema: pa.ipc.new_file(out, schema))


def _write(rows: Printable, opened: Callable[[pa.Schema], Any]) -> int:
    reader = rows.fetch_record_batch()
    count = 0
    try:
        with opened(reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
                count += batch.num_rows
    except pa.ArrowException as error:
        raise NotSupportedError(f"the format cannot hold this result: {error}") from None
    return count


class Format(NamedTuple):
    """A format.

    Attributes
    ----------
    write : callable
        Takes the rows and a file, and gives the number of rows.
    endings : tuple of str
        Names of files that ask for it.
    is_binary : bool
        Whether the file takes bytes.
    is_exact : bool
        Whether programs read it: then nothing is written in another way.
    """

    write: Callable[[Printable, Any], int]
    endings: tuple[str, ...] = ()
    is_binary: bool = False
    is_exact: bool = True


FORMATS = {
    "table": Format(print_table, (".txt",), is_exact=False),
    "vertical": Format(print_vertical, is_exact=False),
    "markdown": Format(print_markdown, (".md",), is_exact=False),
    "csv": Format(print_csv, (".csv",)),
    "json": Format(print_json, (".json",)),
    "jsonl": Format(print_jsonl, (".jsonl", ".ndjson")),
    "parquet": Format(write_parquet, (".parquet", ".pq"), is_binary=True),
    "arrow": Format(write_arrow, (".arrows",), is_binary=True),
}

#: An Arrow file has its schema at its end as well, so that it can be read from any place.
ARROW_FILE = Format(write_arrow_file, (".arrow", ".feather", ".ipc"), is_binary=True)
