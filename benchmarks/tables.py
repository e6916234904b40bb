"""The tables that are read, as SQL that gives the same rows wherever DuckDB runs it."""

from __future__ import annotations

from typing import NamedTuple


class Table(NamedTuple):
    """A table to read.

    Attributes
    ----------
    name : str
    select : str
        The query of its columns, over ``range(rows) AS r(i)``.
    rows : int
        How many rows it has in a full run.
    """

    name: str
    select: str
    rows: int

    @property
    def query(self) -> str:
        """What the clients send."""
        return f"SELECT * FROM {self.name}"

    def create(self, rows: int) -> str:
        """The statement that makes the table."""
        return f"CREATE OR REPLACE TABLE {self.name} AS {self.select} FROM range({rows}) AS r(i)"


def _some(expression: str, every: int = 20) -> str:
    """An expression that is NULL in one row of `every`."""
    return f"CASE WHEN hash(i) % {every} > 0 THEN {expression} END"


_NARROW = "SELECT i AS id, sqrt(i) * 1.5 AS amount"

_MIXED = f"""SELECT i AS id, {_some("sqrt(i) * 1.5")} AS score,
    {_some("'customer ' || (hash(i) % 100_000)")} AS name,
    {_some("(i % 1_000_000 / 100)::DECIMAL(18, 2)")} AS price,
    {_some("TIMESTAMP '2020-01-01' + to_seconds(i)")} AS ordered_at,
    {_some("DATE '2020-01-01' + (i % 2000)::INTEGER")} AS day, {_some("i % 3 = 0")} AS paid"""

_WIDE = "SELECT " + ", ".join(
    f"(i * {n + 1}) % 1000 AS c{n}" if n % 2 else f"i / {n + 1} AS c{n}" for n in range(100)
)

_STRINGS = f"""SELECT 'sku-' || (hash(i) % 10_000) AS sku, repeat('é', (i % 9)::INTEGER) AS note,
    {_some("'a longer text of some forty characters ' || i")} AS text"""

_TEMPORAL = f"""SELECT {_some("TIMESTAMP '2020-01-01' + to_seconds(i)")} AS at,
    {_some("DATE '1970-01-01' + (i % 20_000)::INTEGER")} AS day,
    {_some("TIME '00:00:00' + to_seconds(i % 86_400)")} AS time_of_day,
    {_some("TIMESTAMPTZ '2020-01-01 00:00:00+00' + to_seconds(i)")} AS seen_at"""

_NESTED = """SELECT [i, i + 1, i + 2] AS numbers, {'a': i, 'b': 'x' || i} AS pair,
    MAP {'k' || (i % 10): i} AS counts"""

TABLES = (
    Table("narrow_numeric", _NARROW, 1_000_000),
    Table("seven_mixed", _MIXED, 1_000_000),
    Table("wide", _WIDE, 100_000),
    Table("strings", _STRINGS, 1_000_000),
    Table("temporal", _TEMPORAL, 1_000_000),
    Table("nested", _NESTED, 200_000),
)

BY_NAME = {table.name: table for table in TABLES}
