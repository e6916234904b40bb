"""Which of many joined sets of parameters the server refused: its error does not say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import Error
from ..execution.binding import outside_transaction
from ..parameters.bind import Bound
from ..session.session import Session
from .table_facts import Column


def wrong_set(
    session: Session,
    stored: Sequence[tuple[Column, str]],
    source: str,
    bind: Callable[[str], Bound | None],
) -> tuple[int, str] | None:
    """The first set with a value that does not go into its column, from 0, and the column's name.

    None where it is not known. Nothing is stored for it: each value is converted to its column's
    type by a query. What an open transaction has aborted is left as it is, and the query runs on
    a session of its own.

    Parameters
    ----------
    session : Session
    stored : sequence of (Column, str)
        Columns, and the value for each, over the rows of `source`.
    source : str
        The sets, as what stands behind FROM, with their numbers as ``__row``.
    bind : callable
        What the server is to bind to a query over `source`.
    """
    if not stored:
        return None
    conditions = []
    for column, value in stored:
        # One TRY for a value: DuckDB computes what two of them share outside of both.
        null = f"TRY((CAST(({value}) AS {column.type})) IS NULL)"
        conditions.append(f"{null} IS NULL" if column.nullable else f"coalesce({null}, true)")
    query = (
        f"SELECT __row, {', '.join(conditions)} FROM {source} "
        f"WHERE {' OR '.join(f'({condition})' for condition in conditions)} "
        "ORDER BY __row LIMIT 1"
    )
    try:
        with outside_transaction(session) as free:
            found = free.query(query, bind(query))
    except Error:
        # It was only to help; the server's error is what counts.
        return None
    if not found.num_rows:
        return None
    row, *answers = (column[0].as_py() for column in found.columns)
    return row, stored[answers.index(True)][0].name
