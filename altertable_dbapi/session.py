"""The server session behind one connection: options, transaction, statements, end."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import adbc_driver_flightsql
import adbc_driver_manager as adbc
import pyarrow as pa

from . import _adbc, exiting, fork, wire
from .closing import close_handles, within
from .config import Settings, adbc_database_options, check
from .errors import (
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    from_adbc,
)
from .keepalive import Keepalive
from .limits import Timeouts, has_expired, was_broken_off
from .logs import SessionLog
from .parameters import Bound
from .prepared import Prepared, PreparedStatements
from .release import Releases, Unread
from .result import Result

_SESSION_OPTION = "adbc.flight.sql.session.option."
_SESSION_OPTIONS = "adbc.flight.sql.session.options"

_LOST = "the transaction is lost with its session, which had ended; call rollback() to go on"

#: What a session may take to answer after a statement was broken off, in seconds.
_SETTLING = Timeouts(query=2.0, fetch=2.0, update=2.0)

#: How long the interpreter's exit waits for a cancelled call of another thread.
_EXIT_SECONDS = 1.0

T = TypeVar("T")


class _Loading:
    """Stands for the active result while a load runs, whose source may turn to its own session."""

    finished = False

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
        self.log = SessionLog()
        self._keepalive = Keepalive(self, settings.keepalive)
        self._sending = self._opened = self._connected = False
        # Held while another thread cancels: handles must not be closed meanwhile.
        self._cancelling = threading.Lock()
        # A transaction that ended with its session, of which the program has to be told.
        self._lost = False
        # A statement was broken off, and the server may be running it still.
        self._doubtful = False
        self._timeouts = Timeouts.of(settings)
        self._applied: dict[adbc.AdbcConnection | adbc.AdbcStatement, Timeouts] = {}
        self._active: weakref.ref[Result] | weakref.ref[_Loading] | None = None
        # The stream that the server may be sending still, and since when: what is read later than
        # another statement is sent was in memory before.
        self._unread: pa.RecordBatchReader | None = None
        self._fetching_since = 0.0
        # The current catalog and schema, from when they were asked for to what may change them.
        self._current: tuple[str, str] | None = None
        self._lent = False
        #: Cancels the load under way, if any.
        self.cancel_load: Callable[[], None] | None = None
        self._prepared = PreparedStatements(self.log)
        self._releases = Releases(self.lock)
        self._abandoned = False
        fork.watch(self)
        fork.note_use(fork.DRIVER)
        self._database: adbc.AdbcDatabase | None = None
        # A thread that is ending an earlier session of a server that does not answer.
        self._closer: threading.Thread | None = None
        self._connect()

    def _connect(self) -> None:
        """Open the server's session: Handshake, then its options."""
        settings = self.settings
        options = {_SESSION_OPTION + k: v for k, v in settings.session_options.items()}
        started = time.perf_counter()
        database: adbc.AdbcDatabase | None = None
        try:
            database = self.database
            # Should it take too long, who comes too late closes the database as well.
            self._database = None
            connection = within(
                settings.connect_timeout,
                database,
                lambda: adbc.AdbcConnection(database, **options),
            )
        except adbc.Error as error:
            self._database = database
            if not self._opened:
                raise
            raise from_adbc(error) from None
        if connection is None:
            raise OperationalError(
                f"no answer from {settings.address} within {settings.connect_timeout:g} s",
                status_code=adbc.AdbcStatusCode.TIMEOUT,
            )
        self._database = database
        try:
            self.statement = adbc.AdbcStatement(connection)
        except BaseException:
            connection.close()
            raise
        self.connection = connection
        exiting.watch(self)
        self.log.opened(settings, time.perf_counter() - started)
        self._applied.clear()
        self._current = None
        self._connected = self._opened = True
        self._doubtful = False
        if settings.keepalive_idle:
            self._keepalive.start()

    @property
    def database(self) -> adbc.AdbcDatabase:
        """What connections of these settings are opened on."""
        if self._database is None:
            self._database = adbc_driver_flightsql.connect(
                self.settings.uri, db_kwargs=adbc_database_options(self.settings)
            )
        return self._database

    def _disconnect(self, *databases: adbc.AdbcDatabase) -> None:
        """End the server's session, and with it a transaction and what was prepared."""
        with self._cancelling:
            self._connected = False
        self.in_transaction = False
        self.log.ended()
        active = self._active() if self._active is not None else None
        if active is not None:
            active.close()
        self._stop_unread()
        self._releases.flush()
        statements = [self.statement, *self._prepared.give_up()]
        self._closer = close_handles(
            [*statements, self.connection, *databases], [self._keepalive.stop(), self._closer]
        )

    def execute(self, text: str, bound: Bound | None = None) -> Result:
        """Send one statement, prepared when it has parameters, and open its stream."""
        with self.lock:
            return self._send(lambda: self._logged(text, bound))

    def prepare(self, text: str) -> pa.Schema | None:
        """Prepare a statement and give the schema of its parameters, where the server tells."""
        with self.lock:
            return self._send(lambda: self._prepare(text).parameter_schema)

    def announced_schema(self, text: str) -> pa.Schema:
        """Prepare a statement and give the schema that the server announces for its result."""
        with self.lock:
            return self._send(lambda: self._announced_schema(text))

    def _announced_schema(self, text: str) -> pa.Schema:
        statement = self._prepare(text).statement
        handle = _adbc.call(statement.cancel, statement.execute_schema)
        return _adbc.import_schema(handle)

    def partitions(
        self, text: str, bound: Bound | None = None
    ) -> tuple[list[bytes], pa.Schema | None]:
        """Send one statement; the partitions of its result, and the schema announced for them."""
        with self.lock:
            self.log.sending(text)
            return self._send(lambda: self._partitions(text, bound))

    def read_partition(self, partition: bytes) -> Result:
        """Open the stream of one partition."""
        with self.lock:
            self._make_ready()
            return self._read([partition], None)

    def current(self) -> tuple[str, str]:
        """The current catalog and schema, which the server is asked for once.

        Raises
        ------
        InternalError
            It answers something else.
        """
        with self.lock:
            self._make_ready()
            if self._current is not None:
                return self._current
            query = "SELECT current_catalog(), current_schema()"
            answer = self.execute(query).read_table()
            names = [name for column in answer.columns for name in column.to_pylist()]
            if len(names) != 2 or not all(isinstance(name, str) for name in names):
                raise InternalError(f"the server answers {query!r} with {answer.schema}")
            catalog, schema = names
            if not self._lent:
                self._current = catalog, schema
            return catalog, schema

    def forget_current(self) -> None:
        """Ask for the current catalog and schema again: a statement may change them."""
        self._current = None

    def lend(self) -> None:
        """Somebody may send statements of which this session is not told."""
        self._lent, self._current = True, None

    def timeouts(
        self, query: float | None, fetch: float | None, update: float | None
    ) -> Timeouts | None:
        """The time limits of a cursor; None when they are the connection's."""
        given = {"query": query, "fetch": fetch, "update": update}
        checked = {k: check(f"{k}_timeout", v) for k, v in given.items() if v is not None}
        return Timeouts.of(self.settings)._replace(**checked) if checked else None

    @contextlib.contextmanager
    def limited(self, timeouts: Timeouts) -> Iterator[None]:
        """A block whose statements have other time limits than the connection's."""
        with self.lock:
            before, self._timeouts = self._timeouts, timeouts
            try:
                yield
            finally:
                self._timeouts = before

    def _send(self, send: Callable[[], T]) -> T:
        """Send a statement, once more where the session had expired.

        An expired session is refused before anything runs, so that nothing is done twice. No
        other failure leads to a second try, and none inside a transaction, which is gone.
        """
        self._make_ready()
        self._keepalive.start()
        self._sending = True
        try:
            try:
                with self._in_doubt_if_broken_off():
                    return send()
            except Error as error:
                if not has_expired(error):
                    raise
                transaction = self.in_transaction
                self._disconnect()
                if transaction:
                    self._lost = True
                    raise OperationalError(
                        f"{_LOST} ({error})",
                        status_code=error.status_code,
                        vendor_code=error.vendor_code,
                    ) from None
            self._make_ready()
            return send()
        finally:
            self._sending = False

    @contextlib.contextmanager
    def _in_doubt_if_broken_off(self) -> Iterator[None]:
        """A block of a call; where it is broken off, the server may be at it still."""
        try:
            yield
        except StopIteration:  # the end of a stream
            raise
        except Error as error:
            self._doubtful |= was_broken_off(error)
            raise
        except BaseException:
            self._doubtful = True
            raise

    def _logged(self, text: str, bound: Bound | None) -> Result:
        log = self.log.sending(text)
        try:
            result = self._read(*self._partitions(text, bound))
        except BaseException as error:
            if log is not None:
                log.failed(error)
            raise
        if log is not None:
            result.tell(log.ended)
        return result

    @contextlib.contextmanager
    def loading(self) -> Iterator[adbc.AdbcStatement]:
        """A block with the session to itself, and the statement of its bulk load."""
        with self.lock:
            self._make_ready()
            loading = _Loading()
            self._active = weakref.ref(loading)
            statement = self._prepared.take(self.connection)
            expired = False
            try:
                with self._in_doubt_if_broken_off():
                    yield statement
            except Error as error:
                expired = has_expired(error)
                raise
            finally:
                self._active = None
                if self._connected:
                    self._prepared.give_back(statement)
                else:
                    statement.close()
                if expired:
                    self._disconnect()

    def _partitions(self, text: str, bound: Bound | None) -> tuple[list[bytes], pa.Schema | None]:
        if bound is None:
            statement = self.statement
            statement.set_sql_query(text)
        else:
            prepared = self._prepare(bound.text)
            statement = prepared.statement
            statement.bind(bound.record_batch(prepared.parameter_schema))
        self._limit(statement)
        with self._timeouts.named("query", "update"):
            self.log.round_trips += 1 if bound is None else 2
            partitions, handle, _ = _adbc.call(statement.cancel, statement.execute_partitions)
        return partitions, None if handle is None else _adbc.import_schema(handle)

    def _limit(self, statement: adbc.AdbcStatement) -> None:
        """Apply the time limits of the cursor that sends, where the last ones were others."""
        default = Timeouts.of(self.settings)
        for handle in (statement, self.connection):
            if self._applied.get(handle, default) != self._timeouts:
                handle.set_options(**self._timeouts.options())
                self._applied[handle] = self._timeouts

    def _read(self, partitions: list[bytes], announced: pa.Schema | None) -> Result:
        result = Result(
            self._streams(partitions),
            announced,
            partial(self._read_call, self._timeouts),
            self.lock,
            self._let_go,
            self.connection.cancel,
        )
        self._active = weakref.ref(result)
        return result

    def _read_call(self, timeouts: Timeouts, read: Callable[[], T]) -> T:
        """One blocking read of a result."""
        with (
            self._in_doubt_if_broken_off(),
            timeouts.named("fetch", since=self._fetching_since),
        ):
            return _adbc.call(self.connection.cancel, read)

    def _let_go(self, stream: pa.RecordBatchReader, finished: bool) -> None:
        """Release a stream; the server stops what it has not sent yet."""
        if stream is not self._unread:
            self._releases.add(stream)
        # The collector may call this in any thread. While another one has the session, that one
        # sees to it before its next statement.
        elif self.lock.acquire(blocking=False):
            try:
                self._stop_unread(finished)
            finally:
                self.lock.release()

    def _stop_unread(self, finished: bool = False) -> None:
        """Release the stream of the latest partition, whether or not it was read to its end."""
        unread, self._unread = self._unread, None
        if unread is None:
            return
        if finished or self._abandoned:
            self._releases.add(unread)
        elif self.in_transaction:
            self._releases.add(Unread(unread, self.connection.cancel))
        else:
            # Releasing the stream of a partition does not cancel its call: the server would wait
            # for ever to send the rest, and the session's next statement for the server.
            self.connection.cancel()
            self._releases.add(unread)

    def _streams(self, partitions: list[bytes]) -> Iterator[pa.RecordBatchReader]:
        cancel, read = self.connection.cancel, self.connection.read_partition
        for partition in partitions:
            self._releases.flush()
            self._fetching_since = time.monotonic()
            with self._timeouts.named("fetch"):
                self.log.round_trips += 1
                handle = _adbc.call(cancel, read, wire.without_locations(partition))
            self._unread = _adbc.import_stream(handle)
            yield self._unread

    def _prepare(self, text: str) -> Prepared:
        return self._prepared.get(self.connection, text, self.in_transaction)

    def begin(self) -> None:
        """Begin a transaction; nothing when one is open."""
        with self.lock:
            if not self.in_transaction:
                self._send(self._begin)
                self.in_transaction = True

    def _begin(self) -> None:
        _adbc.call(self.connection.cancel, self.connection.set_autocommit, False)
        self.log.transaction("begun", 1)

    def commit(self) -> None:
        """Commit the open transaction; nothing when none is open."""
        with self.lock:
            if not self.in_transaction and not self._lost:
                return
            self._make_ready()
            try:
                with self._ending():
                    _adbc.call(self.connection.cancel, self.connection.set_autocommit, True)
                    self.log.transaction("committed", 1)
            except Error as error:
                if has_expired(error):
                    fate = _LOST.partition(";")[0]
                elif was_broken_off(error):
                    fate = "whether the transaction was committed is not known"
                else:
                    raise
                raise OperationalError(
                    f"{fate} ({error})",
                    status_code=error.status_code,
                    vendor_code=error.vendor_code,
                ) from None

    def rollback(self) -> None:
        """Roll the open transaction back; nothing when none is open."""
        with self.lock:
            self._lost = False
            if not self.in_transaction:
                return
            try:
                self._make_ready()
                with self._ending():
                    # The driver begins another transaction at once, which holds nothing and is
                    # ended by turning its autocommit on.
                    _adbc.call(self.connection.cancel, self.connection.rollback)
                    _adbc.call(self.connection.cancel, self.connection.set_autocommit, True)
                    self.log.transaction("rolled back", 3)
            except Error as error:
                # With its session a transaction is rolled back as well.
                if not has_expired(error) and not was_broken_off(error):
                    raise

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
        self._prepared.end_transaction()

    def _make_ready(self) -> None:
        """Free the session for another call: what is being read goes into memory."""
        self.check_open()
        if self._lost:
            raise OperationalError(_LOST)
        if not self._connected:
            self._connect()
        active = self._active() if self._active is not None else None
        if active is not None:
            active.buffer()
            self._active = None
        self._stop_unread()
        self._releases.flush()
        if self._doubtful and not self.in_transaction:
            self._settle()

    def _settle(self) -> None:
        """After a statement was broken off: a session that answers, this one or a new one.

        The server may be running the statement still, and would have the next one wait for it.
        """
        self._doubtful = False
        try:
            with self.limited(_SETTLING):
                self._read(*self._partitions("SELECT 1", None)).read_table()
        except Error:
            self._disconnect()
            self._connect()
        finally:
            self._active = None

    def is_usable(self) -> bool:
        """Whether a statement could be executed now, which is found by executing one."""
        with self.lock:
            if self.closed or self._lost:
                return False
            try:
                with self.limited(_SETTLING):
                    self.execute("SELECT 1").read_table()
            except (Error, adbc.Error):
                return False
            return True

    def needs_sign_of_life(self) -> bool:
        """Whether the connection has to be kept from looking dead."""
        active = self._active() if self._active is not None else None
        unread = active is not None and not active.finished
        return self._sending or self.in_transaction or unread or self.settings.keepalive_idle

    def send_sign_of_life(self) -> None:
        """Make a small call that waits for no statement; any answer will do, an error too."""
        with contextlib.suppress(adbc.Error):
            self.connection.get_option(_SESSION_OPTIONS)

    def inherit(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._abandon()

    def leave(self, in_time: bool) -> None:
        """At the interpreter's exit: end the session, or leave it where that could take long."""
        if not in_time:
            self._abandon()
            return
        if not self.lock.acquire(blocking=False):
            # A thread that will not see the end of its call.
            with contextlib.suppress(adbc.Error):
                self.cancel()
            if not self.lock.acquire(timeout=_EXIT_SECONDS):
                self._abandon()
                return
        try:
            self.close()
        finally:
            self.lock.release()

    def _abandon(self) -> None:
        """Never call the driver for this session again, not even to release what it holds."""
        self._abandoned = True
        self._releases.abandon()
        fork.leak(self)
        fork.free(self.lock)
        self._connected = self.in_transaction = self._lost = False

    @property
    def inherited(self) -> bool:
        """Whether it was opened before this process was forked."""
        return self._pid != os.getpid()

    def check_open(self) -> None:
        if self.inherited:
            raise fork.inherited("this connection")
        if self.closed:
            raise InterfaceError("the connection is closed")

    def cancel(self) -> None:
        """Cancel the call that is under way, from any thread; nothing between two sessions."""
        with self._cancelling:
            if not self._connected:
                return
            self._doubtful = True
            self.statement.cancel()
            cancel_load = self.cancel_load
            if cancel_load is not None:
                cancel_load()
            self._prepared.cancel()
            self.connection.cancel()

    def close(self) -> None:
        """End the session; the server rolls an open transaction back. Idempotent."""
        if self.closed:
            return
        with self.lock:
            if self.closed or self._abandoned:
                return
            self.closed = True
            databases = [] if self._database is None else [self._database]
            try:
                if self._connected:
                    self._disconnect(*databases)
                else:
                    close_handles(databases, [self._closer])
            finally:
                self._releases.finish()
