"""Servers that answer the other calls wrongly, and what is sent to them at the edge of sizes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import DataError, Error, InternalError, OperationalError, ProgrammingError
from altertable_dbapi.catalog.objects import FLAT_SCHEMA
from altertable_dbapi.local import Server
from altertable_dbapi.protocol.messages import encode_bytes
from altertable_dbapi.settings import adbc

from ..support.hostile_server import (
    Abort,
    HostileServer,
    action_result,
    flight_data,
    flight_info,
    ipc_messages,
)

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

GARBAGE = b"\xff\xff\xff"
RIGHT = [(1,), (2,), (3,)]
INT64 = pa.schema({"1": pa.int64()}).serialize().to_pybytes()

RESULTS = {
    "none": [],
    "an empty one": [b""],
    "garbage": [GARBAGE],
    "garbage inside": [encode_bytes(1, GARBAGE)],
}
each_result = pytest.mark.parametrize("results", RESULTS.values(), ids=RESULTS)


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


def answer(server: HostileServer, action: bytes, results: list[bytes]) -> None:
    """Have one action answered so."""
    otherwise = server.actions
    server.actions = lambda request: results if action in request else otherwise(request)


# Opening a session


@pytest.mark.parametrize("token", [None, ""], ids=["none", "an empty one"])
def test_a_handshake_without_a_token(hostile: HostileServer, token: str | None) -> None:
    hostile.token = token
    with pytest.raises(OperationalError, match="no authorization header"):
        hostile.connect()


@pytest.mark.parametrize("token", ["garbage", "Bearer ", "Basic u:p", "Bearer " + "x" * 6000])
def test_a_token_of_any_kind_is_sent_back(hostile: HostileServer, token: str) -> None:
    hostile.token = token
    assert hostile.rows() == RIGHT


def test_a_token_that_the_server_itself_does_not_take(hostile: HostileServer) -> None:
    hostile.token = "x" * 100_000
    with pytest.raises(InternalError, match="header list size"):
        hostile.rows()


@each_result
def test_session_options(hostile: HostileServer, results: list[bytes]) -> None:
    answer(hostile, b"SetSessionOptions", results)
    if results == [b""]:  # which says that all is well
        assert hostile.rows(catalog="c") == RIGHT
        return
    with pytest.raises((OperationalError, InternalError), match="catalog='c'"):
        hostile.connect(catalog="c")


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [(b"catalog", 99, "catalog"), (b"\xff\xfe", 1, "UTF-8"), (b"", 2, "option")],
    ids=["an unknown error", "a name that is no text", "no name"],
)
def test_errors_of_session_options(
    hostile: HostileServer, name: bytes, code: int, words: str
) -> None:
    entry = encode_bytes(1, name) + encode_bytes(2, bytes((8, code)))
    answer(hostile, b"SetSessionOptions", [encode_bytes(1, encode_bytes(1, entry))])
    with pytest.raises((ProgrammingError, OperationalError), match=words):
        hostile.connect(catalog="c")


# Statements with parameters


def prepared(parameters: bytes = INT64, handle: bytes = b"h", result: bytes = b"") -> list[bytes]:
    body = encode_bytes(1, handle) + encode_bytes(2, result) + encode_bytes(3, parameters)
    return [action_result("ActionCreatePreparedStatementResult", body)]


def bound(server: HostileServer, results: list[bytes], value: Any = 1) -> Any:
    answer(server, b"ClosePreparedStatement", [])
    answer(server, b"CreatePreparedStatement", results)
    with server.connect(binding="server") as connection:
        return connection.execute("SELECT ?", [value]).fetchall()


@pytest.mark.parametrize(
    "results",
    [
        *RESULTS.values(),
        [action_result("ActionBeginTransactionResult", b"")],
        [action_result("ActionCreatePreparedStatementResult", GARBAGE)],
        prepared(INT64[:-20]),
        prepared(b"\xff" * 100),
        prepared(bytes(100)),
        prepared(result=b"garbage!" * 10),
    ],
)
def test_a_prepared_statement_that_is_none(hostile: HostileServer, results: list[bytes]) -> None:
    with pytest.raises((OperationalError, InternalError)):
        bound(hostile, results)


@pytest.mark.parametrize(
    "kind",
    [
        None,
        pa.null(),
        pa.list_(pa.int64()),
        pa.dictionary(pa.int8(), pa.string()),
        pa.sparse_union([pa.field("x", pa.int64())]),
        pa.run_end_encoded(pa.int16(), pa.int8()),
        pa.month_day_nano_interval(),
        pa.list_view(pa.struct([("a", pa.decimal128(38, 0))])),
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [1, 50])
def test_parameters_of_any_type(
    hostile: HostileServer, kind: pa.DataType | None, count: int
) -> None:
    fields = [] if kind is None else [(f"p{i}", kind) for i in range(count)]
    results = prepared(pa.schema(fields).serialize().to_pybytes(), handle=b"")
    assert bound(hostile, results, None) == RIGHT
    assert bound(hostile, results, 1) == RIGHT


@pytest.mark.parametrize(
    ("put", "right"),
    [
        ([], True),
        ([b""], True),
        ([b""] * 100, True),
        ([encode_bytes(1, encode_bytes(1, b"another handle"))], True),
        ([GARBAGE], False),
        ([encode_bytes(1, GARBAGE)], False),
    ],
    ids=["nothing", "an empty one", "many", "another handle", "garbage", "garbage inside"],
)
def test_answers_to_bound_values(hostile: HostileServer, put: list[bytes], right: bool) -> None:
    hostile.put = lambda: put
    if right:
        assert bound(hostile, prepared()) == RIGHT
    else:
        with pytest.raises((OperationalError, InternalError)):
            bound(hostile, prepared())


# Transactions


def sql_info(value: Any, code: int = 3) -> pa.RecordBatch:
    """What GetSqlInfo answers of transactions (FlightSql.proto): 8, and 1 in a bit mask."""
    kinds = {
        "string_value": pa.string(),
        "bool_value": pa.bool_(),
        "bigint_value": pa.int64(),
        "int32_bitmask": pa.int32(),
        "string_list": pa.list_(pa.string()),
        "int32_to_int32_list_map": pa.map_(pa.int32(), pa.list_(pa.int32())),
    }
    values = [pa.array([value] if i == code else [], k) for i, k in enumerate(kinds.values())]
    union = pa.UnionArray.from_dense(
        pa.array([code], pa.int8()), pa.array([0], pa.int32()), values, list(kinds)
    )
    return pa.record_batch([pa.array([8], pa.uint32()), union], names=["info_name", "value"])


def tell(server: HostileServer, info: pa.RecordBatch) -> None:
    """Have GetSqlInfo answered so."""
    messages, otherwise = ipc_messages(info.schema, [info]), server.stream
    server.sql_info = lambda request: flight_info(info.schema, [b"sqlinfo"])
    server.stream = lambda request: messages if b"sqlinfo" in request else otherwise(request)


BEGUN = [action_result("ActionBeginTransactionResult", encode_bytes(1, b"id"))]


@pytest.mark.parametrize(
    "results", [*RESULTS.values(), [action_result("ActionBeginTransactionResult", b"")]]
)
def test_a_transaction_that_does_not_begin(hostile: HostileServer, results: list[bytes]) -> None:
    tell(hostile, sql_info(1))
    answer(hostile, b"BeginTransaction", results)
    with hostile.connect(autocommit=False) as connection:
        with pytest.raises((OperationalError, InternalError)):
            connection.execute("CALL f()")
        answer(hostile, b"BeginTransaction", BEGUN)
        answer(hostile, b"EndTransaction", [b""])
        assert connection.execute("CALL f()").fetchall() == RIGHT
        connection.commit()


def test_an_answer_to_commit_that_cannot_be_read(hostile: HostileServer) -> None:
    tell(hostile, sql_info(1))
    answer(hostile, b"BeginTransaction", BEGUN)
    answer(hostile, b"EndTransaction", [GARBAGE])
    with hostile.connect(autocommit=False) as connection:
        connection.execute("CALL f()").fetchall()
        with pytest.raises(OperationalError, match="whether .* committed is not known"):
            connection.commit()


@pytest.mark.parametrize("info", [sql_info(True, 1), sql_info("yes", 0)], ids=["bool", "text"])
def test_a_server_that_tells_nothing_of_transactions(
    hostile: HostileServer, info: pa.RecordBatch
) -> None:
    tell(hostile, info)
    assert hostile.rows() == RIGHT


# What the driver library cannot take


def alone(code: str) -> subprocess.CompletedProcess[str]:
    """Run what may end the process in one of its own."""
    head = "from tests.protocol.test_hostile_calls import *\n"
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", head + code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_driver_library_that_has_given_up_says_so() -> None:
    done = alone(
        """
with HostileServer() as server:
    tell(server, pa.record_batch({"info_name": ["a"], "value": ["b"]}))
    for _ in range(2):
        with pytest.raises(InternalError, match="process, which has to be started again"):
            server.connect()
print("still here")
"""
    )
    assert done.stdout == "still here\n", done.stderr


def test_many_endpoints() -> None:
    """On one connection: with several, three endpoints and more can end the process."""
    done = alone(
        """
import re

def stream(request):
    i = int(re.search(rb"ticket (\\d+)", request)[1])
    return ipc_messages(schema, [pa.record_batch({"i": pa.array([i, i])})] * (i % 3))

schema = pa.schema({"i": pa.int64()})
with HostileServer() as server:
    server.stream = stream
    for count in (2, 3, 10, 300):
        tickets = [b"ticket %d" % i for i in range(count)]
        server.info = lambda request: flight_info(schema, tickets)
        expected = [(i,) for i in range(count) for _ in range(i % 3 * 2)]
        with server.connect() as connection:
            assert connection.execute("SELECT 1").fetchall() == expected
            table = connection.execute("SELECT 1").fetch_arrow_table()
            assert table.column(0).to_pylist() == [i for (i,) in expected]
print("still here")
"""
    )
    assert done.stdout == "still here\n", done.stderr


# Loads


def result(count: int) -> bytes:
    encoded, left = b"", count % (1 << 64)
    while left > 127:
        encoded += bytes((left & 127 | 128,))
        left >>= 7
    return encode_bytes(1, b"\x08" + encoded + bytes((left,)))


PLACE = pa.record_batch({"c": ["catalog"], "s": ["schema"]})
DATA = pa.table({"c": ["1"], "s": ["2"]})
each_load = pytest.mark.parametrize(
    "options", [{}, {"primary_key": "c"}], ids=["a load", "an upsert"]
)


def load(server: HostileServer, put: Callable[[], Any], options: dict[str, Any]) -> int:
    server.send(PLACE.schema, [PLACE])
    server.put = put
    answer(server, b"SetSessionOptions", [b""])
    with server.connect() as connection:
        return connection.load("t", DATA, **options)


@each_load
@pytest.mark.parametrize(
    ("results", "rows"),
    [
        ([result(1)], 1),
        ([result(-5)], -1),
        ([result(2**63 - 1)], 2**63 - 1),
        ([result(2)] * 50, 2),
        ([b""], 0),
        ([encode_bytes(1, encode_bytes(1, b"abc"))], 0),
    ],
    ids=["1", "negative", "huge", "many results", "an empty one", "of another type"],
)
def test_the_rows_that_a_load_reports(
    hostile: HostileServer, results: list[bytes], rows: int, options: dict[str, Any]
) -> None:
    assert load(hostile, lambda: results, options) == rows


@each_load
@pytest.mark.parametrize("results", [[], [GARBAGE], [encode_bytes(1, GARBAGE)]])
def test_a_load_without_an_answer(
    hostile: HostileServer, results: list[bytes], options: dict[str, Any]
) -> None:
    try:
        # Arrow's C++ client does not tell the first two from a server that does not know.
        assert load(hostile, lambda: results, options) == -1
        assert options
    except (OperationalError, InternalError) as error:
        assert "ends" in str(error) or "cannot parse" in str(error)  # noqa: PT017  # either is right


@each_load
@pytest.mark.parametrize(
    "message", [b"\xff\xfe\x00x" * 10, "x" * 1_000_000, ""], ids=["garbage", "1 MB", "none"]
)
def test_a_load_that_is_refused(
    hostile: HostileServer, message: bytes | str, options: dict[str, Any]
) -> None:
    def refuse() -> Iterator[bytes]:
        raise Abort(grpc.StatusCode.INTERNAL, message)
        yield b""

    with pytest.raises((InternalError, OperationalError)) as caught:
        load(hostile, refuse, options)
    assert str(caught.value)


# Messages of errors


@pytest.mark.parametrize("call", ["info", "stream"])
@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"a\x00b", "a"),
        (b"\xff\xfe!", "\N{REPLACEMENT CHARACTER}" * 2 + "!"),
        ("", "the server gives no reason"),
        ("a\nb\rc", "a\nb\rc"),
        ("Parser Error: " + "x" * 1_000_000, "Parser Error: " + "x" * 1_000_000),
        (" (A" * 300_000, (" (A" * 300_000)[1:]),
        ("x" + " " * 1_000_000 + "y", "x" + " " * 1_000_000 + "y"),
        ("é😀" * 1000, "é😀" * 1000),
    ],
    ids=["NUL", "no UTF-8", "none", "lines", "1 MB", "brackets", "spaces", "Unicode"],
)
def test_messages_of_errors(
    hostile: HostileServer, call: str, message: bytes | str, said: str
) -> None:
    def refuse(request: bytes) -> Any:
        raise Abort(grpc.StatusCode.INTERNAL, message)

    setattr(hostile, call, refuse)
    with pytest.raises(Error) as caught:
        hostile.rows()
    assert str(caught.value) == said
    assert caught.value.vendor_code == 13


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c is not grpc.StatusCode.OK])
def test_every_status_has_its_error(hostile: HostileServer, code: grpc.StatusCode) -> None:
    def refuse(request: bytes) -> bytes:
        raise Abort(code, "no")

    hostile.info = refuse
    with pytest.raises(Error, match="no") as caught:
        hostile.rows()
    assert caught.value.vendor_code == code.value[0]


# Questions of the driver's own

ODD_ANSWERS = {
    "numbers": pa.record_batch({"i": pa.array([1, 2, 3])}),
    "no rows": pa.record_batch({"i": pa.array([], pa.int64())}),
    "no columns": pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([]))),
    "nulls": pa.record_batch([pa.nulls(3), pa.nulls(3)], names=["a", "b"]),
    "lists": pa.record_batch({"a": [[1]], "b": [[2]]}),
    "many texts": pa.record_batch([pa.array(["x"])] * 20, names=list(map(str, range(20)))),
    "objects without a parent": pa.RecordBatch.from_pylist(
        [{"level": level, "name": "x"} for level in (5, 0, 3, 99, None, -4)],
        schema=FLAT_SCHEMA,
    ),
}
QUESTIONS: dict[str, Callable[[Connection], Any]] = {
    "get_catalogs": lambda c: c.get_catalogs(),
    "get_schemas": lambda c: c.get_schemas(),
    "get_tables": lambda c: c.get_tables(),
    "get_tables with schemas": lambda c: c.get_tables(include_schema=True),
    "get_columns": lambda c: c.get_columns(),
    "get_primary_keys": lambda c: c.get_primary_keys("t"),
    "get_table_schema": lambda c: c.get_table_schema("t"),
    "adbc_get_objects": lambda c: c.adbc_get_objects().read_all(),
    "adbc_get_info": lambda c: c.adbc_get_info(),
    "current catalog": lambda c: c.adbc_current_catalog,
    "set catalog": lambda c: setattr(c, "adbc_current_catalog", "x"),
    "set schema": lambda c: setattr(c, "adbc_current_db_schema", "x"),
    "load": lambda c: c.load("t", DATA),
    "upsert": lambda c: c.load("t", DATA, primary_key="c"),
    "executemany": lambda c: c.cursor().executemany("INSERT INTO t VALUES (?)", [[1], [2]]),
    "executemany UPDATE": lambda c: c.cursor().executemany("UPDATE t SET a=?", [[1], [2]]),
    "is_usable": lambda c: c.is_usable(),
    "auto binding": lambda c: c.execute("SELECT ?", [1]).fetchall(),
}


@pytest.mark.parametrize("given", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_answers_to_questions_that_were_not_asked(
    hostile: HostileServer, given: pa.RecordBatch
) -> None:
    hostile.send(given.schema, [given])
    hostile.put = lambda: [result(1)]
    with hostile.connect() as connection:
        for name, ask in QUESTIONS.items():
            try:
                ask(connection)
            except Error as error:
                assert str(error), name  # noqa: PT017  # either is right


def test_a_count_below_zero_is_not_known(hostile: HostileServer) -> None:
    batch = pa.record_batch({"Count": pa.array([-7])})
    hostile.send(batch.schema, [batch])
    with hostile.connect() as connection:
        assert connection.execute("INSERT INTO t VALUES (1)").rowcount == -1


# Sizes


def test_a_thousand_columns(hostile: HostileServer) -> None:
    names = [f"c{i}" for i in range(1000)]
    batch = pa.record_batch([pa.array([str(i), None]) for i in range(1000)], names=names)
    hostile.send(batch.schema, [batch] * 2)
    expected = [tuple(map(str, range(1000))), (None,) * 1000] * 2
    with hostile.connect() as connection:
        cursor = connection.execute("SELECT 1")
        assert [column.name for column in cursor.description or ()] == names
        assert cursor.fetchall() == expected
        table = connection.execute("SELECT 1").fetch_arrow_table()
        assert table.equals(pa.Table.from_batches([batch] * 2))


def test_a_message_of_120_megabytes(hostile: HostileServer) -> None:
    numbers = np.arange(15_000_000)
    batch = pa.record_batch({"i": pa.array(numbers)})
    hostile.send(batch.schema, [batch])
    table = hostile.rows(lambda cursor: cursor.fetch_arrow_table())
    assert (table.column(0).to_numpy() == numbers).all()


def test_a_message_above_the_limit(hostile: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adbc, "MAX_MESSAGE_BYTES", 1 << 20)
    small, large = (pa.record_batch({"i": pa.array(np.zeros(n))}) for n in (1000, 200_000))
    hostile.send(small.schema, [small, large])
    with hostile.connect() as connection:
        cursor = connection.execute("SELECT 1")
        with pytest.raises(OperationalError, match=r"larger than max \(16\d+ vs. 1048576\)"):
            cursor.fetchall()
        hostile.send(small.schema, [small])
        assert len(connection.execute("SELECT 1").fetchall()) == 1000


def test_empty_batches_are_no_end(hostile: HostileServer) -> None:
    empty, full = (pa.record_batch({"i": pa.array(v, pa.int64())}) for v in ([], [1, 2]))
    hostile.send(full.schema, [*[empty] * 1000, full, empty, empty, full, empty])
    assert hostile.rows() == [(1,), (2,), (1,), (2,)]
    assert hostile.rows(lambda cursor: list(iter(cursor.fetchone, None))) == [(1,), (2,)] * 2


@pytest.mark.parametrize("deltas", [True, False], ids=["deltas", "replacements"])
def test_dictionaries_that_change(hostile: HostileServer, deltas: bool) -> None:
    kind = pa.dictionary(pa.int8(), pa.string())
    values = [("a", "b"), ("a", "b", "c"), ("x",), ("x", "y")]
    indices: list[list[int | None]] = [[0, 1, None], [2, 1], [0], [1, 0]]
    schema, sink = pa.schema({"e": kind}), pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for entries, chosen in zip(values, indices, strict=True):
            array = pa.DictionaryArray.from_arrays(pa.array(chosen, pa.int8()), pa.array(entries))
            writer.write_batch(pa.record_batch([array], schema=schema))
    messages = flight_data(sink.getvalue().to_pybytes())
    hostile.send(schema, None, *messages)
    expected = ["a", "b", None, "c", "b", "x", "y", "x"]
    assert hostile.rows() == [(value,) for value in expected]
    assert hostile.rows(lambda c: list(iter(c.fetchone, None))) == [(v,) for v in expected]
    table = hostile.rows(lambda cursor: cursor.fetch_arrow_table())
    assert table.column(0).to_pylist() == expected
    # Without its dictionary a batch means nothing.
    hostile.send(schema, None, messages[0], messages[2])
    with pytest.raises(OperationalError, match="dictionar(ies|y)"):
        hostile.rows()


# What is sent


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


each_binding = pytest.mark.parametrize("binding", ["server", "client"])


@each_binding
def test_a_megabyte_of_sql(server: Server, binding: str) -> None:
    with server.connect(autocommit=True, binding=binding) as auto:
        comment = "/* " + "? $1 '" * 200_000 + " */"
        assert auto.execute(f"SELECT 1 {comment}").fetchall() == [(1,)]
        assert auto.execute(f"SELECT {comment} ?", [7]).fetchall() == [(7,)]
        text = "é?" * 400_000
        assert auto.execute(f"SELECT '{text}'").fetchone() == (text,)
        assert auto.execute("SELECT ?, ?", [text, 5]).fetchone() == (text, 5)


@each_binding
def test_a_hundred_thousand_placeholders(hostile: HostileServer, binding: str) -> None:
    answer(hostile, b"CreatePreparedStatement", prepared(b""))
    answer(hostile, b"ClosePreparedStatement", [])
    count = 100_000
    with hostile.connect(binding=binding) as connection:
        cursor = connection.execute(f"SELECT 5 IN ({', '.join(['?'] * count)})", list(range(count)))
        assert cursor.fetchall() == RIGHT
        with pytest.raises(ProgrammingError, match="has 100000 placeholders"):
            cursor.execute(f"SELECT 5 IN ({', '.join(['?'] * count)})", [1])


@each_binding
def test_nul_in_statements_and_values(server: Server, binding: str) -> None:
    with server.connect(autocommit=True, binding=binding) as auto:
        for text in ("SELECT 1\0", "\0", 'SELECT $"a\0b"', "SELECT '\0'"):
            with pytest.raises(ProgrammingError, match="NUL"):
                auto.execute(text, {"a\0b": 1})
            with pytest.raises(ProgrammingError, match="NUL"):
                auto.cursor().executemany(text, [[1]])
        row = ("a\0b", b"a\0b", ["\0", "c"])
        assert auto.execute("SELECT ?, ?, ?", row).fetchall() == [row]
        auto.execute("CREATE OR REPLACE TABLE texts (a VARCHAR)")
        auto.cursor().executemany("INSERT INTO texts VALUES (?)", [["a\0b"], ["c"]])
        assert auto.load("texts", pa.table({"a": ["\0"]})) == 1
        found = auto.execute("SELECT a, length(a) FROM texts ORDER BY length(a), a").fetchall()
        assert found == [("\0", 1), ("c", 1), ("a\0b", 3)]
        with pytest.raises(DataError, match="NUL"):
            auto.execute("SELECT ?", [{"a\0b": 1}])


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"], ids=["NUL", "a lone surrogate"])
def test_names_that_can_be_none(server: Server, bad: str) -> None:
    data = pa.table({"a": ["1"], "b": ["2"]})
    with server.connect(autocommit=True) as auto:
        for call in (
            lambda: auto.load(bad, data, mode="create"),
            lambda: auto.load("t", data, schema=bad, mode="create"),
            lambda: auto.load("t", data, catalog=bad, mode="create"),
            lambda: auto.load(bad, data, primary_key="a", mode="create"),
            lambda: auto.load("t", data, primary_key=bad, mode="create"),
            lambda: auto.load("t", data, primary_key="a", cursor_field=bad, mode="create"),
            lambda: auto.cursor().adbc_ingest(bad, data),
            lambda: auto.cursor().adbc_ingest("t", data, db_schema_name=bad),
            lambda: auto.get_table_schema(bad),
            lambda: auto.get_primary_keys(bad),
            lambda: setattr(auto, "adbc_current_catalog", bad),
            lambda: setattr(auto, "adbc_current_db_schema", bad),
            lambda: server.connect(catalog=bad),
            lambda: server.connect(schema=bad),
        ):
            with pytest.raises(ProgrammingError):
                call()
        for found in (
            auto.get_catalogs(bad),
            auto.get_schemas(bad),
            auto.get_tables(bad),
            auto.get_columns(column_pattern=bad),
            auto.get_tables("local", table_pattern=bad),
        ):
            assert found.num_rows == 0
        assert auto.get_tables(table_pattern="t").num_rows == 0


def test_names_of_columns_with_nul(server: Server) -> None:
    """Arrow's C interface would cut them off."""
    with server.connect(autocommit=True) as auto:
        for options in ({}, {"primary_key": "a\0"}):
            with pytest.raises(ProgrammingError, match=r"column 0 of the data is called 'a\\x00'"):
                auto.load("t", pa.table({"a\0": [1], "b": [2]}), mode="create", **options)
        with pytest.raises(ProgrammingError, match=r"a field of s is called '\\x00'"):
            auto.load("t", pa.table({"s": [{"\0": 1}]}), mode="create")
        assert auto.get_tables(table_pattern="t").num_rows == 0
