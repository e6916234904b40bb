"""MERGE INTO, which SQLAlchemy has no construct for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import exc
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import coercions, roles
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement


class Merge(Executable, ClauseElement):
    """``MERGE INTO``: what to do with each row of a source, by whether the table has it.

    Parameters
    ----------
    table
        The table, or a mapped class, that is changed.
    source
        The rows: a table, an alias or a subquery. A subquery of ``bindparam`` columns takes its
        rows from the parameters of ``execute``.
    on
        The condition by which a row of the source is one of the table.
    """

    inherit_cache = False

    def __init__(self, table: Any, source: Any, on: Any) -> None:
        self.table = coercions.expect(roles.DMLTableRole, table)
        self.source = coercions.expect(roles.FromClauseRole, source)
        self.on = coercions.expect(roles.OnClauseRole, on)
        self.branches: tuple[tuple[str, Any, Any], ...] = ()

    def when_matched_update(self, set_: Mapping[Any, Any], where: Any = None) -> Merge:
        """Change a row of the table that the source has too."""
        return self._with("update", set_, where)

    def when_matched_delete(self, where: Any = None) -> Merge:
        """Delete a row of the table that the source has too."""
        return self._with("delete", None, where)

    def when_not_matched_insert(
        self, values: Mapping[Any, Any] | None = None, where: Any = None
    ) -> Merge:
        """Add a row that the table has not: by default, the columns that both have by name."""
        if values is None:
            values = {
                column.name: self.source.c[column.name]
                for column in self.table.c
                if column.name in self.source.c
            }
        return self._with("insert", values, where)

    def _with(self, kind: str, values: Mapping[Any, Any] | None, where: Any) -> Merge:
        if values is not None and not values:
            raise exc.ArgumentError(f"the {kind} of a merge into {self.table.name} has no column")
        if where is not None:
            where = coercions.expect(roles.WhereHavingRole, where)
        branch = (kind, None if values is None else self._typed(values), where)
        merge = Merge(self.table, self.source, self.on)
        merge.branches = (*self.branches, branch)
        return merge

    def _typed(self, values: Mapping[Any, Any]) -> list[tuple[str, Any]]:
        typed = []
        for key, value in values.items():
            name = key if isinstance(key, str) else key.key
            column = self.table.c.get(name)
            if column is None:
                raise exc.ArgumentError(f"the table {self.table.name} has no column {name}")
            expression = coercions.expect(roles.ExpressionElementRole, value, type_=column.type)
            typed.append((column.name, expression))
        return typed


def merge(table: Any, source: Any, on: Any) -> Merge:
    """Make a `Merge` of a source's rows into a table."""
    return Merge(table, source, on)


@compiles(Merge, "altertable")
def _compile(element: Merge, compiler: Any, **kw: Any) -> str:
    if not element.branches:
        raise exc.CompileError(
            f"the merge into {element.table.name} does nothing: add a branch, such as "
            "when_matched_update()"
        )
    froms = {element.table, element.source}
    compiler.stack.append({"correlate_froms": froms, "asfrom_froms": froms, "selectable": element})
    table = compiler.process(element.table, asfrom=True, **kw)
    source = compiler.process(element.source, asfrom=True, **kw)
    lines = [f"MERGE INTO {table} USING {source} ON ({compiler.process(element.on, **kw)})"]
    for kind, values, where in element.branches:
        line = "WHEN NOT MATCHED" if kind == "insert" else "WHEN MATCHED"
        if where is not None:
            line += f" AND ({compiler.process(where, **kw)})"
        lines.append(f"{line} THEN {_action(kind, values, compiler, **kw)}")
    compiler.stack.pop(-1)
    return "\n".join(lines)


def _action(kind: str, values: Any, compiler: Any, **kw: Any) -> str:
    if kind == "delete":
        return "DELETE"
    names = [compiler.preparer.quote(name) for name, _ in values]
    texts = [compiler.process(value.self_group(), **kw) for _, value in values]
    if kind == "insert":
        return f"INSERT ({', '.join(names)}) VALUES ({', '.join(texts)})"
    return "UPDATE SET " + ", ".join(f"{n} = {t}" for n, t in zip(names, texts, strict=True))
