"""Flight dispatch: which call is which command, and who answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import flight

from ..local import ingest, messages, metadata, parameters, schemas, sqlinfo, statements
from .engine import Engine
from .execution import Execution, Settings
from .failures import from_engine, guarded, refusal
from .faults import Faults
from .gate import Accept, Gate
from .seen import Seen
from .sessions import Planned, Prepared, Session, Sessions
from .streams import Watch


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
        self.seen = Seen()
        self._engine = engine
        self._sessions = sessions
        self._faults = faults
        self._settings = settings
        self._watch = Watch(ignore=settings.habits.ignore_cancel)
        self._execution = Execution(self._watch, faults, settings, self.seen)
        try:
            super().__init__(
                location,
                auth_handler=Accept(),
                middleware={"gate": Gate(sessions, faults, self.seen)},
                **transport,
            )
        except BaseException:
            self._watch.close()
            raise

    def stop_watching(self) -> None:
        """Stop the thread that looks for clients that have gone."""
        self._watch.close()

    # The calls of Flight

    @guarded
    def get_flight_info(self, context: Any, descriptor: Any) -> flight.FlightInfo:
        """Plan a command; nothing runs yet."""
        name, command = _command(descriptor.command)
        session = self._enter("GetFlightInfo", name, context)
        schema, tickets = self._plan(session, name, command, descriptor.command, context)
        # What is known of the server's metadata stays where it is asked for.
        statement = name in ("CommandStatementQuery", "CommandPreparedStatementQuery")
        locations = list(self._settings.endpoint_locations) if statement else []
        endpoints = [flight.FlightEndpoint(ticket, locations) for ticket in tickets]
        return flight.FlightInfo(schema, descriptor, endpoints, -1, -1)

    @guarded
    def get_schema(self, context: Any, descriptor: Any) -> flight.SchemaResult:
        """Give the schema that GetFlightInfo would announce."""
        name, command = _command(descriptor.command)
        session = self._enter("GetSchema", name, context)
        schema, _ = self._plan(session, name, command, descriptor.command, context)
        return flight.SchemaResult(schema)

    @guarded
    def do_get(self, context: Any, ticket: Any) -> flight.FlightDataStream:
        """Run what a ticket stands for, and stream its result."""
        name, command = _command(ticket.ticket)
        session = self._enter("DoGet", name, context)
        if name == "TicketStatementQuery":
            handle, _, share = command.statement_handle.partition(b"/")
            number = int(share) if share.isdigit() else 0
            return self._execution.planned(session, handle, number, context)
        if name == "CommandPreparedStatementQuery":
            return self._execution.prepared(session, _prepared(session, command), context)
        if name == "CommandGetSqlInfo":
            return flight.RecordBatchStream(sqlinfo.table(command.info))
        if name not in metadata.ANSWERS:
            raise refusal("UNIMPLEMENTED", f"{name} is not supported")
        with session.exclusive(context.is_cancelled) as cursor:
            session.check_transaction(b"")
            try:
                table = metadata.ANSWERS[name](cursor, command)
            except duckdb.Error as error:
                raise from_engine(error, "read the catalog", "INTERNAL") from error
        return flight.RecordBatchStream(table)

    @guarded
    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Bind parameters, run an update, or load data."""
        name, command = _command(descriptor.command)
        session = self._enter("DoPut", name, context)
        if name == "CommandPreparedStatementQuery":
            self._bind(_prepared(session, command), reader)
            handle = command.prepared_statement_handle
            answer = messages.new("DoPutPreparedStatementResult", prepared_statement_handle=handle)
            writer.write(answer.SerializeToString())
            return
        if name == "CommandStatementUpdate":
            transaction = command.transaction_id
            statement = self._prepare(session, command.query, transaction, context)
            count = self._execution.count(session, statement, transaction, None, context)
        elif name == "CommandPreparedStatementUpdate":
            prepared = _prepared(session, command)
            if prepared.statement.parameters:
                self._bind(prepared, reader)
            count = self._execution.count(
                session, prepared.statement, prepared.transaction, prepared.parameters, context
            )
        elif name == "CommandStatementIngest":
            # Of one session nothing else runs meanwhile: not before a load that was given up is
            # rolled back, either.
            with session.exclusive(context.is_cancelled):
                count = self._ingest(command, reader, context)
        else:
            raise refusal("UNIMPLEMENTED", f"DoPut of {name} is not supported")
        writer.write(messages.new("DoPutUpdateResult", record_count=count).SerializeToString())

    @guarded
    def do_action(self, context: Any, action: Any) -> list[flight.Result]:
        """Run an action."""
        session = self._enter("DoAction", action.type, context)
        answer = _ACTIONS.get(action.type)
        if answer is None:
            raise refusal("UNIMPLEMENTED", f"Action '{action.type}' is not supported")
        body = answer(self, session, action.body.to_pybytes(), context)
        return [] if body is None else [flight.Result(body)]

    @guarded
    def list_actions(self, context: Any) -> list[tuple[str, str]]:
        """Name the actions."""
        return [(name, "") for name in _ACTIONS]

    # Their steps

    def _enter(self, method: str, name: str, context: Any) -> Session:
        call = f"{method}:{name}"
        self.seen.call(call)
        self._faults.meet(call)
        return self._sessions.get(context.get_middleware("gate").authorization)

    def _plan(
        self, session: Session, name: str, command: Any, data: bytes, context: Any
    ) -> tuple[pa.Schema, list[bytes]]:
        """Give a command's schema and tickets."""
        if name == "CommandStatementQuery":
            sql, transaction = command.query, command.transaction_id
            statement = self._prepare(session, sql, transaction, context)
            handle = session.plan(Planned(statement, transaction))
            return statement.schema, [
                messages.pack(messages.new("TicketStatementQuery", statement_handle=ticket))
                for ticket in (handle + b"/%d" % i for i in range(self._settings.endpoints))
            ]
        if name == "CommandPreparedStatementQuery":
            return self._bound(session, _prepared(session, command), context), [data]
        if name == "CommandGetSqlInfo":
            return schemas.SQL_INFO, [data]
        if name not in metadata.ANSWERS:
            raise refusal("UNIMPLEMENTED", f"{name} is not supported")
        session.check_transaction(b"")
        return metadata.schema(name, command), [data]

    def _prepare(
        self, session: Session, sql: str, transaction: bytes, context: Any
    ) -> statements.Statement:
        canned = self._settings.canned.get(sql)
        if canned is not None:
            return statements.Statement(sql, "SELECT", (), canned.schema, frozenset())
        with session.exclusive(context.is_cancelled) as cursor:
            session.check_transaction(transaction)
            session.apply_options()
            return statements.prepare(
                cursor,
                sql,
                in_transaction=bool(session.transaction),
                external=self._engine.external,
            )

    def _bound(self, session: Session, prepared: Prepared, context: Any) -> pa.Schema:
        """Give the schema of a prepared statement's result, with the types of its parameters."""
        batch = prepared.parameters
        if batch is None or not prepared.statement.parameters or prepared.announced == batch.schema:
            return prepared.statement.schema
        with session.exclusive(context.is_cancelled) as cursor:
            session.check_transaction(prepared.transaction)
            session.apply_options()
            watched = self._watch.enter(context, cursor)
            try:
                prepared.statement = statements.bind(
                    cursor, prepared.statement, batch, in_transaction=bool(session.transaction)
                )
            finally:
                self._watch.leave(watched)
        prepared.announced = batch.schema
        return prepared.statement.schema

    def _bind(self, prepared: Prepared, reader: Any) -> None:
        batches = reader.read_all().combine_chunks().to_batches()
        batch = batches[0] if batches else pa.RecordBatch.from_pylist([], reader.schema)
        parameters.check(
            batch,
            prepared.statement.parameters,
            refuse_null_columns=self._settings.refuse_null_columns,
        )
        prepared.parameters = (
            parameters.as_text(batch) if self._settings.habits.bind_as_text else batch
        )

    def _ingest(self, command: Any, reader: Any, context: Any) -> int:
        plan = ingest.plan(command, self._engine.catalog)
        self.seen.statement(f"INGEST {plan.name}")
        habits = self._settings.habits
        cursor = self._engine.cursor()
        watched = self._watch.enter(context, cursor)
        try:
            return ingest.load(
                cursor,
                plan,
                reader,
                self._settings.max_message,
                context.is_cancelled,
                by_position=habits.ingest_by_position,
                keep_half=habits.keep_half_loads,
            )
        finally:
            self._watch.leave(watched)
            cursor.close()

    # The actions: body in, body out

    def _create_prepared(self, session: Session, body: bytes, context: Any) -> bytes:
        _, request = _command(body)
        statement = self._prepare(session, request.query, request.transaction_id, context)
        # DuckDB does not tell the types of parameters before they have values.
        kinds = pa.schema([pa.field(name, pa.null()) for name in statement.parameters])
        return messages.pack(
            messages.new(
                "ActionCreatePreparedStatementResult",
                prepared_statement_handle=session.keep(Prepared(statement, request.transaction_id)),
                dataset_schema=statement.schema.serialize().to_pybytes(),
                parameter_schema=kinds.serialize().to_pybytes(),
            )
        )

    def _close_prepared(self, session: Session, body: bytes, context: Any) -> None:
        _, request = _command(body)
        _prepared(session, request)
        session.prepared.pop(request.prepared_statement_handle, None)

    def _begin(self, session: Session, body: bytes, context: Any) -> bytes:
        with session.exclusive(context.is_cancelled):
            transaction = session.begin()
        return messages.pack(
            messages.new("ActionBeginTransactionResult", transaction_id=transaction)
        )

    def _end(self, session: Session, body: bytes, context: Any) -> None:
        _, request = _command(body)
        if request.action not in (1, 2):
            raise refusal("INVALID_ARGUMENT", "EndTransaction needs COMMIT or ROLLBACK")
        with session.exclusive(context.is_cancelled):
            session.end(request.transaction_id, commit=request.action == 1)

    def _set_options(self, session: Session, body: bytes, context: Any) -> bytes:
        request = _request("SetSessionOptionsRequest", body)
        answer = messages.new("SetSessionOptionsResult")
        for name, code in session.set_options(dict(request.session_options)).items():
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
        if not self._settings.habits.ignore_close:
            self._sessions.close(session)
        # 1: CLOSED
        encoded: bytes = messages.new("CloseSessionResult", status=1).SerializeToString()
        return encoded


def _command(data: bytes | None) -> tuple[str, messages.Message]:
    try:
        return messages.unpack(data or b"")
    except ValueError as error:
        raise refusal("INVALID_ARGUMENT", str(error)) from error


def _request(name: str, data: bytes) -> messages.Message:
    try:
        return messages.parse(name, data)
    except ValueError as error:
        raise refusal("INVALID_ARGUMENT", str(error)) from error


def _prepared(session: Session, command: Any) -> Prepared:
    prepared = session.prepared.get(command.prepared_statement_handle)
    if prepared is None:
        raise refusal("NOT_FOUND", "Prepared statement not found")
    return prepared


_ACTIONS: dict[str, Callable[[Service, Session, bytes, Any], bytes | None]] = {
    "CreatePreparedStatement": Service._create_prepared,
    "ClosePreparedStatement": Service._close_prepared,
    "BeginTransaction": Service._begin,
    "EndTransaction": Service._end,
    "SetSessionOptions": Service._set_options,
    "GetSessionOptions": Service._get_options,
    "CloseSession": Service._close_session,
}
