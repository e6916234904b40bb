"""Arrow values as DuckDB literals: SQL text that gives the same value of the same type."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from .value_types import EMPTY_MAP, HUGEINT, TIMETZ, UHUGEINT, unpack_time

_types = pa.types

#: DuckDB's types of whole numbers.
INTEGERS: dict[pa.DataType, str] = {
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
}

_NAMES: dict[pa.DataType, str] = {
    **INTEGERS,
    pa.null(): '"NULL"',
    pa.bool_(): "BOOLEAN",
    pa.float16(): "FLOAT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.string_view(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.large_binary(): "BLOB",
    pa.binary_view(): "BLOB",
    pa.date32(): "DATE",
    pa.date64(): "DATE",
    pa.time32("s"): "TIME",
    pa.time32("ms"): "TIME",
    pa.time64("us"): "TIME",
    pa.time64("ns"): "TIME_NS",
    pa.timestamp("s"): "TIMESTAMP_S",
    pa.timestamp("ms"): "TIMESTAMP_MS",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("ns"): "TIMESTAMP_NS",
    pa.month_day_nano_interval(): "INTERVAL",
}
#: The SQL types of Arrow's extension types, by their names.
EXTENSIONS = {"arrow.uuid": "UUID", "arrow.json": "JSON", "arrow.bool8": "BOOLEAN"}
_OPAQUE = {
    HUGEINT: "HUGEINT",
    UHUGEINT: "UHUGEINT",
    TIMETZ: "TIMETZ",
    EMPTY_MAP: 'MAP("NULL", "NULL")',
}

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def sql_type(kind: pa.DataType) -> str:
    """The DuckDB type that a bound value of an Arrow type has.

    Raises
    ------
    DataError
        There is none.
    """
    name = _NAMES.get(kind)
    if name is not None:
        return name
    if isinstance(kind, pa.BaseExtensionType):
        known = _OPAQUE.get(kind) or EXTENSIONS.get(kind.extension_name)
        return known or sql_type(kind.storage_type)
    if _types.is_dictionary(kind) or _types.is_run_end_encoded(kind):
        return sql_type(kind.value_type)
    if _types.is_decimal(kind):
        digits, scale = kind.precision - min(kind.scale, 0), max(kind.scale, 0)
        if digits <= 38:
            return f"DECIMAL({digits},{scale})"
    if _types.is_fixed_size_binary(kind):
        return "BLOB"
    if _types.is_timestamp(kind):
        return "TIMESTAMPTZ_NS" if kind.unit == "ns" else "TIMESTAMPTZ"
    if _types.is_duration(kind):
        return "INTERVAL"
    if _types.is_map(kind):
        return f"MAP({sql_type(kind.key_type)}, {sql_type(kind.item_type)})"
    if _types.is_fixed_size_list(kind):
        return f"{sql_type(kind.value_type)}[{kind.list_size}]"
    if _is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if _types.is_struct(kind):
        fields = [_name(field.name, '"') + " " + sql_type(field.type) for field in kind]
        return f"STRUCT({', '.join(fields)})"
    raise DataError(f"DuckDB has no type for Arrow's {kind}")


def literals(array: pa.Array) -> list[str]:
    """Each value of an array as an SQL expression that is one constant.

    Whatever stands around it in a statement, and whatever it holds, it stays one expression: text
    is in parentheses, because the parser joins two strings that stand side by side.

    Raises
    ------
    DataError
        DuckDB has no type for the values, or a value does not fit it.
    """
    array = _decoded(array)
    kind = array.type
    name = sql_type(kind)
    if _types.is_null(kind):
        return ["NULL"] * len(array)
    if name == "VARCHAR":
        found = [None if text is None else _text(text) for text in _python(array)]
    elif name == "BOOLEAN":
        found = texts(array)
    elif kind == EMPTY_MAP:
        found = [None if text is None else "MAP {}" for text in array.storage.to_pylist()]
    elif name == "BLOB":
        found = [None if data is None else f"from_hex('{data.hex()}')" for data in _python(array)]
    elif _types.is_struct(kind):
        found = _structs(array)
    elif _types.is_map(kind):
        found = [_map(entries) for entries in map(_elements, array)]
    elif _types.is_nested(kind):
        lists = map(_elements, array)
        found = [None if elements is None else list_literal(elements, name) for elements in lists]
    else:
        written = texts(array)
        found = [None if text is None else f"CAST({_quoted(text)} AS {name})" for text in written]
    return [f"CAST(NULL AS {name})" if literal is None else literal for literal in found]


def list_literal(array: pa.Array, name: str | None = None) -> str:
    """An array as one SQL expression: the LIST of its values.

    Values that have a text are written as the text of the whole list, which DuckDB reads some
    twenty times faster than an expression for each.

    Parameters
    ----------
    array : pyarrow.Array
    name : str, optional
        The expression's type, where it is not a LIST of the values' type.

    Raises
    ------
    DataError
        As `literals` raises it.
    """
    array = _decoded(array)
    element = sql_type(array.type)
    name = name or f"{element}[]"
    written = texts(array) if _has_text(array.type, element) else None
    if written is None or (element == "VARCHAR" and any(t and "\0" in t for t in written)):
        return f"CAST([{', '.join(literals(array))}] AS {name})"
    if _types.is_integer(array.type) or _types.is_floating(array.type):
        items = ["NULL" if text is None else text for text in written]
    else:
        items = ["NULL" if text is None else _quoted_item(text) for text in written]
    return f"CAST({_quoted('[' + ','.join(items) + ']')} AS {name})"


def _decoded(array: pa.Array) -> pa.Array:
    """An array without the encodings that say nothing of its values' type."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array.type, pa.BaseExtensionType) and sql_type(array.type) == "BOOLEAN":
        return array.storage.cast(pa.bool_())
    if _types.is_dictionary(array.type):
        return _decoded(array.dictionary_decode())
    if _types.is_run_end_encoded(array.type):
        return _decoded(pc.run_end_decode(array))
    if (
        isinstance(array.type, pa.BaseExtensionType)
        and array.type.extension_name not in EXTENSIONS
        and array.type not in _OPAQUE
    ):
        return _decoded(array.storage)
    return array


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        _types.is_list(kind)
        or _types.is_large_list(kind)
        or _types.is_list_view(kind)
        or _types.is_large_list_view(kind)
    )


def _has_text(kind: pa.DataType, name: str) -> bool:
    """Whether DuckDB reads a value from a text inside the text of a list."""
    # The text of a list of JSON is read as one JSON document.
    return not (_types.is_nested(kind) or kind == EMPTY_MAP or name in ("BLOB", "JSON", '"NULL"'))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted_item(text: str) -> str:
    """A value in the text of a list."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _text(text: str) -> str:
    # DuckDB 1.5 ends a statement at a NUL character, wherever it stands.
    if "\0" in text:
        return f"decode(from_hex('{text.encode().hex()}'))"
    return f"({_quoted(text)})"


def _name(name: str, mark: str) -> str:
    if not name or "\0" in name:
        raise DataError(f"a STRUCT's field cannot have the name {name!r}")
    return mark + name.replace(mark, mark * 2) + mark


def _elements(value: Any) -> pa.Array | None:
    return value.values if value.is_valid else None


def _map(entries: pa.Array | None) -> str | None:
    if entries is None:
        return None
    keys, values = entries.flatten()
    return f"MAP({list_literal(keys)}, {list_literal(values)})"


def _structs(array: pa.Array) -> list[str | None]:
    # flatten() and not field(), which leaves out the array's offset.
    columns = [literals(column) for column in array.flatten()]
    keys = [_name(field.name, "'") for field in array.type]
    return [
        f"{{{', '.join(f'{k}: {v}' for k, v in zip(keys, values, strict=True))}}}"
        if valid
        else None
        for valid, *values in zip(array.is_valid().to_pylist(), *columns, strict=True)
    ]


def _python(array: pa.Array) -> list[Any]:
    try:
        values: list[Any] = array.to_pylist()
        return values
    except UnicodeDecodeError:
        raise DataError("a text value is not UTF-8") from None


def texts(array: pa.Array) -> list[str | None]:
    """Each value as the text that DuckDB casts to exactly this value; None for NULL."""
    kind = array.type
    if _types.is_date(kind) or _types.is_timestamp(kind):
        return _moments(array)
    if _types.is_time(kind):
        unit = kind.unit
        return _from_integers(array, lambda count: _clock(count, unit))
    if _types.is_duration(kind):
        return _durations(array)
    if kind == TIMETZ:
        return [None if data is None else _zoned(data) for data in array.storage.to_pylist()]
    if kind in (HUGEINT, UHUGEINT):
        signed = kind == HUGEINT
        return [
            None if data is None else str(int.from_bytes(data, "little", signed=signed))
            for data in array.storage.to_pylist()
        ]
    write: Callable[[Any], str]
    if _types.is_boolean(kind):
        write = ("false", "true").__getitem__
    elif _types.is_floating(kind):
        write = repr
    elif _types.is_decimal(kind):
        write = "{:f}".format
    elif kind == pa.month_day_nano_interval():
        write = _interval
    else:
        write = str
    return [None if value is None else write(value) for value in _python(array)]


def _from_integers(array: pa.Array, write: Callable[[int], str]) -> list[str | None]:
    """Texts of an array by the integers that it holds, which may be beyond Python's types."""
    integers = array.cast(pa.int32()) if array.type.bit_width == 32 else array.cast(pa.int64())
    return [None if count is None else write(count) for count in integers.to_pylist()]


def _clock(count: int, unit: str) -> str:
    seconds, fraction = divmod(count, _PER_SECOND[unit])
    digits = len(str(_PER_SECOND[unit])) - 1
    after = f".{fraction:0{digits}}" if digits else ""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{after}"


def _zoned(data: bytes) -> str:
    count, offset = unpack_time(data)
    return f"{_clock(count, 'us')}{'-' if offset < 0 else '+'}{_clock(abs(offset), 's')}"


def _moments(array: pa.Array) -> list[str | None]:
    """Dates and timestamps, of any year, and DuckDB's infinite ones."""
    kind = array.type
    if _types.is_date64(kind):
        array = array.cast(pa.date32(), safe=False)
    unit = kind.unit if _types.is_timestamp(kind) else "D"
    zone = "+00" if _types.is_timestamp(kind) and kind.tz is not None else ""
    integers = array.cast(pa.int32() if unit == "D" else pa.int64())
    counts = integers.fill_null(0).to_numpy(zero_copy_only=False).astype("i8")
    infinite = (1 << (31 if unit == "D" else 63)) - 1
    said = np.datetime_as_string(counts.view(f"M8[{unit}]")).tolist()
    return [
        None
        if not valid
        else "infinity"
        if count == infinite
        else "-infinity"
        if count == -infinite
        else (text if text[0] != "-" and text[:4] != "0000" else _before_christ(text)) + zone
        for valid, count, text in zip(
            integers.is_valid().to_pylist(), counts.tolist(), said, strict=True
        )
    ]


def _before_christ(text: str) -> str:
    year, rest = re.fullmatch(r"(-?\d+)(-.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    date, _, clock = rest.partition("T")
    return f"{1 - int(year):04}{date} (BC) {clock}".rstrip()


def _durations(array: pa.Array) -> list[str | None]:
    per_second = _PER_SECOND[array.type.unit]

    def write(count: int) -> str:
        microseconds, rest = divmod(count * 1_000_000, per_second)
        if rest:
            raise DataError("it has nanoseconds, and DuckDB's INTERVAL has microseconds")
        return _microseconds(microseconds)

    return _from_integers(array, write)


def _microseconds(count: int) -> str:
    # DuckDB reads the number without its sign, so the lowest one needs two steps.
    if count == -(1 << 63):
        return f"{count + 1} microseconds -1 microseconds"
    return f"{count} microseconds"


def _interval(value: Any) -> str:
    microseconds, rest = divmod(value.nanoseconds, 1000)
    if rest:
        raise DataError("it has nanoseconds, and DuckDB's INTERVAL has microseconds")
    return f"{value.months} months {value.days} days {_microseconds(microseconds)}"
