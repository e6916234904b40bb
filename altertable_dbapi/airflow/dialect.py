"""What Airflow's operators ask of an SQL dialect: names that need quotes, columns, keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.providers.common.sql.dialects.dialect import Dialect

from ..statement.names import quote_identifier

_WORDS = """
all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by
case cast check collate collation column columns concurrently constraint create cross default
deferrable desc describe distinct do else end except false fetch for foreign freeze from full
generated glob group having ilike in initially inner intersect into is isnull join lambda
lateral leading left like limit map natural not notnull null offset on only or order outer
overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning
right select semi show similar some struct summarize symmetric table tablesample then to
trailing true try_cast tuple union unique unpack unpivot using variadic verbose when where
window with
"""

#: The words that DuckDB does not take as a column's name without quotes: `duckdb_keywords()`,
#: categories ``reserved`` and ``type_function``.
RESERVED_WORDS = frozenset(_WORDS.split())


class AltertableDialect(Dialect):
    """DuckDB's SQL, as Altertable speaks it."""

    @property
    def reserved_words(self) -> set[str]:
        """The words that are quoted as names of columns, in lower case."""
        return set(RESERVED_WORDS)

    def escape_word(self, word: str) -> str:
        """Quote a name where it needs quotes, or where the connection asks for them always."""
        if len(word) > 1 and word[0] == word[-1] == '"':
            return word
        plain = word.isidentifier() and word.isascii() and word.casefold() not in RESERVED_WORDS
        return word if plain and not self.escape_column_names else quote_identifier(word)

    def get_column_names(
        self,
        table: str,
        schema: str | None = None,
        predicate: Callable[[Any], bool] = lambda column: True,
    ) -> list[str]:
        """The columns of a table, in order.

        Parameters
        ----------
        table : str
            The table as it stands in SQL: ``orders``, ``sales.main.orders``, ``"my table"``.
        schema : str, optional
            The schema, where `table` does not name it.
        predicate : callable
            Which columns to give; called with ``name``, ``type``, ``nullable`` and ``default``.
        """
        return [c["name"] for c in self.hook.get_table_schema(table, schema) if predicate(c)]

    def get_target_fields(self, table: str, schema: str | None = None) -> list[str]:
        """The columns that an INSERT gives values to: all of them."""
        return self.get_column_names(table, schema)

    def get_primary_keys(self, table: str, schema: str | None = None) -> list[str]:
        """The columns of a table's primary key; none for tables of Altertable's own catalogs."""
        columns = self.hook.get_table_schema(table, schema)
        return [column["name"] for column in columns if column["primary_key"]]
