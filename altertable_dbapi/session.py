"""The server session behind one connection: options, transaction, statements, end."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import adbc_driver_flightsql
import adbc_driver_manager as adbc
import pyarrow as pa

from . import _adbc, wire
from .config import Settings, adbc_database_options
from .errors import InterfaceError, ProgrammingError
from .parameters import Bound
from .release import Releases
from .result import Result

_SESSION_OPTION = "adbc.flight.sql.session.option."

#: How many prepared statements a session keeps.
_PREPARED_KEPT = 32


class _Prepared(NamedTuple):
    statement: adbc.AdbcStatement
    parameter_schema: pa.Schema | None
    in_transaction: bool


class _Loading:
    """Stands for the active result while a load runs, whose source may turn to its own session."""

    def buffer(self) -> None:
        raise ProgrammingError(
            "this connection is loading; what the data comes from needs a connection of its own"
        )

    def close(self) -> None:
        """Nothing to close."""


class Session:
    """One Flight SQL session, which is one connection of the server's engine.

    It serves one statement at a time: before another is sent, a result that is still being read
    is read into memory. Calls are serialised by a lock, so that misuse from two threads cannot
    mix two statements.

    Raises
    ------
    Error
        The session cannot be opened; as the driver says it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.in_transaction = False
        self.closed = False
        self._pid = os.getpid()
        self._active: weakref.ref[Result] | weakref.ref[_Loading] | None = None
        #: Cancels the load under way, if any.
        self.cancel_load: Callable[[], None] | None = None
        # Statements are kept for good: releasing one makes the driver collect its garbage, which
        # takes about a millisecond.
        self._prepared: OrderedDict[str, _Prepared] = OrderedDict()
        self._spare: list[adbc.AdbcStatement] = []
        self._releases = Releases(self.lock)
        self.database = adbc_driver_flightsql.connect(
            settings.uri, db_kwargs=adbc_database_options(settings)
        )
        try:
            self._connect()
        except BaseException:
            self.database.close()
            raise

    def _connect(self) -> None:
        """Open the server's session: Handshake, then its options."""
        options = {_SESSION_OPTION + k: v for k, v in self.settings.session_options.items()}
        connection = adbc.AdbcConnection(self.database, **options)
        try:
            self.statement = adbc.AdbcStatement(connection)
        except BaseException:
            connection.close()
            raise
        self.connection = connection
        self._connected = True

    def _disconnect(self) -> None:
        """End the server's session, and with it a transaction and what was prepared."""
        self._connected = False
        self.in_transaction = False
        active = self._active() if self._active is not None else None
        if active is not None:
            active.close()
        self._releases.flush()
        statements = [self.statement, *self._spare]
        statements += [prepared.statement for prepared in self._prepared.values()]
        self._prepared.clear()
        self._spare.clear()
        for statement in statements:
            statement.close()
        self.connection.close()

    def execute(self, text: str, bound: Bound | None = None) -> Result:
        """Send one statement, prepared when it has parameters, and open its stream."""
        with self.lock:
            return self._read(*self._partitions(self._ready_statement(text, bound)))

    def prepare(self, text: str) -> pa.Schema | None:
        """Prepare a statement and give the schema of its parameters, where the server tells."""
        with self.lock:
            self._make_ready()
            return self._prepare(text).parameter_schema

    def partitions(
        self, text: str, bound: Bound | None = None
    ) -> tuple[list[bytes], pa.Schema | None]:
        """Send one statement; the partitions of its result, and the schema announced for them."""
        with self.lock:
            return self._partitions(self._ready_statement(text, bound))

    def read_partition(self, partition: bytes) -> Result:
        """Open the stream of one partition."""
        with self.lock:
            self._make_ready()
            return self._read([partition], None)

    @contextlib.contextmanager
    def loading(self) -> Iterator[adbc.AdbcStatement]:
        """A block with the session to itself, and the statement of its bulk load."""
        with self.lock:
            self._make_ready()
            loading = _Loading()
            self._active = weakref.ref(loading)
            statement = self._spare.pop() if self._spare else adbc.AdbcStatement(self.connection)
            try:
                yield statement
            finally:
                self._active = None
                if self._connected:
                    self._spare.append(statement)
                else:
                    statement.close()

    def _ready_statement(self, text: str, bound: Bound | None) -> adbc.AdbcStatement:
        self._make_ready()
        if bound is None:
            self.statement.set_sql_query(text)
            return self.statement
        prepared = self._prepare(bound.text)
        prepared.statement.bind(bound.record_batch(prepared.parameter_schema))
        return prepared.statement

    def _partitions(self, statement: adbc.AdbcStatement) -> tuple[list[bytes], pa.Schema | None]:
        partitions, handle, _ = _adbc.call(statement.cancel, statement.execute_partitions)
        return partitions, None if handle is None else _adbc.import_schema(handle)

    def _read(self, partitions: list[bytes], announced: pa.Schema | None) -> Result:
        result = Result(
            self._streams(partitions),
            announced,
            partial(_adbc.call, self.connection.cancel),
            self.lock,
            self._let_go,
        )
        self._active = weakref.ref(result)
        return result

    def _let_go(self, stream: pa.RecordBatchReader, finished: bool) -> None:
        """Release a stream; the server stops what it has not sent yet."""
        if not finished and self._pid == os.getpid():
            # Releasing the stream of a partition does not cancel its call: the server would wait
            # for ever to send the rest, and the session's next statement for the server.
            self.connection.cancel()
        self._releases.add(stream)

    def _streams(self, partitions: list[bytes]) -> Iterator[pa.RecordBatchReader]:
        cancel, read = self.connection.cancel, self.connection.read_partition
        for partition in partitions:
            self._releases.flush()
            yield _adbc.import_stream(_adbc.call(cancel, read, wire.without_locations(partition)))

    def _prepare(self, text: str) -> _Prepared:
        prepared = self._prepared.get(text)
        if prepared is not None:
            # A server accepts a statement only where it was prepared: in this transaction, or
            # outside any. Those of a transaction that ended are already gone.
            if prepared.in_transaction == self.in_transaction:
                self._prepared.move_to_end(text)
                return prepared
            self._retire(text)
        while len(self._prepared) >= _PREPARED_KEPT:
            self._retire(next(iter(self._prepared)))
        statement = self._spare.pop() if self._spare else adbc.AdbcStatement(self.connection)
        try:
            statement.set_sql_query(text)
            _adbc.call(statement.cancel, statement.prepare)
        except BaseException:
            self._spare.append(statement)
            raise
        prepared = _Prepared(statement, _parameter_schema(statement), self.in_transaction)
        self._prepared[text] = prepared
        return prepared

    def _retire(self, text: str) -> None:
        """Close a prepared statement on the server and keep its handle for another."""
        statement = self._prepared.pop(text).statement
        # The driver closes the server's statement when it is given another text.
        _adbc.call(statement.cancel, statement.set_sql_query, "")
        self._spare.append(statement)

    def begin(self) -> None:
        """Begin a transaction; nothing when one is open."""
        with self.lock:
            if not self.in_transaction:
                self._make_ready()
                _adbc.call(self.connection.cancel, self.connection.set_autocommit, False)
                self.in_transaction = True

    def commit(self) -> None:
        """Commit the open transaction; nothing when none is open."""
        with self.lock:
            if self.in_transaction:
                self._make_ready()
                with self._ending():
                    _adbc.call(self.connection.cancel, self.connection.set_autocommit, True)

    def rollback(self) -> None:
        """Roll the open transaction back; nothing when none is open."""
        with self.lock:
            if self.in_transaction:
                self._make_ready()
                with self._ending():
                    # The driver begins another transaction at once, which holds nothing and is
                    # ended by turning its autocommit on.
                    _adbc.call(self.connection.cancel, self.connection.rollback)
                    _adbc.call(self.connection.cancel, self.connection.set_autocommit, True)

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """The end of a transaction, whatever comes of it.

        When a commit or rollback fails, the driver can neither go on with that transaction nor
        leave it. The session is ended then, which rolls back what is open, and the next statement
        opens another.
        """
        try:
            yield
        except BaseException:
            self._disconnect()
            raise
        self.in_transaction = False
        for text in [text for text, p in self._prepared.items() if p.in_transaction]:
            self._retire(text)

    def _make_ready(self) -> None:
        """Free the session for another call: what is being read goes into memory."""
        self.check_open()
        if not self._connected:
            self._connect()
        active = self._active() if self._active is not None else None
        if active is not None:
            active.buffer()
            self._active = None
        self._releases.flush()

    def check_open(self) -> None:
        if self._pid != os.getpid():
            raise InterfaceError(
                "this connection was opened before the process forked and cannot be used in the "
                "child; start workers with spawn or forkserver, or connect after the fork"
            )
        if self.closed:
            raise InterfaceError("the connection is closed")

    def cancel(self) -> None:
        """Cancel the call that is under way, from any thread."""
        self.statement.cancel()
        cancel_load = self.cancel_load
        if cancel_load is not None:
            cancel_load()
        for prepared in list(self._prepared.values()):
            prepared.statement.cancel()
        self.connection.cancel()

    def close(self) -> None:
        """End the session; the server rolls an open transaction back. Idempotent."""
        with self.lock:
            if self.closed or self._pid != os.getpid():
                return
            self.closed = True
            try:
                if self._connected:
                    self._disconnect()
            finally:
                self._releases.finish()
                self.database.close()


def _parameter_schema(statement: adbc.AdbcStatement) -> pa.Schema | None:
    try:
        handle = statement.get_parameter_schema()
    except adbc.NotSupportedError:
        return None
    return _adbc.import_schema(handle)
