"""``INSERT … VALUES`` with one row, taken apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile
from typing import NamedTuple

from .lexer import Token, top_level
from .scan import Placeholder, Statement

_INSERT = (
    r"(?P<head>INSERT(?P<replace> OR REPLACE| OR IGNORE)? INTO \S+(?: \. \S+)*(?: AS \S+)?(?: \()?)"
    r" VALUES \((?: ON CONFLICT .*)?"
)


class Expression(NamedTuple):
    """The span of one value of an INSERT's row, and whether it is the word DEFAULT."""

    start: int
    stop: int
    default: bool


class InsertValues(NamedTuple):
    """The parts of ``INSERT INTO t (…) VALUES (…) ON CONFLICT …`` with one row.

    Attributes
    ----------
    head : str
        The text before VALUES.
    expressions : tuple of Expression
        The row's values.
    tail : str
        The text after the row, without a final ``;`` or comment.
    upsert : bool
        Whether a row may replace another (OR REPLACE, DO UPDATE). Of two rows with one key DuckDB
        keeps the first when one statement has both, the last when two statements do.
    """

    head: str
    expressions: tuple[Expression, ...]
    tail: str
    upsert: bool


def insert_values(statement: Statement) -> InsertValues | None:
    """Take apart ``INSERT [OR …] INTO table [(columns)] VALUES (row) [ON CONFLICT …]``.

    Any other statement gives None, also one with several rows, with RETURNING, or with a
    placeholder outside of the row.
    """
    if statement.verb != "INSERT" or statement.returning or statement.explain:
        return None
    return insert_parts(statement.text, statement.placeholders)


def insert_parts(text: str, placeholders: Sequence[Placeholder]) -> InsertValues | None:
    """Take apart the text of an INSERT, up to its RETURNING."""
    if "`" in text:
        return None
    tokens = list(dropwhile(lambda token: token.kind == ";", top_level(text)))
    while tokens[-1].kind == ";":
        tokens.pop()
    kinds = [token.kind for token in tokens]
    match = None if ";" in kinds else re.fullmatch(_INSERT, " ".join(kinds))
    if match is None:
        return None
    values = match["head"].count(" ") + 1
    row = tokens[values + 1]
    expressions = _expressions(text, row.start + 1)
    if not expressions or any(not row.start < p.start < row.stop for p in placeholders):
        return None
    upsert = match["replace"] == " OR REPLACE" or "UPDATE" in kinds[values:]
    tail = text[row.stop : tokens[-1].stop]
    return InsertValues(text[: tokens[values].start], expressions, tail, upsert)


def _expressions(text: str, pos: int) -> tuple[Expression, ...]:
    """Give the values of the row that is open at `pos`; none when one of them is missing."""
    expressions: list[Expression] = []
    value: list[Token] = []
    for token in top_level(text, pos):
        if token.kind not in (",", ")"):
            value.append(token)
            continue
        if value:
            default = [part.kind for part in value] == ["DEFAULT"]
            expressions.append(Expression(value[0].start, value[-1].stop, default))
        elif token.kind == ",":
            return ()
        if token.kind == ")":  # DuckDB allows a comma before it
            return tuple(expressions)
        value = []
    return ()
