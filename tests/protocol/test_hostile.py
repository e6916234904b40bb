"""Servers that answer wrongly: an error of PEP 249 or the right rows, never anything else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import DataError, Error, InternalError, OperationalError, ProgrammingError
from altertable_dbapi.protocol.messages import encode_bytes

from ..support.hostile_server import (
    HostileServer,
    flight_info,
    ipc_messages,
)

Cursor = altertable_dbapi.Cursor[Any]

GARBAGE = b"\xff\xff\xff"
RIGHT = [(1,), (2,), (3,)]

SCHEMA = pa.schema({"i": pa.int64(), "s": pa.string()})
BATCH = pa.record_batch({"i": pa.array([1, 2, 3]), "s": pa.array(["a", "bc", None])})
ROWS = [(1, "a"), (2, "bc"), (3, None)]
FIRST, SECOND = ipc_messages(SCHEMA, [BATCH])
BYTES = SCHEMA.serialize().to_pybytes()


def one_by_one(cursor: Cursor) -> list[Any]:
    return list(iter(cursor.fetchone, None))


def as_rows(table: pa.Table) -> list[Any]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


FETCHES: dict[str, Callable[[Cursor], list[Any]]] = {
    "fetchall": lambda cursor: cursor.fetchall(),
    "fetchone": one_by_one,
    "fetchmany": lambda cursor: cursor.fetchmany(2) + cursor.fetchmany(1000),
    "iteration": list,
    "table": lambda cursor: as_rows(cursor.fetch_arrow_table()),
    "reader": lambda cursor: as_rows(cursor.fetch_record_batch().read_all()),
    "polars": lambda cursor: cursor.fetch_polars().rows(),
}
every_fetch = pytest.mark.parametrize("fetch", FETCHES.values(), ids=FETCHES)


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


def rows(
    server: HostileServer, fetch: Callable[[Cursor], Any] = FETCHES["fetchall"], **settings: Any
) -> Any:
    with server.connect(**settings) as connection:
        return fetch(connection.execute("SELECT 1"))


# What is announced


@pytest.mark.parametrize(
    "info",
    [
        pytest.param(flight_info(None), id="no schema"),
        pytest.param(flight_info(b""), id="an empty schema"),
        pytest.param(flight_info(pa.schema({"x": pa.float64()})), id="another schema"),
        pytest.param(flight_info(BYTES, [b""]), id="an empty ticket"),
        pytest.param(flight_info(BYTES, [], encode_bytes(3, b"")), id="no ticket"),
        pytest.param(flight_info(BYTES, extra=encode_bytes(99, b"?")), id="an unknown field"),
        pytest.param(
            flight_info(BYTES, extra=b"\x20" + b"\xff" * 8 + b"\x7f"), id="a huge number of rows"
        ),
    ],
)
def test_a_stream_counts_more_than_what_announces_it(hostile: HostileServer, info: bytes) -> None:
    hostile.send(SCHEMA, [BATCH])
    hostile.info = lambda request: info
    assert rows(hostile) == ROWS


@pytest.mark.parametrize(
    ("info", "columns"),
    [(flight_info(BYTES, []), ["i", "s"]), (flight_info(None, []), []), (b"", [])],
    ids=["with a schema", "without", "nothing at all"],
)
def test_no_endpoint_is_no_row(hostile: HostileServer, info: bytes, columns: list[str]) -> None:
    hostile.info = lambda request: info
    with hostile.connect() as connection:
        cursor = connection.execute("SELECT 1")
        assert [column.name for column in cursor.description or ()] == columns
        assert cursor.fetchall() == []
        assert cursor.fetch_arrow_table().num_rows == 0


@pytest.mark.parametrize("tickets", [[], [b"ticket"]], ids=["no endpoint", "an endpoint"])
@pytest.mark.parametrize(
    "schema",
    [BYTES[:20], BYTES[:-9], bytes(200), b"\xff" * 200],
    ids=["cut", "cut at its end", "zeros", "ones"],
)
def test_a_schema_that_is_none(hostile: HostileServer, schema: bytes, tickets: list[bytes]) -> None:
    hostile.info = lambda request: flight_info(schema, tickets)
    with pytest.raises(OperationalError, match="could not read message schema|error while reading"):
        rows(hostile)


def test_an_announcement_that_is_no_message(hostile: HostileServer) -> None:
    hostile.info = lambda request: GARBAGE
    with pytest.raises(InternalError, match="cannot parse"):
        rows(hostile)


# What a schema may say


def damaged_schema(schema: pa.Schema, old: bytes, new: bytes) -> bytes:
    message = ipc_messages(schema)[0]
    assert message.count(old) == 1
    assert len(new) == len(old)
    return message.replace(old, new)


@every_fetch
@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.struct([("marker", pa.int64())])], ids=["a column", "a field"]
)
def test_names_that_are_no_text(
    hostile: HostileServer, kind: pa.DataType, fetch: Callable[[Cursor], Any]
) -> None:
    name = "column" if pa.types.is_struct(kind) else "marker"
    schema = pa.schema({name: kind})
    broken = damaged_schema(schema, b"marker", b"\xff\xfeark\xff")
    hostile.send(schema, None, broken)
    with pytest.raises(DataError, match="a schema that cannot be read"):
        rows(hostile, fetch)


def test_a_decimal_of_no_digits(hostile: HostileServer) -> None:
    # Precision and scale stand side by side in the message.
    mark = (33).to_bytes(4, "little")
    schema = pa.schema({"d": pa.decimal128(33, 2)})
    hostile.send(schema, None, damaged_schema(schema, mark, bytes(4)))
    with pytest.raises(DataError, match="a schema that cannot be read"):
        rows(hostile)


@pytest.mark.parametrize(
    "metadata",
    [
        {"ARROW:extension:name": b"\xff\xfe"},
        {"ARROW:extension:name": "arrow.opaque", "ARROW:extension:metadata": "{"},
        {"ARROW:extension:name": "none.known", "ARROW:extension:metadata": "[]"},
        {b"\xff": b"\0"},
    ],
    ids=["no text", "no JSON", "unknown", "neither"],
)
def test_metadata_of_any_kind(hostile: HostileServer, metadata: dict[Any, Any]) -> None:
    schema = pa.schema([pa.field("i", pa.int64(), metadata=metadata)])
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2, 3])], schema=schema)
    try:
        messages = ipc_messages(schema, [batch])
    except pa.ArrowException:
        pytest.fail("pyarrow writes it")
    hostile.send(schema, None, *messages)
    try:
        assert rows(hostile) == RIGHT
    except DataError as error:
        assert "a schema that cannot be read" in str(error)  # noqa: PT017  # either is right


# The stream

OTHER = ipc_messages(pa.schema({"i": pa.string()}), [pa.record_batch({"i": ["q"]})])
WIDER = ipc_messages(
    pa.schema({**{f.name: f.type for f in SCHEMA}, "z": pa.string()}),
    [pa.record_batch({"i": pa.array([1]), "s": ["q"], "z": ["z"]})],
)


@every_fetch
@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([], id="nothing"),
        pytest.param([SECOND], id="no schema"),
        pytest.param([b"", b""], id="empty messages"),
        pytest.param([FIRST, SECOND, b""], id="an empty message at the end"),
        pytest.param([FIRST, FIRST, SECOND], id="the schema twice"),
        pytest.param([FIRST, SECOND, FIRST], id="the schema once more at the end"),
        pytest.param([FIRST, OTHER[1]], id="a batch of another schema"),
        pytest.param([FIRST, SECOND, OTHER[1]], id="another batch after a right one"),
        pytest.param([WIDER[0], SECOND], id="a batch with a column less"),
        pytest.param([FIRST, SECOND[:-1]], id="a message cut short"),
        pytest.param([FIRST, SECOND, SECOND[: len(SECOND) // 2]], id="the second one cut short"),
    ],
)
def test_a_stream_that_is_none(
    hostile: HostileServer, messages: list[bytes], fetch: Callable[[Cursor], Any]
) -> None:
    hostile.send(SCHEMA, None, *messages)
    with hostile.connect() as connection:
        with pytest.raises(DatabaseErrors):
            fetch(connection.execute("SELECT 1"))
        hostile.send(SCHEMA, [BATCH])
        assert fetch(connection.execute("SELECT 1")) == ROWS


DatabaseErrors = (OperationalError, InternalError)


def test_rows_before_the_damage_do_not_pass_for_all(hostile: HostileServer) -> None:
    hostile.send(SCHEMA, [BATCH] * 3, OTHER[1])
    with hostile.connect() as connection:
        cursor = connection.execute("SELECT 1")
        got = []
        with pytest.raises(OperationalError):
            while True:
                row = cursor.fetchone()
                assert row is not None
                got.append(row)
        assert got == ROWS * 3
        for name in ("fetchall", "fetchone", "fetchmany", "iteration", "table", "polars"):
            with pytest.raises(OperationalError):
                FETCHES[name](cursor)


def test_a_stream_that_stalls(hostile: HostileServer) -> None:
    over = threading.Event()

    def stall(request: bytes) -> Iterator[bytes]:
        yield FIRST
        yield SECOND
        over.wait(30)

    hostile.send(SCHEMA, [BATCH])
    hostile.stream = stall
    try:
        with hostile.connect(fetch_timeout=0.3) as connection:
            cursor = connection.execute("SELECT 1")
            assert cursor.fetchone() == ROWS[0]
            with pytest.raises(OperationalError, match="fetch_timeout"):
                cursor.fetchall()
    finally:
        over.set()


# Data that points outside of itself


def int32(*values: int) -> bytes:
    return np.array(values, np.int32).tobytes()


FAR = 2_000_000_000
TEXTS = pa.array(["a", "bc", "d"])
LISTS = pa.array([[1], [2, 3], [4]])
ENTRIES = pa.array([0, 2, 1], pa.int32())
DAMAGE: dict[str, tuple[pa.Array, bytes, bytes]] = {
    "offsets back and forth": (TEXTS, int32(0, 1, 3, 4), int32(0, 3, 1, 4)),
    "an offset outside": (TEXTS, int32(0, 1, 3, 4), int32(0, FAR, 3, 4)),
    "a negative offset": (TEXTS, int32(0, 1, 3, 4), int32(0, -5, 3, 4)),
    "a list outside": (LISTS, int32(0, 1, 3, 4), int32(0, FAR, 3, 4)),
    "lists that end outside": (LISTS, int32(0, 1, 3, 4), int32(0, 1, 3, FAR)),
    "an index outside": (
        pa.DictionaryArray.from_arrays(ENTRIES, pa.array(["x", "y", "z"])),
        int32(0, 2, 1),
        int32(0, 3, 1),
    ),
    "a negative index": (
        pa.DictionaryArray.from_arrays(ENTRIES, pa.array(["x", "y", "z"])),
        int32(0, 2, 1),
        int32(0, -1, 1),
    ),
    "a view that is too long": (
        pa.ListViewArray.from_arrays([2, 0, 1], [1, 2, 1], pa.array([7, 8, 9])),
        int32(2, 0, 1),
        int32(2, FAR, 1),
    ),
    "a text in a struct, beside a time": (
        pa.StructArray.from_arrays([TEXTS, pa.array([1, 2, 3], pa.time64("us"))], ["s", "t"]),
        int32(0, 1, 3, 4),
        int32(0, FAR, 3, 4),
    ),
    "a key of a map": (
        pa.MapArray.from_arrays([0, 1, 2, 3], TEXTS, pa.array([7, 8, 9])),
        int32(0, 1, 3, 4),
        int32(0, -1, 3, 4),
    ),
    "a member of a union": (
        pa.UnionArray.from_dense(
            pa.array([0, 0, 0], pa.int8()), pa.array([0, 2, 1], pa.int32()), [pa.array([7, 8, 9])]
        ),
        int32(0, 2, 1),
        int32(0, FAR, 1),
    ),
}


# polars has no unions, which is said before anything is read.
@pytest.mark.parametrize(
    ("damage", "fetch"),
    [
        pytest.param(damage, fetch, id=f"{what}-{way}")
        for what, damage in DAMAGE.items()
        for way, fetch in FETCHES.items()
        if not (way == "polars" and pa.types.is_union(damage[0].type))
    ],
)
def test_data_that_points_outside(
    hostile: HostileServer,
    damage: tuple[pa.Array, bytes, bytes],
    fetch: Callable[[Cursor], Any],
) -> None:
    column, right, wrong = damage
    batch = pa.record_batch([column], names=["odd"])
    *before, message = ipc_messages(batch.schema, [batch])
    assert message.count(right) == 1
    hostile.send(batch.schema, None, *before, message, message.replace(right, wrong), message)
    with hostile.connect() as connection:
        cursor = connection.execute("SELECT 1")
        with pytest.raises(DataError, match="the server sent a damaged column odd: "):
            fetch(cursor)
        # What comes after it does not pass for the rest. A reader takes the result with it.
        with pytest.raises((DataError, ProgrammingError), match="damaged column odd|no rows"):
            cursor.fetchall()
        hostile.send(SCHEMA, [BATCH])
        assert connection.execute("SELECT 1").fetchall() == ROWS


def test_values_that_only_look_damaged(hostile: HostileServer) -> None:
    """TIME 24:00:00, and a HUGEINT of more digits than the decimal that it comes as."""
    clock = pa.array([86_400_000_000]).view(pa.time64("us"))
    huge = pa.Array.from_buffers(
        pa.decimal128(38, 0), 1, [None, pa.py_buffer((2**127 - 1).to_bytes(16, "little"))]
    )
    lists = [pa.ListArray.from_arrays([0, 1], array) for array in (clock, huge)]
    batch = pa.record_batch(lists, names=["clock", "huge"])
    hostile.send(batch.schema, [batch])
    table = rows(hostile, lambda cursor: cursor.fetch_arrow_table())
    assert table.column("clock").combine_chunks().values.view(pa.int64()).to_pylist() == [
        86400000000
    ]
    batch = pa.record_batch([lists[1]], names=["huge"])
    hostile.send(batch.schema, [batch])
    assert rows(hostile) == [([2**127 - 1],)]


def test_text_that_is_no_utf_8(hostile: HostileServer) -> None:
    batch = pa.record_batch({"odd": ["a", "bcdefgh", "i"]})
    *before, message = ipc_messages(batch.schema, [batch])
    assert message.count(b"abcdefghi") == 1
    hostile.send(batch.schema, None, *before, message.replace(b"abcdefghi", b"abcd\xff\xfeghi"))
    for name in ("fetchall", "fetchone", "fetchmany", "iteration"):
        with pytest.raises(DataError, match="column odd: (UnicodeDecodeError|ArrowException)"):
            rows(hostile, FETCHES[name])
    table = rows(hostile, lambda cursor: cursor.fetch_arrow_table())
    values = table.column(0).cast(pa.binary()).to_pylist()
    assert values == [b"a", b"bcd\xff\xfegh", b"i"]


def test_an_interval_that_pyarrow_cannot_read(hostile: HostileServer) -> None:
    """Of months alone: pyarrow has the type and no class for its arrays."""
    schema = pa.schema({"odd": pa.month_day_nano_interval()})
    batch = pa.RecordBatch.from_arrays([pa.array([pa.MonthDayNano([1, 2, 3])])], schema=schema)
    messages = ipc_messages(schema, [batch])
    # The unit is one of the 16-bit numbers of the message that are 2; 0 is months.
    said = []
    head, unit = messages[0], b"\2\0"
    for position in range(len(head) - 1):
        if head[position : position + 2] == unit:
            damaged = head[:position] + b"\0\0" + head[position + 2 :]
            hostile.send(schema, None, damaged, messages[1])
            with pytest.raises(Error) as caught:
                rows(hostile)
            said.append(str(caught.value))
    assert any("no Python values for month_interval" in text for text in said)
