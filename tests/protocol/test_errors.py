"""Server errors as PEP 249 exceptions, each over the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import adbc_driver_manager as adbc
import grpc
import pytest
from adbc_driver_manager import AdbcStatusCode

import altertable_dbapi
from altertable_dbapi import Connection, OperationalError, ProgrammingError
from altertable_dbapi.local import Server
from altertable_dbapi.protocol import errors

from ..support.hostile_server import Abort, HostileServer

Conn = Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[HostileServer, Conn]]:
    with HostileServer() as server, server.connect() as conn:
        yield server, conn


#: The statuses that the errors of a class may have.
STATUSES: dict[type[Exception], set[AdbcStatusCode]] = {
    altertable_dbapi.DataError: {AdbcStatusCode.INVALID_DATA},
    altertable_dbapi.IntegrityError: {AdbcStatusCode.INTEGRITY},
    altertable_dbapi.InternalError: {AdbcStatusCode.INTERNAL},
    altertable_dbapi.NotSupportedError: {AdbcStatusCode.NOT_IMPLEMENTED},
    altertable_dbapi.ProgrammingError: {
        AdbcStatusCode.INVALID_ARGUMENT,
        AdbcStatusCode.NOT_FOUND,
        AdbcStatusCode.ALREADY_EXISTS,
        AdbcStatusCode.UNAUTHORIZED,
    },
    altertable_dbapi.OperationalError: {
        AdbcStatusCode.IO,
        AdbcStatusCode.TIMEOUT,
        AdbcStatusCode.CANCELLED,
        AdbcStatusCode.UNAUTHENTICATED,
        AdbcStatusCode.INVALID_STATE,
        AdbcStatusCode.UNKNOWN,
    },
}


def refuse(server: HostileServer, code: grpc.StatusCode, message: str) -> None:
    """Have every statement refused; pyarrow's servers cannot produce every gRPC status."""

    def answer(request: bytes) -> bytes:
        raise Abort(code, message)

    server.info = answer


@pytest.mark.parametrize(("prefix", "kind"), errors.DUCKDB_ERRORS.items(), ids=str)
@pytest.mark.parametrize("wrapped", ["{}", "Failed to extract schema: Failed to prepare: {}"])
def test_the_engine_s_prefix_decides_wherever_it_stands(
    refusing: tuple[HostileServer, Conn], prefix: str, kind: type[Exception], wrapped: str
) -> None:
    server, conn = refusing
    sentence = f"{prefix} Error: something about x (see y; z)."
    refuse(server, grpc.StatusCode.INTERNAL, wrapped.format(sentence))
    with pytest.raises(kind) as caught:
        conn.execute("SELECT 1")
    assert type(caught.value) is kind
    assert str(caught.value) == sentence
    assert caught.value.vendor_code == 13  # type: ignore[attr-defined]
    assert caught.value.status_code in STATUSES[kind]  # type: ignore[attr-defined]
    assert caught.value.status_code != AdbcStatusCode.UNKNOWN  # type: ignore[attr-defined]


@pytest.mark.parametrize(("number", "kind"), errors.GRPC_ERRORS.items(), ids=str)
def test_the_grpc_code_decides_where_there_is_no_prefix(
    refusing: tuple[HostileServer, Conn], number: int, kind: type[Exception]
) -> None:
    server, conn = refusing
    code = next(code for code in grpc.StatusCode if code.value[0] == number)
    refuse(server, code, "the server says no")
    with pytest.raises(kind) as caught:
        conn.execute("SELECT 1")
    assert type(caught.value) is kind
    assert str(caught.value) == "the server says no"
    assert caught.value.vendor_code == number  # type: ignore[attr-defined]
    assert caught.value.status_code in STATUSES[kind]  # type: ignore[attr-defined]
    unknown = caught.value.status_code == AdbcStatusCode.UNKNOWN  # type: ignore[attr-defined]
    assert unknown == (code is grpc.StatusCode.UNKNOWN)


def test_every_error_is_the_driver_managers_and_ours() -> None:
    for name in (
        "Error",
        "InterfaceError",
        "DatabaseError",
        "DataError",
        "OperationalError",
        "IntegrityError",
        "InternalError",
        "ProgrammingError",
        "NotSupportedError",
    ):
        ours = getattr(altertable_dbapi, name)
        assert issubclass(ours, getattr(adbc, name))
        assert issubclass(ours, altertable_dbapi.Error)
        assert getattr(Connection, name) is ours
        assert isinstance(ours("x").status_code, AdbcStatusCode)
        assert ours("x").status_code in STATUSES.get(ours, AdbcStatusCode)
    assert altertable_dbapi.Warning is adbc.Warning


@pytest.mark.parametrize(
    ("statement", "kind", "words"),
    [
        ("SELECT * FROM nope", "ProgrammingError", "Catalog Error: Table with name nope"),
        ("SELECT nope", "ProgrammingError", "Binder Error"),
        ("SELEC 1", "ProgrammingError", "Parser Error"),
        ("SELECT 'x'::INT", "DataError", "Conversion Error"),
        ("SELECT 200::TINYINT + 100::TINYINT", "DataError", "Error: "),
        ("SELECT error('mine')", "ProgrammingError", "Invalid Input Error: mine"),
        ("INSERT INTO k VALUES (1)", "IntegrityError", "Constraint Error: Duplicate key"),
        ("INSERT INTO k VALUES (NULL)", "IntegrityError", "NOT NULL constraint failed"),
        ("SELECT 1; SELECT 2", "ProgrammingError", "multiple statements"),
    ],
)
def test_real_errors_of_the_engine(auto: Conn, statement: str, kind: str, words: str) -> None:
    auto.execute("CREATE TABLE k (a INT PRIMARY KEY)")
    auto.execute("INSERT INTO k VALUES (1)")
    with pytest.raises(getattr(altertable_dbapi, kind)) as caught:
        auto.execute(statement).fetchall()
    assert type(caught.value).__name__ == kind
    assert words in str(caught.value)
    assert "Detail:" not in str(caught.value)
    assert "FlightSQL" not in str(caught.value)


def test_a_limit_of_ducklake_is_not_supported(auto: Conn, server: Server) -> None:
    message = "Not implemented Error: PRIMARY KEY constraints are not supported in DuckLake"
    for text in (message, message.removeprefix("Not implemented Error: ")):
        server.fail_next("GetFlightInfo", "INTERNAL", text)
        with pytest.raises(altertable_dbapi.NotSupportedError, match="DuckLake"):
            auto.execute("CREATE TABLE t (a INT PRIMARY KEY)")


def test_an_error_in_the_middle_of_a_stream_is_raised_and_nothing_is_cut(
    auto: Conn, server: Server
) -> None:
    assert auto.is_usable()  # which settles what a broken stream leaves behind
    server.drop_stream_after(1)
    cursor = auto.execute("SELECT * FROM range(1000000)")
    with pytest.raises(altertable_dbapi.Error):
        cursor.fetchall()
    assert auto.is_usable()  # which settles what a broken stream leaves behind
    server.drop_stream_after(1)
    cursor = auto.execute("SELECT * FROM range(1000000)")
    with pytest.raises(altertable_dbapi.Error):
        cursor.fetch_arrow_table()
    assert auto.is_usable()  # which settles what a broken stream leaves behind
    server.drop_stream_after(1)
    reader = auto.execute("SELECT * FROM range(1000000)").fetch_record_batch()
    with pytest.raises(altertable_dbapi.Error):
        reader.read_all()
    assert auto.execute("SELECT 1").fetchall() == [(1,)]


def test_an_aborted_transaction_says_what_to_do(conn: Conn) -> None:
    conn.execute("CREATE TABLE k (a INT)")
    with pytest.raises(altertable_dbapi.DataError):
        conn.execute("SELECT 'x'::INT").fetchall()
    with pytest.raises(OperationalError, match=r"aborted.*rollback\(\)"):
        conn.execute("SELECT 1")
    conn.rollback()
    assert conn.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("INTERNAL: [FlightSQL] no (Internal; Prepare). Vendor code: 13", "no"),
        ("IO: [FlightSQL] f(x) failed (Unavailable; ReadPartition(DoGet))", "f(x) failed"),
        ("a. Detail: Python exception: _X (Internal; P)", "a"),
        ("a (b; c)", "a (b; c)"),
        ("Flight returned x, with message: no. gRPC client debug context: UNKNOWN:x\ny", None),
        ("[Flight SQL] plain", "plain"),
        ("INTERNAL: [FlightSQL] a. Vendor code: 13", "a"),
        ("IO: [FlightSQL] EOF (Unknown; Prepare)", "the server's answer ends too early (EOF)"),
        ("rpc error: code = Unavailable desc = gone", "gone"),
        ("", "the server gives no reason"),
    ],
)
def test_sentence(raw: str, plain: str | None) -> None:
    expected = plain if plain is not None else "Flight returned x, with message: no"
    assert errors.sentence(raw) == expected


def test_status_codes_survive() -> None:
    error = adbc.ProgrammingError("x", status_code=AdbcStatusCode.NOT_FOUND)
    mapped = errors.from_adbc(error)
    assert isinstance(mapped, ProgrammingError)
    assert mapped.status_code == AdbcStatusCode.NOT_FOUND
    assert errors.from_adbc(mapped) is mapped


#: What is wrong, where it is found, and the status that it has there.
WRONG = [
    ("SELEC 1", "INVALID_ARGUMENT"),
    ("SELECT nope", "INVALID_ARGUMENT"),
    ("SELECT nope()", "NOT_FOUND"),
    ("SELECT * FROM nope", "NOT_FOUND"),
    ('SELECT * FROM "it already exists"', "NOT_FOUND"),
    ("SELECT * FROM nope.t", "NOT_FOUND"),
    ("SELECT 1::nope", "NOT_FOUND"),
    ("INSERT INTO nope VALUES (1)", "NOT_FOUND"),
    ("DROP TABLE nope", "NOT_FOUND"),
    ("USE nope", "NOT_FOUND"),
    ("CREATE TABLE k (b INT)", "ALREADY_EXISTS"),
    ("CREATE SCHEMA main", "ALREADY_EXISTS"),
    ('CREATE TABLE "it does not exist" (b INT)', "ALREADY_EXISTS"),
    ("SELECT 'x'::INT", "INVALID_DATA"),
    ("SELECT 2147483647::INT + i::INT FROM range(3) r(i)", "INVALID_DATA"),
    (
        "SELECT CASE WHEN i = 90000 THEN 'x' ELSE '1' END::INT FROM range(100000) r(i)",
        "INVALID_DATA",
    ),
    ("INSERT INTO k VALUES (1)", "INTEGRITY"),
    ("INSERT INTO k VALUES (NULL)", "INTEGRITY"),
    ("SELECT error('mine')", "INVALID_ARGUMENT"),
    ("FROM read_csv('/nope/nope.csv')", "IO"),
]

RUNS: dict[str, Callable[[Conn, str], object]] = {
    "rows": lambda conn, text: conn.execute(text).fetchall(),
    "row": lambda conn, text: list(conn.execute(text)),
    "table": lambda conn, text: conn.execute(text).fetch_arrow_table(),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_the_status_goes_with_the_class(run: Callable[[Conn, str], object]) -> None:
    with Server(batch_rows=1000) as server, server.connect(autocommit=True) as conn:
        conn.execute("CREATE TABLE k (a INT PRIMARY KEY)")
        conn.execute("INSERT INTO k VALUES (1)")
        conn.execute('CREATE TABLE "it does not exist" (a INT)')
        got = {}
        for text, _ in WRONG:
            with pytest.raises(altertable_dbapi.Error) as caught:
                run(conn, text)
            assert caught.value.status_code in STATUSES[type(caught.value)], text
            got[text] = AdbcStatusCode(caught.value.status_code).name
    assert got == dict(WRONG)


def test_the_status_of_parameters_and_sets(auto: Conn) -> None:
    auto.execute("CREATE TABLE k (a INT PRIMARY KEY, b INT)")
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: auto.execute("SELECT ?", []), "INVALID_ARGUMENT"),
        (lambda: auto.execute("SELECT * FROM nope WHERE a = ?", [1]), "NOT_FOUND"),
        (lambda: auto.execute("SELECT ?::INT", ["x"]).fetchall(), "INVALID_DATA"),
        (lambda: auto.execute("SELECT ?", [object()]), "INVALID_DATA"),
        (
            lambda: auto.cursor().executemany("INSERT INTO k VALUES (?, 1)", [[1], [1]]),
            "INTEGRITY",
        ),
        (
            lambda: auto.cursor().executemany("INSERT INTO k VALUES (?, 1)", [["x"], ["y"]]),
            "INVALID_DATA",
        ),
        (lambda: auto.cursor().executemany("INSERT INTO nope VALUES (?)", [[1], [2]]), "NOT_FOUND"),
        (lambda: auto.cursor().adbc_prepare("SELECT * FROM nope WHERE a = ?"), "NOT_FOUND"),
        (lambda: auto.cursor().adbc_execute_partitions("SELECT * FROM nope"), "NOT_FOUND"),
        (lambda: auto.get_table_schema("nope"), "NOT_FOUND"),
        (lambda: auto.adbc_get_table_schema("nope"), "NOT_FOUND"),
        (lambda: auto.cursor().callproc("f"), "NOT_IMPLEMENTED"),
        (lambda: auto.cursor().fetchall(), "INVALID_STATE"),
    ]
    for call, status in calls:
        with pytest.raises(altertable_dbapi.Error) as caught:
            call()
        assert AdbcStatusCode(caught.value.status_code).name == status, caught.value


def test_the_status_of_an_aborted_transaction(conn: Conn) -> None:
    conn.execute("CREATE TABLE k (a INT)")
    with pytest.raises(altertable_dbapi.DataError):
        conn.execute("SELECT 'x'::INT").fetchall()
    with pytest.raises(OperationalError) as caught:
        conn.execute("SELECT 1")
    assert caught.value.status_code == AdbcStatusCode.INVALID_STATE
    conn.rollback()


def test_the_status_of_what_is_closed(server: Server) -> None:
    conn = server.connect()
    cursor = conn.cursor()
    cursor.close()
    for call in (cursor.fetchall, conn.close, conn.cursor):
        with pytest.raises(altertable_dbapi.InterfaceError) as caught:
            call()
            call()
        assert caught.value.status_code == AdbcStatusCode.INVALID_STATE


def test_what_the_engine_interrupted_is_no_doubt(auto: Conn, server: Server) -> None:
    server.fail_next("GetFlightInfo", "INTERNAL", "INTERRUPT Error: Interrupted!")
    with pytest.raises(OperationalError) as caught:
        auto.execute("SELECT 1")
    assert caught.value.status_code == AdbcStatusCode.CANCELLED
    server.clear()
    auto.execute("SELECT 1").fetchall()
    assert len(server.executed) == 1


CONFLICTS = [
    "Failed to commit DuckLake transaction.\nTransaction conflict - attempting to insert into t",
    "Failed to commit DuckLake transaction. Exceeded the maximum retry count of 10 set by x",
    "Conflict on update!",
    'Catalog write-write conflict on create with "t"',
]


@pytest.mark.parametrize("said", CONFLICTS)
def test_a_conflict_is_40001(server: Server, said: str) -> None:
    with server.connect() as connection:
        connection.execute("CREATE TABLE t (i INTEGER)")
        server.fail_next("DoAction:EndTransaction", "ABORTED", f"TransactionContext Error: {said}")
        with pytest.raises(OperationalError) as at_commit:
            connection.commit()
    with server.connect(autocommit=True) as connection:
        server.fail_next("GetFlightInfo", "ABORTED", f"TransactionContext Error: {said}")
        with pytest.raises(OperationalError) as in_autocommit:
            connection.execute("INSERT INTO t VALUES (1)")
    assert (at_commit.value.sqlstate, in_autocommit.value.sqlstate) == ("40001", "40001")


def test_a_word_in_the_programs_text_is_no_conflict(auto: Conn) -> None:
    with pytest.raises(ProgrammingError) as caught:
        auto.execute('SELECT "TransactionContext Error: conflict"')
    assert caught.value.sqlstate is None
