"""Columns of parameters as the lists that a statement unnests: bound, or written as literals."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ..execution.binding import Binding
from ..parameters.bind import Bound
from ..parameters.literals import list_literal

#: Bytes of a message with lists, about. Servers commonly refuse gRPC messages above 4 MiB.
LIST_BYTES = 2 * 1024 * 1024
#: Bytes of values that are written as text, which is up to four times as long.
TEXT_BYTES = 512 * 1024


# What the placeholders become: columns of the rows of lists.
_COLUMN = "__p{}"


def references(lists: Sequence[str | None]) -> list[str]:
    """What stands for each placeholder in a statement over the rows of lists."""
    return ["NULL" if source is None else _COLUMN.format(i) for i, source in enumerate(lists, 1)]


def unnested(lists: Sequence[str | None], rows: int, more: str = "") -> str:
    """The rows of lists, as what stands behind FROM.

    Parameters
    ----------
    lists : sequence of str or None
        For each number the expression of its list; None where every value is NULL.
    rows : int
    more : str
        Another column.
    """
    columns = [
        f"unnest({source}) AS {_COLUMN.format(i)}"
        for i, source in enumerate(lists, 1)
        if source is not None
    ]
    if more:
        columns.append(more)
    return f"(SELECT {', '.join(columns)})" if columns else f"range({rows})"


class Sources:
    """How the lists of a statement's placeholders reach the server."""

    def __init__(self, binding: Binding) -> None:
        self._bound = binding.lists
        self.bytes = LIST_BYTES if binding.lists else TEXT_BYTES

    def expressions(self, batch: pa.RecordBatch) -> list[str | None]:
        """For each placeholder the expression of its list; None where all of it is NULL."""
        if not self._bound:
            return [None if _empty(column) else list_literal(column) for column in batch.columns]
        numbers = iter(range(1, batch.num_columns + 1))
        return [None if _empty(column) else f"${next(numbers)}" for column in batch.columns]

    def bind(self, batch: pa.RecordBatch, text: str) -> Bound | None:
        """What the server is to bind to `text`: one row of lists."""
        columns = [column for column in batch.columns if not _empty(column)]
        if not self._bound or not columns:
            return None
        offsets = pa.array([0, batch.num_rows], pa.int32())
        arrays = [pa.ListArray.from_arrays(offsets, column) for column in columns]
        return Bound(text, [f"${i + 1}" for i in range(len(arrays))], arrays)


def _empty(column: pa.Array) -> bool:
    return bool(column.null_count == len(column))
