"""Row factories: the rows they make, and what they do with names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from altertable_dbapi.errors import InterfaceError
from altertable_dbapi.rows.description import Column, describe
from altertable_dbapi.rows.factories import (
    RowMaker,
    class_row,
    dict_row,
    namedtuple_row,
    row_maker,
    scalar_row,
    tuple_row,
    unique_names,
)


class Result:
    """What a row factory sees of a cursor."""

    def __init__(self, *names: str) -> None:
        self.description: Sequence[Column] | None = describe(
            pa.schema([(name, pa.int64()) for name in names])
        )


def make(factory: Any, *names: str) -> Any:
    made = row_maker(factory, Result(*names))
    assert made is not None
    return made(tuple(range(1, len(names) + 1)))


@pytest.mark.parametrize("factory", [tuple_row, tuple, lambda cursor: tuple])
def test_tuples_need_no_maker(factory: Any) -> None:
    assert row_maker(factory, Result("a")) is None


def test_tuple_row_works_by_itself() -> None:
    assert tuple_row(Result("a"))((1, 2)) == (1, 2)


def test_dict_row() -> None:
    assert make(dict_row, "a", "b c", 'd"\'', "{x}", "", "é\n\\") == {
        "a": 1, "b c": 2, 'd"\'': 3, "{x}": 4, "": 5, "é\n\\": 6,
    }  # fmt: skip


def test_no_value_is_lost_when_a_name_comes_again() -> None:
    assert make(dict_row, "id", "id", "id_1", "id") == {"id": 1, "id_2": 2, "id_1": 3, "id_3": 4}
    row = make(namedtuple_row, "id", "id", "name")
    assert (row.id, row.id_1, row.name) == (1, 2, 3)
    assert make(class_row(dict), "id", "id") == {"id": 1, "id_1": 2}


def test_unique_names() -> None:
    assert unique_names(["a", "a", "a"]) == ["a", "a_1", "a_2"]
    assert unique_names(["a_1", "a", "a"]) == ["a_1", "a", "a_2"]
    assert unique_names(["a", "A"]) == ["a", "A"]
    assert unique_names([]) == []


def test_namedtuple_row_makes_identifiers() -> None:
    row = make(namedtuple_row, "count(*)", "2nd", "class", "_x", "", "é", "a b", "a-b")
    assert row._fields == ("count___", "f2nd", "class_", "f_x", "f", "é", "a_b", "a_b_1")
    assert row == (1, 2, 3, 4, 5, 6, 7, 8)
    assert type(row).__name__ == "Row"


@dataclass
class Point:
    x: int
    y: int = 0


def test_class_row() -> None:
    assert make(class_row(Point), "x", "y") == Point(1, 2)
    assert make(class_row(Point), "y", "x") == Point(2, 1)
    assert make(class_row(Point), "x") == Point(1)
    with pytest.raises(TypeError, match="z"):
        make(class_row(Point), "x", "z")


@pytest.mark.parametrize("names", [("a b", "class", ""), ("a", "cls", "row"), ("ﬁ", "é")])
def test_class_row_passes_any_name(names: tuple[str, ...]) -> None:
    assert make(class_row(dict), *names) == dict(zip(names, range(1, 4), strict=False))


def test_scalar_row() -> None:
    assert make(scalar_row, "a", "b") == 1


def test_any_callable() -> None:
    def reversed_row(cursor: Result) -> RowMaker[list[Any]]:
        assert cursor.description is not None
        return lambda row: list(reversed(row))

    assert make(reversed_row, "a", "b") == [2, 1]


def test_a_factory_that_makes_no_maker() -> None:
    with pytest.raises(InterfaceError, match="expected a callable"):
        row_maker(lambda cursor: 1, Result("a"))  # type: ignore[arg-type]


@pytest.mark.parametrize("factory", [dict_row, namedtuple_row, class_row(Point), scalar_row])
def test_no_result(factory: Any) -> None:
    cursor = Result()
    cursor.description = None
    with pytest.raises(InterfaceError, match="returned no rows"):
        row_maker(factory, cursor)


def test_many_columns() -> None:
    names = [f"c{i}" for i in range(2000)]
    assert make(dict_row, *names) == {name: i + 1 for i, name in enumerate(names)}
    assert make(namedtuple_row, *names).c1999 == 2000
    assert make(class_row(dict), *names)["c1999"] == 2000
