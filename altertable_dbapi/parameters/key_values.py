"""Values of keys: when a column of them is compared as each of them is, and which are the same."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: DuckDB's types of integers, with the digits that they have at most.
INTEGER_DIGITS = {
    "TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19,
    "UTINYINT": 3, "USMALLINT": 5, "UINTEGER": 10, "UBIGINT": 20,
}  # fmt: skip
_DIGITS = 38
_EXACT = {
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
}
# Texts that are the only ones of their values.
_TEXTS = {
    "UUID": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    "DATE": "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def key_cast(values: pa.Array, kind: str, stored: bool) -> str | None:
    """What values are cast to where they are compared with a column of a type; "" for nothing.

    None where a column of them may be compared otherwise than one value, or where values that
    are equal in the column cannot be told.

    Parameters
    ----------
    values : pyarrow.Array
    kind : str
        The column's type, in DuckDB's words.
    stored : bool
        Whether they are stored in the column, which rounds them, and not compared with it.
    """
    given = values.type
    if given == _EXACT.get(kind):
        return ""
    if pa.types.is_string(given) and kind in _TEXTS:
        found = pc.all(pc.match_substring_regex(values.drop_null(), _TEXTS[kind])).as_py()
        return kind if found is not False else None
    if pa.types.is_integer(given) and kind in INTEGER_DIGITS:
        return ""
    decimal = _DECIMAL.fullmatch(kind)
    if decimal is None:
        return None
    digits, scale = map(int, decimal.groups())
    if pa.types.is_integer(given):
        return "" if max(digits - scale, 20) + scale <= _DIGITS else None
    if pa.types.is_decimal128(given) and not (stored and given.scale > scale):
        whole = max(digits - scale, given.precision - given.scale)
        return "" if whole + max(scale, given.scale) <= _DIGITS else None
    return None


def canonical(values: pa.Array) -> list[Any]:
    """Values as Python values that are equal where the values are; None for NULL."""
    if pa.types.is_temporal(values.type):
        wide = pa.types.is_timestamp(values.type) or pa.types.is_time64(values.type)
        values = values.cast(pa.int64() if wide else pa.int32())
    found: list[Any] = values.to_pylist()
    return found
