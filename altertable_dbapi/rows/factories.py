"""Row factories: what a row of a result is, besides a tuple."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Sequence
from keyword import iskeyword
from operator import itemgetter
from typing import Any, Protocol, TypeVar, cast

from ..errors import InterfaceError
from .description import Column

Row = TypeVar("Row")
RowCo = TypeVar("RowCo", covariant=True)

#: Makes one row from the tuple of its values.
RowMaker = Callable[[tuple[Any, ...]], Row]


class HasDescription(Protocol):
    """What a row factory may know of the cursor: its columns."""

    @property
    def description(self) -> Sequence[Column] | None: ...


class RowFactory(Protocol[RowCo]):
    """Called once for each result with its cursor; returns what makes the rows."""

    def __call__(self, cursor: Any, /) -> Callable[[tuple[Any, ...]], RowCo]: ...


def row_maker(factory: RowFactory[Row], cursor: HasDescription) -> RowMaker[Row] | None:
    """Ask a row factory for the row maker of one result; None means that tuples will do.

    The builtin ``tuple`` stands for `tuple_row`.
    """
    if factory is tuple_row or cast(Any, factory) is tuple:
        return None
    maker = factory(cursor)
    if not callable(maker):
        raise InterfaceError(
            f"row factory {factory!r} returned {maker!r}; expected a callable that takes "
            "the tuple of a row's values"
        )
    return None if cast(Any, maker) is tuple else maker


def tuple_row(cursor: HasDescription, /) -> RowMaker[tuple[Any, ...]]:
    """Rows as tuples, the default. Costs nothing."""
    return tuple


def dict_row(cursor: HasDescription, /) -> RowMaker[dict[str, Any]]:
    """Rows as dictionaries by column name.

    A name that comes again gets ``_1``, ``_2``, ... as in a DuckDB subquery, so that no value is
    lost: ``SELECT 1 AS id, 2 AS id`` gives ``{"id": 1, "id_1": 2}``.
    """
    names = unique_names(_names(cursor))
    items = ", ".join(f"{name!r}: row[{i}]" for i, name in enumerate(names))
    # A literal with the names in it takes half the time of dict(zip(names, row)).
    return cast(RowMaker[dict[str, Any]], eval(f"lambda row: {{{items}}}"))


def namedtuple_row(cursor: HasDescription, /) -> RowMaker[Any]:
    """Rows as named tuples of a class ``Row``.

    What cannot stand in an identifier becomes ``_``; a leading digit or underscore gets an ``f``
    before it and a keyword an ``_`` after it (``count(*)`` is ``count___``, ``2nd`` is ``f2nd``,
    ``class`` is ``class_``). A name that comes again gets ``_1``, ``_2``, ...
    """
    names = unique_names([_identifier(name) for name in _names(cursor)])
    row_class: Any = namedtuple("Row", names)  # type: ignore[misc]
    return cast(RowMaker[Any], row_class._make)


def class_row(cls: Callable[..., Row]) -> RowFactory[Row]:
    """Rows as objects of a class, called with the columns as keyword arguments.

    Parameters
    ----------
    cls : callable
        A dataclass, a pydantic model, or anything that takes the columns' names as keywords.
        Names that come again are changed as in `dict_row`.
    """

    def factory(cursor: HasDescription, /) -> RowMaker[Row]:
        names = unique_names(_names(cursor))
        if all(name.isidentifier() and not iskeyword(name) for name in names):
            arguments = ", ".join(f"{name}=row[{i}]" for i, name in enumerate(names))
            # Python folds identifiers to NFKC; a name that changes would not be the column's.
            if arguments.isascii():
                return cast(RowMaker[Row], eval(f"lambda row: cls({arguments})", {"cls": cls}))
        return lambda row: cls(**dict(zip(names, row)))  # noqa: B905

    return factory


def scalar_row(cursor: HasDescription, /) -> RowMaker[Any]:
    """The value of the first column alone; the others are dropped."""
    _names(cursor)
    return itemgetter(0)


def unique_names(names: Sequence[str]) -> list[str]:
    """Give a name that comes again the first of ``_1``, ``_2``, ... that no column has."""
    taken = set(names)
    seen: set[str] = set()
    result = []
    for name in names:
        unique, count = name, 0
        if name in seen:
            while unique in taken:
                count += 1
                unique = f"{name}_{count}"
            taken.add(unique)
        seen.add(unique)
        result.append(unique)
    return result


def _names(cursor: HasDescription) -> list[str]:
    if not cursor.description:
        raise InterfaceError("a row factory needs a result: the last statement returned no rows")
    return [column[0] for column in cursor.description]


def _identifier(name: str) -> str:
    name = re.sub(r"\W", "_", name)
    if not name.isidentifier() or name.startswith("_"):
        name = f"f{name}"
    return f"{name}_" if iskeyword(name) else name
