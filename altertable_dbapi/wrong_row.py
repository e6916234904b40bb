"""Which row of many the server refused: its error does not say."""

from __future__ import annotations

from collections.abc import Callable

from .binding import outside_transaction
from .errors import Error
from .insert_rows import InsertRows, references, rows_of
from .result import Result
from .session import Session


def wrong_row(
    session: Session,
    insert: InsertRows,
    lists: list[str | None],
    rows: int,
    run: Callable[[Session, str], Result],
) -> tuple[int, str] | None:
    """The first row that does not go into its table, from 0, and its column; None if unknown.

    Nothing is inserted for it: each value is converted to its column's type by a query. What an
    open transaction has aborted is left as it is, and the query runs on a session of its own.

    Parameters
    ----------
    session : Session
    insert : InsertRows
    lists : list of str or None
        As in `InsertRows.from_lists`.
    rows : int
    run : callable
        Executes a query over `lists` in a session.
    """
    if insert.table is None:
        return None
    described = f'SELECT column_name, column_type, "null" FROM (DESCRIBE {insert.table})'
    try:
        with outside_transaction(session) as free:
            table = free.execute(described).read_table()
            columns = [tuple(row.values()) for row in table.to_pylist()]
            wrong = _conditions(insert, lists, columns)
            found = run(free, _query(wrong, lists, rows)).read_table()
    except (Error, LookupError):
        # It was only to help; the server's error is what counts.
        return None
    if not found.num_rows:
        return None
    row, *answers = (column[0].as_py() for column in found.columns)
    return row, list(wrong)[answers.index(True)]


def _conditions(
    insert: InsertRows, lists: list[str | None], columns: list[tuple[str, str, str]]
) -> dict[str, str]:
    """For each column of the table that gets a value, what is true of a wrong one."""
    by_name = {name.lower(): (name, *rest) for name, *rest in columns}
    conditions = {}
    for index, numbers in enumerate(insert.numbers):
        if not numbers:
            continue
        if insert.columns is None:
            name, kind, nullable = columns[index]
        else:
            name, kind, nullable = by_name[_unquoted(insert.columns[index]).lower()]
        value = insert.written(index, references(lists))
        # One TRY for a value: DuckDB computes what two of them share outside of both.
        null = f"TRY((CAST(({value}) AS {kind})) IS NULL)"
        conditions[name] = f"coalesce({null}, true)" if nullable == "NO" else f"{null} IS NULL"
    return conditions


def _query(wrong: dict[str, str], lists: list[str | None], rows: int) -> str:
    source = rows_of(lists, rows, f"unnest(range({rows})) AS __row")
    conditions = list(wrong.values())
    return (
        f"SELECT __row, {', '.join(conditions)} FROM {source} "
        f"WHERE {' OR '.join(f'({condition})' for condition in conditions)} "
        "ORDER BY __row LIMIT 1"
    )


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
