"""Upsert: a Flight SQL ingest with options that ADBC cannot send, on a session of its own."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from ..errors import DataError, OperationalError, ProgrammingError
from ..process import exiting, fork
from ..protocol import messages
from ..protocol.errors import from_flight
from ..settings import tls
from ..settings.adbc import MAX_MESSAGE_BYTES
from ..settings.secret import Secret
from ..settings.settings import Settings
from ..statement.names import folded, repeated
from .transfer import Aborted

#: The largest message that is sent, and so the largest row. pyarrow has no call to cancel a
#: DoPut, and ending its stream is what commits it. gRPC itself cancels the call when it is asked
#: to send more than this, and nothing of such a message is sent.
MAX_SENT_BYTES = 64 * 1024 * 1024

_CLOSE_SECONDS = 5.0

#: Seconds for which a session is kept unused. Nothing keeps its connection through load balancers,
#: which cut silent ones without a word.
_KEPT_SECONDS = 60.0

# No data flows while the server works; pings keep the connection through load balancers. Between
# calls there are none: servers close a connection that has too many of those.
_CHANNEL = {
    "grpc.max_send_message_length": MAX_SENT_BYTES,
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.ping_timeout_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.http2.max_pings_without_data": 0,
}


class Key:
    """The columns by which an upsert finds and orders rows.

    Parameters
    ----------
    primary_key : str or sequence of str
        Rows that agree in these are one.
    cursor_field : str or sequence of str, optional
        Of such rows the one that is largest in these is kept, be it stored or loaded. Without it,
        which one of several in the data is kept is up to the server.

    Raises
    ------
    ProgrammingError
        There is no name, one that is no text, or one twice.
    """

    def __init__(
        self, primary_key: str | Sequence[str], cursor_field: str | Sequence[str] | None
    ) -> None:
        self.primary_key = _names("primary_key", primary_key)
        self.cursor_field = () if cursor_field is None else _names("cursor_field", cursor_field)

    @property
    def options(self) -> dict[str, str]:
        """The options of the ingest command."""
        given = {"primary_key": self.primary_key, "cursor_field": self.cursor_field}
        return {name: json.dumps(names) for name, names in given.items() if names}

    def resolved(self, schema: pa.Schema) -> Key:
        """The key with its columns as the data spells them.

        Raises
        ------
        ProgrammingError
            The data has no such column, or none besides the key.
        """
        spelled = {folded(name): name for name in schema.names}
        parts = []
        for option in ("primary_key", "cursor_field"):
            names = getattr(self, option)
            missing = [name for name in names if folded(name) not in spelled]
            if missing:
                raise ProgrammingError(
                    f"{option} names {', '.join(map(repr, missing))}; the columns of the data are "
                    f"{', '.join(schema.names)}"
                )
            parts.append([spelled[folded(name)] for name in names])
        if len(schema) == len(self.primary_key):
            raise ProgrammingError(
                "every column of the data is in primary_key; an upsert needs one that it can update"
            )
        return Key(parts[0], parts[1] or None)

    def check(self, batch: pa.RecordBatch, row: int) -> None:
        """Refuse a batch, the first of whose rows has number `row`, with NULL in the key.

        Raises
        ------
        DataError
            The server would insert such a row anew with every load.
        """
        for name in self.primary_key:
            column = batch.column(name)
            if column.null_count:
                row += column.is_null().to_pylist().index(True)
                raise DataError(f"primary_key column {name!r} is NULL in row {row}")


def _names(option: str, given: str | Sequence[str]) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ProgrammingError(f"{option} is {given!r}; expected one or more column names")
    if repeated(names):
        raise ProgrammingError(f"{option} is {given!r}; it names a column twice")
    return names


class UpsertSessions:
    """Sends upserts of one connection, over a session that is kept for the next one.

    It is ended with the connection, and after an error. An upsert that begins while another one is
    under way in another thread has a session of its own.

    Parameters
    ----------
    settings : Settings
        Where, as whom, with which session options.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._kept: _UpsertSession | None = None
        self._closed = False

    def send(self, command: bytes, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
        """Send an ingest command and its batches.

        Parameters
        ----------
        command : bytes
            The command, as `messages.ingest_command` makes it.
        schema : pyarrow.Schema
            The batches' schema.
        batches : iterator of pyarrow.RecordBatch
            When it raises, nothing is loaded.

        Returns
        -------
        int
            The rows that the server says it has inserted or updated; -1 when it does not say.

        Raises
        ------
        Error
            What the server answers. Where the kept session had expired, nothing was loaded.
        """
        from pyarrow import flight

        try:
            session = self._take()
            if session is not None and time.monotonic() - session.used > _KEPT_SECONDS:
                session.close()
                session = None
            if session is None:
                session = _UpsertSession(self._settings)
            try:
                done = session.put(command, schema, batches)
            except BaseException:
                session.close()
                raise
        except (pa.ArrowException, flight.FlightError) as error:
            raise from_flight(error) from None
        self._keep(session)
        return done

    def _take(self) -> _UpsertSession | None:
        with self._lock:
            kept, self._kept = self._kept, None
        return kept

    def _keep(self, session: _UpsertSession) -> None:
        with self._lock:
            if not self._closed and self._kept is None:
                self._kept = session
                exiting.watch(self)
                fork.watch(self)
                return
        session.close()

    def close(self) -> None:
        """End the session. Idempotent."""
        self._closed = True
        kept = self._take()
        if kept is not None:
            kept.close()

    def leave(self, in_time: bool) -> None:
        """At the interpreter's exit: end the session, or leave it where that could take long."""
        if in_time:
            self.close()
        else:
            self.inherit()

    def inherit(self) -> None:
        """In a forked child: leave the session to the parent, and never touch it."""
        if self._kept is not None:
            fork.leak(self._kept)
        fork.free(self._lock)
        self._kept, self._closed = None, True


class _UpsertSession:
    """A session of pyarrow.flight.

    Attributes
    ----------
    used : float
        When its last upsert ended, by ``time.monotonic()``.
    """

    def __init__(self, settings: Settings) -> None:
        from pyarrow import flight

        fork.check_use(fork.GRPC, "upsert")
        fork.note_use(fork.GRPC)
        self.used = time.monotonic()
        self._settings = settings
        self._bearer = _Bearer()
        arguments, generic = tls.flight_options(settings)
        self._client = flight.FlightClient(
            settings.uri,
            middleware=[self._bearer.factory()],
            generic_options=[*_CHANNEL.items(), *generic],
            **arguments,
        )
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        from pyarrow import flight

        settings = self._settings
        soon = flight.FlightCallOptions(timeout=settings.connect_timeout)
        self._client.authenticate_basic_token(settings.username, settings.password, soon)
        if settings.session_options:
            body = messages.session_options(settings.session_options)
            for result in self._client.do_action(flight.Action("SetSessionOptions", body), soon):
                refused = messages.session_option_errors(result.body.to_pybytes())
                if refused:
                    said = ", ".join(f"{name} ({why})" for name, why in refused.items())
                    raise ProgrammingError(f"{settings.address} refused the session option {said}")

    def put(self, command: bytes, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
        """Send one command and its batches; the number of rows."""
        from pyarrow import flight

        options = flight.FlightCallOptions(timeout=self._settings.update_timeout)
        descriptor = flight.FlightDescriptor.for_command(command)
        done = _put(self._client, options, descriptor, schema, batches)
        self.used = time.monotonic()
        return done

    def close(self) -> None:
        """End it on the server."""
        from pyarrow import flight

        # A server that does not answer must not keep an error, or the caller, waiting for ever.
        with contextlib.suppress(pa.ArrowException, flight.FlightError, OSError):
            if self._bearer.header is not None:
                closing = flight.FlightCallOptions(timeout=_CLOSE_SECONDS)
                list(self._client.do_action(flight.Action("CloseSession", b""), closing))
        self._client.close()


def _put(
    client: Any, options: Any, descriptor: Any, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> int:
    writer, reader = client.do_put(descriptor, schema, options)
    try:
        for batch in batches:
            writer.write_batch(batch)
        # The answer comes before the call is closed, or not at all.
        writer.done_writing()
        answer = reader.read()
        writer.close()
    except Aborted:
        _break_off(writer)
        raise
    except OSError:
        # pyarrow's word for a stream that the server has ended; the reason is in its status.
        writer.close()
        raise OperationalError("the server ended the load before it had all rows") from None
    return -1 if answer is None else messages.record_count(answer.to_pybytes())


def _break_off(writer: Any) -> None:
    """Cancel the call, which pyarrow can do in no other way (see `MAX_SENT_BYTES`)."""
    from pyarrow import flight

    with contextlib.suppress(pa.ArrowException, flight.FlightError, OSError):
        writer.write_metadata(bytes(MAX_SENT_BYTES + 1))
    with contextlib.suppress(pa.ArrowException, flight.FlightError, OSError):
        writer.close()


class _Bearer:
    """The token of a session: the latest that the server has sent, for every call."""

    def __init__(self) -> None:
        self.header: str | None = None

    def factory(self) -> Any:
        from pyarrow import flight

        bearer = self

        class Middleware(flight.ClientMiddleware):  # type: ignore[misc]
            def sending_headers(self) -> dict[str, str]:
                return {} if bearer.header is None else {"authorization": bearer.header}

            def received_headers(self, headers: dict[str, list[str]]) -> None:
                values = headers.get("authorization")
                if values:
                    bearer.header = Secret(values[0])

        class Factory(flight.ClientMiddlewareFactory):  # type: ignore[misc]
            def start_call(self, info: Any) -> Any:
                return Middleware()

        return Factory()
