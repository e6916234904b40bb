"""Arrow, pandas and polars: results as tables and frames, on the paths that those tools choose."""

from __future__ import annotations

import datetime as dt
import gc
import pickle
import subprocess
import sys
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

import adbc_driver_altertable.dbapi
import altertable_dbapi
from altertable_dbapi import Connection, InterfaceError, ProgrammingError, sql
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]

QUERY = """SELECT i::INT AS i, (i / 4)::DECIMAL(10, 2) AS d, 'row ' || i AS s,
                  DATE '2020-01-01' + i::INT AS day
           FROM range(1000) t(i) ORDER BY i"""


@pytest.fixture
def filled(auto: Conn) -> Conn:
    auto.execute(f"CREATE TABLE t AS {QUERY}")
    return auto


def test_arrow_table(auto: Conn) -> None:
    table = auto.execute(QUERY).fetch_arrow_table()
    assert table.schema.types == [
        pa.int32(),
        pa.decimal128(10, 2),
        pa.string(),
        pa.date32(),
    ]
    assert table.num_rows == 1000
    assert table.column("day")[1].as_py() == dt.date(2020, 1, 2)


def test_a_reader_outlives_its_cursor_and_the_next_statement(auto: Conn) -> None:
    cursor = auto.execute("SELECT * FROM range(300000)")
    reader = cursor.fetch_record_batch()
    assert isinstance(reader, pa.RecordBatchReader)
    first = reader.read_next_batch()
    cursor.close()
    del cursor
    gc.collect()
    assert auto.execute("SELECT 5").fetchall() == [(5,)]
    rest = reader.read_all()
    assert first.num_rows + rest.num_rows == 300000
    assert rest.column(0)[-1].as_py() == 299999


def test_the_description_stays_when_the_result_is_given_away(auto: Conn) -> None:
    cursor = auto.execute("SELECT 1 AS a")
    reader = cursor.fetch_arrow()
    assert [column.name for column in cursor.description or []] == ["a"]
    with pytest.raises(ProgrammingError):
        cursor.fetchall()
    assert pa.table(reader).to_pydict() == {"a": [1]}


def test_the_cursor_is_an_arrow_stream(auto: Conn) -> None:
    assert pa.table(auto.execute("SELECT 1 AS a")).to_pydict() == {"a": [1]}
    assert pl.DataFrame(auto.execute("SELECT 1 AS a")).rows() == [(1,)]
    import duckdb

    stream = auto.execute("SELECT * FROM range(10) t(i)")
    assert duckdb.from_arrow(stream).sum("i").fetchall() == [(45,)]


def test_duplicate_and_empty_names_survive(auto: Conn) -> None:
    query = 'SELECT 1 AS a, 2 AS a, 3 AS ""'
    try:
        cursor = auto.execute(query)
    except altertable_dbapi.ProgrammingError:  # an engine that has no empty names
        query = query.replace(', 3 AS ""', ", 3")
        cursor = auto.execute(query)
    assert cursor.fetchall() == [(1, 2, 3)]
    assert [c.name for c in cursor.description or []][:2] == ["a", "a"]
    assert auto.execute(query).fetch_arrow_table().num_columns == 3
    assert auto.execute(query).fetch_df().shape == (1, 3)
    with pytest.raises(ProgrammingError, match="'a' stands more than once"):
        auto.execute(query).fetch_polars()


def test_fetch_df_and_fetch_polars(filled: Conn) -> None:
    frame = filled.execute("FROM t").fetch_df()
    assert frame["i"].dtype == "int32"
    assert frame["s"].iloc[-1] == "row 999"
    polars = filled.execute("FROM t").fetch_polars()
    assert polars.schema["d"] == pl.Decimal(10, 2)
    assert polars.height == 1000


def test_an_empty_result_has_its_types(filled: Conn) -> None:
    assert filled.execute("FROM t WHERE i < 0").fetch_arrow_table().num_rows == 0
    assert filled.execute("FROM t WHERE i < 0").fetch_polars().schema["i"] == pl.Int32
    assert filled.execute("FROM t WHERE i < 0").fetch_df()["i"].dtype == "int32"


@pytest.mark.parametrize("missing", ["pandas", "polars"])
def test_what_is_not_installed_is_named(missing: str, server: Server) -> None:
    fetch = {"pandas": "fetch_df", "polars": "fetch_polars"}[missing]
    code = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import altertable_dbapi
with altertable_dbapi.connect({server.uri!r}) as conn:
    try:
        conn.execute("SELECT 1").{fetch}()
    except altertable_dbapi.InterfaceError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f'pip install "altertable-dbapi[{missing}]"' in run.stdout


def test_pandas_reads(filled: Conn) -> None:
    expected = filled.execute("FROM t ORDER BY i").fetch_df()
    assert_frame_equal(pd.read_sql_query("FROM t ORDER BY i", filled), expected)
    assert_frame_equal(pd.read_sql("FROM t ORDER BY i", filled), expected)


def test_pandas_reads_with_types_of_its_own(filled: Conn) -> None:
    frame = pd.read_sql_query("FROM t", filled, dtype_backend="pyarrow")
    assert str(frame["d"].dtype) == "decimal128(10, 2)[pyarrow]"
    frame = pd.read_sql_query("FROM t", filled, dtype_backend="numpy_nullable", index_col="i")
    assert frame.index.name == "i"


def test_pandas_passes_a_query_on(filled: Conn) -> None:
    frame = pd.read_sql(sql("SELECT s FROM t WHERE i = $i", i=7), filled)
    assert frame["s"].tolist() == ["row 7"]
    with pytest.raises(Exception, match=r"no value for placeholder \$i"):
        pd.read_sql(sql("SELECT s FROM t WHERE i = $i", j=7), filled)


def test_polars_reads_on_its_arrow_path(
    filled: Conn, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows_path(*args: Any) -> None:
        raise AssertionError("polars took the path of rows")

    monkeypatch.setattr(altertable_dbapi.Cursor, "fetchall", rows_path)
    monkeypatch.setattr(altertable_dbapi.Cursor, "fetchmany", rows_path)
    for source in (filled, filled.cursor()):
        frame = pl.read_database("FROM t ORDER BY i", source)
        assert frame.schema["d"] == pl.Decimal(10, 2)
        assert frame.height == 1000
    frame = pl.read_database(sql("SELECT s FROM t WHERE i = $i", i=7), filled)
    assert frame.rows() == [("row 7",)]
    frame = pl.read_database(
        "SELECT s FROM t WHERE i = $i", filled, execute_options={"parameters": {"i": 8}}
    )
    assert frame.rows() == [("row 8",)]
    pieces = list(pl.read_database("FROM t", filled, iter_batches=True, batch_size=500))
    assert sum(piece.height for piece in pieces) == 1000


def test_polars_reads_a_uri(filled: Conn, server: Server) -> None:
    frame = pl.read_database_uri("FROM t ORDER BY i", server.uri, engine="adbc")
    assert frame.height == 1000
    assert server.open_sessions == 1


def test_the_bridge_is_the_driver() -> None:
    assert adbc_driver_altertable.dbapi.Connection is Connection
    assert adbc_driver_altertable.connect is altertable_dbapi.connect
    assert not hasattr(adbc_driver_altertable, "__version__")
    assert not hasattr(adbc_driver_altertable.dbapi, "__version__")
    assert pickle.loads(pickle.dumps(Connection)) is Connection
    assert pickle.loads(pickle.dumps(altertable_dbapi.Cursor)) is altertable_dbapi.Cursor
    query = sql("SELECT $a", a=1)
    assert pickle.loads(pickle.dumps(query)).parameters == {"a": 1}


def test_a_closed_connection_ends_its_readers(server: Server) -> None:
    conn = server.connect()
    reader = conn.execute("SELECT * FROM range(1000000)").fetch_record_batch()
    conn.close()
    with pytest.raises(InterfaceError, match="closed"):
        reader.read_all()
