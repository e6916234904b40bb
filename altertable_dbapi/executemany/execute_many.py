"""One statement for many sets of parameters: many rows a message where possible, all or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import DataError, IntegrityError, ProgrammingError
from ..execution.binding import binding_for
from ..execution.execute import execute
from ..parameters.bind import Bound, Slots, bind, slots
from ..session.block import atomic
from ..statement.scan import Statement
from .changed_rows import Changed
from .given_sets import chained, check_all
from .insert_rows import insert_rows
from .insertion import Insertion
from .joined_sets import join
from .located import located
from .parameter_rows import named_row, opened
from .parameter_runs import peeked

if TYPE_CHECKING:
    from ..session.session import Session


def execute_many(session: Session, statement: Statement, sets: Any, binding: str) -> Changed:
    """Execute a statement for each set of parameters.

    Raises
    ------
    Error
        One of them failed; names its row, where that can be told. Nothing is changed then, or
        what is changed belongs to the transaction that was open before.
    """
    numbered = slots(statement)
    insert = insert_rows(numbered)
    changed = Changed(statement.returning)
    if insert is not None:
        changed.count = Insertion(session, numbered, insert, binding).run(sets)
        return changed
    given = peeked(sets)
    if given is not None and not join(session, numbered, given, binding, changed):
        _each(session, numbered, given, binding, changed)
    return changed


def _each(session: Session, numbered: Slots, sets: Any, binding: str, changed: Changed) -> None:
    statement = numbered.statement
    check_all(sets, lambda: _bound_rows(numbered, sets))
    rows = _bound_rows(numbered, sets)
    first = next(rows, None)
    if first is None:
        return
    if first[1] is not None:
        # The server is asked before the transaction begins.
        binding_for(binding, session)
    with atomic(session):
        for row, bound in chained(first, rows):
            try:
                changed.take(execute(session, statement, bound, binding))
            except (DataError, IntegrityError) as error:
                raise located(error, f"row {row}") from None


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
