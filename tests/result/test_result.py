"""Streams that break, that nobody reads to the end, and that are not what was announced."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import DataError, OperationalError, ProgrammingError
from altertable_dbapi.local import Server
from altertable_dbapi.result.result import Result
from altertable_dbapi.result.stream import Stream

Connection = altertable_dbapi.Connection[tuple[Any, ...]]
Cursor = altertable_dbapi.Cursor[Any]

# More than client and server hold back between them, so that the server waits to send the rest.
LONG = "SELECT i, i * 1.5 AS x FROM range(3_000_000) AS r(i)"

QUERY = "SELECT id FROM batches"
SCHEMA = pa.schema([("id", pa.int64())])


def numbers(*sizes: int) -> list[pa.RecordBatch]:
    result, first = [], 0
    for size in sizes:
        values = pa.array(range(first, first + size), pa.int64())
        result.append(pa.RecordBatch.from_arrays([values], schema=SCHEMA))
        first += size
    return result


# A stream that breaks off


def broken(server: Server, connection: Connection) -> Cursor:
    """A cursor on three batches of 10 rows of which the third never comes."""
    server.add_result(QUERY, SCHEMA, numbers(10, 10, 10))
    server.drop_stream_after(2)
    return connection.execute(QUERY)


def fetch_one_by_one(cursor: Cursor) -> list[Any]:
    rows = []
    while (row := cursor.fetchone()) is not None:
        rows.append(row)
    return rows


@pytest.mark.parametrize(
    "fetch",
    [
        pytest.param(fetch_one_by_one, id="fetchone"),
        pytest.param(list, id="iteration"),
        pytest.param(lambda c: c.fetchmany(30), id="fetchmany"),
        pytest.param(lambda c: c.fetchall(), id="fetchall"),
        pytest.param(lambda c: c.fetch_arrow_table(), id="table"),
        pytest.param(lambda c: c.fetch_record_batch().read_all(), id="reader"),
    ],
)
def test_a_broken_stream_is_an_error(
    server: Server, auto: Connection, fetch: Callable[[Cursor], Any]
) -> None:
    with broken(server, auto) as cursor:
        with pytest.raises(OperationalError, match="broken off"):
            fetch(cursor)
        with auto.cursor() as other:
            assert other.execute("SELECT 1").fetchall() == [(1,)]


def test_a_broken_stream_never_looks_like_the_end(server: Server, auto: Connection) -> None:
    with broken(server, auto) as cursor:
        assert cursor.fetchmany(20) == [(n,) for n in range(20)]
        for _ in range(2):
            with pytest.raises(OperationalError, match="broken off"):
                cursor.fetchone()
            with pytest.raises(OperationalError, match="broken off"):
                cursor.fetchall()
            with pytest.raises(OperationalError, match="broken off"):
                cursor.fetch_arrow_table()
        assert cursor.rowcount == -1


def test_a_stream_that_breaks_for_another_cursor(server: Server, auto: Connection) -> None:
    with broken(server, auto) as cursor, auto.cursor() as other:
        # Sending this reads the rest of the first into memory; its failure is not this one's.
        assert other.execute("SELECT 1").fetchall() == [(1,)]
        assert cursor.fetchmany(20) == [(n,) for n in range(20)]
        with pytest.raises(OperationalError, match="broken off"):
            cursor.fetchone()


# A stream that is not read to its end


def close(connection: Connection) -> None:
    cursor = connection.execute(LONG)
    assert cursor.fetchone() == (0, 0)
    cursor.close()


def close_unread(connection: Connection) -> None:
    connection.execute(LONG).close()


def forget(connection: Connection) -> None:
    cursor = connection.execute(LONG)
    assert cursor.fetchone() == (0, 0)
    del cursor
    gc.collect()


def execute_again(connection: Connection) -> None:
    cursor = connection.execute(LONG)
    assert cursor.fetchone() == (0, 0)
    assert cursor.execute("SELECT 2").fetchall() == [(2,)]
    cursor.close()


def forget_the_reader(connection: Connection) -> None:
    reader = connection.execute(LONG).fetch_record_batch()
    assert reader.read_next_batch().num_rows > 0
    del reader
    gc.collect()


@pytest.mark.parametrize("leave", [close, close_unread, forget, execute_again, forget_the_reader])
def test_the_session_is_free_after_a_stream_left_early(
    auto: Connection, leave: Callable[[Connection], None]
) -> None:
    for _ in range(3):
        leave(auto)
    assert auto.execute("SELECT 1").fetchall() == [(1,)]


def test_closing_the_connection_ends_a_half_read_stream(server: Server) -> None:
    before = set(threading.enumerate())
    connection = server.connect(autocommit=True)
    connection.execute(LONG).fetchone()
    connection.close()
    for thread in set(threading.enumerate()) - before:
        if thread.name == "altertable-release":
            thread.join(10)
            assert not thread.is_alive()
    with server.connect(autocommit=True) as another:
        assert another.execute("SELECT 1").fetchall() == [(1,)]


# Readers


def test_a_reader_outlives_its_cursor(auto: Connection) -> None:
    with auto.cursor() as cursor:
        reader = cursor.execute("SELECT i FROM range(200_000) AS r(i)").fetch_record_batch()
        assert [column[0] for column in cursor.description or ()] == ["i"]
    assert sum(batch.num_rows for batch in reader) == 200_000


def test_a_reader_keeps_its_rows_when_another_statement_is_sent(auto: Connection) -> None:
    reader = auto.execute("SELECT i FROM range(200_000) AS r(i)").fetch_record_batch()
    first = reader.read_next_batch()
    assert auto.execute("SELECT 1").fetchall() == [(1,)]
    assert first.num_rows + reader.read_all().num_rows == 200_000


def test_a_reader_of_a_closed_connection(server: Server) -> None:
    connection = server.connect(autocommit=True)
    reader = connection.execute(LONG).fetch_record_batch()
    connection.close()
    with pytest.raises(altertable_dbapi.InterfaceError, match="closed"):
        reader.read_all()


# Values without a Python object


def test_a_value_that_cannot_be_converted_is_not_skipped(auto: Connection) -> None:
    cursor = auto.execute(
        "SELECT CASE WHEN i = 1 THEN 'infinity'::TIMESTAMP END AS at FROM range(3) AS r(i)"
    )
    for fetch in (cursor.fetchone, cursor.fetchall, cursor.fetchone):
        with pytest.raises(DataError, match="at"):
            fetch()
    assert cursor.rownumber == 0
    assert cursor.fetch_arrow_table().num_rows == 3
    cursor.close()


def test_rows_before_such_a_value_are_still_to_come(server: Server) -> None:
    schema = pa.schema([("at", pa.timestamp("us"))])
    good = pa.RecordBatch.from_arrays([pa.array([0, 1], pa.timestamp("us"))], schema=schema)
    bad = pa.RecordBatch.from_arrays([pa.array([2**63 - 1], pa.timestamp("us"))], schema=schema)
    with server.connect(autocommit=True) as connection, connection.cursor() as cursor:
        server.add_result(QUERY, schema, [good, good, bad])
        cursor.execute(QUERY)
        with pytest.raises(DataError, match="at"):
            cursor.fetchall()
        assert cursor.rownumber == 0
        # They are Python values by now, and the Arrow ones are gone.
        with pytest.raises(ProgrammingError, match="execute the statement again"):
            cursor.fetch_arrow_table()
        assert len(cursor.fetchmany(4)) == 4
        with pytest.raises(DataError, match="at"):
            cursor.fetchone()


def test_a_row_factory_that_fails(auto: Connection) -> None:
    def refuse_three(cursor: Any) -> Callable[[tuple[Any, ...]], int]:
        def make(values: tuple[int]) -> int:
            if values[0] == 3:
                raise ValueError("three")
            return values[0]

        return make

    with auto.cursor(row_factory=refuse_three) as cursor:
        cursor.execute("SELECT i FROM range(5) AS r(i)")
        with pytest.raises(ValueError, match="three"):
            cursor.fetchall()
        assert cursor.rownumber == 0
        assert cursor.fetch_arrow_table().num_rows == 5


# Partitions


class Plain(Stream):
    """A stream of a reader, without a server."""

    def __init__(self, reader: pa.RecordBatchReader, error: BaseException | None = None) -> None:
        self.reader = reader
        self.error = error
        self.schema = reader.schema

    def read(self) -> pa.RecordBatch:
        if self.error is not None:
            raise self.error
        return self.reader.read_next_batch()

    def cancel(self) -> None:
        pass


class Owner:
    """Takes the streams that are not needed any more."""

    def __init__(self) -> None:
        self.whole: list[bool] = []

    def ended(self, stream: Stream, whole: bool) -> None:
        self.whole.append(whole)


def test_partitions_of_different_types_are_refused() -> None:
    first = Plain(pa.RecordBatchReader.from_batches(SCHEMA, numbers(2)))
    other = Plain(pa.table({"id": ["text"]}).to_reader())
    owner = Owner()
    result = Result(iter([first, other]), None, threading.RLock(), owner)
    batch = result.read_batch()
    assert batch is not None
    assert batch.num_rows == 2
    for _ in range(2):
        with pytest.raises(OperationalError, match="different types"):
            result.read_batch()
    assert owner.whole == [True, False]


def test_an_interrupted_read_never_looks_like_the_end() -> None:
    reader = pa.RecordBatchReader.from_batches(SCHEMA, numbers(2))
    stream = Plain(reader, KeyboardInterrupt())
    result = Result(iter([stream]), None, threading.RLock(), Owner())
    with pytest.raises(KeyboardInterrupt):
        result.read_batch()
    with pytest.raises(OperationalError, match="rows of this result are missing"):
        result.read_table()
