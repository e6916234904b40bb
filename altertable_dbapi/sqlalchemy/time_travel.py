"""A lake's table as it was: ``AT (VERSION => ...)`` and ``AT (TIMESTAMP => ...)``."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import coercions, roles, selectable, visitors
from sqlalchemy.sql.elements import _truncated_label


class TableAt(selectable.FromClauseAlias):
    """A table at a version or a time, under an alias."""

    __visit_name__ = "table_at"
    inherit_cache = True

    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's own attribute
        *selectable.AliasedReturnsRows._traverse_internals,
        ("kind", visitors.InternalTraversal.dp_string),
        ("moment", visitors.InternalTraversal.dp_clauseelement),
    ]

    def _init(self, table: Any, *, kind: str, moment: Any, name: str | None = None) -> None:
        self.kind = kind
        self.moment = moment
        super()._init(table, name=name)


def at_version(table: Any, version: Any, *, name: str | None = None) -> Any:
    """Make a lake's table as it was at a version, a number or a ``bindparam``."""
    return _at(table, "VERSION", version, BigInteger(), name)


def at_timestamp(table: Any, moment: Any, *, name: str | None = None) -> Any:
    """Make a lake's table as it was at a moment, a datetime or a ``bindparam``."""
    zone = not isinstance(moment, datetime.datetime) or moment.tzinfo is not None
    return _at(table, "TIMESTAMP", moment, DateTime(timezone=zone), name)


def _at(table: Any, kind: str, moment: Any, type_: Any, name: str | None) -> Any:
    if isinstance(moment, (int, datetime.datetime)):
        # DuckDB wants a constant there: each execution writes its value into the text.
        moment = bindparam(None, moment, type_=type_, unique=True, literal_execute=True)
    elif getattr(moment, "literal_execute", None) is False:
        moment = bindparam(moment.key, type_=type_, literal_execute=True)
    table = coercions.expect(roles.FromClauseRole, table)
    return TableAt._construct(table, kind=kind, moment=moment, name=name)


@compiles(TableAt, "altertable")
def _compile(element: TableAt, compiler: Any, asfrom: bool = False, **kw: Any) -> str:
    name = element.name
    if isinstance(name, _truncated_label):
        name = compiler._truncated_identifier("alias", name)
    quoted = str(compiler.preparer.quote(name))
    if not asfrom:
        return quoted
    table = compiler.process(element.element, asfrom=True)
    return f"{table} AS {quoted} AT ({element.kind} => {compiler.process(element.moment)})"
