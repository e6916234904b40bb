"""Record batches as the server takes them: plain types, nothing cut off, bounded in size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, ProgrammingError
from ..statement.names import folded, repeated

#: View and dictionary arrays do not tell what a slice of theirs weighs, so they are made plain in
#: slices of this many rows before they are weighed.
_ROWS_AT_ONCE = 65_536

_DECIMAL_DIGITS = 38

# What DuckDB reads as types of its own.
_EXTENSIONS = frozenset({"arrow.uuid", "arrow.json", "arrow.bool8", "arrow.opaque"})

# Extension types whose storage is the value itself; that of others may be a mere number of it.
_STORED = frozenset(
    {"arrow.fixed_shape_tensor", "geoarrow.wkb", "geoarrow.wkt", "ogc.wkb", "ogc.wkt"}
)
_MARK = b"ARROW:extension:name"


class Conversion:
    """The way of one source's batches to the server's types.

    =============================================  ===========================================
    Arrow type                                     Sent as
    =============================================  ===========================================
    dictionary, run-end encoded                    its values
    large_string, string_view                      string
    large_binary, binary_view                      binary
    large_list, list_view, fixed_size_list         list
    null                                           string
    float16                                        float32
    decimal of up to 38 digits                     decimal128, its scale 0 or more
    date64                                         date32
    timestamp[s], timestamp[ms]                    timestamp[us]
    timestamp[ns] without a zone                   itself (TIMESTAMP_NS)
    timestamp[ns] with a zone, time64[ns]          itself where the column that it goes to has
                                                   nanoseconds (TIMESTAMPTZ_NS, TIME_NS); else
                                                   microseconds, refused where that would cut
    duration[ns], month_day_nano_interval          microseconds, refused where that would cut
    extension types uuid, json, bool8, opaque      themselves
    fixed_shape_tensor, and WKB and WKT            their storage
    any other extension type                       refused: its storage need not be its value
    anything else                                  itself
    =============================================  ===========================================

    The same holds inside lists, structs and maps.

    Parameters
    ----------
    schema : pyarrow.Schema
        The source's.
    targets : mapping of str to pyarrow.DataType
        Types of the columns that they go to, where those are known.

    Attributes
    ----------
    schema : pyarrow.Schema
        What is sent: the same names, plain types, no metadata.

    Raises
    ------
    ProgrammingError
        There is no column, or a name is empty or stands twice.
    DataError
        The server has no type that holds a column.
    """

    def __init__(
        self, schema: pa.Schema, targets: Mapping[str, pa.DataType] = MappingProxyType({})
    ) -> None:
        check_names(schema.names)
        for field in schema:
            # What a type is that pyarrow does not know is said beside it.
            mark = (field.metadata or {}).get(_MARK, b"").decode(errors="replace")
            if mark and mark not in _EXTENSIONS | _STORED:
                raise _unknown(field.name, mark, field.type)
        self._source = schema
        self.schema: pa.Schema = pa.schema(
            [
                pa.field(field.name, _sent_as(field.type, field.name, targets.get(field.name)))
                for field in schema
            ]
        )
        self._plain = all(a.type == b.type for a, b in zip(schema, self.schema, strict=True))
        self._checked = [
            i for i, field in enumerate(schema) if field.type == pa.month_day_nano_interval()
        ]
        self._rows = 0

    def pieces(self, batch: pa.RecordBatch, limit: int) -> Iterator[pa.RecordBatch]:
        """Convert a batch, in pieces of at most `limit` bytes, or of one row.

        Raises
        ------
        DataError
            The batch has other columns than the first, or a value cannot be held; names column
            and row.
        """
        if batch.schema.names != self._source.names or batch.schema.types != self._source.types:
            raise DataError(
                f"the batch from row {self._rows} on has the columns {_shown(batch.schema)}, "
                f"those before it {_shown(self._source)}"
            )
        for index in self._checked:
            self._check_interval(batch.column(index), self._source.names[index])
        if self._plain:
            yield from cut(self._with_schema(batch.columns), limit)
            self._rows += batch.num_rows
            return
        for start in range(0, max(batch.num_rows, 1), _ROWS_AT_ONCE):
            for piece in self._converted(batch.slice(start, _ROWS_AT_ONCE)):
                yield from cut(piece, limit)
                self._rows += piece.num_rows

    def _with_schema(self, columns: list[Any]) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _converted(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The batch with plain columns; halved as long as that fails.

        Text of more than 2 GiB goes into several plain columns this way, and a value that cannot
        be converted is found.
        """
        try:
            yield self._with_schema(list(map(_plain, batch.columns, self.schema.types)))
        except (pa.ArrowException, OverflowError):
            if batch.num_rows <= 1:
                raise self._refusal(batch) from None
            half = batch.num_rows // 2
            yield from self._converted(batch.slice(0, half))
            yield from self._converted(batch.slice(half))

    def _refusal(self, row: pa.RecordBatch) -> DataError:
        """The error for a row that cannot be converted."""
        for field, column in zip(self.schema, row.columns, strict=True):
            reason = _reason(column, field.type)
            if reason is not None:
                return DataError(
                    f"column {field.name!r}, row {self._rows}: {column.type} does not go into "
                    f"{field.type} unchanged: {reason}"
                )
        return DataError(f"row {self._rows} does not go into {_shown(self.schema)}")

    def _check_interval(self, column: Any, name: str) -> None:
        kind = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
        values = np.frombuffer(column.buffers()[1], kind)[column.offset :][: len(column)]
        cut_off = (values["nanoseconds"] % 1000 != 0) & np.asarray(column.is_valid())
        if cut_off.any():
            row = self._rows + int(cut_off.argmax())
            raise DataError(
                f"column {name!r}, row {row}: an interval of nanoseconds, and the server's have "
                "microseconds"
            )


def cut(batch: pa.RecordBatch, limit: int) -> Iterator[pa.RecordBatch]:
    """Cut a batch into pieces of at most `limit` bytes, or of one row where a row is larger."""
    size, rows = batch.nbytes, batch.num_rows
    if size <= limit or rows <= 1:
        yield batch
        return
    step = max(1, rows // -(-size // limit))
    for start in range(0, rows, step):
        yield from cut(batch.slice(start, step), limit)


def merged(batches: Iterator[pa.RecordBatch], limit: int) -> Iterator[pa.RecordBatch]:
    """Put small batches together, so that a source of single rows does not cost a message each."""
    small: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        weight = batch.nbytes
        if small and size + weight > limit:
            yield _one(small)
            small, size = [], 0
        if weight > limit // 8:
            if small:
                yield _one(small)
                small, size = [], 0
            yield batch
        else:
            small.append(batch)
            size += weight
    if small:
        yield _one(small)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches).combine_chunks()
    if not table.num_rows:
        return batches[0]
    return table.to_batches()[0]


def check_names(names: list[str]) -> None:
    """Refuse columns without a name, or of one name.

    Raises
    ------
    ProgrammingError
        There is no column, or a name is empty, has a NUL, or stands twice.
    """
    if not names:
        raise ProgrammingError("the data has no columns")
    for position, name in enumerate(names):
        if not name:
            raise ProgrammingError(f"column {position} of the data has no name")
        _check_nul(name, f"column {position} of the data")
    twice = repeated(names)
    if twice:
        raise ProgrammingError(
            "the data has columns of one name, letter case aside: "
            f"{', '.join(map(repr, sorted(set(twice))))}; rename them"
        )


def _check_nul(name: str, what: str) -> None:
    # Arrow's C interface would send what stands before it.
    if "\0" in name:
        raise ProgrammingError(f"{what} is called {name!r}, with a NUL character; rename it")


def _shown(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


def _sent_as(kind: pa.DataType, path: str, target: pa.DataType | None = None) -> pa.DataType:
    """The type that a column or what is inside it is sent as.

    `path` names it in errors, `target` is the type of what it goes to, where that is known.
    """
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name in _EXTENSIONS:
            return kind
        if kind.extension_name not in _STORED:
            raise _unknown(path, kind.extension_name, kind.storage_type)
        return _sent_as(kind.storage_type, path, target)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _sent_as(kind.value_type, path, target)
    if types.is_null(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind):
        return pa.binary()
    if types.is_map(kind):
        parts = kind.key_type, kind.item_type
        into = _map_parts(target)
        sent = (
            _sent_as(parts[0], f"{path}.key", into[0]),
            _sent_as(parts[1], f"{path}.value", into[1]),
        )
        return kind if sent == parts else pa.map_(*sent)
    if _is_list(kind):
        within = target.value_type if target is not None and _is_list(target) else None
        value = _sent_as(kind.value_type, f"{path}[]", within)
        return kind if types.is_list(kind) and value == kind.value_type else pa.list_(value)
    if types.is_struct(kind):
        for field in kind:
            _check_nul(field.name, f"a field of {path}")
        known = _fields(target)
        fields = [
            pa.field(f.name, _sent_as(f.type, f"{path}.{f.name}", known.get(folded(f.name))))
            for f in kind
        ]
        unchanged = all(a.type == b.type for a, b in zip(kind, fields, strict=True))
        return kind if unchanged else pa.struct(fields)
    if types.is_float16(kind):
        return pa.float32()
    if types.is_date64(kind):
        return pa.date32()
    if types.is_decimal(kind):
        return _decimal(kind, path)
    if types.is_timestamp(kind):
        finest = kind.unit == "ns" and (kind.tz is None or is_nanoseconds(target))
        return kind if finest else pa.timestamp("us", kind.tz)
    if types.is_time64(kind):
        return kind if is_nanoseconds(target) else pa.time64("us")
    if types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    return kind


def _unknown(path: str, name: str, storage: pa.DataType) -> DataError:
    return DataError(
        f"column {path!r} is of the extension type {name}, whose storage ({storage}) need not be "
        "its value: make it a plain type, such as text, or load its storage as that"
    )


def _map_parts(kind: pa.DataType | None) -> tuple[pa.DataType | None, pa.DataType | None]:
    if kind is None or not pa.types.is_map(kind):
        return None, None
    return kind.key_type, kind.item_type


def _fields(kind: pa.DataType | None) -> dict[str, pa.DataType]:
    """The types of a struct's fields, by their names as the server compares them."""
    if kind is None or not pa.types.is_struct(kind):
        return {}
    return {folded(field.name): field.type for field in kind}


def is_nanoseconds(kind: pa.DataType | None) -> bool:
    """Whether a type is a time or a zoned timestamp of nanoseconds."""
    return kind is not None and (
        kind == pa.time64("ns")
        or (pa.types.is_timestamp(kind) and kind.unit == "ns" and kind.tz is not None)
    )


def finest_columns(schema: pa.Schema, sample: Iterable[pa.RecordBatch]) -> dict[str, pa.DataType]:
    """The columns of nanoseconds that lose some as microseconds, with their types.

    Only zoned timestamps and times count, which not every server has in nanoseconds.
    """
    coarse = {f.name: _sent_as(f.type, f.name) for f in schema}
    finer = {f.name: _sent_as(f.type, f.name, f.type) for f in schema}
    found: dict[str, pa.DataType] = {}
    for name in (name for name in schema.names if coarse[name] != finer[name]):
        columns = (batch.column(name) for batch in sample)
        if any(_reason(column, coarse[name]) is not None for column in columns):
            found[name] = schema.field(name).type
    return found


def holds(kind: pa.DataType, wanted: int) -> bool:
    """Whether a type, or one inside it, has the id `wanted`."""
    inner = (kind.field(index).type for index in range(kind.num_fields))
    return kind.id == wanted or any(holds(each, wanted) for each in inner)


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def _decimal(kind: Any, path: str) -> pa.DataType:
    digits = kind.precision - min(kind.scale, 0)
    if digits > _DECIMAL_DIGITS or kind.scale > _DECIMAL_DIGITS:
        raise DataError(
            f"column {path!r} is {kind}, and the server's decimals have {_DECIMAL_DIGITS} digits; "
            "cast it to a decimal128, to float64 or to text"
        )
    return pa.decimal128(digits, max(kind.scale, 0))


def _reason(array: Any, target: pa.DataType) -> str | None:
    """Why an array cannot be converted, or None when it can."""
    try:
        _plain(array, target)
    except (pa.ArrowException, OverflowError) as error:
        return str(error)
    return None


def _plain(array: Any, target: pa.DataType) -> Any:
    if array.type == target:
        return array
    if pa.types.is_nested(array.type):
        # A slice drags all of its children through a cast; a copy has only its own.
        array = pa.concat_arrays([array, array.slice(0, 0)])
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if pa.types.is_dictionary(array.type) and array.dictionary.type != target:
        # Arrow cannot take from view arrays, which is how polars writes its categories.
        values = _plain(array.dictionary, target)
        array = pa.DictionaryArray.from_arrays(array.indices, values)
    if pa.types.is_list_view(array.type) or pa.types.is_large_list_view(array.type):
        # Arrow's own cast of these gives lists whose offsets are too few.
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
        array = pa.ListArray.from_arrays(offsets, array.flatten(), mask=array.is_null())
    try:
        return array.cast(target)
    except pa.ArrowNotImplementedError:
        return pa.array(array.to_pylist(), target)
