"""docs/errors.md: each row of its table happens, and nothing else is in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from adbc_driver_manager import AdbcStatusCode

import altertable_dbapi
from altertable_dbapi import Connection, Error, connect
from altertable_dbapi.local import Server

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"

Conn = Connection[tuple[Any, ...]]
Row = tuple[str, str, str]
Attempt = Callable[[Server, Conn], object]


def refused(code: str, text: str = "no") -> Attempt:
    """A statement that the server refuses with a gRPC status."""

    def attempt(server: Server, conn: Conn) -> object:
        server.fail_next("GetFlightInfo", code, text)
        return conn.execute("SELECT 1")

    return attempt


def runs(*statements: str) -> Attempt:
    """Statements of which the last one fails."""

    def attempt(server: Server, conn: Conn) -> object:
        *before, last = statements
        for statement in before:
            conn.execute(statement)
        return conn.execute(last).fetchall()

    return attempt


def in_aborted(server: Server, conn: Conn, ending: Callable[[Conn], object]) -> object:
    conn.execute("BEGIN")
    conn.execute("CREATE TABLE made (n INTEGER)")
    with pytest.raises(altertable_dbapi.DataError):
        conn.execute("SELECT 'x'::INTEGER").fetchall()
    return ending(conn)


def slow(server: Server, conn: Conn) -> object:
    server.delay_next("GetFlightInfo", 20)
    return conn.cursor(query_timeout=0.2).execute("SELECT 1")


def conflict(server: Server, conn: Conn) -> object:
    conn.execute("CREATE TABLE t AS SELECT 1 AS n")
    with server.connect() as other:
        other.execute("UPDATE t SET n = 2")
        try:
            return conn.execute("UPDATE t SET n = 3")
        finally:
            other.rollback()


def expired(server: Server, conn: Conn) -> object:
    conn.execute("BEGIN")
    conn.execute("CREATE TABLE t (n INTEGER)")
    server.expire_sessions()
    return conn.execute("INSERT INTO t VALUES (1)")


def closed(server: Server, conn: Conn) -> object:
    cursor = conn.cursor()
    cursor.close()
    return cursor.execute("SELECT 1")


#: What happens in each row, by class, status and SQLSTATE.
HAPPENS: dict[Row, dict[str, Attempt]] = {
    ("ProgrammingError", "INVALID_ARGUMENT", "–"): {
        "statement": runs("SELEC 1"),
        "column": runs("SELECT nope FROM range(1)"),
        "argument": lambda server, conn: conn.cursor(binding="both"),  # type: ignore[call-overload]
        "setting": lambda server, conn: connect(port="none"),  # type: ignore[call-overload]
    },
    ("ProgrammingError", "NOT_FOUND", "–"): {
        "table": runs("FROM nope"),
        "type": runs("SELECT 1::nope"),
        "catalog": lambda server, conn: server.connect(catalog="nope"),
    },
    ("ProgrammingError", "ALREADY_EXISTS", "–"): {
        "table": runs("CREATE TABLE t (n INTEGER)", "CREATE TABLE t (n INTEGER)"),
    },
    ("ProgrammingError", "UNAUTHORIZED", "–"): {"refused": refused("PERMISSION_DENIED")},
    ("ProgrammingError", "INVALID_STATE", "–"): {
        "fetch": lambda server, conn: conn.cursor().fetchone(),
        "load": lambda server, conn: (conn.execute("BEGIN"), conn.load("t", [{"n": 1}])),
    },
    ("DataError", "INVALID_DATA", "–"): {
        "conversion": runs("SELECT 'x'::INTEGER"),
        "range": runs("SELECT 200::TINYINT"),
        "binding": lambda server, conn: conn.execute("SELECT ?", [object()]),
    },
    ("IntegrityError", "INTEGRITY", "–"): {
        "key": runs("CREATE TABLE t (n INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1), (1)"),
        "null": runs("CREATE TABLE t (n INTEGER NOT NULL)", "INSERT INTO t VALUES (NULL)"),
        "check": runs("CREATE TABLE t (n INTEGER CHECK (n > 0))", "INSERT INTO t VALUES (0)"),
    },
    ("NotSupportedError", "NOT_IMPLEMENTED", "0A000"): {
        "driver": lambda server, conn: conn.cursor().callproc("x"),
        "server": refused("UNIMPLEMENTED"),
    },
    ("InternalError", "INTERNAL", "–"): {
        "engine": refused("INTERNAL", "INTERNAL Error: no"),
        "server": refused("INTERNAL"),
    },
    ("OperationalError", "IO", "–"): {
        "connection": lambda server, conn: connect("altertable://u:p@127.0.0.1:1?tls=false"),
        "file": runs("FROM read_csv('/nope/nope.csv')"),
        "memory": refused("INTERNAL", "Out of Memory Error: no"),
    },
    ("OperationalError", "TIMEOUT", "–"): {"query_timeout": slow},
    ("OperationalError", "CANCELLED", "–"): {"server": refused("CANCELLED")},
    ("OperationalError", "UNAUTHENTICATED", "–"): {
        "password": lambda server, conn: connect(server.uri, password="other"),
        "expiry": expired,
    },
    ("OperationalError", "INVALID_STATE", "25P02"): {
        "statement": lambda server, conn: in_aborted(
            server, conn, lambda conn: conn.execute("SELECT 1")
        ),
        "commit": lambda server, conn: in_aborted(server, conn, lambda conn: conn.commit()),
    },
    ("OperationalError", "INVALID_STATE", "40001"): {"conflict": conflict},
    ("OperationalError", "UNKNOWN", "–"): {"server": refused("UNKNOWN")},
    ("InterfaceError", "INVALID_STATE", "–"): {
        "closed": closed,
        "password": lambda server, conn: connect("altertable://ana@host"),
    },
}


def rows() -> list[Row]:
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\S+) \| \S.* \| \S.* \|$", text, re.M)
    return [(kind, status, state.strip("`")) for kind, status, state in found]


def test_the_table_has_a_row_for_all_that_happens() -> None:
    assert rows() == list(HAPPENS)


def test_every_class_has_a_row() -> None:
    bases = {"Error", "DatabaseError"}
    concrete = {
        name
        for name in altertable_dbapi.__all__
        if name.endswith("Error") and issubclass(getattr(altertable_dbapi, name), Error)
    }
    assert {kind for kind, *_ in rows()} == concrete - bases


@pytest.mark.parametrize(
    ("row", "case"),
    [(row, case) for row, cases in HAPPENS.items() for case in cases],
    ids=lambda part: part if isinstance(part, str) else "-".join(part),
)
def test_a_row_happens(row: Row, case: str) -> None:
    kind, status, state = row
    with Server() as server, server.connect(autocommit=True) as conn:
        with pytest.raises(Error) as caught:
            HAPPENS[row][case](server, conn)
        assert type(caught.value) is getattr(altertable_dbapi, kind)
        assert AdbcStatusCode(caught.value.status_code).name == status
        assert caught.value.sqlstate == (None if state == "–" else state)
        conn.rollback()
        assert conn.execute("SELECT 42").fetchone() == (42,)
