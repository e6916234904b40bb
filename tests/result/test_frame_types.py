"""Every DuckDB type as a column of pandas and polars, which docs/dataframes.md has a table of.

`python -m tests.result.test_frame_types` writes the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import Connection, DataError, Interval
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]

DOCS = Path(__file__).parents[2] / "docs" / "dataframes.md"

TYPES = {
    "NULL": "NULL",
    "BOOLEAN": "true",
    "TINYINT": "1::TINYINT",
    "BIGINT": "1::BIGINT",
    "UBIGINT": "1::UBIGINT",
    "HUGEINT": "1::HUGEINT",
    "UHUGEINT": "1::UHUGEINT",
    "BIGNUM": "1::BIGNUM",
    "FLOAT": "1.5::FLOAT",
    "DOUBLE": "1.5::DOUBLE",
    "DECIMAL(5, 2)": "1.5::DECIMAL(5, 2)",
    "VARCHAR": "'x'",
    "JSON": "'{}'::JSON",
    "UUID": "uuid()",
    "ENUM": "'a'::ENUM ('a', 'b')",
    "BLOB": "'x'::BLOB",
    "BIT": "'101'::BIT",
    "GEOMETRY": "'POINT (1 2)'::GEOMETRY",
    "DATE": "DATE '2026-01-01'",
    "DATE, infinity": "'infinity'::DATE",
    "TIME": "TIME '01:02:03'",
    "TIME, 24:00:00": "TIME '24:00:00'",
    "TIME_NS": "'01:02:03.123456789'::TIME_NS",
    "TIMETZ": "'01:02:03+02'::TIMETZ",
    "TIMESTAMP": "TIMESTAMP '2026-01-01'",
    "TIMESTAMP, infinity": "'infinity'::TIMESTAMP",
    "TIMESTAMP_S": "'2026-01-01'::TIMESTAMP_S",
    "TIMESTAMP_MS": "'2026-01-01'::TIMESTAMP_MS",
    "TIMESTAMP_NS": "'2026-01-01'::TIMESTAMP_NS",
    "TIMESTAMPTZ": "'2026-01-01'::TIMESTAMPTZ",
    "TIMESTAMPTZ_NS": "'2026-01-01'::TIMESTAMPTZ_NS",
    "INTERVAL": "INTERVAL 1 DAY",
    "INTERVAL, 342 years in hours": "INTERVAL 3000000 HOURS",
    "INTERVAL[]": "[INTERVAL 1 DAY]",
    "INTEGER[]": "[1]",
    "INTEGER[2]": "[1, 2]::INTEGER[2]",
    "STRUCT": "{'a': 1}",
    "MAP": "MAP {1: 'x'}",
    "UNION": "union_value(i := 1)",
    "UNION in a STRUCT": "{'u': union_value(i := 1)}",
    "VARIANT": "1::VARIANT",
}

READS: dict[str, Callable[[Conn, str], Any]] = {
    "fetch_df": lambda conn, query: conn.execute(query).fetch_df(),
    "read_sql_query": lambda conn, query: pd.read_sql_query(query, conn),
    "fetch_polars": lambda conn, query: conn.execute(query).fetch_polars(),
    "read_database": lambda conn, query: pl.read_database(query, conn),
}


def _column(frame: Any) -> str:
    """The type of a frame's column, and that of its object where pandas knows no better."""
    if isinstance(frame, pl.DataFrame):
        return str(frame.schema["c"])
    dtype = str(frame["c"].dtype)
    return f"{dtype}: {type(frame['c'][0]).__name__}" if dtype == "object" else dtype


def _read(conn: Conn, query: str, way: str) -> str:
    try:
        return _column(READS[way](conn, query))
    except DataError as error:
        if not re.match(r"column c\b.*VARCHAR", str(error), re.DOTALL):
            raise
        return "DataError"
    except BaseException as error:  # PanicException is no Exception
        if way.startswith("fetch_") or isinstance(error, KeyboardInterrupt):
            raise
        return f"fails: {type(error).__name__}"


def _known(conn: Conn) -> dict[str, str]:
    """The types that this engine has and can send."""
    known = {}
    for name, value in TYPES.items():
        query = f"SELECT {value} AS c"
        try:
            conn.execute(query).fetch_arrow_table()
        except altertable_dbapi.DatabaseError:
            if name not in MAY_BE_MISSING:
                raise
        else:
            known[name] = query
    return known


#: What older versions of DuckDB have not, or cannot send as Arrow.
MAY_BE_MISSING = {"TIME_NS", "TIMESTAMPTZ_NS", "VARIANT", "GEOMETRY", "BIGNUM"}


def table(conn: Conn) -> Iterator[str]:
    """The lines of the table, of which DuckDB 2.0, pandas 3.1 and polars 2.1 are the authors."""
    yield "| type | `fetch_df` | `pd.read_sql_query` | `fetch_polars` | `pl.read_database` |"
    yield "|---|---|---|---|---|"
    for name, query in _known(conn).items():
        yield f"| {name} | " + " | ".join(_read(conn, query, way) for way in READS) + " |"


def _version(module: Any) -> list[int]:
    return [int(part) for part in module.__version__.split(".")[:2]]


NEWEST = (
    _version(pl) >= [2, 1]
    and _version(pd) >= [3, 1]
    and _version(duckdb) >= [2, 0]
    and _version(pa) >= [26, 0]
)


@pytest.fixture(scope="module")
def conn() -> Iterator[Conn]:
    with Server() as server, server.connect(autocommit=True) as conn:
        conn.execute("SET TimeZone = 'UTC'")
        yield conn


def test_the_table_of_types(conn: Conn) -> None:
    lines = list(table(conn))
    assert len(lines) > len(TYPES) - len(MAY_BE_MISSING)
    if NEWEST:
        written = [line for line in DOCS.read_text().splitlines() if line in lines]
        assert written == lines


REFUSED = {
    "INTERVAL": ["fetch_polars"],
    "INTERVAL[]": ["fetch_polars"],
    "INTERVAL, 342 years in hours": ["fetch_polars", "fetch_df"],
    "UNION": ["fetch_polars", "fetch_df"],
    "UNION in a STRUCT": ["fetch_polars", "fetch_df"],
    "TIME_NS": ["fetch_df"],
    "DATE, infinity": ["fetch_df"],
    "TIME, 24:00:00": ["fetch_polars", "fetch_df"],
}


@pytest.mark.parametrize(
    ("name", "way"), [(name, way) for name, ways in REFUSED.items() for way in ways]
)
def test_what_has_no_column_is_named_and_still_there(conn: Conn, name: str, way: str) -> None:
    query = _known(conn).get(name)
    if query is None:
        assert name in MAY_BE_MISSING
        return
    cursor = conn.execute(f"SELECT 1 AS a, c FROM ({query}) UNION ALL SELECT 2, NULL")
    with pytest.raises(DataError, match=r"^column c\b.*VARCHAR"):
        getattr(cursor, way)()
    assert cursor.fetch_arrow_table()["a"].to_pylist() == [1, 2]
    assert cursor.rowcount == 2
    # The way out that the error names.
    frame = getattr(conn.execute(f"SELECT c::VARCHAR AS c FROM ({query})"), way)()
    assert len(frame) == 1


@pytest.mark.parametrize("hours", [2_562_048, 3_000_000, 10_000_000, -3_000_000, 320_477_000])
def test_an_interval_that_arrow_cannot_hold(conn: Conn, hours: int) -> None:
    query = f"SELECT to_hours({hours}) AS c UNION ALL SELECT NULL"
    for fetch in ("fetchall", "fetchone", "fetch_df"):
        with pytest.raises(DataError, match=r"column c: .*longer than 292 years.*VARCHAR"):
            getattr(conn.execute(query), fetch)()
    nested = conn.execute("SELECT [to_hours(?)] AS l", [hours])
    with pytest.raises(DataError, match="column l"):
        nested.fetchall()
    for value in ("[NULL, c]", "{'a': [c]}", "MAP {1: c}"):
        with pytest.raises(DataError, match="column l"):
            conn.execute(f"SELECT {value} AS l FROM ({query})").fetch_df()
        short = f"SELECT {value} AS l FROM (SELECT to_hours(1) AS c)"
        assert len(conn.execute(short).fetch_df()) == 1
    text = conn.execute(f"SELECT c::VARCHAR FROM ({query}) WHERE c IS NOT NULL").fetchone()
    assert text == (f"{hours}:00:00",)


def test_an_interval_that_arrow_just_holds(conn: Conn) -> None:
    row = conn.execute("SELECT to_hours(2562047), to_hours(-2562047)").fetchone()
    longest = 2562047 * 3_600_000_000
    assert row == (Interval(microseconds=longest), Interval(microseconds=-longest))


if __name__ == "__main__":
    with Server() as server, server.connect(autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        text = "\n".join(table(connection))
    docs = DOCS.read_text()
    DOCS.write_text(re.sub(r"(?m)^\| type \|.*\n(?:\|.*\n)*", lambda _: text + "\n", docs))
