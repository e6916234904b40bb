"""What a lake would change of what is loaded: times of nanoseconds, and intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..catalog.queries import LAKE, kind_of, literal
from ..errors import DataError

if TYPE_CHECKING:
    from ..session.session import Session
    from ..statement.names import Target

_INTERVAL = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])

# Parquet has three counts for an interval, of 32 bits and without a sign: months, days and
# milliseconds.
_MOST = 2**32

#: Units of a duration in a millisecond; seconds are whole milliseconds.
_IN_A_MILLISECOND = {"s": 1, "ms": 1, "us": 1000, "ns": 1_000_000}
_IN_A_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}


def may_change(schema: pa.Schema) -> bool:
    """Whether a lake may change a value of these columns."""
    return any(_is_interval(kind) or kind == pa.time64("ns") for kind in schema.types)


def is_lake(session: Session, target: Target) -> bool:
    """Whether a table is in a lake."""
    name = literal(target.catalog)
    found = [] if name is None else session.query(kind_of(name)).column(0).to_pylist()
    return found == [LAKE]


def checked(pieces: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pass batches on whose intervals a lake keeps as they are.

    Raises
    ------
    DataError
        A lake would cut an interval, or could not write it to its files later on.
    """
    rows = 0
    for piece in pieces:
        for field, column in zip(piece.schema, piece.columns, strict=True):
            if _is_interval(field.type):
                _check(field.name, column, rows)
        rows += piece.num_rows
        yield piece


def _is_interval(kind: pa.DataType) -> bool:
    return bool(pa.types.is_duration(kind) or pa.types.is_interval(kind))


def _check(name: str, column: pa.Array, rows: int) -> None:
    kind = column.type
    data = column.buffers()[1]
    if data is None or not len(column):
        return
    if pa.types.is_duration(kind):
        values = np.frombuffer(data, "<i8")[column.offset :][: len(column)]
        whole = values % _IN_A_MILLISECOND[kind.unit] == 0
        kept = whole & (values >= 0) & (values // _IN_A_SECOND[kind.unit] < _MOST // 1000)
    else:
        parts = np.frombuffer(data, _INTERVAL)[column.offset :][: len(column)]
        kept = (parts["months"] >= 0) & (parts["days"] >= 0)
        kept &= (parts["nanoseconds"] % 1_000_000 == 0) & (parts["nanoseconds"] >= 0)
        kept &= parts["nanoseconds"] // 1_000_000 < _MOST
    wrong = ~kept & np.asarray(column.is_valid())
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"column {name!r}, row {rows + row}: a lake keeps an interval as whole months, days "
            f"and milliseconds (2**32 at most), none below zero, and would change or refuse "
            f"{column[row].as_py()!r}; load a count, such as the microseconds as int64"
        )
