"""An ``INSERT … VALUES`` of many rows: what `execute` does for each of them, in few statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import DatabaseError, DataError, Error, IntegrityError, OperationalError
from ..execution.binding import Binding, binding_for, outside_transaction
from ..parameters.bind import Bound, Slots
from ..parameters.literals import list_literal, sql_type
from ..result.result import changed
from ..session.block import atomic
from .given_sets import chained, is_kept
from .insert_lists import NO_TYPE, Combination, ListRows, combinations, over_lists, unnested
from .insert_rows import InsertRows
from .located import located
from .parameter_rows import Rows, typed_rows
from .self_reference import SelfReference, independent, self_reference
from .wrong_row import wrong_in_lists, wrong_in_values

if TYPE_CHECKING:
    from ..session.session import Session

#: Bytes of a message with lists, about. Servers commonly refuse gRPC messages above 4 MiB.
_LIST_BYTES = 2 * 1024 * 1024
#: Characters of a statement with rows as text, about.
_TEXT_SIZE = 1024 * 1024
#: Bytes of lists that are written as text, which is up to four times as long.
_LIST_TEXT_BYTES = 512 * 1024
#: Rows of one VALUES. More are not faster.
_VALUES_ROWS = 1_000
#: Rows for which nothing is asked: they go as VALUES.
_FEW_ROWS = 10
#: Lists of one statement, and combinations of types in one expression. Rows of more variety go as
#: VALUES, because each list is as long as there are rows.
_MOST_LISTS = 64
_MOST_COMBINATIONS = 16

_Described = list[tuple[str, str, str]]


class Insertion:
    """An INSERT of many rows, in the form that suits the server and the rows.

    Rows go as lists where that is the same as a statement for each of them: the query is over
    columns of the types that the values have by themselves. Elsewhere they go as rows of VALUES,
    each with its own literals, which is always the same, and some ten times slower.

    Parameters
    ----------
    session : Session
    slots : Slots
    insert : InsertRows
    binding : str
        The setting.
    """

    def __init__(self, session: Session, slots: Slots, insert: InsertRows, binding: str) -> None:
        self._session = session
        self._slots = slots
        self._insert = insert
        self._setting = binding
        self._described: _Described | None = None
        self._was_described = False
        self._agreed: dict[tuple[int, tuple[pa.DataType | None, ...]], bool] = {}
        self._reference: SelfReference | None = None
        self._failed: tuple[Rows, ListRows | None] | None = None

    def run(self, sets: Any) -> int:
        """Insert all rows or none, and give how many were inserted; -1 where that is not known."""
        session = self._session
        found: Iterator[Rows] = typed_rows(self._slots, sets, _LIST_BYTES)
        kept: list[Rows] | None = None
        if is_kept(sets):
            # All of it, so that a value that cannot be bound is known before anything is sent.
            kept = list(found)
            found = iter(kept)
        first = next(found, None)
        if first is None:
            return 0
        # The server is asked before the transaction begins.
        self._binding: Binding = binding_for(self._setting, session, many=True)
        self._lists_of(first)
        again = kept is not None and not session.in_transaction
        if not again and first.length > 1 and self._has_keys():
            self._reference = self_reference(session, self._insert)
        try:
            return self._insert_all(first, found)
        except IntegrityError as error:
            if not again or kept is None or not self._refers_to_itself(error):
                raise self._located(error) from None
        except DataError as error:
            raise self._located(error) from None
        self._failed = None
        try:
            return self._insert_all(kept[0], iter(kept[1:]))
        except (DataError, IntegrityError) as error:
            raise self._located(error) from None

    def _insert_all(self, first: Rows, rest: Iterator[Rows]) -> int:
        total = 0
        with atomic(self._session):
            for rows in chained(first, rest):
                for some in self._runs(rows):
                    count = self._send(some)
                    total = -1 if count < 0 or total < 0 else total + count
        return total

    # A table that refers to itself

    def _has_keys(self) -> bool:
        """Whether the table has a key, which other rows may refer to."""
        query = f"SELECT 1 FROM (DESCRIBE {self._insert.table}) WHERE key IS NOT NULL LIMIT 1"
        if self._insert.table is None:
            return False
        return bool(self._session.rows(query, (int,)))

    def _refers_to_itself(self, error: IntegrityError) -> bool:
        """Whether rows that are refused together may go in several statements."""
        if "foreign key" not in str(error).lower():
            return False
        session = self._session
        # It began with these rows.
        session.rollback()
        self._reference = self_reference(session, self._insert)
        return self._reference is not None

    def _runs(self, rows: Rows) -> Iterator[Rows]:
        if self._reference is None:
            yield rows
        else:
            yield from independent(rows, self._reference)

    # Rows as lists or as VALUES

    def _send(self, rows: Rows) -> int:
        lists = self._lists_of(rows)
        if lists is None:
            return self._send_values(rows)
        limit = _LIST_BYTES if self._binding.lists else _LIST_TEXT_BYTES
        size = sum(array.nbytes for array in lists.lists.values())
        if size > limit and rows.length > 1:
            step = max(1, rows.length // -(-size // limit))
            total = 0
            for start in range(0, rows.length, step):
                count = self._send(rows.slice(start, min(step, rows.length - start)))
                total = -1 if count < 0 or total < 0 else total + count
            return total
        text = self._insert.from_rows(lists.values, self._source(lists, rows.length))
        if text is None:
            return self._send_values(rows)
        try:
            return self._insert_text(text, self._bound(lists, text, rows.length))
        except (DataError, IntegrityError):
            self._failed = rows, lists
            raise

    def _send_values(self, rows: Rows) -> int:
        texts = self._value_rows(rows)
        total = start = 0
        while start < len(texts):
            stop, size = start, 0
            while stop < len(texts) and stop - start < _VALUES_ROWS and size < _TEXT_SIZE:
                size += len(texts[stop])
                stop += 1
            try:
                count = self._insert_text(self._insert.from_values(texts[start:stop]), None)
            except (DataError, IntegrityError):
                self._failed = rows.slice(start, stop - start), None
                raise
            total = -1 if count < 0 or total < 0 else total + count
            start = stop
        return total

    def _value_rows(self, rows: Rows) -> list[str]:
        columns = [values.literals() for values in rows.columns]
        return [self._insert.row(values) for values in zip(*columns, strict=True)]

    def _insert_text(self, text: str, bound: Bound | None) -> int:
        sent = text if bound is None else bound.text
        return changed(self._session.run(self._slots.statement, sent, bound))

    def _lists_of(self, rows: Rows) -> ListRows | None:
        """The rows as lists, where that is the same as a statement for each of them."""
        insert = self._insert
        if sum(len(values.arrays) for values in rows.columns) > _MOST_LISTS:
            return None
        if any(_untyped(array.type) for values in rows.columns for array in values.arrays):
            return None
        found: dict[int, list[Combination]] = {}
        asked: dict[int, list[Combination]] = {}
        for index in insert.kept:
            if insert.is_constant(index):
                continue
            several = combinations(insert, rows, index)
            if len(several) > _MOST_COMBINATIONS:
                return None
            found[index] = several
            if insert.is_alone(index) or insert.is_cast(index):
                continue
            if not self._take_text(rows, index):
                return None
            asked[index] = several
        mixed = [
            index
            for index, several in found.items()
            if not insert.is_cast(index)
            and (len(several) > 1 or (several == [(NO_TYPE,)] and insert.is_alone(index)))
        ]
        if (asked or mixed) and rows.length <= _FEW_ROWS:
            return None
        if asked and not self._agree(rows, asked):
            return None
        types = self._types() if mixed else None
        if mixed and types is None:
            return None
        for index in mixed:
            if (
                insert.is_placeholder(index)
                and len(found[index]) == 2
                and found[index][0] == (NO_TYPE,)
                and types is not None
                and _plain(types[index])
            ):
                # NULLs of all types are the same there.
                found[index] = found[index][1:]
        return over_lists(insert, rows, found, types)

    def _take_text(self, rows: Rows, index: int) -> bool:
        """Whether text among the values of an expression is the same as a list's column."""
        return all(
            self._insert.takes_text(index, number)
            for number in set(self._insert.numbers[index])
            if any(_is_text(array.type) for array in rows.columns[number - 1].arrays)
        )

    def _agree(self, rows: Rows, asked: dict[int, list[Combination]]) -> bool:
        """Whether expressions over columns have the types that they have over values.

        Some functions take a value and refuse a column. An aggregate is refused in VALUES, and
        accepted in a query.
        """
        insert = self._insert
        samples: dict[str, str] = {}
        names = []
        for number, values in enumerate(rows.columns, start=1):
            written = values.samples()
            its = [f"__p{number}_{code + 1}" for code in range(len(written))]
            names.append(its)
            for name, array in zip(its, values.arrays, strict=True):
                samples[name] = f"CAST([] AS {sql_type(array.type)}[])"
        unknown = {}
        for index, several in asked.items():
            numbers = sorted(set(insert.numbers[index]))
            for combination in several:
                pairs = list(zip(numbers, combination, strict=True))
                key = (
                    index,
                    tuple(
                        None if code == NO_TYPE else rows.columns[number - 1].arrays[code].type
                        for number, code in pairs
                    ),
                )
                if key in self._agreed:
                    if not self._agreed[key]:
                        return False
                    continue
                over_columns = ["NULL"] * len(names)
                over_values = ["NULL"] * len(names)
                for number, code in pairs:
                    if code != NO_TYPE:
                        over_columns[number - 1] = names[number - 1][code]
                        over_values[number - 1] = rows.columns[number - 1].samples()[code]
                unknown[key] = (
                    insert.written(index, over_columns),
                    insert.written(index, over_values),
                )
        if not unknown:
            return True
        query = (
            f"SELECT column_type FROM (DESCRIBE SELECT * FROM "
            f"(SELECT {', '.join(columns for columns, _ in unknown.values())} "
            f"FROM {unnested(samples, 1)}), "
            f"(VALUES ({', '.join(values for _, values in unknown.values())})))"
        )
        try:
            with outside_transaction(self._session) as free:
                kinds = [kind for (kind,) in free.rows(query, (str,))]
        except OperationalError:
            raise
        except DatabaseError:
            kinds = []
        half = len(unknown)
        agreed = len(kinds) == 2 * half and kinds[:half] == kinds[half:]
        self._agreed.update(dict.fromkeys(unknown, agreed))
        return agreed

    def _types(self) -> list[str] | None:
        """The types of the columns that the values of the row go to."""
        if not self._was_described:
            self._was_described = True
            if self._insert.table is not None:
                query = f"SELECT column_name, column_type FROM (DESCRIBE {self._insert.table})"
                described = self._session.rows(query, (str, str))
                self._described = self._insert.types([(n, k, "") for n, k in described])
        return None if self._described is None else [kind for _, kind, _ in self._described]

    # Lists in a statement

    def _source(self, lists: ListRows, rows: int, more: str = "") -> str:
        """What stands behind FROM."""
        if self._binding.lists:
            written = {name: f"${number}" for number, name in enumerate(lists.lists, start=1)}
        else:
            written = {name: list_literal(array) for name, array in lists.lists.items()}
        return unnested(written, rows, more)

    def _bound(self, lists: ListRows, text: str, rows: int) -> Bound | None:
        """What the server is to bind to `text`: one row of lists."""
        if not self._binding.lists or not lists.lists:
            return None
        offsets = pa.array([0, rows], pa.int32())
        arrays = [pa.ListArray.from_arrays(offsets, array) for array in lists.lists.values()]
        return Bound(text, [f"${i + 1}" for i in range(len(arrays))], arrays)

    # What was wrong

    def _located(self, error: Error) -> Error:
        if self._failed is None:
            return error
        rows, lists = self._failed
        session = self._session
        if lists is None:
            found = wrong_in_values(
                session, self._insert, [values.literals() for values in rows.columns]
            )
        else:
            source = self._source(lists, rows.length, f"unnest(range({rows.length})) AS __row")

            def run(free: Session, query: str) -> pa.Table:
                return free.query(query, self._bound(lists, query, rows.length))

            found = wrong_in_lists(session, self._insert, lists.values, source, run)
        first, count = rows.first, rows.length
        if found is not None:
            return located(error, f"row {first + found[0]}, column {found[1]!r}")
        place = f"row {first}" if count == 1 else f"one of the rows {first} to {first + count - 1}"
        return located(error, place)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _untyped(kind: pa.DataType) -> bool:
    """Whether a part of values has no type, as that of an empty list."""
    if pa.types.is_null(kind):
        return True
    return any(_untyped(kind.field(i).type) for i in range(kind.num_fields))


def _plain(kind: str) -> bool:
    """Whether a type's NULL remembers no type of its own."""
    return "UNION(" not in kind and "VARIANT" not in kind
