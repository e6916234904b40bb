"""polars reads whole results, of several record batches and of none, in each of its versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest

from altertable_dbapi import Connection, sql
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]

ROWS = 20_000
QUERY = "SELECT range AS i, 'row ' || range AS s FROM range(20000) ORDER BY i"
NOTHING = f"SELECT * FROM ({QUERY}) WHERE i < 0"
SCHEMA = {"i": pl.Int64, "s": pl.String}

#: A result in one batch, in many, and in several streams of them.
SERVERS: dict[str, dict[str, Any]] = {
    "one batch": {},
    "batches": {"batch_rows": 1000},
    "streams": {"batch_rows": 1000, "endpoints": 3},
}


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(**SERVERS[request.param]) as server:
        yield server


def _batched(query: str, conn: Conn) -> pl.DataFrame:
    frames = list(pl.read_database(query, conn, iter_batches=True, batch_size=500))
    return pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)


def _with_parameters(query: str, conn: Conn) -> pl.DataFrame:
    query = f"SELECT * FROM ({query}) WHERE i < $most"
    return pl.read_database(query, conn, execute_options={"parameters": {"most": ROWS}})


def _after_a_row(query: str, conn: Conn) -> pl.DataFrame:
    cursor = conn.execute(f"(SELECT -1 AS i, '' AS s) UNION ALL ({query}) ORDER BY i")
    assert cursor.fetchone() == (-1, "")
    return pl.DataFrame(cursor.fetch_arrow())


def _from_arrow(data: Any) -> pl.DataFrame:
    frame = pl.from_arrow(data)
    assert isinstance(frame, pl.DataFrame)
    return frame


READS: dict[str, Callable[[str, Conn], pl.DataFrame]] = {
    "connection": pl.read_database,
    "cursor": lambda query, conn: pl.read_database(query, conn.cursor()),
    "Query": lambda query, conn: pl.read_database(
        sql(f"SELECT * FROM ({query}) WHERE i < $most", most=ROWS), conn
    ),
    "execute_options": _with_parameters,
    "iter_batches": _batched,
    "fetch_polars": lambda query, conn: conn.execute(query).fetch_polars(),
    "from_arrow": lambda query, conn: _from_arrow(conn.execute(query).fetch_arrow_table()),
}

POLARS = tuple(map(int, pl.__version__.split(".")[:2]))
if POLARS >= (1, 3):  # which take Arrow streams
    READS["stream"] = lambda query, conn: pl.DataFrame(conn.execute(query).fetch_arrow())
    READS["after a row"] = _after_a_row
if POLARS >= (1, 22):  # which do not iterate over what is a stream
    READS["DataFrame of a cursor"] = lambda query, conn: pl.DataFrame(conn.execute(query))


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_all_rows(read: Callable[[str, Conn], pl.DataFrame], source: Server) -> None:
    with source.connect(autocommit=True) as conn:
        frame = read(QUERY, conn)
    assert dict(frame.schema) == SCHEMA
    assert frame.height == ROWS
    assert frame["i"].to_list() == list(range(ROWS))
    assert frame["s"][-1] == f"row {ROWS - 1}"


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_an_empty_result(read: Callable[[str, Conn], pl.DataFrame], source: Server) -> None:
    with source.connect(autocommit=True) as conn:
        frame = read(NOTHING, conn)
    assert dict(frame.schema) == SCHEMA
    assert frame.height == 0


def test_a_uri(source: Server) -> None:
    for query, rows in ((QUERY, ROWS), (NOTHING, 0)):
        frame = pl.read_database_uri(query, source.uri, engine="adbc")
        assert dict(frame.schema) == SCHEMA
        assert frame.height == rows


def test_a_stream_that_breaks_off_is_an_error() -> None:
    with Server(batch_rows=1000) as server, server.connect(autocommit=True) as conn:
        server.drop_stream_after(3)
        with pytest.raises(BaseException, match="broken off") as caught:
            pl.read_database(QUERY, conn)
    # polars 1.36 panics, and its PanicException is no Exception.
    assert type(caught.value).__module__.partition(".")[0] in {
        "altertable_dbapi",
        "polars",
        "pyo3_runtime",
    }
