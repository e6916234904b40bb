"""``INSERT … VALUES`` with one row, rewritten for many."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .parameters import Slots
from .sql import InsertValues, Placeholder, Statement, insert_values, replace

# What makes a row more than a function of its values: a query, which sees the rows before it, and
# what is an error in VALUES but not in SELECT. A comment may hide a query.
_OWN_STATEMENT = re.compile(
    r"\b(?:SELECT|VALUES|TABLE|WITH|PIVOT|UNPIVOT|SHOW|DESCRIBE|SUMMARIZE|OVER|UNNEST)\b"
    r"|\(\s*FROM\b|--|/\*",
    re.IGNORECASE,
)
# A value as it is, or cast to a type that is written there.
_ALONE = re.compile(r"(?:::.*|CAST\s*\(\s*AS\b.*)?", re.IGNORECASE | re.DOTALL)
_NAME = r'(?:"(?:[^"]|"")+"|[^\s".,()]+)'
_COLUMNS = re.compile(rf"\(\s*({_NAME}(?:\s*,\s*{_NAME})*)\s*,?\s*\)\s*$")
_TARGET = re.compile(rf"\bINTO\s+({_NAME}(?:\s*\.\s*{_NAME})*)", re.IGNORECASE)

#: What the placeholders become: columns of the lists' rows.
COLUMN = "__p{}"


class InsertRows:
    """An INSERT of one row as INSERTs of many.

    Parameters
    ----------
    slots : Slots
    parts : InsertValues

    Attributes
    ----------
    expressions : list of Statement
        The row's values.
    numbers : list of list of int
        For each of them the numbers of its placeholders.
    exact : bool
        Whether as many rows are inserted as are sent.
    """

    def __init__(self, slots: Slots, parts: InsertValues) -> None:
        self._parts = parts
        self.expressions: list[Statement] = []
        self.numbers: list[list[int]] = []
        text = slots.statement.text
        numbered = list(zip(slots.statement.placeholders, slots.numbers, strict=True))
        for start, stop, _ in parts.expressions:
            inside = [(p, number) for p, number in numbered if start <= p.start < stop]
            moved = tuple(Placeholder(p.start - start, p.stop - start, p.name) for p, _ in inside)
            self.expressions.append(
                slots.statement._replace(text=text[start:stop], placeholders=moved)
            )
            self.numbers.append([number for _, number in inside])
        self.exact = not parts.tail and "IGNORE" not in parts.head.upper()
        listed = _COLUMNS.search(parts.head)
        self.columns = re.findall(_NAME, listed[1]) if listed else None
        self._before_columns = parts.head[: listed.start()] if listed else parts.head

    def typed(self) -> set[int]:
        """The numbers of the placeholders in expressions that their types may decide about."""
        return {
            number
            for index, numbers in enumerate(self.numbers)
            for number in numbers
            if len(numbers) > 1
            or not _ALONE.fullmatch(replace(self.expressions[index], [""]).strip())
        }

    @property
    def table(self) -> str | None:
        """The table's name as written, where it can be told."""
        found = _TARGET.search(self._parts.head)
        return found[1] if found else None

    def written(self, index: int, values: Sequence[str]) -> str:
        """An expression with its placeholders replaced by `values`, the first for number 1."""
        numbers = self.numbers[index]
        if not numbers:
            return self.expressions[index].text
        return replace(self.expressions[index], [values[number - 1] for number in numbers])

    def from_lists(self, lists: Sequence[str | None], rows: int) -> str | None:
        """One INSERT of the rows of lists; None where a DEFAULT is in the way.

        Parameters
        ----------
        lists : sequence of str or None
            For each number the expression of its list; None where every value is NULL, which no
            type is to be given to.
        rows : int
        """
        kept = [i for i, part in enumerate(self._parts.expressions) if not part.default]
        head = self._parts.head
        if len(kept) < len(self._parts.expressions):
            if self.columns is None or len(self.columns) != len(self._parts.expressions):
                return None
            head = f"{self._before_columns}({', '.join(self.columns[i] for i in kept)}) "
        values = ", ".join(self.written(i, references(lists)) for i in kept)
        return f"{head}SELECT {values} FROM {rows_of(lists, rows)}{self._parts.tail}"

    def query(self, lists: Sequence[str | None]) -> str:
        """A query for the rows of lists that gives none, and fails where the INSERT's would."""
        wanted = [i for i, numbers in enumerate(self.numbers) if numbers]
        values = ", ".join(self.written(i, references(lists)) for i in wanted)
        return f"SELECT {values} FROM {rows_of(lists, 0)} LIMIT 0"

    def from_values(self, columns: Sequence[Sequence[str]]) -> str:
        """One INSERT of several rows of VALUES; `columns` has each placeholder's expressions."""
        count = len(self.expressions)
        rows = (
            f"({', '.join(self.written(i, row) for i in range(count))})"
            for row in zip(*columns, strict=True)
        )
        return f"{self._parts.head}VALUES {', '.join(rows)}{self._parts.tail}"


def insert_rows(slots: Slots) -> InsertRows | None:
    """The statement as one for many rows; None where it has to be executed for each row."""
    parts = insert_values(slots.statement) if slots.statement.placeholders else None
    if parts is None or parts.upsert:
        return None
    text = slots.statement.text
    if any(_OWN_STATEMENT.search(text, start, stop) for start, stop, _ in parts.expressions):
        return None
    return InsertRows(slots, parts)


def references(lists: Sequence[str | None]) -> list[str]:
    """What stands for each placeholder in a query over the rows of lists."""
    return ["NULL" if source is None else COLUMN.format(i) for i, source in enumerate(lists, 1)]


def rows_of(lists: Sequence[str | None], rows: int, more: str = "") -> str:
    """The rows of lists, as what stands behind FROM."""
    columns = [
        f"unnest({source}) AS {COLUMN.format(i)}"
        for i, source in enumerate(lists, 1)
        if source is not None
    ]
    if more:
        columns.append(more)
    return f"(SELECT {', '.join(columns)})" if columns else f"range({rows})"
