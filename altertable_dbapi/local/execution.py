"""Running statements: plain, prepared, canned, or split over several endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import flight

from ..local import statements
from .failures import REFUSALS, refusal
from .faults import Faults
from .habits import Habits
from .seen import Seen
from .sessions import Planned, Prepared, Session
from .streams import Batches, Watch, engine_error

# The service marks JSON, which Arrow sees as text.
_JSON = {
    b"ARROW:extension:name": b"arrow.json",
    b"ARROW:extension:metadata": b"",
    b"altertable.original_type": b"JSON",
}

# Where DuckDB hands its result to Arrow, its errors arrive as pyarrow's: a type that Arrow has not,
# an error in the middle of a stream.
_ENGINE_ERRORS = (duckdb.Error, pa.ArrowException, OSError)


@dataclass
class Settings:
    """How the service behaves; the public `Server` documents each."""

    habits: Habits = field(default_factory=Habits)
    batch_rows: int = 65_536
    endpoints: int = 1
    endpoint_locations: Sequence[str] = ()
    max_message: int = 4 * 1024 * 1024
    refuse_null_columns: bool = False
    canned: dict[str, pa.Table] = field(default_factory=dict)


class Execution:
    """Runs statements in their sessions.

    Parameters
    ----------
    watch : Watch
        Stops a statement whose client has gone.
    faults : Faults
        The faults in waiting.
    settings : Settings
        How the service behaves.
    seen : Seen
        Where to note the statements that begin.
    """

    def __init__(self, watch: Watch, faults: Faults, settings: Settings, seen: Seen) -> None:
        self._watch = watch
        self._faults = faults
        self._settings = settings
        self._seen = seen

    def planned(
        self, session: Session, handle: bytes, share: int, context: Any
    ) -> flight.FlightDataStream:
        """Stream what GetFlightInfo has planned: all of it, or one endpoint's share."""
        planned = session.planned.get(handle)
        if planned is None or not 0 <= share < self._settings.endpoints:
            raise refusal("NOT_FOUND", "Statement not found")
        if self._settings.endpoints > 1:
            return self._share(session, handle, planned, share, context)
        # A plan is run once.
        if session.planned.pop(handle, None) is None:
            raise refusal("NOT_FOUND", "Statement not found")
        sql = planned.statement.sql
        canned = self._settings.canned.get(sql)
        if canned is not None:
            return self._canned(sql, canned)
        return flight.GeneratorStream(
            *self.run(
                session,
                planned.statement,
                planned.transaction,
                None,
                context,
                reasons=not self._settings.habits.hide_reasons,
            )
        )

    def prepared(
        self, session: Session, prepared: Prepared, context: Any
    ) -> flight.FlightDataStream:
        """Stream a prepared statement's result, with the parameters bound last."""
        canned = self._settings.canned.get(prepared.statement.sql)
        if canned is not None:
            return self._canned(prepared.statement.sql, canned)
        return flight.GeneratorStream(
            *self.run(
                session,
                prepared.statement,
                prepared.transaction,
                prepared.parameters,
                context,
                bind=prepared.announced is None,
            )
        )

    def run(
        self,
        session: Session,
        statement: statements.Statement,
        transaction: bytes,
        batch: pa.RecordBatch | None,
        context: Any,
        *,
        bind: bool = False,
        reasons: bool = True,
    ) -> tuple[pa.Schema, Batches]:
        """Begin a statement; it holds the session until its stream is closed.

        Parameters
        ----------
        session : Session
            Where to run it.
        statement : Statement
            What to run.
        transaction : bytes
            The transaction it belongs to; empty for none.
        batch : pyarrow.RecordBatch or None
            Its parameters.
        context : pyarrow.flight.ServerCallContext
            The call; the statement is stopped when its client goes away.
        bind : bool
            Whether the parameters have come after the result was announced.
        reasons : bool
            Whether to say why the statement fails.
        """

        def cancelled() -> bool:
            return bool(context.is_cancelled()) or self._faults.closing.is_set()

        def failure(error: Exception) -> Exception:
            # Not CANCELLED: pyarrow's client raises KeyboardInterrupt when it reads that.
            if self._faults.closing.is_set():
                return refusal("UNAVAILABLE", "the server is closing")
            if session.closed:
                return refusal("UNAVAILABLE", "the session was closed while its statement ran")
            if not reasons:
                return refusal("INVALID_ARGUMENT", "Failed to query arrow")
            return engine_error(error, statement.kind)

        session.acquire(cancelled)
        try:
            session.check_transaction(transaction)
            session.apply_options()
            if statement.parameters and batch is None:
                raise refusal(
                    "INVALID_ARGUMENT",
                    "Invalid Input Error: Values were not provided for the following prepared "
                    f"statement parameters: {', '.join(statement.parameters)}",
                )
            self._seen.statement(statement.sql, batch)
            watched = self._watch.enter(context, session.cursor)
            try:
                if bind and batch is not None:
                    # Also because DuckDB 2 does not say where an error is once it runs.
                    statement = statements.bind(
                        session.cursor,
                        statement,
                        batch,
                        in_transaction=bool(session.transaction),
                    )
                reader = statements.start(
                    session.cursor, statement, batch, self._settings.batch_rows
                )
                if self._settings.habits.ignore_cancel:
                    reader = reader.read_all().to_reader()
            except REFUSALS:
                raise
            except _ENGINE_ERRORS as error:
                raise failure(error) from error
            finally:
                self._watch.leave(watched)
        except BaseException:
            session.end_leftover()
            session.release()
            raise

        def read(reader: pa.RecordBatchReader) -> pa.RecordBatch:
            watched = self._watch.enter(context, session.cursor)
            try:
                return reader.read_next_batch()
            except _ENGINE_ERRORS as error:
                session.end_leftover()
                raise failure(error) from error
            finally:
                self._watch.leave(watched)

        schema = reader.schema
        for column in statement.json_columns:
            schema = schema.set(column, schema.field(column).with_metadata(_JSON))
        stream = Batches(
            reader, schema, read, session.release, cancelled, self._faults.take_break()
        )
        return schema, stream

    def count(
        self,
        session: Session,
        statement: statements.Statement,
        transaction: bytes,
        batch: pa.RecordBatch | None,
        context: Any,
    ) -> int:
        """Run a statement to its end; returns the rows it changed, -1 when it gave rows instead."""
        schema, stream = self.run(session, statement, transaction, batch, context)
        try:
            batches = list(stream)
        finally:
            stream.close()
        if statement.kind != "SELECT" and schema.names == ["Count"]:
            return sum(count or 0 for batch in batches for count in batch.column(0).to_pylist())
        return 0 if schema.names == ["Success"] else -1

    def _share(
        self, session: Session, handle: bytes, planned: Planned, share: int, context: Any
    ) -> flight.FlightDataStream:
        # Whichever endpoint is asked first runs the statement, for all of them.
        with planned.lock:
            if planned.result is None:
                planned.result = self._settings.canned.get(planned.statement.sql)
            if planned.result is None:
                schema, stream = self.run(
                    session, planned.statement, planned.transaction, None, context
                )
                try:
                    planned.result = pa.Table.from_batches(list(stream), schema)
                finally:
                    stream.close()
            planned.shares.add(share)
            result = planned.result
            if len(planned.shares) == self._settings.endpoints:
                session.planned.pop(handle, None)
        rows = -(-result.num_rows // self._settings.endpoints)
        return flight.RecordBatchStream(result.slice(share * rows, rows))

    def _canned(self, sql: str, table: pa.Table) -> flight.FlightDataStream:
        self._seen.statement(sql)
        after = self._faults.take_break()
        reader = table.to_reader()
        if after is None:
            return flight.RecordBatchStream(reader)
        stream = Batches(
            reader, reader.schema, _next_batch, _nothing, self._faults.closing.is_set, after
        )
        return flight.GeneratorStream(reader.schema, stream)


def _next_batch(reader: pa.RecordBatchReader) -> pa.RecordBatch:
    return reader.read_next_batch()


def _nothing() -> None:
    """A canned stream holds nothing."""
