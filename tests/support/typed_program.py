"""A program that uses the driver, for type checkers in strict mode; it runs as well.

``basedpyright --project tests/support`` finds no error in it and nothing that has no type, given
the types of pyarrow (``pyarrow-stubs``).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from altertable_dbapi import (
    NUMBER,
    Connection,
    Cursor,
    Interval,
    ProgrammingError,
    class_row,
    connect,
    dict_row,
    namedtuple_row,
    quote_identifier,
    scalar_row,
    sql,
    tuple_row,
)
from altertable_dbapi.local import Server

Rows = Connection[tuple[Any, ...]]


@dataclass
class Flight:
    origin: str
    delay: int


def late(cursor: Cursor[Any]) -> Callable[[tuple[Any, ...]], bool]:
    """A row factory of the program's own."""
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    return lambda values: bool(values[names.index("delay")] > 0)


def connecting(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        conn.execute("CREATE TABLE flights (origin VARCHAR PRIMARY KEY, delay INTEGER)")
    with connect(server.uri, autocommit=True, row_factory=dict_row) as other:
        rows: list[dict[str, Any]] = other.execute("SELECT 1 AS a").fetchall()
        assert [row["a"] for row in rows] == [1]
        assert other.autocommit
        other.autocommit = False
    assert other.closed
    with connect("local", schema="main", binding="auto", query_timeout=15.0) as local:
        assert (local.host, local.database, local.schema) == ("127.0.0.1", None, "main")
        assert local.port
        assert local.user
        assert local.is_usable()


def rows(conn: Rows) -> None:
    cursor = conn.cursor()
    cursor.executemany("INSERT INTO flights VALUES (?, ?)", [("VIE", 3), ("BUD", 0)])
    assert cursor.rowcount == 2
    conn.commit()
    cursor.execute("SELECT * FROM flights WHERE delay < $most ORDER BY delay", {"most": 10})
    assert [column.name for column in cursor.description or []] == ["origin", "delay"]
    assert [column.type_code == NUMBER for column in cursor.description or []] == [False, True]
    first = cursor.fetchone()
    assert first is not None
    assert first[0] == "BUD"
    assert cursor.fetchmany(1) == [("VIE", 3)]
    assert cursor.fetchall() == []
    assert cursor.rownumber == 2
    days = [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)]
    for row in cursor.execute("SELECT unnest(?)", [days]):
        assert row[0] in days
    cursor.executescript("SELECT 1; SELECT 2")
    cursor.close()
    assert cursor.closed


def factories(conn: Rows) -> None:
    query = f"SELECT {quote_identifier('origin')}, delay FROM flights ORDER BY delay"
    flights: list[Flight] = conn.cursor(row_factory=class_row(Flight)).execute(query).fetchall()
    assert flights == [Flight("BUD", 0), Flight("VIE", 3)]
    delayed: list[bool] = conn.cursor(row_factory=late).execute(query).fetchall()
    assert delayed == [False, True]
    named = conn.cursor(row_factory=namedtuple_row).execute(query).fetchone()
    assert named is not None
    assert named.origin == "BUD"
    assert conn.cursor(row_factory=scalar_row).execute("SELECT 42").fetchall() == [42]
    assert conn.cursor(row_factory=tuple_row).execute("SELECT 42").fetchone() == (42,)


def arrow_and_frames(conn: Rows) -> None:
    with conn.cursor() as cursor:
        table: pa.Table = cursor.execute("SELECT 1 AS a").fetch_arrow_table()
        assert table.num_rows == 1
        reader = cursor.execute("SELECT 1 AS a").fetch_record_batch()
        assert sum(batch.num_rows for batch in reader) == 1
        assert cursor.execute("SELECT 1 AS a").fetch_df().shape == (1, 1)
        assert cursor.execute("SELECT 1 AS a").fetch_polars().shape == (1, 1)


def loading(conn: Rows, folder: Path) -> None:
    assert conn.load("flights", [{"origin": "GRZ", "delay": 7}], mode="append") == 1
    assert conn.load("flights", {"origin": ["GRZ"], "delay": [9]}, primary_key="origin") == 1
    assert conn.load("copies", conn.execute("SELECT 1 AS a"), mode="create") == 1
    file = folder / "flights.csv"
    file.write_text("origin;delay\nINN;1\n")
    seen: list[int] = []

    def progress(rows: int, size: int) -> None:
        seen.append(rows)

    types = {"delay": "INTEGER"}
    loaded = conn.load("flights", file, delimiter=";", column_types=types, on_progress=progress)
    assert seen == [loaded] == [1]


def transactions(conn: Rows) -> None:
    with conn.transaction() as same:
        same.execute("DELETE FROM flights WHERE origin = $origin", {"origin": "INN"})
        assert conn.in_transaction
    span = conn.execute(sql("SELECT $span", span=Interval(months=1))).fetchone()
    assert span == (Interval(1),)
    code: int | None = None
    try:
        conn.execute("SELECT nothing")
    except ProgrammingError as error:
        code = error.status_code
        conn.rollback()
    assert code


def introspection(conn: Rows) -> None:
    tables = conn.get_tables(table_pattern="flights")
    assert tables["table_name"].to_pylist() == ["flights"]
    assert conn.get_table_schema("flights").names == ["origin", "delay"]
    assert conn.get_primary_keys("flights").num_rows == 1
    assert conn.get_columns(table_pattern="flights").num_rows == 2
    assert conn.get_catalogs().num_rows
    assert conn.get_schemas().num_rows
    assert conn.get_table_types().num_rows


def main(folder: Path) -> None:
    """Run all of it against a server of its own."""
    with Server() as server:
        connecting(server)
        with server.connect() as conn:
            rows(conn)
            factories(conn)
            arrow_and_frames(conn)
            conn.commit()
            loading(conn, folder)
            transactions(conn)
            introspection(conn)
