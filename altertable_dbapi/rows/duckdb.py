"""Types of DuckDB's that Arrow has none for -> Python values.

They come as extension types, or as the field metadata that names one, when the server converts
without loss (``SET arrow_lossless_conversion = true``); VARIANT and BIGNUM always do.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from . import variant
from .flat import BYTES, Converter, fixed_size_binaries, null_rows, texts, with_nulls, words

_TIME_TZ_LATEST = 16 * 3600 - 1


def converter(field: pa.Field, path: str) -> Converter | None:
    """The converter of a column that is more than its storage type says, or None."""
    kind = field.type
    metadata = field.metadata or {}
    if isinstance(kind, pa.BaseExtensionType):
        name, storage = kind.extension_name, kind.storage_type
        vendor, type_name = getattr(kind, "vendor_name", ""), getattr(kind, "type_name", "")
    else:
        name, storage = metadata.get(b"ARROW:extension:name", b"").decode(errors="replace"), kind
        vendor = type_name = ""
        if name == "arrow.opaque":
            vendor, type_name = _opaque_names(metadata.get(b"ARROW:extension:metadata", b""))
    convert = _opaque(type_name, storage) if vendor == "DuckDB" else _known(name, storage)
    if convert is None or storage is kind:
        return convert
    return lambda array: convert(array.storage)


def _opaque_names(metadata: bytes) -> tuple[str, str]:
    """The vendor's and the type's name; empty ones where the metadata are not as specified."""
    import json  # which few results need

    try:
        opaque = json.loads(metadata)
        return str(opaque["vendor_name"]), str(opaque["type_name"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return "", ""


def _known(name: str, storage: pa.DataType) -> Converter | None:
    if name == "arrow.uuid" and pa.types.is_fixed_size_binary(storage):
        return _each(fixed_size_binaries(16), lambda value: uuid.UUID(bytes=value))
    if name == "arrow.uuid" and pa.types.is_string(storage):
        return _each(texts(storage), uuid.UUID)
    if name == "arrow.bool8":
        return _bool8
    if name == "arrow.parquet.variant" and _is_variant(storage):
        return _variants
    return None


def _opaque(type_name: str, storage: pa.DataType) -> Converter | None:
    if type_name in ("hugeint", "uhugeint") and storage == pa.binary(16):
        signed = type_name == "hugeint"
        return _each(
            fixed_size_binaries(16),
            lambda value: int.from_bytes(value, "little", signed=signed),
        )
    if type_name == "time_tz" and storage == pa.binary(8):
        return _times_with_offset
    make = {"bit": _bit, "bignum": _bignum}.get(type_name)
    if make is not None and storage in BYTES:
        return _each(texts(storage), make)
    return None


def _each(values: Converter, make: Callable[[Any], Any]) -> Converter:
    return lambda array: [None if value is None else make(value) for value in values(array)]


def _bool8(array: pa.Array) -> list[Any]:
    return with_nulls((words(array, np.int8) != 0).tolist(), null_rows(array))


def _bit(data: bytes) -> str:
    """Write a bit string as DuckDB does; its first byte counts the padding bits in front."""
    digits = f"{int.from_bytes(data[1:], 'big'):0{8 * (len(data) - 1)}b}"
    return digits[data[0] :]


def _bignum(data: bytes) -> int:
    """Read a sign bit, the size in 23 bits, then big-endian digits; all inverted if negative."""
    magnitude = int.from_bytes(data[3:], "big")
    if data[0] & 0x80:
        return magnitude
    return magnitude - (1 << 8 * (len(data) - 3)) + 1


def _times_with_offset(array: pa.Array) -> list[Any]:
    """Read microseconds in 40 bits, then how far the offset is below +15:59:59 in 24."""
    packed = words(array, np.uint64)
    values: list[Any] = []
    clocks = (packed >> np.uint64(24)).tolist()
    offsets = (packed & np.uint64(0xFFFFFF)).tolist()
    nulls = null_rows(array)
    missing = set() if nulls is None else set(nulls.tolist())
    for row, (micros, behind) in enumerate(zip(clocks, offsets)):  # noqa: B905
        if row in missing:
            values.append(None)
            continue
        if micros >= 86_400_000_000:
            raise ValueError("24:00:00 does not fit in a Python time")
        zone = dt.timezone(dt.timedelta(seconds=_TIME_TZ_LATEST - behind))
        clock = (dt.datetime.min + dt.timedelta(microseconds=micros)).time()
        values.append(clock.replace(tzinfo=zone))
    return values


def _is_variant(storage: pa.DataType) -> bool:
    return pa.types.is_struct(storage) and {
        storage.field(i).name for i in range(storage.num_fields)
    } == {"metadata", "value"}


def _variants(array: pa.Array) -> list[Any]:
    metadata = array.field("metadata").to_pylist()
    values = array.field("value").to_pylist()
    valid = array.is_valid().to_pylist()
    return [
        variant.decode(metadata[row], values[row]) if present else None
        for row, present in enumerate(valid)
    ]
