"""The values of one placeholder in many rows, each of the type that it has by itself."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError
from .values import column, natural

#: Types whose values all have one Arrow type.
_ONE_TYPE = frozenset({bool, float, str, bytes, datetime.date})


class TypedValues:
    """Values of one placeholder, sorted by their types.

    Parameters
    ----------
    arrays : list of pyarrow.Array
        The values of each type. One array alone has NULL where there is no value.
    codes : numpy.ndarray, optional
        For each row the position of its type in `arrays`, whose values follow in the order of the
        rows; -1 for None. Not given with one array alone.
    typed_nulls : bool
        Whether the NULLs of an array have its type, as those of Arrow data do.

    Attributes
    ----------
    count : int
        The number of rows.
    """

    __slots__ = ("_codes", "_typed_nulls", "arrays", "count")

    def __init__(
        self, arrays: list[pa.Array], codes: np.ndarray | None = None, typed_nulls: bool = False
    ) -> None:
        self.arrays = arrays
        self._codes = codes
        self._typed_nulls = typed_nulls
        self.count = len(arrays[0]) if codes is None else len(codes)

    @property
    def nbytes(self) -> int:
        """Their size, about."""
        return sum(array.nbytes for array in self.arrays)

    def codes(self) -> np.ndarray:
        """For each row the position of its type in `arrays`; -1 for a None, which has no type."""
        if self._codes is not None:
            return self._codes
        codes = np.zeros(self.count, np.int32)
        if not self._typed_nulls and self.arrays[0].null_count:
            codes[self.arrays[0].is_null().to_numpy(zero_copy_only=False)] = -1
        return codes

    def slice(self, start: int, count: int) -> TypedValues:
        """The values of some of the rows."""
        if self._codes is None:
            return TypedValues([self.arrays[0].slice(start, count)], None, self._typed_nulls)
        before, codes = self._codes[:start], self._codes[start : start + count]
        arrays = [
            array.slice(np.count_nonzero(before == code), np.count_nonzero(codes == code))
            for code, array in enumerate(self.arrays)
        ]
        kept = [code for code, array in enumerate(arrays) if len(array)]
        renumbered = np.full(len(arrays) + 1, -1, np.int32)
        renumbered[kept] = range(len(kept))
        return _tidy([arrays[code] for code in kept], renumbered[codes])

    def padded(self) -> list[pa.Array]:
        """The values of each type as an array of all rows, with NULL where a row has another."""
        if self._codes is None:
            return self.arrays
        return [_padded(array, self._codes == code) for code, array in enumerate(self.arrays)]

    def lone(self) -> pa.Array:
        """The values as one array, where they have one type or none."""
        return self.arrays[0] if self.arrays else pa.nulls(self.count, pa.string())

    def literals(self) -> list[str]:
        """Each value as an SQL expression; an untyped NULL for None."""
        from .literals import literals  # which few statements need

        codes = self.codes()
        texts = np.full(self.count, "NULL", object)
        for code, array in enumerate(self.arrays):
            rows = codes == code
            written = np.array(literals(array), object)
            texts[rows] = written if len(written) == np.count_nonzero(rows) else written[rows]
        found: list[str] = texts.tolist()
        return found

    def samples(self) -> list[str]:
        """One value of each type as an SQL expression."""
        from .literals import literals  # which few statements need

        return [literals(array.slice(0, 1))[0] for array in self.arrays]

    def changes(self) -> np.ndarray:
        """For each row whether its type is another than that of the last value before it."""
        changed = np.zeros(self.count, bool)
        if len(self.arrays) > 1:
            codes = self.codes()
            given = np.flatnonzero(codes >= 0)
            changed[given[1:]] = codes[given[1:]] != codes[given[:-1]]
        return changed


def typed_values(values: Sequence[Any], name: str, first_row: int) -> TypedValues:
    """The values of one placeholder, whose first is in row `first_row`.

    Raises
    ------
    DataError
        One of them cannot be bound; names the placeholder and the row.
    """
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return TypedValues([], np.full(len(values), -1, np.int32))
    if len(kinds) == 1 and (kinds <= _ONE_TYPE or (kinds == {int} and _one_width(values))):
        return TypedValues([column(values, name, first_row=first_row)])
    positions: dict[pa.DataType, int] = {}
    groups: list[list[Any]] = []
    codes = np.empty(len(values), np.int32)
    for row, value in enumerate(values):
        kind = _natural(value, name, first_row + row)
        if pa.types.is_null(kind) or (isinstance(value, pa.Scalar) and not value.is_valid):
            codes[row] = -1
            continue
        code = positions.setdefault(kind, len(groups))
        if code == len(groups):
            groups.append([])
        groups[code].append(value)
        codes[row] = code
    return _tidy(
        [_array(group, kind, name) for kind, group in zip(positions, groups, strict=True)], codes
    )


def of_arrow(array: pa.Array) -> TypedValues:
    """A column of Arrow data."""
    if pa.types.is_null(array.type):
        return TypedValues([], np.full(len(array), -1, np.int32))
    return TypedValues([array], typed_nulls=True)


def _one_width(values: Sequence[int | None]) -> bool:
    """Whether ints have one type: the widths of types grow with the distance from 0."""
    given = [value for value in values if value is not None]
    try:
        kinds = {natural(value)[0] for value in (0, min(given), max(given))}
    except DataError:
        return False
    return len(kinds) == 1


def _natural(value: Any, name: str, row: int) -> pa.DataType:
    try:
        return natural(value)[0]
    except (DataError, pa.ArrowException, ArithmeticError, TypeError, ValueError):
        # It says of what the error is.
        return column([value], name, first_row=row).type


def _array(values: list[Any], kind: pa.DataType, name: str) -> pa.Array:
    """Values of one type, each as it is when it is bound alone."""
    if not any(isinstance(value, pa.Scalar) for value in values):
        array = column(values, name)
        if array.type.equals(kind):
            return array
    return pa.concat_arrays([column([value], name) for value in values])


def _tidy(arrays: list[pa.Array], codes: np.ndarray) -> TypedValues:
    if len(arrays) != 1:
        return TypedValues(arrays, codes)
    given = codes >= 0
    return TypedValues([arrays[0] if given.all() else _padded(arrays[0], given)])


def _padded(array: pa.Array, given: np.ndarray) -> pa.Array:
    positions = np.where(given, np.cumsum(given) - 1, 0)
    return array.take(pa.array(positions, mask=~given))
