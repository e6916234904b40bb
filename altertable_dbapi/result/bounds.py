"""Record batches that point outside of themselves are refused, before anything reads them.

Neither ADBC's driver nor pyarrow looks at the offsets and indices that a server sent; whoever
follows a wrong one reads what else is in memory, or crashes the process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import types

from ..errors import DataError
from ..protocol.errors import unreadable_schema
from ..rows.flat import BYTES


class Bounds:
    """Checks the record batches of one stream.

    Columns of a fixed width have nothing to check. Texts cost a third of a nanosecond a value,
    the others one or two, and each some microseconds a batch: a few per cent of what it takes to
    receive them on one machine, less than one of what it takes to make rows of them; of an ENUM,
    two.

    Parameters
    ----------
    schema : pyarrow.Schema
        The stream's.

    Raises
    ------
    DataError
        The schema cannot be read.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        try:
            schema.names  # noqa: B018  # a name may be no UTF-8
            checks = map(_checker, schema.types)
            self._columns = [(i, check) for i, check in enumerate(checks) if check is not None]
        except UnicodeDecodeError as error:
            raise unreadable_schema(error) from None

    def check(self, data: pa.RecordBatch | pa.Table) -> None:
        """Refuse data with an offset or an index that is beyond its values.

        Raises
        ------
        DataError
            Names the column. Text that is no UTF-8 is not noticed here.
        """
        if not self._columns:
            return
        for batch in data.to_batches() if isinstance(data, pa.Table) else (data,):
            for i, check in self._columns:
                try:
                    check(batch.column(i))
                except (pa.ArrowException, ValueError) as error:
                    raise DataError(
                        f"the server sent a damaged column {self._schema.field(i).name}: {error}"
                    ) from None


@lru_cache(maxsize=256)
def _checker(kind: pa.DataType) -> Callable[[pa.Array], None] | None:
    """What raises an error for a damaged column; None where there is nothing to check."""
    extensions = 0
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
        extensions += 1
    target = _plain(kind)
    of_bytes = target in BYTES
    if not (target.num_fields or types.is_dictionary(target) or of_bytes):
        return None
    width = _OFFSETS.get(target)

    def check(column: pa.Array) -> None:
        for _ in range(extensions):
            column = column.storage
        if of_bytes and not len(column):
            return  # it may have no buffer, and pyarrow 18 refuses slices of views that are none
        if width is not None:
            _check_offsets(column, width)
        else:
            (column if target == kind else pa.array(_Relabelled(column, target))).validate(
                full=True
            )

    return check


class _Relabelled:
    """An array's buffers under another type of the same layout.

    ``Array.view`` does the same, but gives a column of nothing but NULL inside a list the length of
    the list, and says then that the list's offsets are wrong.
    """

    def __init__(self, array: pa.Array, kind: pa.DataType) -> None:
        self._array = array
        self._kind = kind

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self._kind.__arrow_c_schema__(), self._array.__arrow_c_array__()[1]


#: The types whose values are told by offsets alone, and what the offsets are.
_OFFSETS: dict[pa.DataType, np.dtype[Any]] = {
    pa.binary(): np.dtype(np.int32),
    pa.large_binary(): np.dtype(np.int64),
}


def _check_offsets(column: pa.Array, width: np.dtype[Any]) -> None:
    """What Arrow's own check asks of texts, of which there are some, in a third of its time."""
    _, buffer, data = column.buffers()
    offsets = np.frombuffer(buffer, width, len(column) + 1, column.offset * width.itemsize)
    end = 0 if data is None else data.size
    if offsets[0] < 0 or offsets[-1] > end or (offsets[1:] < offsets[:-1]).any():
        raise ValueError("an offset is beyond its values")


def _plain(kind: pa.DataType) -> pa.DataType:
    """A type of the same layout, of whose values Arrow's whole check asks nothing.

    To find text that is no UTF-8 takes up to thirty times as long as the rest, and whoever makes
    text of it finds it anyway. TIME may be 24:00:00, and a HUGEINT has more digits than the
    decimal that it comes as; both would be refused.
    """
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    if kind in _SAME_LAYOUT:
        return _SAME_LAYOUT[kind]
    if types.is_decimal(kind):
        return pa.binary(kind.byte_width)
    if types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _plain(kind.value_type))
    if types.is_run_end_encoded(kind):
        return pa.run_end_encoded(kind.run_end_type, _plain(kind.value_type))
    if types.is_map(kind):
        return pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    if types.is_fixed_size_list(kind):
        return pa.list_(_plain(kind.value_type), kind.list_size)
    for is_list, make in _LISTS:
        if is_list(kind):
            return make(_plain(kind.value_type))
    if types.is_struct(kind) or types.is_union(kind):
        inner = [kind.field(i) for i in range(kind.num_fields)]
        # A name is read here at the latest, which may be no UTF-8.
        fields = [pa.field(field.name, _plain(field.type)) for field in inner]
        return pa.struct(fields) if types.is_struct(kind) else _union(kind, fields)
    return kind


def _union(kind: pa.DataType, fields: list[pa.Field]) -> pa.DataType:
    return pa.union(fields, kind.mode, kind.type_codes)


_SAME_LAYOUT = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
    pa.time32("s"): pa.int32(),
    pa.time32("ms"): pa.int32(),
    pa.time64("us"): pa.int64(),
    pa.time64("ns"): pa.int64(),
    pa.date64(): pa.int64(),
}

_LISTS = [
    (types.is_list, pa.list_),
    (types.is_large_list, pa.large_list),
    (types.is_list_view, pa.list_view),
    (types.is_large_list_view, pa.large_list_view),
]
