"""Answers to the driver's own questions, which have to be what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ..errors import InternalError


def answer_rows(
    table: pa.Table, kinds: Sequence[type | tuple[type, ...]], query: str
) -> list[tuple[Any, ...]]:
    """The rows of an answer, one of `kinds` in each column.

    Raises
    ------
    InternalError
        It is something else.
    """
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    if table.num_columns != len(kinds) or not all(
        isinstance(value, kind) for row in rows for value, kind in zip(row, kinds, strict=True)
    ):
        raise InternalError(f"the server answers {query!r} with {table.schema}")
    return rows
