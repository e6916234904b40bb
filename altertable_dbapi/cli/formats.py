"""A result as text for people and programs: a table, CSV, JSON."""

from __future__ import annotations

import csv
import json
import math
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TextIO

import pyarrow as pa

from ..dbapi20 import NUMBER
from ..errors import ProgrammingError
from ..rows.convert import RowConverter
from ..rows.description import Column, describe

#: Column widths of a table are those of its first rows; a longer value further down sticks out.
_ROWS_MEASURED = 1000
_WIDEST = 60


class Printable(Protocol):
    """What is printed: a cursor, or what looks like one."""

    @property
    def description(self) -> list[Column] | None: ...

    def fetchmany(self, size: int) -> Sequence[tuple[Any, ...]]: ...


class PrintableTable:
    """An Arrow table that looks like a cursor."""

    def __init__(self, table: pa.Table) -> None:
        self.description: list[Column] | None = describe(table.schema)
        convert = RowConverter(table.schema).rows
        self._rows = [row for batch in table.to_batches() for row in convert(batch)]

    def fetchmany(self, size: int) -> Sequence[tuple[Any, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows


def print_table(cursor: Printable, out: TextIO) -> int:
    """Print the rows in columns; the number of rows."""
    columns = cursor.description or []
    right = [column.type_code == NUMBER for column in columns]
    names = [_one_line(column.name) for column in columns]
    chunk = cursor.fetchmany(_ROWS_MEASURED)
    texts = [[_cell(value) for value in row] for row in chunk]
    widths = [
        min(max([_width(names[i]), *(_width(row[i]) for row in texts)]), _WIDEST)
        for i in range(len(names))
    ]
    bar = "─" if _can_encode(out, "─│┼") else "-"
    line, cross = (" │ ", "─┼─") if bar == "─" else (" | ", "-+-")

    def put(cells: list[str], aligned: list[bool]) -> None:
        padded = (
            _pad(cell, width, flush)
            for cell, width, flush in zip(cells, widths, aligned, strict=True)
        )
        out.write(line.join(padded).rstrip() + "\n")

    put(names, right)
    out.write(cross.join(bar * width for width in widths) + "\n")
    count = 0
    while texts:
        for row in texts:
            put(row, right)
        count += len(texts)
        texts = [[_cell(value) for value in row] for row in cursor.fetchmany(_ROWS_MEASURED)]
    return count


def print_csv(cursor: Printable, out: TextIO) -> int:
    """Print the rows as CSV with a header line, NULL as nothing; the number of rows."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in cursor.description or []])
    count = 0
    for row in _rows(cursor):
        writer.writerow(["" if value is None else _text(value) for value in row])
        count += 1
    return count


def print_json(cursor: Printable, out: TextIO) -> int:
    """Print the rows as a JSON array of objects; the number of rows."""
    names = [column.name for column in cursor.description or []]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ProgrammingError(
            f"{', '.join(map(repr, repeated))} names more than one column, which a JSON object "
            "cannot hold; name them apart with AS"
        )
    count = 0
    out.write("[")
    for row in _rows(cursor):
        text = _json(dict(zip(names, row, strict=True)))
        out.write((",\n " if count else "") + text)
        count += 1
    out.write("]\n")
    return count


FORMATS: dict[str, Callable[[Printable, TextIO], int]] = {
    "table": print_table,
    "csv": print_csv,
    "json": print_json,
}


def _rows(cursor: Printable) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_ROWS_MEASURED):
        yield from rows


def _text(value: Any) -> str:
    """A value as text, lists and structs as JSON."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, dict)):
        return _json(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, default=_text, ensure_ascii=False, allow_nan=False)
    except ValueError:
        # JSON has no NaN and no infinity; as text they stay what they are.
        return json.dumps(_finite(value), default=_text, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def _cell(value: Any) -> str:
    return "NULL" if value is None else _one_line(_text(value))


def _one_line(text: str) -> str:
    """Text without line breaks and other control characters, which would break a table."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _can_encode(out: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(out, "encoding", None) or sys.getdefaultencoding())
    except UnicodeEncodeError:
        return False
    return True
