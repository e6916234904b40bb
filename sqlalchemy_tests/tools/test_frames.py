"""pandas and polars with an engine: each way to write a frame, read back by the server itself."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest
import sqlalchemy as sa

from altertable_dbapi.local import Server

COLUMNS = {"a": [1, 2, 3], "b": ["x", "y", None], "c": [1.5, None, 3.5]}
FRAME = pd.DataFrame(COLUMNS)
ROWS = [(1, "x", 1.5), (2, "y", None), (3, None, 3.5)]


def stored(server: Server, query: str = "SELECT a, b, c FROM t ORDER BY a") -> Any:
    """What another connection finds."""
    with server.connect() as connection, connection.cursor() as cursor:
        return cursor.execute(query).fetchall()


def insert(table: Any, connection: Any, keys: list[str], rows: Any) -> int:
    """A `method` of pandas' own form."""
    done = connection.execute(
        table.table.insert(), [dict(zip(keys, row, strict=True)) for row in rows]
    )
    assert isinstance(done.rowcount, int)
    return done.rowcount


class TestToSql:
    @pytest.mark.parametrize("method", [None, "multi", insert])
    @pytest.mark.parametrize("chunksize", [None, 2])
    def test_each_method(
        self, server: Server, engine: Any, method: Any, chunksize: int | None
    ) -> None:
        assert FRAME.to_sql("t", engine, index=False, method=method, chunksize=chunksize) == 3
        assert stored(server) == ROWS

    def test_what_is_there(self, server: Server, engine: Any) -> None:
        FRAME.to_sql("t", engine, index=False)
        with pytest.raises(ValueError, match="exists"):
            FRAME.to_sql("t", engine, index=False, if_exists="fail")
        FRAME.to_sql("t", engine, index=False, if_exists="append")
        assert stored(server) == [row for row in ROWS for _ in range(2)]
        FRAME.to_sql("t", engine, index=False, if_exists="replace")
        assert stored(server) == ROWS

    def test_types_and_an_index(self, server: Server, engine: Any) -> None:
        types = {"a": sa.SmallInteger(), "b": sa.String(), "c": sa.Numeric(10, 2)}
        FRAME.to_sql("t", engine, index_label="i", dtype=types)
        kinds = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 't'"
        assert dict(stored(server, kinds)) == {
            "i": "BIGINT",
            "a": "SMALLINT",
            "b": "VARCHAR",
            "c": "DECIMAL(10,2)",
        }
        assert stored(server, "SELECT i, a FROM t ORDER BY i") == [(0, 1), (1, 2), (2, 3)]

    def test_another_schema(self, server: Server, engine: Any) -> None:
        with engine.begin() as connection:
            connection.execute(sa.schema.CreateSchema("other"))
        FRAME.to_sql("t", engine, schema="other", index=False)
        assert stored(server, "SELECT a, b, c FROM other.t ORDER BY a") == ROWS
        read = pd.read_sql_table("t", engine, schema="other", columns=["a"])
        assert read["a"].tolist() == [1, 2, 3]

    def test_a_transaction_of_the_caller(self, server: Server, engine: Any) -> None:
        with engine.connect() as connection:
            transaction = connection.begin()
            FRAME.to_sql("t", connection, index=False)
            transaction.rollback()
        assert stored(server, "SELECT * FROM duckdb_tables()") == []


class TestReadSql:
    @pytest.fixture(autouse=True)
    def table(self, engine: Any) -> None:
        FRAME.to_sql("t", engine, index=False)

    @pytest.mark.parametrize(
        ("query", "params"),
        [
            (sa.text("SELECT a FROM t WHERE a > :low ORDER BY a"), {"low": 1}),
            ("SELECT a FROM t WHERE a > ? ORDER BY a", (1,)),
            ("SELECT a FROM t WHERE a > $1 ORDER BY a", (1,)),
            ("SELECT a FROM t WHERE a > $low ORDER BY a", {"low": 1}),
        ],
    )
    def test_parameters(self, engine: Any, query: Any, params: Any) -> None:
        assert pd.read_sql(query, engine, params=params)["a"].tolist() == [2, 3]

    def test_chunks(self, engine: Any) -> None:
        chunks = pd.read_sql("SELECT a FROM t ORDER BY a", engine, chunksize=2)
        assert [chunk["a"].tolist() for chunk in chunks] == [[1, 2], [3]]

    def test_a_table_and_its_index(self, engine: Any) -> None:
        frame = pd.read_sql("t", engine, index_col="a")
        assert frame.index.tolist() == [1, 2, 3] and frame.columns.tolist() == ["b", "c"]


class TestPolars:
    FRAME = pl.DataFrame(COLUMNS)

    def test_a_frame_goes_and_comes(self, server: Server, engine: Any) -> None:
        self.FRAME.write_database("t", engine)
        with pytest.raises(ValueError, match="exists"):
            self.FRAME.write_database("t", engine)
        self.FRAME.write_database("t", engine, if_table_exists="append")
        assert stored(server) == [row for row in ROWS for _ in range(2)]
        self.FRAME.write_database("t", engine, if_table_exists="replace")
        assert stored(server) == ROWS
        assert pl.read_database("SELECT * FROM t ORDER BY a", engine).rows() == ROWS

    def test_parameters_and_chunks(self, engine: Any) -> None:
        self.FRAME.write_database("t", engine)
        query = sa.text("SELECT a FROM t WHERE a > :low ORDER BY a")
        options = {"parameters": {"low": 1}}
        read = pl.read_database(query, engine, execute_options=options)
        assert read["a"].to_list() == [2, 3]
        chunks = pl.read_database("SELECT a FROM t", engine, iter_batches=True, batch_size=2)
        assert [len(chunk) for chunk in chunks] == [2, 1]


class TestArrow:
    """Frames by the driver's cursor, which makes no rows."""

    def test_a_unit_of_work_s_own_state(self, engine: Any) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t AS SELECT range AS a FROM range(5)")
            query = sa.select(sa.column("a")).select_from(sa.table("t")).where(sa.column("a") > 2)
            result = connection.execute(query)
            table = result.cursor.fetch_arrow_table()
            assert table.column_names == ["a"] and table["a"].to_pylist() == [3, 4]
            assert pl.DataFrame(table)["a"].to_list() == table.to_pandas()["a"].tolist() == [3, 4]
