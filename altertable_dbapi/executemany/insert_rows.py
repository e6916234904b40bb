"""``INSERT … VALUES`` with one row, rewritten for many."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..parameters.bind import Slots
from ..statement.insert import InsertValues, insert_values
from ..statement.scan import Placeholder, replaced

# What makes a row more than a function of its values: a query, which sees the rows before it, and
# what is an error in VALUES but not in SELECT. A comment may hide a query.
_OWN_STATEMENT = re.compile(
    r"\b(?:SELECT|VALUES|TABLE|WITH|PIVOT|UNPIVOT|SHOW|DESCRIBE|SUMMARIZE|OVER|UNNEST)\b"
    r"|\(\s*FROM\b|--|/\*",
    re.IGNORECASE,
)
# A type that can be told from its text alone.
_TYPE = r"(?:TIMESTAMP\s+WITH\s+TIME\s+ZONE|\w+(?:\s*\([\w\s,]*\))?)(?:\s*\[\d*\])*"
_CAST = re.compile(rf"\?\s*::\s*{_TYPE}|CAST\s*\(\s*\?\s+AS\s+{_TYPE}\s*\)", re.IGNORECASE)
# What shows that a statement takes a placeholder's value as text. Elsewhere DuckDB may convert a
# string, as in chr('65'), which it does not do with a column of text.
_TEXT_BEFORE = re.compile(r"\b(?P<name>CAST|upper|lower|trim|ltrim|rtrim)\s*\(\s*$", re.IGNORECASE)
_TEXT_AFTER = re.compile(r"\s*(?:(?P<cast>::)|(?P<as>AS\b)|(?P<end>\)))", re.IGNORECASE)
# What does not bind closer to an operand than ||.
_LEFT_END = re.compile(r"(?:^|\|\||[(,\[])$")
_RIGHT_END = re.compile(r"$|\|\||[),\]]")
# What is the same in VALUES and in SELECT.
_CONSTANT = re.compile(
    r"[-+]?[\d.]+|'(?:[^'\\]|'')*'|TRUE|FALSE|CURRENT_(?:DATE|TIME|TIMESTAMP)"
    r"|(?:now|today|uuid|random|nextval)\s*\(\s*(?:'[^'\\]*')?\s*\)",
    re.IGNORECASE,
)
_NAME = r'(?:"(?:[^"]|"")+"|[^\s".,()]+)'
_COLUMNS = re.compile(rf"\(\s*({_NAME}(?:\s*,\s*{_NAME})*)\s*,?\s*\)\s*$")
_TARGET = re.compile(rf"\bINTO\s+({_NAME}(?:\s*\.\s*{_NAME})*)", re.IGNORECASE)


class Part(NamedTuple):
    """A part of a statement's text, with the placeholders in it."""

    text: str
    placeholders: tuple[Placeholder, ...]


class InsertRows:
    """An INSERT of one row as INSERTs of many.

    Parameters
    ----------
    slots : Slots
    parts : InsertValues

    Attributes
    ----------
    expressions : list of Part
        The row's values.
    numbers : list of list of int
        For each of them the numbers of its placeholders.
    kept : list of int
        Which of them a SELECT can give: all but DEFAULT.
    """

    def __init__(self, slots: Slots, parts: InsertValues) -> None:
        self._parts = parts
        self.expressions: list[Part] = []
        self.numbers: list[list[int]] = []
        text = slots.statement.text
        numbered = list(zip(slots.statement.placeholders, slots.numbers, strict=True))
        for start, stop, _ in parts.expressions:
            inside = [(p, number) for p, number in numbered if start <= p.start < stop]
            moved = tuple(Placeholder(p.start - start, p.stop - start, p.name) for p, _ in inside)
            self.expressions.append(Part(text[start:stop], moved))
            self.numbers.append([number for _, number in inside])
        self._bare = [
            replaced(*expression, ["?"] * len(expression.placeholders)).strip()
            for expression in self.expressions
        ]
        self.kept = [i for i, part in enumerate(parts.expressions) if not part.default]
        listed = _COLUMNS.search(parts.head)
        self.columns = re.findall(_NAME, listed[1]) if listed else None
        self._before_columns = parts.head[: listed.start()] if listed else parts.head

    @property
    def table(self) -> str | None:
        """The table's name as written, where it can be told."""
        head = self._parts.head
        found = None if "--" in head or "/*" in head else _TARGET.search(head)
        return found[1] if found else None

    def is_placeholder(self, index: int) -> bool:
        """Whether a value of the row is a placeholder and nothing else."""
        return self._bare[index] == "?"

    def is_null(self, index: int) -> bool:
        """Whether a value of the row is NULL, written in the statement."""
        return self._bare[index].upper() == "NULL"

    def is_alone(self, index: int) -> bool:
        """Whether the column alone decides what becomes of a value of the row."""
        return self.is_placeholder(index) or self.is_null(index)

    def is_cast(self, index: int) -> bool:
        """Whether a value of the row is a placeholder, cast to a type that is written there."""
        return bool(_CAST.fullmatch(self._bare[index]))

    def is_constant(self, index: int) -> bool:
        """Whether a value of the row is the same in VALUES and in SELECT, as can be seen."""
        return bool(_CONSTANT.fullmatch(self._bare[index]))

    def takes_text(self, index: int, number: int) -> bool:
        """Whether a string and a column of text are the same for an expression of the row."""
        expression = self.expressions[index]
        for placeholder, its in zip(expression.placeholders, self.numbers[index], strict=True):
            if its != number:
                continue
            left = expression.text[: placeholder.start].rstrip()
            right = expression.text[placeholder.stop :].lstrip()
            joined = left.endswith("||") or right.startswith("||")
            if joined and _LEFT_END.search(left) and _RIGHT_END.match(right):
                # Text joined to something is text, or the types of the results differ.
                continue
            before = _TEXT_BEFORE.search(expression.text, 0, placeholder.start)
            after = _TEXT_AFTER.match(expression.text, placeholder.stop)
            if after is None:
                return False
            name = before["name"].upper() if before else ""
            closed = bool(name and name != "CAST" and after["end"])
            if not (after["cast"] or (name == "CAST" and after["as"]) or closed):
                return False
        return True

    def types(self, described: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]] | None:
        """For each value of the row the column that it goes to, of those that `DESCRIBE` names.

        None where that cannot be told: the table has columns that take no values.
        """
        if self.columns is None:
            return list(described) if len(described) == len(self.expressions) else None
        by_name = {row[0].lower(): row for row in described}
        names = [unquoted(name).lower() for name in self.columns]
        if len(names) != len(self.expressions) or not by_name.keys() >= set(names):
            return None
        return [by_name[name] for name in names]

    def written(self, index: int, values: Sequence[str]) -> str:
        """An expression with its placeholders replaced by `values`, the first for number 1."""
        numbers = self.numbers[index]
        if not numbers:
            return self.expressions[index].text
        return replaced(*self.expressions[index], [values[number - 1] for number in numbers])

    def from_rows(self, values: Sequence[str], source: str) -> str | None:
        """One INSERT of the rows of `source`; None where a DEFAULT is in the way.

        Parameters
        ----------
        values : sequence of str
            An expression for each of `kept`.
        source : str
            What stands behind FROM.
        """
        head = self._parts.head
        if len(self.kept) < len(self.expressions):
            if self.columns is None or len(self.columns) != len(self.expressions) or not self.kept:
                return None
            head = f"{self._before_columns}({', '.join(self.columns[i] for i in self.kept)}) "
        return f"{head}SELECT {', '.join(values)} FROM {source}{self._parts.tail}"

    def row(self, values: Sequence[str]) -> str:
        """A row of VALUES, with an expression for each placeholder."""
        written = (self.written(index, values) for index in range(len(self.expressions)))
        return f"({', '.join(written)})"

    def from_values(self, rows: Sequence[str]) -> str:
        """One INSERT of several rows of VALUES."""
        return f"{self._parts.head}VALUES {', '.join(rows)}{self._parts.tail}"


def insert_rows(slots: Slots) -> InsertRows | None:
    """The statement as one for many rows; None where it has to be executed for each row."""
    parts = insert_values(slots.statement) if slots.statement.placeholders else None
    if parts is None or parts.upsert or parts.tail or re.search("\\bIGNORE\\b", parts.head, re.I):
        # A later row may meet an earlier one: `joined_sets` knows by which key.
        return None
    text = slots.statement.text
    if any(_OWN_STATEMENT.search(text, start, stop) for start, stop, _ in parts.expressions):
        return None
    return InsertRows(slots, parts)


def unquoted(name: str) -> str:
    """A name without the quotes that it may be written in."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
