"""One statement for many sets of parameters: many rows a message where possible, all or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from .binding import resolve
from .errors import DataError, IntegrityError, ProgrammingError
from .insert_rows import insert_rows
from .insertion import Insertion, located
from .parameter_rows import named_row, opened
from .parameters import Bound, Slots, bind, slots
from .result import changed
from .sql import Statement

if TYPE_CHECKING:
    from .connection import Connection

T = TypeVar("T")


def execute_many(connection: Connection[Any], statement: Statement, sets: Any, binding: str) -> int:
    """Execute a statement for each set of parameters.

    Returns
    -------
    int
        The number of rows that were changed; -1 where the server does not tell.

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
    return Insertion(connection, numbered, insert, binding).run(sets)


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
                count = changed(connection._execute(statement, bound, binding))
            except (DataError, IntegrityError) as error:
                raise located(error, f"row {row}") from None
            total = -1 if count < 0 or total < 0 else total + count
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
