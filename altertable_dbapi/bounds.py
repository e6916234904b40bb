"""Record batches that point outside of themselves are refused, before anything reads them.

Neither ADBC's driver nor pyarrow looks at the offsets and indices that a server sent; whoever
follows a wrong one reads what else is in memory, or crashes the process.
"""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode
from pyarrow import types

from .errors import DataError, unreadable_schema


class Bounds:
    """Checks the record batches of one stream.

    Columns of a fixed width have nothing to check. The others cost about a nanosecond a value: one
    or two per cent of what it takes to receive them, less than one of what rows take.

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
            targets = map(_checked_as, schema.types)
            self._columns = [(i, target) for i, target in enumerate(targets) if target is not None]
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
            for i, target in self._columns:
                try:
                    column = batch.column(i)
                    while isinstance(column.type, pa.BaseExtensionType):
                        column = column.storage
                    if column.type != target:
                        column = column.view(target)
                    column.validate(full=True)
                except pa.ArrowException as error:
                    raise DataError(
                        f"the server sent a damaged column {self._schema.field(i).name}: {error}",
                        status_code=AdbcStatusCode.INVALID_DATA,
                    ) from None


@lru_cache(maxsize=256)
def _checked_as(kind: pa.DataType) -> pa.DataType | None:
    """The type as which the values of `kind` are checked; None for one without offsets."""
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    target = _plain(kind)
    points = types.is_nested(target) or types.is_dictionary(target) or _is_bytes(target)
    return target if points else None


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


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
