"""What is read: a table or a query, its columns and its filter, as text with parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ProgrammingError
from ..statement.lexer import closing, next_token
from ..statement.names import Target, quote_identifier
from ..statement.scan import scan, split
from .cuts import RESERVED, SNAPSHOT


class Source(NamedTuple):
    """A relation that can be read.

    Attributes
    ----------
    relation : str
        What stands behind FROM.
    columns : str
        What stands behind SELECT.
    where : str
        The caller's condition, or "".
    parameters : mapping
        The values of all of it.
    """

    relation: str
    columns: str
    where: str
    parameters: Mapping[str, Any]

    def select(self, condition: str = "") -> str:
        """The query for the rows that meet one more condition."""
        conditions = [f"({text}\n)" for text in (self.where, condition) if text]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {self.columns} FROM {self.relation}{where}"


def of_table(target: Target, snapshot: int | None) -> str:
    """A table behind FROM, at a snapshot where there is one."""
    return f"{target}" if snapshot is None else f"{target} AT (VERSION => ${SNAPSHOT})"


def of_query(query: str) -> str:
    """A query behind FROM.

    Raises
    ------
    ProgrammingError
        It is none, or several.
    """
    texts = split(query)
    if len(texts) != 1 or scan(texts[0]).may_change or not scan(texts[0]).returns_rows:
        raise ProgrammingError("query= takes one statement that reads, a SELECT or FROM")
    return f"({texts[0]}\n)"


def columns_of(columns: Sequence[str] | None) -> str:
    """A list of columns as SQL; all of them unless given."""
    if columns is None:
        return "*"
    if isinstance(columns, str) or not columns:
        raise ProgrammingError(f"columns is {columns!r}; expected a list with at least one name")
    return ", ".join(map(quote_identifier, columns))


def checked_condition(name: str, text: str | None) -> str:
    """A condition that stays one where it stands between parentheses.

    Raises
    ------
    ProgrammingError
        Its brackets do not match, or it is none.
    """
    if text is None:
        return ""
    position, stops = 0, ("", ";", ")", "]", "}")
    while (token := next_token(text, position)).kind not in stops:
        position = token.stop
        if token.kind in ("(", "[", "{"):
            position = closing(text, position)
            if text[position - 1] not in ")]}":
                break
    else:
        if not token.kind and position and _ends(text):
            return text
    raise ProgrammingError(f"{name} is {text!r}; expected one condition, without WHERE")


def _ends(text: str) -> bool:
    """Whether a quote or a comment of the text ends in it, so that what follows is read."""
    return next_token(text + "\n)", _last(text)).kind == ")"


def _last(text: str) -> int:
    """Where the last token of a text ends."""
    position = 0
    while (token := next_token(text + "\n)", position)).kind:
        if token.stop > len(text):
            break
        position = token.stop
    return position


def checked_parameters(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Parameters by name.

    Raises
    ------
    ProgrammingError
        They are no mapping, or one has a name of the driver's own.
    """
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise ProgrammingError(
            f"parameters are {type(parameters).__name__}; expected a mapping for $name placeholders"
        )
    taken = sorted(RESERVED.intersection(parameters))
    if taken:
        raise ProgrammingError(
            f"${taken[0]} is the driver's own parameter here; use another name"
            + (", or give snapshot=" if taken[0] == SNAPSHOT else "")
        )
    return dict(parameters)
