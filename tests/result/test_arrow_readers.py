"""Whatever reads a result as Arrow reads all of it: several record batches, streams, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

from altertable_dbapi import Connection, Cursor, ProgrammingError
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]
Read = Callable[[Conn, str], pa.Table]

ROWS = 10_000
QUERY = "SELECT range::INT AS i, 'row ' || range AS s FROM range(10000) ORDER BY i"
NOTHING = f"SELECT * FROM ({QUERY}) WHERE i < 0"
ALL = pa.table(
    {"i": pa.array(range(ROWS), pa.int32()), "s": [f"row {i}" for i in range(ROWS)]},
)

SERVERS: dict[str, dict[str, Any]] = {
    "one batch": {},
    "batches": {"batch_rows": 700},
    "streams": {"batch_rows": 700, "endpoints": 3},
}


@pytest.fixture(params=SERVERS)
def conn(request: pytest.FixtureRequest) -> Iterator[Conn]:
    with Server(**SERVERS[request.param]) as server, server.connect(autocommit=True) as conn:
        yield conn


def _by_duckdb(data: object) -> pa.Table:
    table = duckdb.from_arrow(data).to_arrow_table()
    assert isinstance(table, pa.Table)
    return table


def _to_parquet(conn: Conn, query: str) -> pa.Table:
    sink = pa.BufferOutputStream()
    reader = conn.execute(query).fetch_record_batch()
    with pyarrow.parquet.ParquetWriter(sink, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    return pyarrow.parquet.read_table(sink.getvalue())


def _scanned(conn: Conn, query: str) -> pa.Table:
    reader = conn.execute(query).fetch_record_batch()
    return pyarrow.dataset.Scanner.from_batches(reader).to_table()


def _partitions(conn: Conn, query: str) -> pa.Table:
    with conn.cursor() as cursor:
        partitions, schema = cursor.adbc_execute_partitions(query)
        tables = []
        for partition in partitions:
            cursor.adbc_read_partition(partition)
            tables.append(cursor.fetch_arrow_table())
        assert schema is not None
        return pa.concat_tables([schema.empty_table(), *tables])


def _after_rows(conn: Conn, query: str) -> pa.Table:
    """The rest, after rows in each way to fetch them."""
    cursor = conn.execute(
        f"(SELECT -r AS i, '' AS s FROM range(1, 7) t(r)) UNION ALL ({query}) ORDER BY i"
    )
    assert cursor.fetchone() == (-6, "")
    assert cursor.fetchmany(3) == [(-5, ""), (-4, ""), (-3, "")]
    assert next(cursor) == (-2, "")
    return cursor.fetch_arrow_table().slice(1).cast(ALL.schema)


def _after_another_statement(conn: Conn, query: str) -> pa.Table:
    reader = conn.execute(query).fetch_record_batch()
    assert conn.execute("SELECT 1").fetchall() == [(1,)]
    return reader.read_all()


def _loaded(conn: Conn, query: str) -> pa.Table:
    """Through a load on another connection."""
    stream = conn.execute(query).fetch_arrow()
    with conn.adbc_clone() as other:
        other.autocommit = True
        other.load("loaded", stream, mode="create")
    return conn.execute("FROM loaded ORDER BY i").fetch_arrow_table()


READS: dict[str, Read] = {
    "fetch_arrow_table": lambda conn, query: conn.execute(query).fetch_arrow_table(),
    "fetch_record_batch": lambda conn, query: conn.execute(query).fetch_record_batch().read_all(),
    "fetch_arrow": lambda conn, query: pa.table(conn.execute(query).fetch_arrow()),
    "table of a cursor": lambda conn, query: pa.table(conn.execute(query)),
    "reader of a cursor": lambda conn, query: pa.RecordBatchReader.from_stream(
        conn.execute(query)
    ).read_all(),
    "duckdb of a cursor": lambda conn, query: _by_duckdb(conn.execute(query)),
    "duckdb of fetch_arrow": lambda conn, query: _by_duckdb(conn.execute(query).fetch_arrow()),
    "duckdb of a reader": lambda conn, query: _by_duckdb(conn.execute(query).fetch_record_batch()),
    "Parquet": _to_parquet,
    "scanner": _scanned,
    "partitions": _partitions,
    "after rows": _after_rows,
    "after another statement": _after_another_statement,
    "load": _loaded,
    "pandas": lambda conn, query: pa.Table.from_pandas(
        pd.read_sql_query(query, conn, dtype_backend="pyarrow"), preserve_index=False
    ),
    "fetch_df": lambda conn, query: pa.Table.from_pandas(
        conn.execute(query).fetch_df(), ALL.schema, preserve_index=False
    ),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_all_rows(read: Read, conn: Conn) -> None:
    assert read(conn, QUERY).replace_schema_metadata().cast(ALL.schema).equals(ALL)


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_no_rows(read: Read, conn: Conn) -> None:
    table = read(conn, NOTHING)
    assert table.num_rows == 0
    assert table.schema.names == ALL.schema.names
    assert table.schema.field("i").type == pa.int32()


@pytest.mark.parametrize(
    "fetch", [Cursor.fetch_arrow, lambda cursor: cursor], ids=["stream", "cursor"]
)
def test_a_stream_is_read_once(fetch: Callable[[Cursor[Any]], Any], conn: Conn) -> None:
    stream = fetch(conn.execute(QUERY))
    assert pa.schema(stream).names == ["i", "s"]
    assert pa.table(stream).num_rows == ROWS
    with pytest.raises(ProgrammingError, match="execute .* again|execute a statement"):
        pa.table(stream)


def test_a_stream_is_nothing_to_iterate_over(conn: Conn) -> None:
    stream = conn.execute(QUERY).fetch_arrow()
    assert not hasattr(stream, "__iter__") and not hasattr(stream, "__next__")
    assert pa.table(stream).num_rows == ROWS
