"""Batches that are read while rows are made of the ones before."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import Error, OperationalError
from altertable_dbapi.local import Server
from altertable_dbapi.result.read_ahead import ReadAhead

from ..support.hostile_server import HostileServer, flight_info, ipc_messages

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

QUERY = "SELECT n FROM batches"
SCHEMA = pa.schema([("n", pa.int64())])
COUNT, SIZE = 6, 70_000
BATCHES = [pa.record_batch({"n": range(i * SIZE, (i + 1) * SIZE)}, SCHEMA) for i in range(COUNT)]
ROWS = [(n,) for n in range(COUNT * SIZE)]


_started: list[weakref.ref[ReadAhead]] = []


def readers() -> int:
    """How many threads read ahead.

    Not by `sys._current_frames`, which can wait for ever while a thread ends: it holds a lock of
    the interpreter, and lets others run where the collector does.
    """
    found = [reference() for reference in _started]
    return sum(ahead is not None and ahead._running.locked() for ahead in found)


@pytest.fixture(autouse=True)
def _no_reader_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    start = ReadAhead.start

    def start_and_note(ahead: ReadAhead) -> None:
        _started.append(weakref.ref(ahead))
        start(ahead)

    monkeypatch.setattr(ReadAhead, "start", start_and_note)
    yield
    assert readers() == 0
    _started.clear()


@pytest.fixture
def large(server: Server) -> Server:
    server.add_result(QUERY, SCHEMA, BATCHES)
    return server


class Factory:
    """Makes rows as they are, and before the n-th of them calls what it is given."""

    def __init__(self, number: int, action: Callable[[], Any]) -> None:
        self.count, self.number, self.action = 0, number, action

    def __call__(self, cursor: Any) -> Callable[[tuple[Any, ...]], Any]:
        return self.make

    def make(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        self.count += 1
        if self.count == self.number:
            self.action()
        return row


def test_they_are_read_in_a_thread_that_ends(large: Server, auto: Connection) -> None:
    seen: list[int] = []
    # The thread may have ended with all it had to read; not in the second batch of six.
    factory = Factory(SIZE + 1, lambda: seen.append(readers()))
    with auto.cursor(row_factory=factory) as cursor:
        assert cursor.execute(QUERY).fetchall() == ROWS
        assert cursor.fetchall() == []
        assert cursor.rownumber == cursor.rowcount == len(ROWS)
    assert seen == [1]


def test_what_was_fetched_before(large: Server, auto: Connection) -> None:
    cursor = auto.execute(QUERY)
    rows = [cursor.fetchone(), *cursor.fetchmany(SIZE + 10)]
    assert rows + cursor.fetchall() == ROWS


@pytest.mark.parametrize("number", [1, SIZE, SIZE + 1, 2 * SIZE + 5, COUNT * SIZE])
def test_a_row_that_cannot_be_made(large: Server, auto: Connection, number: int) -> None:
    def refuse() -> None:
        raise ValueError("not yet")

    with auto.cursor(row_factory=Factory(number, refuse)) as cursor:
        cursor.execute(QUERY)
        with pytest.raises(ValueError, match="not yet"):
            cursor.fetchall()
        assert readers() == 0
        assert auto.execute("SELECT 1").fetchall() == [(1,)]
        assert cursor.fetchall() == ROWS


def test_the_rest_as_arrow(large: Server, auto: Connection) -> None:
    def refuse() -> None:
        raise ValueError("no")

    with auto.cursor(row_factory=Factory(1, refuse)) as cursor:
        cursor.execute(QUERY)
        with pytest.raises(ValueError, match="no"):
            cursor.fetchall()
        assert cursor.fetch_arrow_table() == pa.Table.from_batches(BATCHES)


@pytest.mark.parametrize("batches", [1, 2, COUNT - 1])
def test_a_stream_that_breaks_off(large: Server, auto: Connection, batches: int) -> None:
    large.drop_stream_after(batches)
    cursor = auto.execute(QUERY)
    with pytest.raises(OperationalError) as first:
        cursor.fetchall()
    with pytest.raises(OperationalError) as second:
        cursor.fetchmany(COUNT * SIZE)
    assert str(second.value) == str(first.value)
    assert cursor.fetchmany(batches * SIZE) == ROWS[: batches * SIZE]
    with pytest.raises(OperationalError):
        cursor.fetchone()
    assert auto.execute("SELECT 1").fetchall() == [(1,)]


@pytest.fixture
def stalling() -> Iterator[HostileServer]:
    """A server that sends two batches and no more."""
    over = threading.Event()

    def stall(request: bytes) -> Iterator[bytes]:
        yield from ipc_messages(SCHEMA, BATCHES[:2])
        over.wait(60)

    with HostileServer() as server:
        server.info = lambda request: flight_info(SCHEMA)
        server.stream = stall
        try:
            yield server
        finally:
            over.set()


def test_a_time_limit(stalling: HostileServer) -> None:
    with stalling.connect(fetch_timeout=1) as connection:
        cursor = connection.execute("SELECT 1")
        with pytest.raises(OperationalError, match=r"fetch_timeout ran out: .* than 1 s"):
            cursor.fetchall()


def test_a_time_limit_that_runs_out_between_two_fetches(stalling: HostileServer) -> None:
    """It is one for the whole of a result, and not for the call that meets it."""
    with stalling.connect(fetch_timeout=1) as connection:
        started = time.monotonic()
        cursor = connection.execute("SELECT 1")
        assert cursor.fetchmany(10) == ROWS[:10]
        threading.Event().wait(started + 1.1 - time.monotonic())
        with pytest.raises(OperationalError, match=r"fetch_timeout ran out: .* than 1 s"):
            cursor.fetchall()


def test_a_cancel_while_it_waits(stalling: HostileServer) -> None:
    with stalling.connect() as connection:
        cursor = connection.execute("SELECT 1")

        def cancel() -> None:
            while not readers():
                threading.Event().wait(0.01)
            with contextlib.suppress(Error):
                cursor.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(OperationalError):
            cursor.fetchall()
        thread.join()


@pytest.mark.parametrize("number", [1, SIZE + 1, 2 * SIZE])
def test_ctrl_c_while_rows_are_made(stalling: HostileServer, number: int) -> None:
    """What was read stays; what was on its way is broken off, or awaited by the next fetch."""
    pressed = []

    def press() -> None:
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    with (
        stalling.connect(fetch_timeout=3) as connection,
        connection.cursor(row_factory=Factory(number, press)) as cursor,
    ):
        cursor.execute("SELECT 1")
        with pytest.raises(KeyboardInterrupt):
            cursor.fetchall()
        assert time.monotonic() - pressed[0] < 1
        assert cursor.fetchmany(2 * SIZE) == ROWS[: 2 * SIZE]
        with pytest.raises(OperationalError):
            cursor.fetchone()


def test_ctrl_c_while_it_waits(stalling: HostileServer) -> None:
    pressed = []

    def press() -> None:
        while not readers():
            threading.Event().wait(0.01)
        # By then it waits for the third batch, as a rule.
        threading.Event().wait(0.3)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    with stalling.connect() as connection:
        cursor = connection.execute("SELECT 1")
        thread = threading.Thread(target=press)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            cursor.fetchall()
        assert time.monotonic() - pressed[0] < 1
        thread.join()
        with pytest.raises(OperationalError, match="rows of this result are missing|cancel"):
            cursor.fetchmany(3 * SIZE)
            cursor.fetchone()


def test_no_thread_to_be_had(
    large: Server, auto: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    assert auto.execute(QUERY).fetchall() == ROWS


# By itself


def test_it_reads_no_more_than_two_batches_ahead() -> None:
    read: list[int] = []
    changed = threading.Condition()

    def next_batch() -> pa.RecordBatch:
        with changed:
            read.append(len(read))
            changed.notify_all()
        return BATCHES[0]

    def has_read(count: int) -> bool:
        return len(read) == count

    ahead = ReadAhead(next_batch, lambda: None)
    ahead.start()
    for taken in range(4):
        with changed:
            assert changed.wait_for(partial(has_read, taken + 2), 10)
        ahead.take()
    ahead.stop()
    assert 4 <= len(read) <= 6
    for _ in range(len(read) - 4):
        assert not ahead.over
        ahead.take()
    assert ahead.over


def test_a_stop_before_it_has_begun() -> None:
    read: list[None] = []
    ahead = ReadAhead(lambda: read.append(None), lambda: None)
    ahead.stop(0)
    ahead.start()
    ahead.stop()
    assert ahead.over
    assert not read


def test_a_call_that_is_not_cancelled_at_once() -> None:
    begun, over = threading.Event(), threading.Event()
    cancels: list[None] = []

    def read() -> pa.RecordBatch:
        begun.set()
        over.wait(20)
        raise StopIteration

    def cancel() -> None:
        cancels.append(None)
        if len(cancels) == 3:
            over.set()

    ahead = ReadAhead(read, cancel)
    ahead.start()
    assert begun.wait(20)
    ahead.stop(0)
    assert len(cancels) == 3
    with pytest.raises(StopIteration):
        ahead.take()
    assert ahead.over
