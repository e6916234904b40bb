"""Rows of an INSERT as lists, one for each type that a placeholder's values have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..parameters.typed_values import TypedValues
from .insert_rows import InsertRows
from .parameter_rows import Rows

#: What stands for the type of a None, which has none.
NO_TYPE = -1

#: For each placeholder of an expression, in the order of their numbers, the position of a type.
Combination = tuple[int, ...]


class ListRows(NamedTuple):
    """Rows as a query over lists.

    Attributes
    ----------
    values : list of str
        The expressions of the row, each over the columns of `lists`.
    lists : dict of str to pyarrow.Array
        The lists by the names of their columns.
    """

    values: list[str]
    lists: dict[str, pa.Array]


def combinations(insert: InsertRows, rows: Rows, index: int) -> list[Combination]:
    """The types that the placeholders of one expression have together in a row, each once."""
    if insert.is_null(index):
        return [(NO_TYPE,)]
    numbers = sorted(set(insert.numbers[index]))
    codes = [rows.columns[number - 1].codes() for number in numbers]
    if not codes:
        return [()]
    if len(codes) == 1:
        return [(code,) for code in np.unique(codes[0]).tolist()]
    return [tuple(row) for row in np.unique(np.stack(codes), axis=1).T.tolist()]


def column_names(number: int, values: TypedValues) -> list[str]:
    """What the lists of a placeholder's types are called."""
    if len(values.arrays) == 1:
        return [f"__p{number}"]
    return [f"__p{number}_{code + 1}" for code in range(len(values.arrays))]


def over_lists(
    insert: InsertRows,
    rows: Rows,
    found: dict[int, list[Combination]],
    types: Sequence[str] | None,
) -> ListRows:
    """The rows as a query over lists.

    Parameters
    ----------
    insert : InsertRows
    rows : Rows
    found : dict of int to list of Combination
        What `combinations` gives, for each expression of which it matters.
    types : sequence of str, optional
        The types of the columns that the expressions go to. Needed where one has several
        combinations: each value is cast by itself, since a CASE gives all its values one type.
    """
    names = [column_names(number, v) for number, v in enumerate(rows.columns, start=1)]
    lists = {
        name: array
        for its, values in zip(names, rows.columns, strict=True)
        for name, array in zip(its, values.padded(), strict=True)
    }
    expressions = []
    for index in insert.kept:
        several = found.get(index, [])
        kind = types[index] if types is not None and not insert.is_cast(index) else None
        if len(several) > 1:
            expressions.append(_case(insert, index, several, names, kind))
        elif several == [(NO_TYPE,)] and kind and insert.is_alone(index):
            # A NULL alone is an INTEGER in a query.
            expressions.append(f"CAST(NULL AS {kind})")
        else:
            expressions.append(_written(insert, index, several[0] if several else None, names))
    return ListRows(expressions, lists)


def _written(
    insert: InsertRows, index: int, combination: Combination | None, names: list[list[str]]
) -> str:
    numbers = sorted(set(insert.numbers[index]))
    if combination is None:
        combination = tuple(0 if names[number - 1] else NO_TYPE for number in numbers)
    values = ["NULL"] * len(names)
    for number, code in zip(numbers, combination, strict=True):
        if code != NO_TYPE:
            values[number - 1] = names[number - 1][code]
    return insert.written(index, values)


def _case(
    insert: InsertRows,
    index: int,
    several: list[Combination],
    names: list[list[str]],
    kind: str | None,
) -> str:
    numbers = sorted(set(insert.numbers[index]))
    branches = []
    for combination in several:
        conditions = []
        for number, code in zip(numbers, combination, strict=True):
            its = names[number - 1]
            if code == NO_TYPE:
                conditions += [f"{name} IS NULL" for name in its]
            else:
                conditions.append(f"{its[code]} IS NOT NULL")
        value = _written(insert, index, combination, names)
        value = f"CAST({value} AS {kind})" if kind else value
        branches.append(f"WHEN {' AND '.join(conditions)} THEN {value}")
    return f"CASE {' '.join(branches)} END"


def unnested(lists: dict[str, str], rows: int, more: str = "") -> str:
    """The rows of lists, as what stands behind FROM; `lists` has each list's SQL expression."""
    columns = [f"unnest({source}) AS {name}" for name, source in lists.items()]
    if more:
        columns.append(more)
    return f"(SELECT {', '.join(columns)})" if columns else f"range({rows})"
