"""What alembic must know: which differences between a model and a database are none."""

from __future__ import annotations

import re
from typing import Any

from alembic.ddl.impl import DefaultImpl

_CAST = re.compile(r"CAST\((.*) AS [\w (),]+\)", re.DOTALL | re.IGNORECASE)


class AltertableImpl(DefaultImpl):
    """Alembic's operations on the dialect."""

    __dialect__ = "altertable"
    transactional_ddl = True

    def compare_server_default(
        self,
        inspector_column: Any,
        metadata_column: Any,
        rendered_metadata_default: Any,
        rendered_inspector_default: Any,
    ) -> bool:
        """Whether the defaults differ, however DuckDB has written its own down."""
        if inspector_column.autoincrement is True or metadata_column.autoincrement is True:
            return False
        return _plain(rendered_metadata_default) != _plain(rendered_inspector_default)

    def correct_for_autogen_constraints(
        self,
        conn_unique_constraints: set[Any],
        conn_indexes: set[Any],
        metadata_unique_constraints: set[Any],
        metadata_indexes: set[Any],
    ) -> None:
        """Pair unique constraints by their columns, since DuckDB forgets their names."""
        stored = {_columns(each): each for each in conn_unique_constraints}
        for each in list(metadata_unique_constraints):
            same = stored.pop(_columns(each), None)
            if same is not None:
                metadata_unique_constraints.discard(each)
                conn_unique_constraints.discard(same)

    def correct_for_autogen_foreignkeys(
        self, conn_foreign_keys: set[Any], metadata_foreign_keys: set[Any]
    ) -> None:
        """Leave actions out, which DuckDB has not."""
        for each in [*conn_foreign_keys, *metadata_foreign_keys]:
            each.ondelete = each.onupdate = None


def _columns(constraint: Any) -> frozenset[str]:
    return frozenset(column.name for column in constraint.columns)


def _plain(default: str | None) -> str | None:
    if default is None:
        return None
    text = default.strip()
    while (match := _CAST.fullmatch(text)) or (text.startswith("(") and text.endswith(")")):
        text = (match[1] if match else text[1:-1]).strip()
    return text.strip("'").lower()
