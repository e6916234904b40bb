"""Values whose type a server may not read from Arrow: sent as text, with a CAST around it."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from .value_types import map_leaves

_types = pa.types

# By their ids: types themselves are compared as text.
_PLAIN = frozenset(
    kind.id
    for kind in (
        pa.bool_(),
        pa.int32(),
        pa.int64(),
        pa.float64(),
        pa.string(),
        pa.binary(),
        pa.date32(),
        pa.decimal128(1),
    )
)


def sent(array: pa.Array) -> tuple[pa.Array, str | None]:
    """What is sent for an array of values, and the SQL type to cast it to; None where it has it.

    Types that Arrow has only by way of extensions (HUGEINT, UUID, TIMETZ), and those of values that
    are all None, inside a list for instance, are sent as text. So are times and aware timestamps
    with nanoseconds: a server that has no type for them drops these without a word.

    Raises
    ------
    DataError
        A duration has nanoseconds, which DuckDB's INTERVAL has not.
    """
    kind = array.type
    if (
        kind.id in _PLAIN
        or not _is_special(kind)
        or not (_is_foreign(kind) or _has_nanoseconds(array))
    ):
        return array, None
    from .literals import sql_type  # which few statements need

    return _as_text(array), sql_type(kind)


@lru_cache(256)
def _is_special(kind: pa.DataType) -> bool:
    """Whether values of a type may have to be sent as another one."""
    return _is_foreign(kind) or any(map(_counts_nanoseconds, _leaves(kind)))


@lru_cache(256)
def _is_foreign(kind: pa.DataType) -> bool:
    """Whether a type has a part without a type of Arrow's own."""
    return any(
        _types.is_null(leaf) or isinstance(leaf, pa.BaseExtensionType) for leaf in _leaves(kind)
    )


def _leaves(kind: pa.DataType) -> list[pa.DataType]:
    if isinstance(kind, pa.BaseExtensionType):
        from .literals import EXTENSIONS  # which few statements need

        known = kind.extension_name in EXTENSIONS or kind.extension_name == "arrow.opaque"
        # Of an extension that DuckDB does not know, only the storage counts.
        return [kind] if known else _leaves(kind.storage_type)
    if not _types.is_nested(kind):
        return [kind]
    return [leaf for i in range(kind.num_fields) for leaf in _leaves(kind.field(i).type)]


def _counts_nanoseconds(kind: pa.DataType) -> bool:
    if _types.is_timestamp(kind):
        return kind.unit == "ns" and kind.tz is not None
    return kind == pa.time64("ns") or kind in (pa.duration("ns"), pa.month_day_nano_interval())


def _has_nanoseconds(array: pa.Array) -> bool:
    """Whether a value has nanoseconds that a server might drop."""
    kind = array.type
    if _types.is_nested(kind):
        if _types.is_struct(kind):
            return any(map(_has_nanoseconds, array.flatten()))
        if _types.is_map(kind):
            return _has_nanoseconds(array.keys) or _has_nanoseconds(array.items)
        return hasattr(array, "flatten") and _has_nanoseconds(array.flatten())
    if isinstance(kind, pa.BaseExtensionType) or not _counts_nanoseconds(kind):
        return False
    if kind == pa.month_day_nano_interval():
        found = any(value.nanoseconds % 1000 for value in array.to_pylist() if value is not None)
    else:
        counts = array.cast(pa.int64())
        whole = pc.multiply(pc.divide(counts, 1000), 1000)
        found = bool(pc.any(pc.not_equal(counts, whole)).as_py())
    if found and not (_types.is_time(kind) or _types.is_timestamp(kind)):
        raise DataError("it has nanoseconds, and DuckDB's INTERVAL has microseconds")
    return found


def _as_text(array: pa.Array) -> pa.Array:
    """An array with text in the place of what is not surely read from Arrow."""
    from .literals import texts  # which few statements need

    kind = array.type
    if _types.is_nested(kind):
        return map_leaves(array, _as_text)
    if _types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    if isinstance(kind, pa.BaseExtensionType) or (
        _counts_nanoseconds(kind) and not _types.is_duration(kind)
    ):
        if _leaves(kind) != [kind]:
            return _as_text(array.storage)
        return pa.array(texts(array), pa.string())
    return array
