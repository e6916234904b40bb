"""Values and rows as text: what a cell of each format has in it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa

from ..rows.convert import RowConverter
from ..rows.description import Column, describe

#: Rows that are taken at once.
ROWS = 1000


class Printable(Protocol):
    """What is printed: a cursor, or what looks like one."""

    @property
    def description(self) -> list[Column] | None: ...

    def fetchmany(self, size: int) -> Sequence[tuple[Any, ...]]: ...

    def fetch_record_batch(self) -> pa.RecordBatchReader: ...


class PrintableTable:
    """An Arrow table that looks like a cursor."""

    def __init__(self, table: pa.Table) -> None:
        self.description: list[Column] | None = describe(table.schema)
        self._table = table
        convert = RowConverter(table.schema).rows
        self._rows = [row for batch in table.to_batches() for row in convert(batch)]

    def fetchmany(self, size: int) -> Sequence[tuple[Any, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def fetch_record_batch(self) -> pa.RecordBatchReader:
        return self._table.to_reader()


class FirstRows:
    """Rows that say when the first of them have come.

    Parameters
    ----------
    rows : Printable
    come : callable
        Called then.
    """

    def __init__(self, rows: Printable, come: Callable[[], object]) -> None:
        self._rows = rows
        self._come = come
        self.description = rows.description

    def fetchmany(self, size: int) -> Sequence[tuple[Any, ...]]:
        rows = self._rows.fetchmany(size)
        self._come()
        return rows

    def fetch_record_batch(self) -> pa.RecordBatchReader:
        return self._rows.fetch_record_batch()


def rows_of(rows: Printable) -> Iterator[tuple[Any, ...]]:
    """The rows, one by one."""
    while chunk := rows.fetchmany(ROWS):
        yield from chunk


def names_of(rows: Printable) -> list[str]:
    """The names of the columns."""
    return [column.name for column in rows.description or []]


def as_text(value: Any) -> str:
    """A value as text, lists and structs as JSON."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, dict)):
        return as_json(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def as_json(value: Any, ascii_alone: bool = False) -> str:
    """A value as JSON, what JSON has not as text."""
    try:
        return json.dumps(value, default=as_text, ensure_ascii=ascii_alone, allow_nan=False)
    except ValueError:
        # JSON has no NaN and no infinity; as text they stay what they are.
        return json.dumps(_finite(value), default=as_text, ensure_ascii=ascii_alone)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
