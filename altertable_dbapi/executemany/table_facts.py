"""What the server says of a table that sets of parameters are to be joined to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from ..catalog.queries import literal
from ..session.session import Session
from ..statement.row_expressions import plain_name

# Texts that one of DuckDB's collations takes for the same, and that are not.
_PAIRS = [("a", "A"), ("ä", "a"), ("e\u0301", "\u00e9"), ("a\u200b", "a")]


class Column(NamedTuple):
    """A column's name as the table has it, its type, its default as SQL, whether it takes NULL."""

    name: str
    type: str
    default: str | None
    nullable: bool


class TableFacts(NamedTuple):
    """A table's columns and rules.

    Attributes
    ----------
    columns : dict
        Name, in lower case, to Column, in the table's order.
    unique : list of frozenset of str
        Columns, in lower case, that no two rows have in common, of each key and unique index.
    bound : frozenset of str
        Columns, in lower case, of keys, indexes and foreign keys.
    self_referring : bool
        Whether a foreign key of the table refers to the table.
    closed : bool
        Whether it has rules that cannot be told: an index over expressions, a trigger.
    """

    columns: dict[str, Column]
    unique: list[frozenset[str]]
    bound: frozenset[str]
    self_referring: bool
    closed: bool


def table_facts(session: Session, table: str) -> TableFacts:
    """Ask for a table's columns and rules.

    Parameters
    ----------
    session : Session
    table : str
        Its name as written.

    Raises
    ------
    Error
        There is no such table.
    """
    rows = session.rows(
        'SELECT column_name, column_type, "default", "null" <> \'NO\', version() '
        f"FROM (DESCRIBE {table})",
        (str, str, (str, type(None)), bool, str),
    )
    columns = {name.lower(): Column(name, *rest) for name, *rest, _ in rows}
    # Tables of other schemas that have the same name may be among them: too many rules are safe.
    named = f"lower(table_name) = lower({literal(_last_name(table))})"
    query = (
        "SELECT constraint_type AS kind, constraint_column_names AS names, "
        "lower(referenced_table) IS NOT DISTINCT FROM lower(table_name) AS self "
        f"FROM duckdb_constraints() WHERE {named} AND "
        "constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY') "
        "UNION ALL SELECT CASE WHEN is_unique THEN 'UNIQUE' ELSE 'INDEX' END, [expressions], false "
        f"FROM duckdb_indexes() WHERE {named}"
    )
    if any(not version.startswith(("v0.", "v1.")) for *_, version in rows):
        query += f" UNION ALL SELECT 'TRIGGER', [], false FROM duckdb_triggers() WHERE {named}"
    unique, bound, self_referring, closed = [], set[str](), False, False
    for kind, names, refers in session.rows(query, (str, list, bool)):
        found = _names(kind, names)
        bound.update(found or ())
        if kind == "TRIGGER" or found is None:
            closed = True
        elif kind == "FOREIGN KEY":
            self_referring |= refers
        elif kind != "INDEX" and found not in unique:
            unique.append(found)
    return TableFacts(columns, unique, frozenset(bound), self_referring, closed)


def are_collated(session: Session, table: str, columns: Iterable[str]) -> bool:
    """Whether one of a table's columns of text takes texts that differ for the same.

    Parameters
    ----------
    session : Session
    table : str
        Its name as written.
    columns : iterable of str
        Their names as written.
    """
    pairs = ", ".join(f"({literal(a)}, {literal(b)})" for a, b in _PAIRS)
    queries = [
        f"SELECT count(*) FROM (SELECT {name} AS a, '' AS b FROM {table} WHERE false "
        f"UNION ALL VALUES {pairs}) WHERE a = b"
        for name in columns
    ]
    return any(count for (count,) in session.rows(" UNION ALL ".join(queries), (int,)))


def are_functions_of_rows(session: Session, names: Collection[str]) -> bool:
    """Whether functions give the same for the same arguments, whenever they are called.

    Parameters
    ----------
    session : Session
    names : collection of str
        In lower case.
    """
    if not names:
        return True
    listed = ", ".join(str(literal(name)) for name in names)
    query = (
        "SELECT lower(function_name), bool_and(function_type = 'scalar' AND "
        "coalesce(stability <> 'VOLATILE', false)) FROM duckdb_functions() "
        f"WHERE lower(function_name) IN ({listed}) GROUP BY ALL"
    )
    found = session.rows(query, (str, bool))
    return len(found) == len(names) and all(constant for _, constant in found)


def _names(kind: str, names: list[str]) -> frozenset[str] | None:
    """The columns of a rule, in lower case; None where they cannot be told."""
    if kind not in ("INDEX", "UNIQUE") or len(names) != 1 or not names[0].startswith("["):
        return frozenset(name.lower() for name in names)
    if not re.fullmatch(r"\[\w+(, \w+)*\]", names[0]):
        return None
    return frozenset(name.lower() for name in names[0][1:-1].split(", "))


def _last_name(table: str) -> str:
    """The last part of a dotted name, in lower case."""
    found: list[str] = re.findall(r'"(?:[^"]|"")+"|[^".]+', table)
    return plain_name(found[-1].strip())
