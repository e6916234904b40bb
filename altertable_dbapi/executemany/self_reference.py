"""Tables whose foreign key refers to themselves: which rows may go in one INSERT."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from ..session.session import Session
from .insert_rows import InsertRows, unquoted
from .parameter_rows import Rows

#: The types of columns whose values are equal exactly where the ints or strings for them are.
_SAME_AS_INTS = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER")
_SAME_AS_TEXT = "VARCHAR"


class SelfReference(NamedTuple):
    """How the foreign keys of a table refer to the table itself.

    Attributes
    ----------
    keys : list of (list of int, list of int), or None
        For each the numbers of the placeholders of its columns, and of those of the columns that
        it refers to. None where the INSERT has something else for one of them.
    types : dict of int to str
        For these placeholders the types of their columns.
    """

    keys: list[tuple[list[int], list[int]]] | None
    types: dict[int, str]


def self_reference(session: Session, insert: InsertRows) -> SelfReference | None:
    """How the table of an INSERT refers to itself; None where it does not.

    DuckDB refuses a row that refers to one of the same INSERT.
    """
    if insert.table is None:
        return None
    last = re.findall(r'"(?:[^"]|"")+"|[^\s".]+', insert.table)[-1]
    name = unquoted(last).replace("'", "''")
    # A table of this name in another schema costs time and changes nothing.
    found = session.rows(
        "SELECT constraint_column_names, referenced_column_names FROM duckdb_constraints() "
        "WHERE constraint_type = 'FOREIGN KEY' AND lower(table_name) = lower(referenced_table) "
        f"AND lower(table_name) = lower('{name}')",
        (list, list),
    )
    if not found:
        return None
    described = session.rows(
        f"SELECT column_name, column_type FROM (DESCRIBE {insert.table})", (str, str)
    )
    columns = insert.types([(name, kind, "") for name, kind in described])
    if columns is None:
        return SelfReference(None, {})
    places = {column[0].lower(): index for index, column in enumerate(columns)}
    types: dict[int, str] = {}

    def numbers(names: list[str]) -> list[int] | None:
        indexes = [places.get(name.lower()) for name in names]
        its = []
        for index in indexes:
            if index is None or not insert.is_placeholder(index):
                return None
            number = insert.numbers[index][0]
            types[number] = columns[index][1]
            its.append(number)
        return its

    keys = []
    for row in found:
        own, referred = map(numbers, row)
        if own is None or referred is None:
            return SelfReference(None, {})
        keys.append((own, referred))
    return SelfReference(keys, types)


def independent(rows: Rows, reference: SelfReference) -> Iterator[Rows]:
    """The rows in runs, of which no row refers to one in the same run."""
    keys = reference.keys
    if keys is None or not all(
        _comparable(rows, number, kind) for number, kind in reference.types.items()
    ):
        for position in range(rows.length):
            yield rows.slice(position, 1)
        return
    values = {number: rows.columns[number - 1].lone().to_pylist() for number in reference.types}
    start = 0
    seen: list[set[tuple[Any, ...]]] = [set() for _ in keys]
    for position in range(rows.length):
        pairs = [
            (tuple(values[n][position] for n in own), tuple(values[n][position] for n in referred))
            for own, referred in keys
        ]
        if any(own in known for (own, _), known in zip(pairs, seen, strict=True)):
            yield rows.slice(start, position - start)
            start = position
            seen = [set() for _ in keys]
        for (_, referred), known in zip(pairs, seen, strict=True):
            if None not in referred:
                known.add(referred)
    yield rows.slice(start, rows.length - start)


def _comparable(rows: Rows, number: int, kind: str) -> bool:
    """Whether the values of a column in the table are equal where those for it are."""
    arrays = rows.columns[number - 1].arrays
    if len(arrays) > 1:
        return False
    if not arrays:
        return True
    if pa.types.is_integer(arrays[0].type):
        return bool(_SAME_AS_INTS.fullmatch(kind))
    return bool(pa.types.is_string(arrays[0].type)) and kind == _SAME_AS_TEXT
