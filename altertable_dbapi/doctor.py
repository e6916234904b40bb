"""What a server does where its documentation is silent, found by asking it.

It is the first thing to run against a server that the driver has not met, and what goes into a
bug report: one line a fact, and no secret in any of them.
"""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import adbc_driver_manager as adbc
import pyarrow as pa

from . import binding, wire
from .connection import Connection
from .errors import Error
from .sql import quote_identifier

_MIB = 1 << 20
_LARGE_MESSAGE = 20 * _MIB
_CANCEL_AFTER = 0.5
_LONG_STATEMENT = (
    "SELECT count(*) FROM range(100000) a, range(1000000) b WHERE a.range + b.range < 0"
)

#: Types whose announcement (FlightInfo) is known to differ from what is sent.
_TYPES = {
    "decimal": "1.50::DECIMAL(10, 2)",
    "hugeint": "1::HUGEINT",
    "timestamptz": "'2020-01-01 00:00:00+00'::TIMESTAMPTZ",
    "interval": "INTERVAL 1 MONTH",
    "uuid": "'00000000-0000-0000-0000-000000000001'::UUID",
    "json": "'{}'::JSON",
    "list": "[1]",
    "struct": "{'a': 1}",
    "map": "MAP {'a': 1}",
    "blob": "'a'::BLOB",
    "null": "NULL",
}


class Finding(NamedTuple):
    """One line of the report."""

    subject: str
    found: str


class Doctor:
    """Examines the server of a connection.

    Parameters
    ----------
    connect : callable
        Opens another connection to it with the same settings; each question that may leave a
        session unusable has one of its own.
    write : bool
        Whether to create a schema, load a table into it, and drop both.
    """

    def __init__(self, connect: Callable[[], Connection[Any]], write: bool = False) -> None:
        self._connect = connect
        self._write = write
        self._advice: list[str] = []

    def examine(self) -> Iterator[Finding]:
        """Ask, and give one finding after the other; advice comes last."""
        questions: list[tuple[str, Callable[[Connection[Any]], str]]] = [
            ("server", _server),
            ("round trip", _round_trip),
            ("message size", _message_size),
            ("parameters", self._parameters),
            ("announced types", _announced_types),
            ("endpoints", _endpoints),
            ("transactions", _transactions),
            ("text BEGIN", _text_begin),
            ("keepalive call", _keepalive),
            ("cancel", _cancel),
        ]
        if self._write:
            questions.append(("ingest", _ingest))
        for subject, ask in questions:
            try:
                started = time.perf_counter()
                connection = self._connect()
                opened = time.perf_counter() - started
                try:
                    found = ask(connection)
                finally:
                    connection._close()
            except (Error, adbc.Error) as error:
                found = f"not known: {type(error).__name__}: {str(error).splitlines()[0]}"
            if subject == "round trip":
                found += f"; opening a connection {opened * 1000:.0f} ms"
            yield Finding(subject, found)
        if not self._write:
            yield Finding("ingest", "not asked; --write lets it load a table and drop it again")
        yield Finding("advice", "; ".join(self._advice) or "the defaults suit this server")

    def _parameters(self, connection: Connection[Any]) -> str:
        found = binding.resolve("auto", connection._session)
        if found.server:
            return "bound with their types" + ("" if found.lists else "; lists are not")
        self._advice.append('binding="client" spares the question that binding="auto" asks')
        return "not bound with their types; they are sent as literals"


def _server(connection: Connection[Any]) -> str:
    info = connection.adbc_get_info()
    names = ("vendor_name", "vendor_version", "driver_name", "driver_version")
    return ", ".join(str(info[name]) for name in names if info.get(name))


def _round_trip(connection: Connection[Any]) -> str:
    times = []
    for _ in range(9):
        started = time.perf_counter()
        connection.execute("SELECT 1").fetchall()
        times.append(time.perf_counter() - started)
    return f"SELECT 1 takes {statistics.median(times) * 1000:.1f} ms (two round trips)"


def _message_size(connection: Connection[Any]) -> str:
    row = connection.execute(f"SELECT repeat('x', {_LARGE_MESSAGE})").fetchone()
    size = len(row[0]) // _MIB
    return f"a value of {size} MiB arrives"


def _announced_types(connection: Connection[Any]) -> str:
    differ, refused = [], []
    for name, expression in _TYPES.items():
        query = f"SELECT {expression} AS x"
        try:
            _, announced = connection.cursor().adbc_execute_partitions(query)
            sent = connection.execute(query).fetch_arrow_table().schema
        except Error:
            refused.append(name)
            continue
        if announced is None or not announced.equals(sent):
            differ.append(f"{name} ({announced.field(0).type if announced else None})")
    text = f"differ from the stream's: {', '.join(differ)}" if differ else "equal the stream's"
    return text + (f"; refused: {', '.join(refused)}" if refused else "")


def _endpoints(connection: Connection[Any]) -> str:
    partitions, _ = connection.cursor().adbc_execute_partitions("SELECT * FROM range(1000000)")
    located = sum(wire.without_locations(part) != part for part in partitions)
    return f"{len(partitions)} for a large result, {located} of them with locations (ignored)"


def _transactions(connection: Connection[Any]) -> str:
    with connection.transaction():
        connection.execute("SELECT 1").fetchall()
    try:
        with connection.transaction():
            connection.execute("SELECT 'x'::INTEGER").fetchall()
    except Error:
        after = "rolled back after a failed statement"
    connection.execute("SELECT 1").fetchall()
    return f"begun and committed; {after}"


def _text_begin(connection: Connection[Any]) -> str:
    # The session is asked directly: the connection itself takes the words for its own.
    session = connection._session
    try:
        session.execute("BEGIN TRANSACTION").read_table()
        session.execute("ROLLBACK").read_table()
    except Error as error:
        return f"refused: {str(error).splitlines()[0]}"
    return "accepted (the driver uses the protocol's own call)"


def _keepalive(connection: Connection[Any]) -> str:
    started = time.perf_counter()
    try:
        connection.adbc_connection.get_option("adbc.flight.sql.session.options")
        answer = "answered"
    except adbc.Error:
        answer = "refused, which serves as well"
    return f"{answer} in {(time.perf_counter() - started) * 1000:.1f} ms"


def _cancel(connection: Connection[Any]) -> str:
    timer = threading.Timer(_CANCEL_AFTER, connection.adbc_cancel)
    timer.start()
    started = time.perf_counter()
    try:
        connection.execute(_LONG_STATEMENT).fetchall()
        return "the statement ended by itself before it could be cancelled"
    except Error:
        stopped = time.perf_counter() - started - _CANCEL_AFTER
    finally:
        timer.cancel()
    started = time.perf_counter()
    connection.execute("SELECT 1").fetchall()
    waited = time.perf_counter() - started
    return f"returns after {stopped:.2f} s; the session's next statement took {waited:.2f} s"


def _ingest(connection: Connection[Any]) -> str:
    schema = f"altertable_doctor_{uuid.uuid4().hex[:8]}"
    quoted = quote_identifier(schema)
    connection.execute(f"CREATE SCHEMA {quoted}")
    try:
        table = pa.table({"a": pa.array([1, 2, 3], pa.int64())})
        with connection.cursor() as cursor:
            loaded = cursor.adbc_ingest("t", table, mode="create", db_schema_name=schema)
        kept = connection.execute(f"SELECT count(*) FROM {quoted}.t").fetchone()[0]
        return f"{loaded} rows reported, {kept} of 3 kept in the schema that was named"
    finally:
        connection.execute(f"DROP TABLE IF EXISTS {quoted}.t")
        connection.execute(f"DROP SCHEMA IF EXISTS {quoted}")
