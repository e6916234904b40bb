"""A statement's text that carries its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Query(str):
    """A statement's text that carries its parameters; made by `sql`.

    Attributes
    ----------
    parameters : mapping
        The values of its ``$name`` placeholders.
    """

    __slots__ = ("parameters",)

    parameters: Mapping[str, Any]

    def __new__(cls, text: str, parameters: Mapping[str, Any]) -> Query:
        query = super().__new__(cls, text)
        query.parameters = parameters
        return query

    def __getnewargs__(self) -> tuple[str, Mapping[str, Any]]:  # type: ignore[override]
        return str(self), self.parameters


def sql(text: str, /, **values: Any) -> Query:
    """Attach the values of its ``$name`` placeholders to a statement.

    The result is a `str`, and passes through tools that hand over text alone:
    ``pd.read_sql(sql("SELECT * FROM t WHERE city = $city", city="Lyon"), connection)``.
    """
    return Query(text, values)
