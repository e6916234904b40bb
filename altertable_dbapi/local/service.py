"""Flight dispatch: which call is which command, and who answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import flight

from . import ingest, messages, metadata, parameters, schemas, sqlinfo, statements
from .engine import Engine
from .failures import from_engine, refusal
from .faults import Executed, Faults
from .sessions import Planned, Prepared, Session, Sessions
from .streams import Batches, Watch, engine_error

_JSON = {
    b"ARROW:extension:name": b"arrow.json",
    b"ARROW:extension:metadata": b"",
    b"altertable.original_type": b"JSON",
}


@dataclass
class Settings:
    """How the service behaves; the public `Server` documents each."""

    bind_as_text: bool = False
    batch_rows: int = 65_536
    endpoints: int = 1
    endpoint_locations: Sequence[str] = ()
    max_message: int = 4 * 1024 * 1024
    canned: dict[str, pa.Table] = field(default_factory=dict)


class _Accept(flight.ServerAuthHandler):  # type: ignore[misc]
    """Lets every handshake pass: the credentials are in the headers, which `_Gate` reads."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        pass

    def is_valid(self, token: bytes) -> bytes:
        return b""


class _Call(flight.ServerMiddleware):  # type: ignore[misc]
    def __init__(self, authorization: str, answer: dict[str, str]) -> None:
        self.authorization = authorization
        self._answer = answer

    def sending_headers(self) -> dict[str, str]:
        return self._answer


class _Gate(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    def __init__(self, sessions: Sessions, faults: Faults, calls: list[str]) -> None:
        self._sessions = sessions
        self._faults = faults
        self._calls = calls

    def start_call(self, info: Any, headers: dict[str, list[str]]) -> _Call:
        authorization = headers.get("authorization", [""])[0]
        if isinstance(authorization, bytes):
            authorization = authorization.decode("latin-1")
        if info.method != flight.FlightMethod.HANDSHAKE:
            return _Call(authorization, {})
        self._calls.append("Handshake")
        self._faults.meet("Handshake")
        token = self._sessions.open(authorization)
        return _Call(authorization, {"authorization": f"Bearer {token}"})


class Service(flight.FlightServerBase):  # type: ignore[misc]
    """The Flight SQL service over one engine.

    Every method is called by gRPC's own threads, several at a time.
    """

    def __init__(
        self,
        location: str,
        engine: Engine,
        sessions: Sessions,
        faults: Faults,
        settings: Settings,
        **transport: Any,
    ) -> None:
        self.calls: list[str] = []
        self.executed: list[Executed] = []
        self._engine = engine
        self._sessions = sessions
        self._faults = faults
        self._settings = settings
        self._watch = Watch()
        try:
            super().__init__(
                location,
                auth_handler=_Accept(),
                middleware={"gate": _Gate(sessions, faults, self.calls)},
                **transport,
            )
        except BaseException:
            self._watch.close()
            raise

    def stop_watching(self) -> None:
        """Stop the thread that looks for clients that have gone."""
        self._watch.close()

    # Flight's entry points

    def get_flight_info(self, context: Any, descriptor: Any) -> flight.FlightInfo:
        name, command = self._command(descriptor.command)
        session = self._enter("GetFlightInfo", name, context)
        schema, tickets = self._plan(session, name, command, descriptor.command, context)
        endpoints = [
            flight.FlightEndpoint(ticket, list(self._settings.endpoint_locations))
            for ticket in tickets
        ]
        return flight.FlightInfo(schema, descriptor, endpoints, -1, -1)

    def get_schema(self, context: Any, descriptor: Any) -> flight.SchemaResult:
        name, command = self._command(descriptor.command)
        session = self._enter("GetSchema", name, context)
        schema, _ = self._plan(session, name, command, descriptor.command, context)
        return flight.SchemaResult(schema)

    def do_get(self, context: Any, ticket: Any) -> flight.FlightDataStream:
        name, command = self._command(ticket.ticket)
        session = self._enter("DoGet", name, context)
        if name == "TicketStatementQuery":
            handle, _, share = command.statement_handle.partition(b"/")
            if int(share or 0) or handle not in session.planned:
                return self._share(session, handle, int(share or 0))
            planned = session.planned.pop(handle)
            canned = self._settings.canned.get(planned.statement.sql)
            if canned is not None:
                return self._canned(planned.statement.sql, canned)
            if self._settings.endpoints > 1:
                reader = self._run(session, planned.statement, planned.transaction, None, context)
                return self._split(session, handle, reader)
            reader = self._run(session, planned.statement, planned.transaction, None, context)
            return flight.GeneratorStream(*reader)
        if name == "CommandPreparedStatementQuery":
            prepared = self._prepared(session, command)
            reader = self._run(session, prepared.statement, prepared.transaction, prepared, context)
            return flight.GeneratorStream(*reader)
        if name == "CommandGetSqlInfo":
            return flight.RecordBatchStream(sqlinfo.table(command.info))
        with session.exclusive(context.is_cancelled) as cursor:
            session.check_transaction(b"")
            try:
                table = metadata.ANSWERS[name](cursor, command)
            except duckdb.Error as error:
                raise from_engine(error, "read the catalog", "INTERNAL") from error
        return flight.RecordBatchStream(table)

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        name, command = self._command(descriptor.command)
        session = self._enter("DoPut", name, context)
        if name == "CommandPreparedStatementQuery":
            self._bind(self._prepared(session, command), reader)
            answer = messages.new(
                "DoPutPreparedStatementResult",
                prepared_statement_handle=command.prepared_statement_handle,
            )
            writer.write(answer.SerializeToString())
            return
        if name == "CommandStatementUpdate":
            with session.exclusive(context.is_cancelled) as cursor:
                session.check_transaction(command.transaction_id)
                session.apply_options()
                statement = statements.prepare(cursor, command.query)
            count = self._count(session, statement, command.transaction_id, None, context)
        elif name == "CommandPreparedStatementUpdate":
            prepared = self._prepared(session, command)
            if prepared.statement.parameters:
                self._bind(prepared, reader)
            count = self._count(
                session, prepared.statement, prepared.transaction, prepared, context
            )
        elif name == "CommandStatementIngest":
            count = self._ingest(command, reader, context)
        else:
            raise refusal("UNIMPLEMENTED", f"DoPut of {name} is not supported")
        answer = messages.new("DoPutUpdateResult", record_count=count)
        writer.write(answer.SerializeToString())

    def do_action(self, context: Any, action: Any) -> list[flight.Result]:
        session = self._enter("DoAction", action.type, context)
        answer = _ACTIONS.get(action.type)
        if answer is None:
            raise refusal("UNIMPLEMENTED", f"Action {action.type!r} is not supported")
        body = answer(self, session, action.body.to_pybytes(), context)
        return [flight.Result(body)] if body is not None else []

    def list_actions(self, context: Any) -> list[tuple[str, str]]:
        return [(name, "") for name in _ACTIONS]

    # Steps

    def _command(self, data: bytes) -> tuple[str, messages.Message]:
        try:
            return messages.unpack(data)
        except ValueError as error:
            raise refusal("INVALID_ARGUMENT", str(error)) from error

    def _enter(self, method: str, name: str, context: Any) -> Session:
        call = f"{method}:{name}"
        self.calls.append(call)
        self._faults.meet(call)
        return self._sessions.get(context.get_middleware("gate").authorization)

    def _plan(
        self, session: Session, name: str, command: Any, data: bytes, context: Any
    ) -> tuple[pa.Schema, list[bytes]]:
        if name == "CommandStatementQuery":
            canned = self._settings.canned.get(command.query)
            if canned is not None:
                statement = statements.Statement(
                    command.query, "SELECT", (), canned.schema, frozenset()
                )
            else:
                with session.exclusive(context.is_cancelled) as cursor:
                    session.check_transaction(command.transaction_id)
                    session.apply_options()
                    statement = statements.prepare(cursor, command.query)
            handle = session.plan(Planned(statement, command.transaction_id))
            tickets = [
                messages.new(
                    "TicketStatementQuery",
                    statement_handle=handle + (b"/%d" % share if share else b""),
                )
                for share in range(self._settings.endpoints)
            ]
            return statement.schema, [messages.pack(ticket) for ticket in tickets]
        if name == "CommandPreparedStatementQuery":
            return self._prepared(session, command).statement.schema, [data]
        if name == "CommandGetSqlInfo":
            return schemas.SQL_INFO, [data]
        if name not in metadata.ANSWERS:
            raise refusal("UNIMPLEMENTED", f"{name} is not supported")
        session.check_transaction(b"")
        return metadata.schema(name, command), [data]

    def _run(
        self,
        session: Session,
        statement: statements.Statement,
        transaction: bytes,
        prepared: Prepared | None,
        context: Any,
    ) -> tuple[pa.Schema, Batches]:
        """Begin a statement; the session is held until the stream is closed."""

        def cancelled() -> bool:
            return bool(context.is_cancelled()) or self._faults.closing.is_set()

        session.acquire(cancelled)
        try:
            session.check_transaction(transaction)
            session.apply_options()
            batch = prepared.parameters if prepared is not None else None
            if statement.parameters and batch is None:
                raise refusal(
                    "INVALID_ARGUMENT",
                    "Invalid Input Error: Values were not provided for the following prepared "
                    f"statement parameters: {', '.join(statement.parameters)}",
                )
            self.executed.append(Executed(statement.sql, batch))
            watch = self._watch.enter(context, session.cursor)
            try:
                reader = statements.start(
                    session.cursor, statement, batch, self._settings.batch_rows
                )
            except duckdb.Error as error:
                raise engine_error(error) from error
            finally:
                self._watch.leave(watch)
            schema = reader.schema
            for column in statement.json_columns:
                if column < len(schema):
                    schema = schema.set(column, schema.field(column).with_metadata(_JSON))
        except BaseException:
            session.lock.release()
            raise

        def read(reader: pa.RecordBatchReader) -> pa.RecordBatch:
            key = self._watch.enter(context, session.cursor)
            try:
                return reader.read_next_batch()
            except (pa.ArrowException, OSError, duckdb.Error) as error:
                raise engine_error(error) from error
            finally:
                self._watch.leave(key)

        stream = Batches(
            reader, schema, read, session.lock.release, cancelled, self._faults.take_break()
        )
        return schema, stream

    def _count(
        self,
        session: Session,
        statement: statements.Statement,
        transaction: bytes,
        prepared: Prepared | None,
        context: Any,
    ) -> int:
        schema, stream = self._run(session, statement, transaction, prepared, context)
        try:
            batches = list(stream)
        finally:
            stream.close()
        if schema.names == ["Count"] and statement.kind != "SELECT":
            return sum(count or 0 for batch in batches for count in batch.column(0).to_pylist())
        return 0 if schema.names == ["Success"] else -1

    def _canned(self, sql: str, table: pa.Table) -> flight.FlightDataStream:
        self.executed.append(Executed(sql))
        after = self._faults.take_break()
        if after is None:
            return flight.RecordBatchStream(table.to_reader())
        reader = table.to_reader()
        stream = Batches(
            reader, reader.schema, _next_batch, _nothing, self._faults.closing.is_set, after
        )
        return flight.GeneratorStream(reader.schema, stream)

    def _split(
        self, session: Session, handle: bytes, running: tuple[pa.Schema, Batches]
    ) -> flight.FlightDataStream:
        schema, stream = running
        try:
            table = pa.Table.from_batches(list(stream), schema)
        finally:
            stream.close()
        count = self._settings.endpoints
        rows = -(-table.num_rows // count)
        for share in range(count):
            session.shares[handle, share] = table.slice(share * rows, rows)
        return self._share(session, handle, 0)

    def _share(self, session: Session, handle: bytes, share: int) -> flight.FlightDataStream:
        table = session.shares.pop((handle, share), None)
        if table is None:
            raise refusal("NOT_FOUND", "Statement not found")
        return flight.RecordBatchStream(table)

    def _prepared(self, session: Session, command: Any) -> Prepared:
        prepared = session.prepared.get(command.prepared_statement_handle)
        if prepared is None:
            raise refusal("NOT_FOUND", "Prepared statement not found")
        return prepared

    def _bind(self, prepared: Prepared, reader: Any) -> None:
        table = reader.read_all().combine_chunks()
        batches = table.to_batches()
        batch = batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)
        parameters.check(batch, prepared.statement.parameters)
        prepared.parameters = parameters.as_text(batch) if self._settings.bind_as_text else batch

    def _ingest(self, command: Any, reader: Any, context: Any) -> int:
        plan = ingest.plan(command, self._engine.catalog)
        self.executed.append(Executed(f"INGEST {plan.target}"))
        cursor = self._engine.cursor()
        watch = self._watch.enter(context, cursor)
        try:
            return ingest.load(cursor, plan, reader, self._settings.max_message)
        finally:
            self._watch.leave(watch)
            cursor.close()

    # Actions: body in, body out

    def _create_prepared(self, session: Session, body: bytes, context: Any) -> bytes:
        _, request = self._command(body)
        with session.exclusive(context.is_cancelled) as cursor:
            session.check_transaction(request.transaction_id)
            session.apply_options()
            statement = statements.prepare(cursor, request.query)
        handle = session.keep(Prepared(statement, request.transaction_id))
        kinds = pa.schema([pa.field(name, pa.null()) for name in statement.parameters])
        return messages.pack(
            messages.new(
                "ActionCreatePreparedStatementResult",
                prepared_statement_handle=handle,
                dataset_schema=statement.schema.serialize().to_pybytes(),
                parameter_schema=kinds.serialize().to_pybytes(),
            )
        )

    def _close_prepared(self, session: Session, body: bytes, context: Any) -> None:
        _, request = self._command(body)
        self._prepared(session, request)
        session.prepared.pop(request.prepared_statement_handle, None)

    def _begin(self, session: Session, body: bytes, context: Any) -> bytes:
        with session.exclusive(context.is_cancelled):
            transaction = session.begin()
        return messages.pack(
            messages.new("ActionBeginTransactionResult", transaction_id=transaction)
        )

    def _end(self, session: Session, body: bytes, context: Any) -> None:
        _, request = self._command(body)
        if request.action not in (1, 2):
            raise refusal("INVALID_ARGUMENT", "EndTransaction needs COMMIT or ROLLBACK")
        with session.exclusive(context.is_cancelled):
            session.end(request.transaction_id, commit=request.action == 1)

    def _set_options(self, session: Session, body: bytes, context: Any) -> bytes:
        request = messages.parse("SetSessionOptionsRequest", body)
        errors = session.set_options(dict(request.session_options))
        answer = messages.new("SetSessionOptionsResult")
        for name, code in errors.items():
            answer.errors[name].value = code
        encoded: bytes = answer.SerializeToString()
        return encoded

    def _get_options(self, session: Session, body: bytes, context: Any) -> bytes:
        answer = messages.new("GetSessionOptionsResult")
        for name, value in session.options.items():
            answer.session_options[name].string_value = value
        encoded: bytes = answer.SerializeToString()
        return encoded

    def _close_session(self, session: Session, body: bytes, context: Any) -> bytes:
        self._sessions.close(session)
        encoded: bytes = messages.new("CloseSessionResult", status=1).SerializeToString()
        return encoded


def _next_batch(reader: pa.RecordBatchReader) -> pa.RecordBatch:
    return reader.read_next_batch()


def _nothing() -> None:
    pass


_ACTIONS: dict[str, Callable[[Service, Session, bytes, Any], bytes | None]] = {
    "CreatePreparedStatement": Service._create_prepared,
    "ClosePreparedStatement": Service._close_prepared,
    "BeginTransaction": Service._begin,
    "EndTransaction": Service._end,
    "SetSessionOptions": Service._set_options,
    "GetSessionOptions": Service._get_options,
    "CloseSession": Service._close_session,
}
