"""Which row of many the server refused: its error does not say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from ..errors import Error
from ..execution.binding import outside_transaction
from ..session.session import Session
from .insert_rows import InsertRows

#: A row, from 0, and the column that it has a wrong value for.
Wrong = tuple[int, str]


def wrong_in_lists(
    session: Session,
    insert: InsertRows,
    values: Sequence[str],
    source: str,
    run: Callable[[Session, str], pa.Table],
) -> Wrong | None:
    """The first row of lists that does not go into its table; None if unknown.

    Nothing is inserted for it: each value is converted to its column's type by a query. What an
    open transaction has aborted is left as it is, and the query runs on a session of its own.

    Parameters
    ----------
    session : Session
    insert : InsertRows
    values : sequence of str
        The expressions of the row over the columns of `source`, one for each of `insert.kept`.
    source : str
        The rows, as what stands behind FROM, with their numbers as ``__row``.
    run : callable
        Executes a query over `source` in a session.
    """

    def query(columns: dict[int, tuple[str, str, str]]) -> str:
        conditions = [
            _condition(value, *columns[index][1:])
            for index, value in zip(insert.kept, values, strict=True)
            if index in columns
        ]
        return (
            f"SELECT __row, {', '.join(conditions)} FROM {source} "
            f"WHERE {' OR '.join(f'({condition})' for condition in conditions)} "
            "ORDER BY __row LIMIT 1"
        )

    return _first_wrong(session, insert, query, run)


def wrong_in_values(
    session: Session, insert: InsertRows, columns_of_text: Sequence[Sequence[str]]
) -> Wrong | None:
    """The first row of VALUES that does not go into its table; None if unknown.

    Parameters
    ----------
    session : Session
    insert : InsertRows
    columns_of_text : sequence of sequence of str
        For each placeholder its values as SQL, a row each.
    """

    def query(columns: dict[int, tuple[str, str, str]]) -> str:
        rows = []
        for number, texts in enumerate(zip(*columns_of_text, strict=True)):
            conditions = [
                _condition(insert.written(index, texts), *columns[index][1:]) for index in columns
            ]
            rows.append(f"({number}, {', '.join(conditions)})")
        names = [f"__wrong{index}" for index in columns]
        return (
            f"SELECT * FROM (VALUES {', '.join(rows)}) AS __rows (__row, {', '.join(names)}) "
            f"WHERE {' OR '.join(names)} ORDER BY __row LIMIT 1"
        )

    return _first_wrong(session, insert, query, lambda free, text: free.query(text))


def _first_wrong(
    session: Session,
    insert: InsertRows,
    query: Callable[[dict[int, tuple[str, str, str]]], str],
    run: Callable[[Session, str], pa.Table],
) -> Wrong | None:
    if insert.table is None:
        return None
    described = f'SELECT column_name, column_type, "null" FROM (DESCRIBE {insert.table})'
    try:
        with outside_transaction(session) as free:
            table = free.query(described)
            types = insert.types([tuple(row.values()) for row in table.to_pylist()])
            if types is None:
                return None
            columns = {index: types[index] for index in insert.kept if insert.numbers[index]}
            found = run(free, query(columns))
    except Error:
        # It was only to help; the server's error is what counts.
        return None
    if not found.num_rows:
        return None
    row, *answers = (column[0].as_py() for column in found.columns)
    return row, [name for name, *_ in columns.values()][answers.index(True)]


def _condition(value: str, kind: str, nullable: str) -> str:
    """What is true of a value that does not go into its column."""
    # One TRY for a value: DuckDB computes what two of them share outside of both.
    null = f"TRY((CAST(({value}) AS {kind})) IS NULL)"
    return f"coalesce({null}, true)" if nullable == "NO" else f"{null} IS NULL"
