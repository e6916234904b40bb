"""The types of a CSV's columns, found in all of its rows: text that loses nothing as a type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: What is no longer exact as a double.
_WIDE = 2**53

_INTEGER = r"^-?(0|[1-9][0-9]*)$"
# A zero in front (a post code, an account) says that it is no number; many digits are no double.
_FLOAT = r"^[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:nan|inf)$"
_TOO_LONG = r"^[+-]?[0-9]{16,}$"
_BOOLEAN = r"^(?i:true|false)$"
_TIME = r"^[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$"

_DATE, _TIMESTAMP = pa.date32(), pa.timestamp("us")
_BIG = pa.decimal128(38, 0)

#: The types to try, and what a column of one becomes when other text follows.
_NEXT: dict[pa.DataType, tuple[pa.DataType, ...]] = {
    pa.null(): (
        pa.int64(),
        _BIG,
        pa.float64(),
        pa.bool_(),
        _DATE,
        _TIMESTAMP,
        pa.timestamp("ns"),
        pa.timestamp("us", "UTC"),
        pa.time64("us"),
    ),
    pa.int64(): (_BIG, pa.float64()),
    _DATE: (_TIMESTAMP,),
}

_FORMS = {
    pa.int64(): _INTEGER,
    _BIG: _INTEGER,
    pa.float64(): _FLOAT,
    pa.bool_(): _BOOLEAN,
    pa.time64("us"): _TIME,
}


class ColumnType:
    """The type of one column, as far as it has been read.

    Attributes
    ----------
    type : pyarrow.DataType
        ``null`` as long as nothing was there.
    """

    def __init__(self) -> None:
        self.type: pa.DataType = pa.null()
        self._wide = False

    def see(self, text: Any) -> None:
        """Widen the type to that of more text, an array of strings."""
        if self.type == pa.string() or text.null_count == len(text):
            return
        for kind in (self.type, *_NEXT.get(self.type, ()), pa.string()):
            if kind == pa.null() or (kind == pa.float64() and self._wide):
                continue
            if _fits(text, kind):
                self.type = kind
                break
        if self.type == pa.int64():
            ends = pc.min_max(text.cast(pa.int64())).as_py()
            self._wide |= ends["min"] < -_WIDE or ends["max"] > _WIDE


def _fits(text: Any, kind: pa.DataType) -> bool:
    form = _FORMS.get(kind)
    if form is not None and not pc.all(pc.match_substring_regex(text, form)).as_py():
        return False
    if kind == pa.float64() and pc.any(pc.match_substring_regex(text, _TOO_LONG)).as_py():
        return False
    try:
        typed(text, kind)
    except pa.ArrowException:
        return False
    return True


def typed(text: Any, kind: pa.DataType) -> Any:
    """Text as values of a type.

    Raises
    ------
    pyarrow.ArrowException
        Some of it is none.
    """
    if kind == pa.string():
        return text
    if pa.types.is_time(kind):
        # Arrow reads times only behind a date.
        return pc.binary_join_element_wise("1970-01-01", text, " ").cast(_TIMESTAMP).cast(kind)
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        return pc.utf8_trim_whitespace(text).cast(kind)


def first_refused(text: Any, kind: pa.DataType) -> str:
    """The first text that is no value of a type."""
    values: Sequence[str | None] = text.to_pylist()
    for value in values:
        try:
            typed(pa.array([value], pa.string()), kind)
        except pa.ArrowException:
            return str(value)
    return ""
