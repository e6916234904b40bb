"""What a server does where its documentation is silent, found by asking it.

It is the first thing to run against a server that the driver has not met, and what goes into a
bug report: one line a fact, each within its time, and no secret in any of them.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import dbapi as adbc_dbapi

from ..connection import Connection
from ..errors import Error
from ..execution import binding
from ..parameters.bind import Bound
from ..protocol import messages
from ..rows.factories import tuple_row
from ..settings import tls
from ..settings.settings import Settings
from .known import versions, where, where_from
from .reaching import steps
from .writing import INGEST_QUESTIONS

#: Seconds for one call, and for one question with all its calls.
CALL_SECONDS = 15.0
QUESTION_SECONDS = 40.0

_MIB = 1 << 20
_SIZES = (20, 8, 3, 1)

_CANCEL_AFTER = 0.5
#: Some seconds of work, on a server that goes on with it when it is cancelled as well. Only a hash
#: has to be computed: DuckDB can tell what a sum is not without adding.
_LONG_STATEMENT = (
    "SELECT count(*) FROM range(50000) a, range(50000) b WHERE hash(a.range + b.range) = 0"
)

#: A round trip from which on each that is saved is felt, in seconds.
_FAR = 0.02

#: Types that servers are known to announce (FlightInfo) as others than they send.
_TYPES = {
    "decimal": "1.50::DECIMAL(10, 2)",
    "hugeint": "1::HUGEINT",
    "timestamptz": "'2020-01-01 00:00:00+00'::TIMESTAMPTZ",
    "timetz": "'12:00:00+02'::TIMETZ",
    "interval": "INTERVAL 1 MONTH",
    "uuid": "'00000000-0000-0000-0000-000000000001'::UUID",
    "json": "'{}'::JSON",
    "enum": "'a'::ENUM('a', 'b')",
    "list": "[1]",
    "array": "[1]::INTEGER[1]",
    "struct": "{'a': 1}",
    "map": "MAP {'a': 1}",
    "blob": "'a'::BLOB",
    "bit": "'101'::BIT",
    "null": "NULL",
}


class Finding(NamedTuple):
    """One line of the report."""

    subject: str
    found: str


Question = Callable[["Doctor", Connection[Any]], str]


class Doctor:
    """Examines a server.

    Parameters
    ----------
    settings : Settings
        Where, and as whom. Each question has a connection of its own, since it may leave it
        unusable.
    write : bool
        Whether to create a schema, load tables into it, and drop it.
    sources : mapping, optional
        Where each setting that is given comes from.

    Attributes
    ----------
    stopped : Finding or None
        The step on the way to the server that failed.
    """

    def __init__(
        self,
        settings: Settings,
        write: bool = False,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        self._given = settings
        self._sources = sources
        self.stopped: Finding | None = None
        self._settings = settings._replace(
            autocommit=True,
            connect_timeout=_shortest(settings.connect_timeout),
            query_timeout=_shortest(settings.query_timeout),
            fetch_timeout=_shortest(settings.fetch_timeout),
            update_timeout=_shortest(settings.update_timeout),
        )
        self._write = write
        #: Settings to recommend, and why.
        self.advice: dict[str, str] = {}

    def examine(self) -> Iterator[Finding]:
        """Ask, and give one finding after the other; advice comes last."""
        yield Finding("driver", versions())
        for name, found in where_from(self._given, self._sources):
            yield Finding(name, found)
        yield Finding("connection", where(self._settings))
        for subject, found, is_end in steps(self._settings):
            finding = Finding(subject, self._without_password(found))
            yield finding
            if is_end:
                self.stopped = finding
                return
        questions = QUESTIONS + (INGEST_QUESTIONS if self._write else [])
        for subject, ask in questions:
            yield Finding(subject, self._answer(ask))
        if not self._write:
            yield Finding("ingest", "not asked; with --write a schema is made and dropped for it")
        self._advise()
        shown = ", ".join(self.advice) or "the defaults"
        yield Finding("recommended", f"connect({shown})" if self.advice else shown)
        for setting, why in self.advice.items():
            yield Finding("", f"{setting}: {why}")

    def _without_password(self, text: str) -> str:
        """A line of the report: a server may repeat in its words what it was told."""
        text = " ".join(text.split())
        password = self._settings.password
        # A short one may be any word.
        return text.replace(password, "***") if len(password) > 5 else text

    def _answer(self, ask: Question) -> str:
        """What a question finds, or why it finds nothing, in one line and within its time."""
        found: list[str] = []
        opened: list[Connection[Any]] = []

        def run() -> None:
            try:
                opened.append(Connection(self._settings, tuple_row))
                found.append(ask(self, opened[0]))
            except Exception as error:  # whatever it is, it is a line of the report
                said = str(error).strip() or "without a word"
                found.append(f"not known: {type(error).__name__}: {said.splitlines()[0]}")
            finally:
                for connection in opened:
                    # What a server says to a goodbye is of no interest here.
                    with contextlib.suppress(Error, adbc.Error):
                        connection._close()

        thread = threading.Thread(target=run, name="altertable-doctor", daemon=True)
        thread.start()
        thread.join(QUESTION_SECONDS)
        if thread.is_alive() and opened:
            with contextlib.suppress(Error, adbc.Error):
                opened[0].adbc_cancel()
            thread.join(1.0)
        answer = found[0] if found else f"not known: no answer within {QUESTION_SECONDS:g} s"
        return self._without_password(answer)

    def _advise(self) -> None:
        settings = self._settings
        if settings.tls_skip_verify:
            self.advice["tls_root_certs=…"] = "instead of tls_skip_verify, which trusts anybody"
        if not settings.tls and not tls.is_loopback(settings.host):
            self.advice["tls=True"] = "password and data travel in clear"
        if settings.catalog is None:
            self.advice["catalog=…"] = "what unqualified names refer to; without it, name in full"


def _shortest(given: float | None) -> float:
    return CALL_SECONDS if given is None else min(given, CALL_SECONDS)


def _server(doctor: Doctor, connection: Connection[Any]) -> str:
    # The base class asks the server; ours gives tools the name that they expect.
    about = adbc_dbapi.Connection.adbc_get_info(connection)
    named = [str(about[key]) for key in ("vendor_name", "vendor_version") if about.get(key)]
    engine = connection.execute("SELECT version()").fetchone()
    return f"{' '.join(named) or 'no name'}, engine {engine[0] if engine else 'unknown'}"


def _round_trip(doctor: Doctor, connection: Connection[Any]) -> str:
    times = []
    for _ in range(9):
        started = time.perf_counter()
        connection.execute("SELECT 1").fetchall()
        times.append(time.perf_counter() - started)
    trip = statistics.median(times) / 2
    if trip > _FAR and 'binding="client"' not in doctor.advice:
        doctor.advice['binding="client"'] = "2 round trips a statement with values, not 3 to 5"
    started = time.perf_counter()
    Connection(doctor._settings, tuple_row).close()
    opening = time.perf_counter() - started
    return (
        f"{trip * 1000:.1f} ms, half of what SELECT 1 takes; opening and closing a connection "
        f"{opening * 1000:.0f} ms"
    )


def _message_size(doctor: Doctor, connection: Connection[Any]) -> str:
    refused = ""
    for size in _SIZES:
        try:
            row = connection.execute(f"SELECT repeat('x', {size * _MIB})").fetchone()
        except Error as error:
            refused = refused or f"; {size} MiB does not: {str(error).splitlines()[0]}"
            continue
        if row is not None and len(row[0]) == size * _MIB:
            return f"a value of {size} MiB arrives{refused}"
        refused = refused or f"; {size} MiB arrives as something else"
    return f"not even a value of {_SIZES[-1]} MiB arrives{refused}"


def _parameters(doctor: Doctor, connection: Connection[Any]) -> str:
    session = connection._session
    kept: list[str] = []
    lost: list[str] = []
    for asked in [*binding._EXPECTED, binding._LIST]:
        expected = asked[1][0]
        try:
            same, *_ = binding._answers(session, [asked])
            (kept if same else lost).append(expected)
        except Error:
            lost.append(expected)
    if any(name != "INTEGER[]" for name in lost):
        doctor.advice['binding="client"'] = "the server does not bind values as what they are"
    found = f"bound as what they are: {', '.join(kept) or 'none'}"
    if lost:
        found += f"; not so: {', '.join(lost)}"
    try:
        literals = all(binding._answers(session, []))
    except Error:
        literals = False
    read = "as DuckDB reads them" if literals else "otherwise than DuckDB reads them"
    return f"{found}; several rows of them: {_several_rows(connection)}; literals are read {read}"


def _several_rows(connection: Connection[Any]) -> str:
    bound = Bound("SELECT $1 AS x", ["$1"], [pa.array([1, 2], pa.int64())])
    try:
        count = connection._session.query(bound.text, bound).num_rows
    except Error as error:
        return f"refused ({str(error).splitlines()[0]})"
    return "each answered" if count == 2 else f"{count} answered of 2"


def _announced_types(doctor: Doctor, connection: Connection[Any]) -> str:
    differ, refused = [], []
    for name, expression in _TYPES.items():
        query = f"SELECT {expression} AS x"
        try:
            _, announced = connection.cursor().adbc_execute_partitions(query)
            sent = connection.execute(query).fetch_arrow_table().schema.field(0)
        except Error:
            refused.append(name)
            continue
        first = announced.field(0) if announced is not None and len(announced) else None
        if first is None or not first.equals(sent, check_metadata=True):
            differ.append(f"{name} ({_field(first)}, sent as {_field(sent)})")
    text = f"differ from the stream's: {'; '.join(differ)}" if differ else "equal the stream's"
    return text + (f"; refused: {', '.join(refused)}" if refused else "")


def _field(field: pa.Field | None) -> str:
    if field is None:
        return "nothing"
    metadata = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    return f"{field.type}{f' {metadata}' if metadata else ''}"


def _endpoints(doctor: Doctor, connection: Connection[Any]) -> str:
    partitions, _ = connection.cursor().adbc_execute_partitions("SELECT * FROM range(1000000)")
    located = sum(messages.without_locations(part) != part for part in partitions)
    return f"{len(partitions)} for a large result, {located} of them with locations (ignored)"


def _transactions(doctor: Doctor, connection: Connection[Any]) -> str:
    with connection.transaction():
        connection.execute("SELECT 1").fetchall()
    session = connection._session
    session.begin()
    try:
        connection.execute("SELECT 'x'::INTEGER").fetchall()
        after = "a conversion that must fail does not"
    except Error:
        try:
            connection.execute("SELECT 1").fetchall()
            after = "goes on after a statement failed"
        except Error as error:
            after = f"after a statement failed: {str(error).splitlines()[0]}"
    session.rollback()
    connection.execute("SELECT 1").fetchall()
    return f"begun, committed, rolled back; {after}"


def _text_begin(doctor: Doctor, connection: Connection[Any]) -> str:
    # The session is asked directly: the connection itself takes the words for its own.
    session = connection._session
    try:
        session.query("BEGIN TRANSACTION")
    except Error as error:
        return f"refused: {str(error).splitlines()[0]}"
    try:
        session.query("ROLLBACK")
    except Error as error:
        return f"accepted, but then ROLLBACK is not: {str(error).splitlines()[0]}"
    return "accepted (the driver uses the protocol's own call)"


class _Running:
    """The long statement, running in a thread until it is cancelled."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="altertable-doctor-long")
        self._thread.daemon = True
        self._thread.start()
        self.ended.wait(_CANCEL_AFTER)

    def _run(self) -> None:
        with contextlib.suppress(Error):
            self._connection.execute(_LONG_STATEMENT).fetchall()
        self.ended.set()

    def cancel(self) -> float:
        """Cancel it; the seconds until it gave up."""
        started = time.perf_counter()
        self._connection.adbc_cancel()
        self.ended.wait(CALL_SECONDS)
        return time.perf_counter() - started


def _keepalive(doctor: Doctor, connection: Connection[Any]) -> str:
    running = _Running(connection)
    if running.ended.is_set():
        return "not known: the long statement ended too soon"
    started = time.perf_counter()
    try:
        connection.adbc_connection.get_option("adbc.flight.sql.session.options")
        answer = "answered"
    except adbc.Error:
        answer = "refused, which serves as well"
    taken = time.perf_counter() - started
    waited = running.ended.is_set()
    running.cancel()
    if waited:
        doctor.advice["keepalive=0"] = "the call that it makes waits for the running statement"
        return f"{answer} only when the running statement had ended, after {taken:.1f} s"
    return f"{answer} in {taken * 1000:.1f} ms while a statement runs"


def _cancel(doctor: Doctor, connection: Connection[Any]) -> str:
    running = _Running(connection)
    if running.ended.is_set():
        return "not known: the long statement ended before it could be cancelled"
    stopped = running.cancel()
    if not running.ended.is_set():
        return f"the statement does not give up within {CALL_SECONDS:g} s"
    before = connection._session.log.id
    started = time.perf_counter()
    connection.execute("SELECT 1").fetchall()
    waited = time.perf_counter() - started
    session = "the same session" if connection._session.log.id == before else "a new session"
    return f"returns after {stopped:.2f} s; the next statement took {waited:.2f} s in {session}"


QUESTIONS: list[tuple[str, Question]] = [
    ("server", _server),
    ("round trip", _round_trip),
    ("message size", _message_size),
    ("parameters", _parameters),
    ("announced types", _announced_types),
    ("endpoints", _endpoints),
    ("transactions", _transactions),
    ("text BEGIN", _text_begin),
    ("keepalive call", _keepalive),
    ("cancel", _cancel),
]
