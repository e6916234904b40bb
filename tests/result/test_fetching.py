"""Every way to fetch, mixed in any order, over batches of any size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import altertable_dbapi
from altertable_dbapi.local import Server

from ..support.engines import examples

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

QUERY = "SELECT id, name FROM batches"
SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


@pytest.fixture(scope="module", params=[1, 2], ids=["one endpoint", "two endpoints"])
def canned(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Connection]]:
    """A server for all examples, and a connection to it."""
    with Server(endpoints=request.param) as server, server.connect(autocommit=True) as connection:
        yield server, connection


def row(number: int) -> tuple[int, str | None]:
    return number, None if number % 7 == 3 else f"row {number}"


def batches(sizes: list[int]) -> list[pa.RecordBatch]:
    result, first = [], 0
    for size in sizes:
        columns = (
            zip(*(row(n) for n in range(first, first + size)), strict=True) if size else ((),) * 2
        )
        result.append(
            pa.RecordBatch.from_arrays(
                [pa.array(list(c), f.type) for c, f in zip(columns, SCHEMA, strict=True)],
                schema=SCHEMA,
            )
        )
        first += size
    return result


Step = tuple[str, int]
STEPS = st.tuples(
    st.sampled_from(
        [
            "fetchone",
            "fetchmany",
            "next",
            "for",
            "other",
            "description",
            "fetchall",
            "table",
            "reader",
        ]
    ),
    st.integers(0, 60),
)


def take(connection: Connection, cursor: altertable_dbapi.Cursor[Any], step: Step) -> list[Any]:
    """The rows that a step fetches."""
    name, size = step
    if name == "fetchone":
        found = cursor.fetchone()
        return [] if found is None else [found]
    if name == "fetchmany":
        return cursor.fetchmany(size)
    if name == "next":
        return [found for found in [next(cursor, None)] if found is not None]
    if name == "for":
        return list(islice(cursor, size))
    if name == "fetchall":
        return cursor.fetchall()
    if name == "other":
        with connection.cursor() as other:
            assert other.execute("SELECT 42").fetchall() == [(42,)]
    elif name == "description":
        assert cursor.description is not None
        assert [column[0] for column in cursor.description] == SCHEMA.names
    return []


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 2, 31, 32, 33, 100, 700]), max_size=6),
    steps=st.lists(STEPS, max_size=12),
)
def test_no_row_is_lost_or_repeated(
    canned: tuple[Server, Connection], sizes: list[int], steps: list[Step]
) -> None:
    server, connection = canned
    server.add_result(QUERY, SCHEMA, batches(sizes))
    expected = [row(number) for number in range(sum(sizes))]
    with connection.cursor() as cursor:
        cursor.execute(QUERY)
        fetched: list[Any] = []
        for step in steps:
            if step[0] in ("table", "reader"):
                arrow = (
                    cursor.fetch_arrow_table()
                    if step[0] == "table"
                    else cursor.fetch_record_batch().read_all()
                )
                assert arrow.schema.names == SCHEMA.names
                fetched += [tuple(values.values()) for values in arrow.to_pylist()]
                assert fetched == expected
                return
            found = take(connection, cursor, step)
            if step[0] in ("fetchmany", "for"):
                assert len(found) == min(step[1], len(expected) - len(fetched))
            fetched += found
            assert fetched == expected[: len(fetched)]
            assert cursor.rownumber == len(fetched)
        fetched += cursor.fetchall()
        assert fetched == expected
        assert cursor.rowcount == len(expected)
        assert cursor.fetchone() is None
        assert cursor.fetchmany(5) == []
        assert cursor.fetchall() == []


@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), count=st.integers(2, 4))
def test_cursors_that_take_turns(
    canned: tuple[Server, Connection], data: st.DataObject, count: int
) -> None:
    server, connection = canned
    sizes = [33, 0, 100, 1, 700]
    server.add_result(QUERY, SCHEMA, batches(sizes))
    expected = [row(number) for number in range(sum(sizes))]
    cursors = [connection.cursor() for _ in range(count)]
    fetched: list[list[Any]] = [[] for _ in cursors]
    for cursor, rows in zip(cursors, fetched, strict=True):
        cursor.execute(QUERY)
        rows += cursor.fetchmany(data.draw(st.integers(0, 50)))
    for turn in data.draw(st.lists(st.integers(0, count - 1), max_size=10)):
        fetched[turn] += cursors[turn].fetchmany(data.draw(st.integers(0, 200)))
    for cursor, rows in zip(cursors, fetched, strict=True):
        rows += cursor.fetchall()
        cursor.close()
        assert rows == expected


def test_a_loop_and_fetchone_share_their_place(auto: Connection) -> None:
    cursor = auto.execute("SELECT i FROM range(1000) AS r(i)")
    seen = []
    for (number,) in cursor:
        seen.append(number)
        if number % 3 == 0 and (more := cursor.fetchone()) is not None:
            seen.append(more[0])
    assert seen == list(range(1000))
    cursor.close()


def test_a_loop_ends_with_its_cursor(auto: Connection) -> None:
    cursor = auto.execute("SELECT i FROM range(100_000) AS r(i)")
    assert next(cursor) == (0,)
    cursor.close()
    with pytest.raises(altertable_dbapi.InterfaceError, match="closed"):
        next(cursor)


def test_a_statement_in_the_loop_over_its_own_cursor(auto: Connection) -> None:
    cursor = auto.execute("SELECT i FROM range(1000) AS r(i)")
    assert next(cursor) == (0,)
    cursor.execute("SELECT 'new'")
    assert list(cursor) == [("new",)]
    cursor.close()


def test_fetchmany_crosses_batches(server: Server) -> None:
    with server.connect(autocommit=True) as connection, connection.cursor() as cursor:
        server.add_result(QUERY, SCHEMA, batches([10] * 5))
        cursor.execute(QUERY)
        cursor.arraysize = 25
        assert [len(cursor.fetchmany()) for _ in range(3)] == [25, 25, 0]


def test_rowcount_is_known_at_the_end(auto: Connection) -> None:
    cursor = auto.execute("SELECT i FROM range(5) AS r(i)")
    assert cursor.rowcount == -1
    assert len(cursor.fetchmany(5)) == 5
    assert cursor.rowcount == -1
    assert cursor.fetchmany(5) == []
    assert cursor.rowcount == 5
    cursor.close()


def test_a_row_factory_may_give_none(auto: Connection) -> None:
    with auto.cursor(row_factory=altertable_dbapi.scalar_row) as cursor:
        cursor.execute("SELECT nullif(i, 1) FROM range(3) AS r(i)")
        assert list(cursor) == [0, None, 2]
