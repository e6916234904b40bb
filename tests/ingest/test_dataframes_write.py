"""What pandas and polars write over a connection."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import pandas as pd
import polars as pl
import pytest
from pandas.testing import assert_frame_equal

import altertable_dbapi
from altertable_dbapi import ProgrammingError
from altertable_dbapi.local import Server

Connection = altertable_dbapi.Connection[tuple[Any, ...]]
Exists = Literal["append", "replace", "fail"]


@pytest.fixture(params=[False, True], ids=["by_name", "by_position"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that appends by the names of columns, and one that goes by their position."""
    with Server(ingest_by_position=request.param) as server:
        yield server


FRAME = pd.DataFrame({"id": [1, 2], "name": ["a", None]})
POLARS = pl.DataFrame({"id": [1, 2], "name": ["a", None]})


def count(connection: Connection, table: str = "t") -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def write(connection: Connection, if_exists: Any, frame: pd.DataFrame = FRAME) -> int:
    return int(frame.to_sql("t", connection, index=False, if_exists=if_exists) or 0)


# pandas

PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
DELETE_ROWS = ["delete_rows"] if PANDAS_3 else []
POLARS_MAKES_TABLES = pl.__version__ != "1.0.0"


def test_to_sql_in_autocommit(auto: Connection) -> None:
    assert write(auto, "fail") == 2
    with pytest.raises(ValueError, match="Table 't' already exists"):
        write(auto, "fail")
    assert write(auto, "append") == 2
    assert count(auto) == 4
    for if_exists in ["replace", *DELETE_ROWS]:
        assert write(auto, if_exists) == 2
        assert_frame_equal(pd.read_sql_query("FROM t ORDER BY id", auto), FRAME)
    wider = FRAME.assign(extra=[1.5, None])
    assert write(auto, "replace", wider) == 2
    assert_frame_equal(pd.read_sql_query("FROM t ORDER BY id", auto), wider)


def test_to_sql_without_autocommit(server: Server) -> None:
    with server.connect() as conn:
        assert write(conn, "fail") == 2
        assert write(conn, "append") == 2
        assert not conn.in_transaction
        for if_exists in ["replace", *DELETE_ROWS]:
            # pandas drops or empties the table first, which begins a transaction.
            with pytest.raises((pd.errors.DatabaseError, ProgrammingError)) as caught:
                write(conn, if_exists)
            # pandas 3 wraps the error in one of its own.
            error = caught.value.__cause__ or caught.value
            assert isinstance(error, ProgrammingError)
            assert "connect with autocommit=True" in str(error)
            conn.rollback()
            assert count(conn) == 4
            conn.rollback()
        conn.autocommit = True
        assert write(conn, "replace") == 2
        assert count(conn) == 2


def test_to_sql_in_another_schema_with_its_index(auto: Connection) -> None:
    auto.execute("CREATE SCHEMA s")
    FRAME.set_index("id").to_sql("odd.name", auto, schema="s")
    # pandas 2.2 gives the driver the schema as a part of the table's name.
    table = '"s.odd.name"' if pd.__version__.startswith("2.2.") else 's."odd.name"'
    assert auto.execute(f"SELECT id, name FROM {table} ORDER BY id").fetchall() == [
        (1, "a"),
        (2, None),
    ]


def test_values_of_pandas(auto: Connection) -> None:
    when = pd.Timestamp("2026-01-02 03:04:05.678901", tz="Europe/Paris")
    frame = pd.DataFrame(
        {
            "i": pd.array([1, None], dtype="Int64"),
            "f": [1.5, None],
            "t": [when, pd.NaT],
            "d": [dt.date(2026, 1, 2), None],
            "n": [Decimal("1.50"), None],
            "c": pd.Categorical(["x", None]),
            "b": [True, False],
            "l": [[1, 2], None],
        }
    )
    write(auto, "fail", frame)
    assert auto.execute("FROM t").fetchone() == (
        1,
        1.5,
        when.to_pydatetime(),
        dt.date(2026, 1, 2),
        Decimal("1.50"),
        "x",
        True,
        [1, 2],
    )
    assert auto.execute("SELECT i, f, t, d, n, c, l FROM t").fetchall()[1] == (None,) * 7


# polars


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize("engine", [{}, {"engine": "adbc"}])
def test_write_database(server: Server, autocommit: bool, engine: Any) -> None:
    def write(table: str, if_table_exists: Exists) -> int:
        return POLARS.write_database(table, conn, if_table_exists=if_table_exists, **engine)

    with server.connect(autocommit=autocommit) as conn:
        # There is none yet, which polars 1.0 does not look into.
        assert write("t", "append" if POLARS_MAKES_TABLES else "fail") == 2
        with pytest.raises(ProgrammingError, match="t already exists"):
            write("t", "fail")
        assert write("t", "append") == 2
        assert count(conn) == 4
        conn.rollback()
        assert write("t", "replace") == 2
        assert write("local.s.t", "fail") == 2
        assert pl.read_database("FROM s.t ORDER BY id", conn).equals(POLARS)


def test_write_database_to_a_uri(server: Server, auto: Connection) -> None:
    assert POLARS.write_database("t", server.uri, engine="adbc") == 2
    assert auto.execute("FROM t ORDER BY id").fetchall() == [(1, "a"), (2, None)]


def test_values_of_polars(auto: Connection) -> None:
    frame = pl.DataFrame(
        {
            "c": pl.Series(["x", None], dtype=pl.Categorical),
            "e": pl.Series(["y", None], dtype=pl.Enum(["y"])),
            "n": pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(10, 2)),
            "t": [dt.datetime(2026, 1, 2, 3, 4, 5, 6), None],
            "d": [dt.timedelta(microseconds=7), None],
            "l": [["a"], None],
            "s": [{"x": 1}, None],
            "b": [b"\0", None],
            "u": pl.Series([2**64 - 1, None], dtype=pl.UInt64),
        }
    )
    frame.write_database("t", auto)
    found = auto.execute("SELECT c, e, n, t, d, l, b, u FROM t").fetchall()
    assert found[0] == (
        "x",
        "y",
        Decimal("1.50"),
        dt.datetime(2026, 1, 2, 3, 4, 5, 6),
        altertable_dbapi.Interval(microseconds=7),
        ["a"],
        b"\0",
        2**64 - 1,
    )
    assert found[1] == (None,) * 8
