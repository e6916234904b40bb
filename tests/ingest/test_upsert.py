"""Upsert: against a model in Python, and all or nothing over a session of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import altertable_dbapi
from altertable_dbapi import DataError, OperationalError, ProgrammingError
from altertable_dbapi.ingest import load as ingest
from altertable_dbapi.ingest.upsert import MAX_SENT_BYTES
from altertable_dbapi.local import Server

from ..support.engines import examples

Connection = altertable_dbapi.Connection[tuple[Any, ...]]


@pytest.fixture(params=[False, True], ids=["by_name", "by_position"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that appends by the names of columns, and one that goes by their position."""
    with Server(ingest_by_position=request.param) as server:
        yield server


Row = dict[str, Any]

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("part", pa.string()),
        ("at", pa.int64()),
        ("seq", pa.int64()),
        ("text", pa.string()),
        ("number", pa.float64()),
    ]
)
STORED = pa.table({"id": [1, 2], "text": ["one", "two"], "at": [5, 5]})


@pytest.fixture
def table(auto: Connection) -> Connection:
    auto.load("t", STORED, mode="create")
    return auto


def rows(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("FROM t ORDER BY id").fetchall()


# Semantics


@st.composite
def loads(draw: st.DrawFn) -> list[tuple[list[str], list[Row]]]:
    """Columns and rows of some loads, one after the other."""
    cursor = st.integers(0, 3)
    row = st.fixed_dictionaries(
        {
            "id": st.integers(0, 3),
            "part": st.sampled_from("ab"),
            "at": cursor,
            "seq": cursor,
            "text": st.none() | st.text("xyz", max_size=2),
            "number": st.none() | st.floats(allow_nan=False),
        }
    )
    found = []
    for _ in range(draw(st.integers(1, 4))):
        omitted = draw(st.sets(st.sampled_from(["text", "number"]), max_size=1))
        columns = draw(st.permutations([name for name in SCHEMA.names if name not in omitted]))
        found.append((columns, draw(st.lists(row, max_size=12))))
    return found


def upserted(
    stored: dict[tuple[Any, ...], Row],
    columns: list[str],
    loaded: list[Row],
    key: list[str],
    cursor: list[str],
) -> int:
    """Upsert as documented: the newest wins, and a stored row stays unless one is newer."""
    newest: dict[tuple[Any, ...], Row] = {}
    for row in loaded:
        found = tuple(row[name] for name in key)
        rank = [row[name] for name in cursor]
        if found not in newest or rank >= [newest[found][name] for name in cursor]:
            newest[found] = row
    changed = 0
    for found, row in newest.items():
        old = stored.get(found)
        given = {name: row[name] for name in columns}
        if old is None:
            stored[found] = {**dict.fromkeys(SCHEMA.names), **given}
        elif [row[name] for name in cursor] > [old[name] for name in cursor]:
            old.update(given)
        else:
            continue
        changed += 1
    return changed


@pytest.fixture(scope="module")
def shared() -> Iterator[Connection]:
    with Server() as server, server.connect(autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("key", [["id"], ["id", "part"]])
@pytest.mark.parametrize("cursor", [["at"], ["at", "seq"]])
@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(loads=loads())
def test_the_newest_row_wins(
    shared: Connection, key: list[str], cursor: list[str], loads: list[tuple[list[str], list[Row]]]
) -> None:
    shared.load("t", SCHEMA.empty_table(), mode="replace")
    stored: dict[tuple[Any, ...], Row] = {}
    for columns, loaded in loads:
        schema = pa.schema([SCHEMA.field(name) for name in columns])
        table = pa.Table.from_pylist(
            [{name: row[name] for name in columns} for row in loaded], schema
        )
        expected = upserted(stored, columns, loaded, key, cursor)
        batches = table.to_batches(max_chunksize=3)
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        assert (
            shared.load("t", reader, primary_key=key, cursor_field=cursor, batch_bytes=100)
            == expected
        )
    found = shared.execute("FROM t").fetch_arrow_table().to_pylist()
    names = ("id", "part", "at", "seq")
    order = lambda row: [row[name] for name in names]  # noqa: E731
    assert sorted(found, key=order) == sorted(stored.values(), key=order)


def test_without_a_cursor_field_every_row_replaces(table: Connection) -> None:
    assert table.load("t", pa.table({"id": [2, 3], "at": [0, 0]}), primary_key="id") == 2
    assert rows(table) == [(1, "one", 5), (2, "two", 0), (3, None, 0)]


@pytest.mark.parametrize("mode", ["create", "create_append", "replace"])
def test_modes_that_create(auto: Connection, mode: Any) -> None:
    twice = pa.table({"id": [1, 1, 2], "at": [2, 1, 1], "text": ["new", "old", "x"]})
    assert auto.load("t", twice, mode=mode, primary_key="id", cursor_field="at") == 2
    assert rows(auto) == [(1, 2, "new"), (2, 1, "x")]
    if mode == "create_append":
        assert auto.load("t", twice, mode=mode, primary_key="id", cursor_field="at") == 0
    if mode == "create":
        with pytest.raises(ProgrammingError, match="already exists"):
            auto.load("t", twice, mode=mode, primary_key="id", cursor_field="at")


def test_names_in_any_case(table: Connection) -> None:
    data = pa.table({"ID": [1], "At": [6], "TEXT": ["new"]})
    assert table.load("T", data, primary_key="Id", cursor_field=("AT",)) == 1
    assert rows(table) == [(1, "new", 6), (2, "two", 5)]


# What is refused before anything is sent


@pytest.mark.parametrize(
    ("data", "key", "cursor", "error", "said"),
    [
        ({"id": [1], "text": ["x"]}, "key", None, ProgrammingError, "names 'key'; .* id, text"),
        ({"id": [1], "text": ["x"]}, "id", "at", ProgrammingError, "cursor_field names 'at'"),
        ({"id": [1], "at": [1]}, ["id", "at"], None, ProgrammingError, "every column"),
        ({"id": [1]}, "id", None, ProgrammingError, "every column"),
        ({"id": [1], "x": [1]}, ["id", "ID"], None, ProgrammingError, "names a column twice"),
        ({"id": [1], "x": [1]}, [], None, ProgrammingError, "one or more column names"),
        ({"id": [1], "x": [1]}, [5], None, ProgrammingError, "one or more column names"),
        ({"id": [1], "x": [1]}, None, "x", ProgrammingError, "cursor_field is given without"),
        ({"id": [1], "texts": ["x"]}, "id", None, ProgrammingError, "no column 'texts'; it has id"),
        ({"id": [1, None], "text": ["a", "b"]}, "id", None, DataError, "'id' is NULL in row 1"),
        ({"id": pa.nulls(1), "text": ["b"]}, "id", None, DataError, "'id' is NULL in row 0"),
    ],
)  # fmt: skip
def test_refusals(
    server: Server,
    table: Connection,
    data: dict[str, Any],
    key: Any,
    cursor: Any,
    error: type[Exception],
    said: str,
) -> None:
    server.clear()
    with pytest.raises(error, match=said):
        table.load("t", pa.table(data), primary_key=key, cursor_field=cursor)
    assert not [name for name in server.executed if name.startswith("INGEST")] or error is DataError
    assert rows(table) == [(1, "one", 5), (2, "two", 5)]


def test_a_null_key_far_down_loads_nothing(table: Connection) -> None:
    def source() -> Iterator[pa.RecordBatch]:
        for i in range(5):
            yield pa.record_batch(
                {"id": list(range(10 + i * 200_000, 10 + (i + 1) * 200_000)), "at": [1] * 200_000}
            )
        yield pa.record_batch({"id": pa.array([7, None]), "at": [1, 1]})

    with pytest.raises(DataError, match="primary_key column 'id' is NULL in row 1000001"):
        table.load("t", source(), primary_key="id")
    assert rows(table) == [(1, "one", 5), (2, "two", 5)]


def test_a_row_too_large_to_send(table: Connection) -> None:
    huge = pa.table({"id": [8, 9], "text": ["x", "y" * MAX_SENT_BYTES]})
    with pytest.raises(DataError, match=r"row 1 has 67,108,.* up to 64 MiB"):
        table.load("t", huge, primary_key="id")
    assert rows(table) == [(1, "one", 5), (2, "two", 5)]


# The session


NEW = pa.table({"id": [1], "text": ["new"], "at": [9]})
ASKED = ["GetFlightInfo:CommandStatementQuery", "DoGet:TicketStatementQuery"]


def merge(connection: Connection, data: Any = NEW) -> int:
    return connection.load("local.main.t", data, primary_key="id", cursor_field="at")


def test_a_session_of_its_own_is_kept_for_the_next_upsert(server: Server) -> None:
    with server.connect(autocommit=True) as connection:
        connection.load("t", STORED, mode="create")
        server.clear()
        assert merge(connection) == 1
        assert server.calls == [*ASKED, "Handshake", "DoPut:CommandStatementIngest"]
        server.clear()
        assert merge(connection, NEW.set_column(2, "at", [[10]])) == 1
        assert server.calls == [*ASKED, "DoPut:CommandStatementIngest"]
        assert server.open_sessions == 2
    assert server.open_sessions == 0


def test_a_kept_session_that_has_expired_is_opened_again(server: Server, table: Connection) -> None:
    merge(table)
    server.expire_sessions()
    told: list[int] = []
    newer = NEW.set_column(2, "at", [[10]])
    assert (
        table.load(
            "local.main.t",
            newer,
            primary_key="id",
            cursor_field="at",
            on_progress=lambda rows, size: told.append(rows),
        )
        == 1
    )
    assert rows(table)[0] == (1, "new", 10)
    assert told == [1]
    assert server.open_sessions == 2


def test_a_session_is_not_kept_for_long(
    server: Server, table: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(table)
    server.clear()
    monkeypatch.setattr("altertable_dbapi.ingest.upsert._KEPT_SECONDS", 0.0)
    merge(table)
    assert server.calls[len(ASKED) :] == [
        "DoAction:CloseSession",
        "Handshake",
        "DoPut:CommandStatementIngest",
    ]
    assert server.open_sessions == 2


def test_what_is_too_much_to_be_sent_again_fails_with_an_expired_session(
    server: Server, table: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_KEPT_BYTES", 0)
    merge(table)
    server.fail_next("DoPut", "UNAUTHENTICATED", "Session expired")
    rows = pa.table({"id": list(range(10, 90)), "text": ["x"] * 80, "at": [1] * 80})
    with pytest.raises(OperationalError, match="Session expired"):
        merge(table, rows)
    assert merge(table, rows) == 80


def test_after_an_error_the_next_upsert_has_a_new_session(
    server: Server, table: Connection
) -> None:
    merge(table)
    server.fail_next("DoPut", "UNAVAILABLE", "because of this")
    with pytest.raises(OperationalError, match="because of this"):
        merge(table)
    assert server.open_sessions == 1
    server.clear()
    merge(table)
    assert "Handshake" in server.calls


def test_upserts_at_the_same_time_have_a_session_each(server: Server, table: Connection) -> None:
    begun = threading.Event()
    other: list[int] = []

    def inner() -> None:
        other.append(merge(table, pa.table({"id": [50], "text": ["inner"], "at": [1]})))

    def source() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"id": [60], "text": ["outer"], "at": [1]})
        thread = threading.Thread(target=inner)
        thread.start()
        thread.join(60)
        begun.set()
        yield pa.record_batch({"id": [61], "text": ["outer"], "at": [1]})

    assert merge(table, source()) == 2
    assert begun.is_set()
    assert other == [1]
    assert [row[0] for row in rows(table)] == [1, 2, 50, 60, 61]
    assert server.open_sessions == 2


_AT_EXIT = """
import os, sys
import altertable_dbapi, pyarrow as pa

connection = altertable_dbapi.connect(sys.argv[1], autocommit=True)
data = pa.table({"id": [7], "text": ["x"]})
connection.load("t", data, primary_key="id")
if sys.argv[2] == "fork":
    child = os.fork()
    if child == 0:
        try:
            connection.load("t", data, primary_key="id")
        except altertable_dbapi.InterfaceError as error:
            print("child:", "before the process forked" in str(error), flush=True)
        del connection
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    connection.load("t", data, primary_key="id")
    connection.close()
print("done", flush=True)
"""


@pytest.mark.parametrize("way", ["exit", "fork"])
def test_a_kept_session_ends_with_the_process(server: Server, table: Connection, way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _AT_EXIT, server.uri, way],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split("\n")[:-1] == (["child: True"] if way == "fork" else []) + ["done"]
    assert rows(table)[-1] == (7, "x", None)
    assert server.open_sessions == 1


def test_session_options_go_with_it() -> None:
    with (
        Server(catalogs=["other"]) as server,
        server.connect(catalog="other", schema="main", compute_size="XL", autocommit=True) as auto,
    ):
        server.clear()
        auto.load("t", STORED, mode="create", primary_key="id")
        assert "DoAction:SetSessionOptions" in server.calls
        assert auto.execute("FROM other.main.t ORDER BY id").fetch_arrow_table() == STORED


def test_a_failing_source_loads_nothing(server: Server, table: Connection) -> None:
    def source() -> Iterator[pa.RecordBatch]:
        for i in range(6):
            yield pa.record_batch({"id": [i] * 200_000, "at": [10] * 200_000})
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        table.load("t", source(), primary_key="id", cursor_field="at")
    assert rows(table) == [(1, "one", 5), (2, "two", 5)]
    assert server.open_sessions == 1


@pytest.mark.parametrize(
    ("call", "code", "error"),
    [
        ("Handshake", "UNAUTHENTICATED", OperationalError),
        ("DoPut", "PERMISSION_DENIED", ProgrammingError),
        ("DoPut", "UNAVAILABLE", OperationalError),
        ("DoPut", "INVALID_ARGUMENT", ProgrammingError),
        ("DoPut", "NOT_FOUND", ProgrammingError),
        ("DoPut", "UNIMPLEMENTED", altertable_dbapi.NotSupportedError),
        ("DoPut", "INTERNAL", altertable_dbapi.InternalError),
    ],
)
def test_what_the_server_says(
    server: Server, table: Connection, call: str, code: str, error: type[altertable_dbapi.Error]
) -> None:
    server.fail_next(call, code, "because of this")
    with pytest.raises(error) as caught:
        table.load("t", pa.table({"id": [1], "at": [9]}), primary_key="id")
    assert type(caught.value) is error
    assert str(caught.value) == "because of this"
    assert caught.value.vendor_code is not None
    assert caught.value.__suppress_context__
    assert rows(table) == [(1, "one", 5), (2, "two", 5)]
    assert server.open_sessions == 1


def test_an_error_of_the_engine_has_its_class(table: Connection) -> None:
    with pytest.raises(DataError, match=r"^Conversion Error: ") as caught:
        table.load("t", pa.table({"id": ["x"], "text": ["y"]}), primary_key="id")
    assert "Detail:" not in str(caught.value)


def test_an_open_transaction_is_refused(conn: Connection) -> None:
    conn.load("t", STORED, mode="create")
    conn.execute("DELETE FROM t")
    with pytest.raises(ProgrammingError, match=r"commit\(\) or rollback\(\) first"):
        conn.load("t", STORED, primary_key="id")
    conn.rollback()
    assert len(rows(conn)) == 2
