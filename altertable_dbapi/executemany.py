"""One statement for many sets of parameters: many rows a message where possible, all or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from .batches import cut
from .binding import Binding, outside_transaction, resolve
from .errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    OperationalError,
    ProgrammingError,
)
from .insert_rows import InsertRows, insert_rows
from .literals import list_literal, literals, sql_type
from .parameter_rows import Chunk, chunks, named_row, opened
from .parameters import Bound, Slots, bind, slots
from .result import Result
from .session import Session
from .sql import Statement
from .wrong_row import wrong_row

if TYPE_CHECKING:
    from .connection import Connection

T = TypeVar("T")

#: Bytes of a message with lists, about. Servers commonly refuse gRPC messages above 4 MiB.
_LIST_BYTES = 2 * 1024 * 1024
#: Bytes of values that are written as text, which is up to four times as long.
_TEXT_BYTES = 512 * 1024
#: Rows of one VALUES. More are not faster.
_VALUES_ROWS = 1_000

# How DuckDB names what it could not convert, where it is a column of this module's.
_SOURCE = re.compile(r" when casting from source column __p\d+")


def execute_many(connection: Connection[Any], statement: Statement, sets: Any, binding: str) -> int:
    """Execute a statement for each set of parameters, and give the number of rows it changed.

    Raises
    ------
    Error
        One of them failed; names its row, where that can be told. Nothing is changed then, or
        what is changed belongs to the transaction that was open before.
    """
    numbered = slots(statement)
    insert = insert_rows(numbered)
    if insert is None:
        return _each(connection, numbered, sets, binding)
    return _Insertion(connection, numbered, insert, binding).run(sets)


def _each(connection: Connection[Any], numbered: Slots, sets: Any, binding: str) -> int:
    statement = numbered.statement
    if isinstance(sets, (list, tuple)):
        # A first time only to find what cannot be bound, before anything is sent.
        for _ in _bound_rows(numbered, sets):
            pass
    rows = _bound_rows(numbered, sets)
    first = next(rows, None)
    if first is None:
        return 0
    if first[1] is not None:
        # The server is asked before the transaction begins.
        resolve(binding, connection._session)
    total = 0
    with connection._atomic():
        for row, bound in _chained(first, rows):
            try:
                total += max(_changed(connection._execute(statement, bound, binding)), 0)
            except (DataError, IntegrityError) as error:
                raise _located(error, f"row {row}") from None
    return total


def _bound_rows(numbered: Slots, sets: Any) -> Iterator[tuple[int, Bound | None]]:
    items, batches = opened(sets)
    if batches is not None:
        items = (batch.slice(i, 1) for batch in batches for i in range(batch.num_rows))
    for row, parameters in enumerate(items or (), start=1):
        try:
            if numbered.statement.style == "none":
                yield row, bind(numbered.statement, parameters)
            else:
                yield row, numbered.bind(parameters, row)
        except ProgrammingError as error:
            raise named_row(error, row) from None


def _chained(first: T, rest: Iterable[T]) -> Iterator[T]:
    yield first
    yield from rest


def _changed(result: Result | None) -> int:
    """The count that a statement reports; -1 where it reports none."""
    if result is None:
        return -1
    # Servers may run a statement only as its stream is read.
    table = result.read_table()
    if table.column_names != ["Count"]:
        return -1
    return sum(count or 0 for count in table.column(0).to_pylist())


def _located(error: Error, where: str) -> Error:
    """The server's error with the place where it comes from."""
    # The excerpt that DuckDB adds is of a statement that the caller has not written.
    said = _SOURCE.sub("", str(error).partition("\n\nLINE ")[0])
    return type(error)(
        f"{said} ({where})",
        status_code=error.status_code,
        vendor_code=error.vendor_code,
        sqlstate=error.sqlstate,
        details=error.details,
    )


class _Insertion:
    """An INSERT of many rows, in the form that suits the server."""

    def __init__(
        self, connection: Connection[Any], numbered: Slots, insert: InsertRows, binding: str
    ) -> None:
        self._connection = connection
        self._slots = numbered
        self._insert = insert
        self._setting = binding
        self._by_values = False
        self._typed = insert.typed()
        self._tried: set[frozenset[int]] = set()
        self._failed: tuple[int, pa.RecordBatch] | None = None

    def run(self, sets: Any) -> int:
        found: Iterator[Chunk] = chunks(self._slots, sets, _LIST_BYTES)
        if isinstance(sets, (list, tuple)):
            # All of it, so that what cannot be bound is known before anything is sent.
            found = iter(list(found))
        first = next(found, None)
        if first is None:
            return 0
        # The server is asked before the transaction begins.
        self._binding: Binding = resolve(self._setting, self._connection._session, many=True)
        self._try_types(first)
        total = 0
        try:
            with self._connection._atomic():
                for chunk in _chained(first, found):
                    total += self._send_chunk(chunk)
        except (DataError, IntegrityError) as error:
            if self._failed is None:
                raise
            raise _located(error, self._where(*self._failed)) from None
        return total

    def _try_types(self, chunk: Chunk) -> None:
        """Find out whether expressions take columns of text where they take strings.

        A string in a statement becomes what is wanted there, a number in ``chr('65')``; a column
        of text does not, and then the rows are sent as VALUES.
        """
        text = frozenset(
            number
            for number, column in enumerate(chunk.columns, 1)
            if number in self._typed and pa.types.is_string(column.type) and not _empty(column)
        )
        if not text or text in self._tried or self._by_values:
            return
        self._tried.add(text)
        lists = [
            None if _empty(column) else f"CAST([] AS {sql_type(column.type)}[])"
            for column in chunk.columns
        ]
        try:
            with outside_transaction(self._connection._session) as free:
                free.execute(self._insert.query(lists)).read_table()
        except OperationalError:
            raise
        except DatabaseError:
            self._by_values = True

    def _send_chunk(self, chunk: Chunk) -> int:
        names = [str(i + 1) for i in range(len(chunk.columns))]
        row, total = chunk.first, 0
        self._try_types(chunk)
        limit = _LIST_BYTES if self._binding.lists else _TEXT_BYTES
        for piece in cut(pa.RecordBatch.from_arrays(chunk.columns, names=names), limit):
            try:
                total += self._send(piece)
            except (DataError, IntegrityError):
                self._failed = row, piece
                raise
            row += piece.num_rows
        return total

    def _send(self, piece: pa.RecordBatch) -> int:
        if not self._by_values:
            sources = self._sources(piece)
            text = self._insert.from_lists(sources, piece.num_rows)
            if text is not None:
                return self._insert_text(text, self._lists(piece, text, sources), piece.num_rows)
            self._by_values = True
        return self._send_values(piece)

    def _send_values(self, piece: pa.RecordBatch) -> int:
        total = 0
        for start in range(0, piece.num_rows, _VALUES_ROWS):
            some = piece.slice(start, _VALUES_ROWS)
            columns = [
                ["NULL"] * some.num_rows if _empty(column) else literals(column)
                for column in some.columns
            ]
            total += self._insert_text(self._insert.from_values(columns), None, some.num_rows)
        return total

    def _insert_text(self, text: str, bound: Bound | None, rows: int) -> int:
        statement = self._slots.statement._replace(text=text, placeholders=(), style="none")
        count = _changed(self._connection._execute(statement, bound, "server"))
        if count < 0:
            return rows
        if count != rows and self._insert.exact:
            raise ProgrammingError(
                f"{count} rows were inserted for {rows} sets of parameters: a value of the row is "
                "no function of the row alone, as aggregates are not; call rollback()"
            )
        return count

    def _sources(self, piece: pa.RecordBatch) -> list[str | None]:
        """For each placeholder the expression of its list; None where all of it is NULL."""
        if not self._binding.lists:
            return [None if _empty(column) else list_literal(column) for column in piece.columns]
        numbers = iter(range(1, piece.num_columns + 1))
        return [None if _empty(column) else f"${next(numbers)}" for column in piece.columns]

    def _lists(self, piece: pa.RecordBatch, text: str, sources: list[str | None]) -> Bound | None:
        """What the server is to bind to `text`: one row of lists."""
        columns = [c for c, s in zip(piece.columns, sources, strict=True) if s is not None]
        if not self._binding.lists or not columns:
            return None
        offsets = pa.array([0, piece.num_rows], pa.int32())
        arrays = [pa.ListArray.from_arrays(offsets, column) for column in columns]
        names = [f"${i + 1}" for i in range(len(arrays))]
        numbers = list(range(1, len(arrays) + 1))
        numbered = Slots(self._slots.statement, text, names, numbers, numbers, len(arrays))
        return Bound(numbered, [], pa.RecordBatch.from_arrays(arrays, names=names))

    def _where(self, row: int, piece: pa.RecordBatch) -> str:
        """Where in the rows the server found something wrong."""
        rows = piece.num_rows
        sources = self._sources(piece)

        def run(session: Session, query: str) -> Result:
            return session.execute(query, self._lists(piece, query, sources))

        session = self._connection._session
        found = wrong_row(session, self._insert, sources, rows, run)
        if found is not None:
            return f"row {row + found[0]}, column {found[1]!r}"
        return f"row {row}" if rows == 1 else f"one of the rows {row} to {row + rows - 1}"


def _empty(column: pa.Array) -> bool:
    return bool(column.null_count == len(column))
