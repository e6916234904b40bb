"""The result of the last of several statements, a number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import ProgrammingError

if TYPE_CHECKING:
    from ..connection import Connection

Parameters = Mapping[str, Any] | Sequence[Any] | None


def run_all_but_last(
    conn: Connection[tuple[Any, ...]], sql: str | Sequence[str], parameters: Parameters
) -> str:
    """The last statement, with those before it run."""
    *before, last = [sql] if isinstance(sql, str) else sql
    for statement in before:
        conn.execute(statement, parameters).close()
    return last


def chunks(
    conn: Connection[tuple[Any, ...]], sql: str | Sequence[str], parameters: Parameters, size: int
) -> Iterator[pa.Table]:
    """The result of the last statement, `size` rows at a time; one empty table of no rows.

    Raises
    ------
    ProgrammingError
        `size` is no number of rows.
    """
    if size < 1:
        raise ProgrammingError(f"chunksize is {size}; expected 1 or more")
    with conn.cursor() as cursor:
        last = run_all_but_last(conn, sql, parameters)
        reader = cursor.execute(last, parameters).fetch_record_batch()
        held = reader.schema.empty_table()
        empty = True
        for batch in reader:
            held = pa.concat_tables([held, pa.Table.from_batches([batch])])
            while held.num_rows >= size:
                yield held.slice(0, size)
                held, empty = held.slice(size), False
        if held.num_rows or empty:
            yield held
