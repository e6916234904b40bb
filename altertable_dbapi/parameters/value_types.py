"""Types of values in Arrow: those that Arrow lacks, and one type for the elements of a list."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError

_types = pa.types

NULL = pa.null()
FLOAT64 = pa.float64()
UUID = pa.uuid()
# As DuckDB itself exports these types where it is to lose nothing.
HUGEINT = pa.opaque(pa.binary(16), "hugeint", "DuckDB")
UHUGEINT = pa.opaque(pa.binary(16), "uhugeint", "DuckDB")
TIMETZ = pa.opaque(pa.binary(8), "time_tz", "DuckDB")
#: A MAP without entries, whose keys have no type. Arrow's map has no keys of type null.
EMPTY_MAP = pa.opaque(pa.string(), "empty_map", "DuckDB")

#: DuckDB's DECIMAL ends at 38 digits.
MAX_DIGITS = 38

# The offset of DuckDB's TIMETZ, in seconds: less than 16 hours, counted down from the greatest.
MAX_OFFSET = 16 * 60 * 60 - 1

# Signed and unsigned integers by their width in bits.
_SIGNED = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64(), 128: HUGEINT}
_UNSIGNED = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64(), 128: UHUGEINT}
# The digits of the DECIMAL that holds all integers of a type.
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 19, 128: MAX_DIGITS}
_INTEGERS: dict[pa.DataType, tuple[int, bool]] = {
    **{kind: (width, True) for width, kind in _SIGNED.items()},
    **{kind: (width, False) for width, kind in _UNSIGNED.items()},
}


class Mismatch(Exception):
    """No one type holds both."""


def integer_type(value: int) -> pa.DataType:
    """The type that an int has in DuckDB's own client.

    Raises
    ------
    DataError
        It has more than 128 bits.
    """
    if -(1 << 31) <= value < 1 << 31:
        return pa.int32()
    if -(1 << 63) <= value < 1 << 63:
        return pa.int64()
    if 0 <= value < 1 << 64:
        return pa.uint64()
    if -(1 << 127) <= value < 1 << 127:
        return HUGEINT
    if 0 <= value < 1 << 128:
        return UHUGEINT
    raise DataError("it has more than the 128 bits of DuckDB's HUGEINT; pass it as text")


def pack_time(value: datetime.time) -> bytes:
    """A time with an offset as DuckDB's TIMETZ holds it."""
    offset = value.utcoffset()
    assert offset is not None
    micros = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    return ((micros << 24) | (MAX_OFFSET - int(offset.total_seconds()))).to_bytes(8, "little")


def unpack_time(data: bytes) -> tuple[int, int]:
    """The microseconds and the offset, in seconds, of a TIMETZ."""
    bits = int.from_bytes(data, "little")
    return bits >> 24, MAX_OFFSET - (bits & 0xFFFFFF)


def unify(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """The type that DuckDB gives to a list of both, where it holds every value of both exactly.

    Raises
    ------
    Mismatch
        There is none.
    """
    if left is NULL or left is right:
        return right
    if left.equals(right) or _types.is_null(right):
        return left
    if _types.is_null(left):
        return right
    for one, other in ((left, right), (right, left)):
        merged = _widen(one, other)
        if merged is not None:
            return merged
    raise Mismatch(f"the values before it are {left}, it is {right}")


def _widen(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """`right` widened to hold `left` too, where their order is this one."""
    if _types.is_boolean(left):
        if right in _INTEGERS or _types.is_floating(right):
            return right
        if _types.is_decimal(right):
            return decimal_type(1, 0, right)
    if left in _INTEGERS:
        if right in _INTEGERS:
            return _wider_integer(left, right)
        if _types.is_floating(right):
            return FLOAT64
        if _types.is_decimal(right):
            width, signed = _INTEGERS[left]
            digits = _DIGITS[width] + (width == 64 and not signed)
            return decimal_type(digits, 0, right)
    if _types.is_floating(left) and (_types.is_floating(right) or _types.is_decimal(right)):
        return FLOAT64
    if _types.is_decimal(left) and _types.is_decimal(right):
        return decimal_type(left.precision - left.scale, left.scale, right)
    if _types.is_date(left) and _types.is_timestamp(right):
        return right if right.tz is None else None
    if _types.is_timestamp(left) and _types.is_timestamp(right) and left.tz == right.tz:
        return pa.timestamp("ns" if "ns" in (left.unit, right.unit) else "us", tz=left.tz)
    if _types.is_list(left) and _types.is_list(right):
        return pa.list_(unify(left.value_type, right.value_type))
    if _types.is_map(left) and _types.is_map(right):
        keys = unify(left.key_type, right.key_type)
        return pa.map_(keys, unify(left.item_type, right.item_type))
    if _types.is_struct(left) and _types.is_struct(right):
        merged = {field.name: field.type for field in left}
        for field in right:
            merged[field.name] = unify(merged.get(field.name, NULL), field.type)
        return pa.struct(list(merged.items()))
    return None


def _wider_integer(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    (one, signed), (other, also_signed) = _INTEGERS[left], _INTEGERS[right]
    if signed == also_signed:
        return (_SIGNED if signed else _UNSIGNED)[max(one, other)]
    positive, width = (other, one) if signed else (one, other)
    if positive == 128:
        raise Mismatch(f"no integer type holds both {left} and {right}")
    return _SIGNED[max(width, 2 * positive)]


def decimal_type(whole: int, scale: int, other: pa.DataType) -> pa.DataType:
    """A decimal type wide enough for another one, and for `whole` digits before the point."""
    scale = max(scale, other.scale)
    whole = max(whole, other.precision - other.scale)
    return pa.decimal128(min(whole + scale, MAX_DIGITS), scale)


def array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Python values of one type, or of narrower ones, as an Arrow array of this type."""
    fitted = [_fit(value, kind) for value in values]
    stored = storage(kind)
    found = pa.array(fitted, type=stored)
    return found if stored is kind else _wrapped(found, kind)


@lru_cache(256)
def storage(kind: pa.DataType) -> pa.DataType:
    """What pyarrow makes from Python values for a type: the type without its extensions."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    if _types.is_list(kind):
        inner = storage(kind.value_type)
        return kind if inner is kind.value_type else pa.list_(inner)
    if _types.is_map(kind):
        key, item = storage(kind.key_type), storage(kind.item_type)
        plain = key is kind.key_type and item is kind.item_type
        return kind if plain else pa.map_(key, item)
    if _types.is_struct(kind):
        fields = [(field.name, storage(field.type)) for field in kind]
        plain = all(inner is field.type for (_, inner), field in zip(fields, kind, strict=True))
        return kind if plain else pa.struct(fields)
    return kind


def _wrapped(stored: pa.Array, kind: pa.DataType) -> pa.Array:
    """An array of a type's storage as one of the type."""
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, stored)
    return map_leaves(stored, _wrapped, kind)


def map_leaves(
    nested: pa.Array, change: Callable[..., pa.Array], kind: pa.DataType | None = None
) -> pa.Array:
    """A nested array with its children changed; any other array as it is.

    Parameters
    ----------
    nested : pyarrow.Array
    change : callable
        Takes a child, and its new type where `kind` is given.
    kind : pyarrow.DataType, optional
        The array's new type; where it is not given, the type follows from the children.
    """
    given = nested.type

    def changed(child: pa.Array, its_kind: pa.DataType | None) -> pa.Array:
        return change(child) if its_kind is None else change(child, its_kind)

    if _types.is_struct(given):
        kinds = [None] * given.num_fields if kind is None else [field.type for field in kind]
        # flatten() and not field(), which leaves out the array's offset.
        flat = zip(nested.flatten(), kinds, strict=True)
        children = [changed(child, its_kind) for child, its_kind in flat]
        names = [field.name for field in given]
        made = pa.struct(list(zip(names, [child.type for child in children], strict=True)))
        if not children:
            return nested
        mask = nested.is_null() if nested.null_count else None
        return pa.StructArray.from_arrays(children, fields=list(made), mask=mask)
    if _types.is_map(given):
        entries = nested.buffers()[:2]
        keys = changed(nested.keys, kind.key_type if kind else None)
        items = changed(nested.items, kind.item_type if kind else None)
        made = pa.map_(keys.type, items.type)
        fields = [made.key_field, made.item_field]
        pairs = pa.StructArray.from_arrays([keys, items], fields=fields)
        return _with_child(made, nested, entries, pairs)
    if _types.is_fixed_size_list(given):
        child = changed(nested.values, kind.value_type if kind else None)
        made = pa.list_(child.type, given.list_size)
        return _with_child(made, nested, nested.buffers()[:1], child)
    if _types.is_list(given) or _types.is_large_list(given):
        child = changed(nested.values, kind.value_type if kind else None)
        made = (pa.large_list if _types.is_large_list(given) else pa.list_)(child.type)
        return _with_child(made, nested, nested.buffers()[:2], child)
    return nested


def _with_child(
    kind: pa.DataType, nested: pa.Array, buffers: list[pa.Buffer], child: pa.Array
) -> pa.Array:
    return pa.Array.from_buffers(
        kind, len(nested), buffers, nested.null_count, nested.offset, [child]
    )


def _fit(item: Any, kind: pa.DataType) -> Any:
    """An item as pyarrow takes it for the storage of a type, which may be wider than its own."""
    if item is None:
        return None
    if isinstance(kind, pa.BaseExtensionType):
        if kind in _INTEGERS:
            return int(item).to_bytes(16, "little", signed=kind == HUGEINT)
        if isinstance(item, uuid.UUID):
            return item.bytes
        return pack_time(item) if isinstance(item, datetime.time) else item
    if isinstance(item, (bool, np.bool_)) and not _types.is_boolean(kind):
        item = int(item)
    if _types.is_floating(kind) and isinstance(item, decimal.Decimal):
        number = float(item)
        if item.is_finite() and decimal.Decimal(repr(number)) != item:
            raise DataError(f"{item} is no DOUBLE, as the values beside it are")
        return number
    if _types.is_decimal(kind) and not isinstance(item, decimal.Decimal):
        return decimal.Decimal(int(item))
    if _types.is_timestamp(kind) and not isinstance(item, (datetime.datetime, np.generic)):
        return datetime.datetime.combine(item, datetime.time())
    if _types.is_list(kind):
        return [_fit(element, kind.value_type) for element in item]
    if _types.is_map(kind):
        return [(_fit(k, kind.key_type), _fit(v, kind.item_type)) for k, v in item]
    if _types.is_struct(kind):
        return {field.name: _fit(item.get(field.name), field.type) for field in kind}
    return item
