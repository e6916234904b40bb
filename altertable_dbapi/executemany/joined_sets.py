"""UPDATE, DELETE and INSERT for many sets of parameters, joined to them where that is the same.

Where it is the same is told by `set_plan`; elsewhere the statement is executed for each set.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..arrow_input.conversion import cut
from ..errors import DataError, IntegrityError
from ..execution.binding import binding_for
from ..execution.execute import execute
from ..parameters.bind import Slots
from ..parameters.key_values import canonical, key_cast
from ..session.block import atomic
from .changed_rows import Changed
from .given_sets import check_all, is_kept
from .located import located
from .parameter_runs import FREE, Run, rounds, runs
from .set_plan import Plan, assigned_columns, inserted, planned, type_of
from .set_sources import LIST_BYTES, Sources, unnested
from .set_statements import Key, KeyedChange, KeyedInsert, set_statement
from .table_facts import Column
from .wrong_set import wrong_set

if TYPE_CHECKING:
    from ..session.session import Session


def join(session: Session, slots: Slots, sets: Any, binding: str, changed: Changed) -> bool:
    """Execute a statement for sets of parameters, joined to them; False where it cannot be.

    Parameters
    ----------
    session : Session
    slots : Slots
    sets : iterable or Arrow data
        What `executemany` takes. Nothing of it is read where the answer is False.
    binding : str
    changed : Changed
        Where to add what was done.

    Raises
    ------
    Error
        One of them failed; names its set, where that can be told.
    """
    if is_kept(sets) and len(sets) < _FEW:
        return False
    statement = set_statement(slots)
    if statement is None:
        return False
    check_all(sets, lambda: runs(slots, sets, [FREE] * len(slots.names), LIST_BYTES))
    plan = planned(session, slots, statement)
    if plan is None:
        return False
    _Joined(session, slots, plan, changed).run(sets, binding)
    return True


#: Sets from which on it is worth its round trips to ask for the table's rules.
_FEW = 4


class _Joined:
    """A statement on its way to the server, run by run."""

    def __init__(self, session: Session, slots: Slots, plan: Plan, changed: Changed) -> None:
        self._session = session
        self._slots = slots
        self._plan = plan
        self._changed = changed

    def run(self, sets: Any, binding: str) -> None:
        found = runs(self._slots, sets, self._plan.uses, LIST_BYTES)
        # The server is asked before the transaction begins.
        self._binding = binding
        self._sources = Sources(binding_for(binding, self._session, many=True))
        with atomic(self._session):
            for run in found:
                casts = self._casts(run)
                if casts is None or not self._send_joined(run, casts):
                    self._send_each(run)

    def _casts(self, run: Run) -> dict[int, str] | None:
        """What the values of keys are cast to; None where the sets have to go one by one."""
        if len(run.rows) < 2:
            return None
        plan, casts = self._plan, {}
        stored = isinstance(plan.statement, KeyedInsert)
        for key in chain.from_iterable(plan.groups):
            values = None if key.number is None else run.columns[key.number - 1]
            if values is None or values.null_count == len(values):
                continue
            cast = key_cast(values, type_of(plan.facts, key), stored)
            if cast is None:
                return None
            if cast and not stored:
                casts[key.number or 0] = cast
        types = {}
        for number, (use, values) in enumerate(zip(plan.uses, run.columns, strict=True), 1):
            if not use.nulls and values.null_count:
                return None
            types[number] = None if values.null_count == len(values) else values.type
        columns = {name: column.type for name, column in plan.facts.columns.items()}
        assigned = [expression for _, expression in plan.statement.assigned]
        if not all(expression.same_for_columns(types, columns) for expression in assigned):
            return None
        return casts

    def _send_joined(self, run: Run, casts: dict[int, str]) -> bool:
        """Send a run, a round at a time; False where it has to go set by set."""
        statement, groups = self._plan.statement, self._plan.groups
        keys = [_keys(run.columns, group) for group in groups]
        # DuckDB 1 takes NULLs for one key where it looks for conflicts among the rows it inserts.
        nulls_alike = isinstance(statement, KeyedInsert)
        places = rounds(keys, nulls_alike) if keys else [list(range(len(run.rows)))]
        if isinstance(statement, KeyedChange):
            # A set whose key is NULL reaches no row.
            if None in keys[0]:
                places = [[row for row in place if keys[0][row] is not None] for place in places]
            if self._slots.statement.verb == "DELETE":
                del places[1:]  # They find nothing.
        elif len(places) > 1 and not self._repeats_alike():
            return False
        elif self._plan.keyed and None in keys[0]:
            # Rows without a key cannot be put in order.
            return False
        columns = list(run.columns)
        names = [str(i) for i in range(len(columns))]
        batch = pa.RecordBatch.from_arrays(columns, names=names)
        returned: list[tuple[list[int], pa.Table]] = []
        for place in filter(None, places):
            whole = len(place) == len(run.rows)
            chosen = batch if whole else batch.take(pa.array(place, pa.int64()))
            start = 0
            for piece in cut(chosen, self._sources.bytes):
                rows = place[start : start + piece.num_rows]
                table = self._send(piece, [run.rows[row] for row in rows], casts)
                if table is not None:
                    returned.append(self._ordered(table, rows, piece))
                start += piece.num_rows
        if returned:
            order = list(chain.from_iterable(rows for rows, _ in returned))
            table = pa.concat_tables([table for _, table in returned])
            if order != sorted(order):
                table = table.take(pa.array(sorted(range(len(order)), key=order.__getitem__)))
            self._changed.add(table)
        return True

    def _repeats_alike(self) -> bool:
        """Whether an INSERT may send a set whose key was sent after sets that follow it."""
        plan = self._plan
        if plan.statement.returning is not None and not plan.keyed and len(plan.groups) > 1:
            return False
        # A default such as nextval() counts the sets.
        given = (
            inserted(plan.statement, plan.facts) if isinstance(plan.statement, KeyedInsert) else {}
        )
        defaults = [c.default for name, c in plan.facts.columns.items() if name not in given]
        return not any(default and "(" in default for default in defaults)

    def _send(
        self, piece: pa.RecordBatch, rows: list[int], casts: dict[int, str]
    ) -> pa.Table | None:
        plan, sources = self._plan, self._sources
        lists = sources.expressions(piece)
        keyed = []
        for key in plan.groups[0] if plan.keyed else ():
            if key.number is not None:
                name = key.column
                text = pa.types.is_string(piece.columns[key.number - 1].type)
                keyed.append(f"CAST({name} AS VARCHAR)" if text else name)
        text = plan.statement.text(lists, piece.num_rows, casts, keyed)
        bound = sources.bind(piece, text)
        try:
            result = self._session.run(
                self._slots.statement, text if bound is None else bound.text, bound
            )
            if plan.statement.returning is None:
                self._changed.take(result)
                return None
            assert result is not None
            return result.read_table()
        except (DataError, IntegrityError) as error:
            raise located(error, self._where(rows, piece, lists)) from None

    def _ordered(
        self, table: pa.Table, rows: list[int], piece: pa.RecordBatch
    ) -> tuple[list[int], pa.Table]:
        """Rows returned for some sets without their keys, and the set of each."""
        plan = self._plan
        if not plan.keyed:
            return [rows[0]] * table.num_rows, table
        kept = table.num_columns - len(plan.keyed)
        places = dict(zip(_keys(piece.columns, plan.groups[0]), rows, strict=True))
        order = [places[key] for key in _together(table.columns[kept:])]
        return order, table.select(range(kept))

    def _send_each(self, run: Run) -> None:
        """Execute the statement for each set of a run."""
        for index, row in enumerate(run.rows):
            bound = run.bind(index)
            try:
                result = execute(self._session, self._slots.statement, bound, self._binding)
                self._changed.take(result)
            except (DataError, IntegrityError) as error:
                raise located(error, f"row {row}") from None

    def _where(self, rows: list[int], piece: pa.RecordBatch, lists: list[str | None]) -> str:
        """Where in the sets the server found something wrong."""
        if len(rows) == 1:
            return f"row {rows[0]}"

        found = wrong_set(
            self._session,
            self._stored(lists),
            unnested(lists, len(rows), f"unnest(range({len(rows)})) AS __row"),
            lambda query: self._sources.bind(piece, query),
        )
        if found is not None:
            return f"row {rows[found[0]]}, column {found[1]!r}"
        return f"one of the rows {rows[0]} to {rows[-1]}"

    def _stored(self, lists: list[str | None]) -> list[tuple[Column, str]]:
        """The columns that get a value which depends on nothing but the set, and that value."""
        plan = self._plan
        columns = assigned_columns(plan.statement, plan.facts) or []
        values = plan.statement.values(lists)
        return [
            (column, value)
            for column, value, (_, expression) in zip(
                columns, values, plan.statement.assigned, strict=True
            )
            if expression.numbers and expression.functions((), ()) is not None
        ]


def _keys(columns: Sequence[pa.Array], group: list[Key]) -> list[Any]:
    """The key of each set; None where a part of it is NULL."""
    return _together([columns[key.number - 1] for key in group if key.number is not None])


def _together(columns: Sequence[pa.Array | pa.ChunkedArray]) -> list[Any]:
    """The values of each row as one that can be compared; None where one of them is NULL."""
    parts = [canonical(column) for column in columns]
    if len(parts) == 1:
        return parts[0]
    return [None if None in values else values for values in zip(*parts, strict=True)]
