"""Names in SQL: quoted, compared, and of a table with its schema and catalog."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import ProgrammingError


def lone_surrogate(text: str) -> int | None:
    """Where a text has half of a surrogate pair, and so is no Unicode text; None if nowhere."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def quote_identifier(name: str) -> str:
    """Give a name as a quoted identifier.

    Raises
    ------
    ProgrammingError
        The name is empty, or holds a NUL character or a lone surrogate.
    """
    if not name or "\0" in name or lone_surrogate(name) is not None:
        raise ProgrammingError(f"not a name that SQL can hold: {name!r}")
    return '"' + name.replace('"', '""') + '"'


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def folded(name: str) -> str:
    """A name as DuckDB compares it: the letters A to Z without their case, no other letter."""
    return name.translate(_LOWER)


def repeated(names: Sequence[str]) -> list[str]:
    """The names that DuckDB takes for one of the others, each as often as it is there."""
    found = list(map(folded, names))
    if len(set(found)) == len(found):
        return []
    return [name for name in names if found.count(folded(name)) > 1]


class Target(NamedTuple):
    """A table, by the names that the server is told."""

    catalog: str
    schema: str
    table: str

    def __str__(self) -> str:
        return ".".join(map(quote_identifier, self))


def table_names(
    table: str, catalog: str | None = None, schema: str | None = None
) -> tuple[str | None, str | None, str]:
    """The catalog, schema and table of a dotted name, and of names given beside it.

    Raises
    ------
    ProgrammingError
        The name cannot be read, or names one of them again.
    """
    parts = _dotted(table)
    given = [catalog, schema][: 3 - len(parts)]
    for name, value, taken in (("catalog", catalog, 3), ("schema", schema, 2)):
        if value is not None and len(parts) >= taken:
            raise ProgrammingError(f"{name}={value!r} is given, and {table!r} names one as well")
        if value is not None and (not isinstance(value, str) or not value or "\0" in value):
            raise ProgrammingError(f"{name} is {value!r}; expected a name")
    found = [*given, *parts]
    for value in filter(None, found):
        if lone_surrogate(value) is not None:
            raise ProgrammingError(
                f"{value!r} has a lone surrogate, which is no Unicode text, and can be no name"
            )
    return found[0], found[1], parts[-1]


_PART = r'(?:"(?:[^"]|"")+"|[^".]+)'
_NAME = rf"{_PART}(?:\.{_PART}){{0,2}}"


def _dotted(name: str) -> list[str]:
    if not isinstance(name, str) or not name or "\0" in name:
        raise ProgrammingError(f"the table is {name!r}; expected a name")
    if not re.fullmatch(_NAME, name):
        raise ProgrammingError(
            f"cannot read the table name {name!r}: write table, schema.table or "
            'catalog.schema.table, a part with a dot or a quote in it as "my.table"'
        )
    return [
        part[1:-1].replace('""', '"') if part.startswith('"') else part
        for part in re.findall(_PART, name)
    ]
