"""The ADBC handles of one server session, and the one door through which all calls on them go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode

from ..errors import Error, OperationalError, ProgrammingError
from ..logs import SessionLog
from ..parameters.bind import Bound
from ..process import housekeeping
from ..protocol import _adbc, messages
from ..protocol.errors import is_aborted
from ..result.stream import Stream
from ..settings.limits import Limits, Timeouts, was_broken_off
from .closing import close_handles
from .prepared import Prepared, PreparedStatements

T = TypeVar("T")

_SESSION_OPTIONS = "adbc.flight.sql.session.options"

#: How often a thread that ends a session looks whether the last call has ended, in seconds.
_AGAIN_SECONDS = 0.01

#: What the rollback of a session that is being closed may take, in seconds.
_ROLLBACK = Limits(Timeouts(query=2.0, fetch=2.0, update=2.0))


class Failure(NamedTuple):
    """What has failed in the open transaction, which it may have aborted."""

    text: str
    error: str


class Cancellation:
    """Whether the operation under way has been cancelled, which holds for its next call as well.

    Attributes
    ----------
    operations : int
        How many are under way, one inside the other.
    requested : bool
    cancel_load : callable or None
        Cancels the load under way, if any.
    """

    __slots__ = ("cancel_load", "operations", "requested")

    def __init__(self) -> None:
        self.operations = 0
        self.requested = False
        self.cancel_load: Callable[[], None] | None = None


class Handles:
    """The ADBC handles of one server session: what a reconnect throws away.

    Parameters
    ----------
    connection : AdbcConnection
    defaults : Timeouts
        The limits that the handles have unless told otherwise.
    log : SessionLog
        Counts the round trips.
    cancellation : Cancellation

    Attributes
    ----------
    in_transaction : bool
        Whether a transaction is open on the server.
    read_only : bool
        Whether that transaction was begun as one that changes nothing.
    failure : Failure or None
        What has failed last in the open transaction, unless a statement has succeeded since.
    doubtful : bool
        Whether a call was broken off, so that the server may still be running it.
    current : tuple of str or None
        The current catalog and schema, where they are known.
    """

    def __init__(
        self,
        connection: adbc.AdbcConnection,
        defaults: Timeouts,
        log: SessionLog,
        cancellation: Cancellation,
    ) -> None:
        self.connection = connection
        self.statement = adbc.AdbcStatement(connection)
        self.in_transaction = self.read_only = False
        self.failure: Failure | None = None
        self.doubtful = False
        self.current: tuple[str, str] | None = None
        self.prepared = PreparedStatements(self)
        self.log = log
        self.used = time.monotonic()
        self._defaults = Limits(defaults)
        self._applied: dict[adbc.AdbcConnection | adbc.AdbcStatement, Limits] = {}
        self._cancellation = cancellation
        # What a call is being made on.
        self._under_way: adbc.AdbcConnection | adbc.AdbcStatement | None = None
        # Held while another thread cancels: handles must not be closed meanwhile. A signal handler
        # of this thread may come in between, hence an RLock.
        self._guard = threading.RLock()
        self._closed = False
        # Taken by the thread that ends the session.
        self._ended = threading.Lock()
        # Held by the thread that sends a sign of life.
        self._pinging = threading.Lock()

    # The door

    def call(
        self,
        handle: adbc.AdbcConnection | adbc.AdbcStatement,
        function: Callable[..., T],
        *args: Any,
        limits: Limits,
        under: tuple[str, ...] = ("update",),
        since: float | None = None,
        trips: int = 1,
        text: str = "",
    ) -> T:
        """Make one call of the driver.

        Parameters
        ----------
        handle : AdbcConnection or AdbcStatement
            What it is a call of, and what cancels it.
        function : callable
            With `args`, what makes it.
        limits : Limits
            The caller's.
        under : tuple of {"query", "fetch", "update"}
            Which of the limits count.
        since : float, optional
            When they began to count, by ``time.monotonic()``; now, unless given.
        trips : int
            Round trips that it makes.
        text : str
            The statement that it is for, to be named if the call fails in a transaction.

        Raises
        ------
        Error
            As the server says it; a limit that has run out is named.
        """
        if self._under_way is not None:
            raise ProgrammingError(
                "this connection is in the middle of a call, and what runs meanwhile in the same "
                "thread, as a signal handler does, needs a connection of its own",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        if since is None:
            since = time.monotonic()
        # A call that makes no round trip reads what an earlier one has asked for, in its limits.
        if trips and (limits.end or self._applied.get(handle, self._defaults) != limits):
            handle.set_options(**limits.options())
            self._applied[handle] = limits
        self.log.round_trips += trips
        housekeeping.note_call()
        try:
            self._under_way = handle
            if self._cancellation.requested:
                raise OperationalError(
                    "the call was cancelled before it was sent",
                    status_code=AdbcStatusCode.CANCELLED,
                )
            answer: T = limits.run(under, since, _adbc.call, handle.cancel, function, *args)
            return answer
        except StopIteration:  # the end of a stream
            raise
        except Error as error:
            self._cancellation.requested = False
            self.doubtful |= was_broken_off(error)
            self.note_failure(text, str(error))
            raise
        except BaseException as error:
            self.doubtful = True
            self.note_failure(text, type(error).__name__)
            raise
        finally:
            self._under_way = None
            self.used = time.monotonic()
            housekeeping.note_call()

    def cancel(self, reading: bool) -> None:
        """Cancel the call under way, from any thread.

        Parameters
        ----------
        reading : bool
            Whether to cancel a stream that is not read to its end, where no call is under way.
        """
        with self._guard:
            handle = self._under_way or (self.connection if reading else None)
            if handle is not None and not self._closed:
                handle.cancel()

    def note_failure(self, text: str, error: str) -> None:
        """Something has failed, which may have aborted the open transaction."""
        # What comes after that only says that it is aborted.
        if self.in_transaction and not (self.failure and is_aborted(error)):
            self.failure = Failure(text, error)

    @property
    def at_work(self) -> bool:
        """Whether a call is under way."""
        return self._under_way is not None

    # Statements

    def partitions(
        self, text: str, bound: Bound | None, limits: Limits, shown: str
    ) -> tuple[list[bytes], pa.Schema | None]:
        """Send a statement, prepared when it has parameters: its partitions, and their schema.

        Errors show it as `shown`.
        """
        if bound is None:
            statement = self.statement
            statement.set_sql_query(text)
        else:
            prepared = self.prepare(bound.text, limits)
            statement = prepared.statement
            statement.bind(bound.record_batch(prepared.parameter_schema))
        partitions, schema, _ = self.call(
            statement,
            statement.execute_partitions,
            limits=limits,
            under=("query",) if bound is None else ("query", "update"),
            trips=1 if bound is None else 2,
            text=shown,
        )
        return partitions, None if schema is None else _adbc.import_schema(schema)

    def prepare(self, text: str, limits: Limits) -> Prepared:
        """A prepared statement, which is kept to be used again."""
        return self.prepared.get(text, limits)

    def stream(self, partition: bytes, limits: Limits, text: str = "") -> Stream:
        """Open the stream of one partition."""
        since = time.monotonic()
        handle = self.call(
            self.connection,
            self.connection.read_partition,
            messages.without_locations(partition),
            limits=limits,
            under=("fetch",),
            since=since,
            text=text,
        )
        return Stream(self, _adbc.import_stream(handle), limits, since, text)

    def query(self, text: str, limits: Limits) -> pa.Table:
        """The answer to a question of the driver's own."""
        partitions, announced = self.partitions(text, None, limits, text)
        tables = []
        for partition in partitions:
            stream = self.stream(partition, limits, text)
            try:
                tables.append(stream.read_all())
            finally:
                stream.close()
        if not tables:
            return (announced or pa.schema([])).empty_table()
        return tables[0] if len(tables) == 1 else pa.concat_tables(tables)

    # Transactions

    def begin(self, limits: Limits, read_only: bool = False) -> None:
        """Begin a transaction."""
        self.call(self.connection, self.connection.set_autocommit, False, limits=limits)
        self.in_transaction, self.read_only, self.failure = True, read_only, None
        self.log.transaction("begun")

    def commit(self, limits: Limits) -> None:
        """Commit the open transaction."""
        self.call(self.connection, self.connection.set_autocommit, True, limits=limits)
        self._transaction_ended("committed", limits)

    def rollback(self, limits: Limits) -> None:
        """Roll the open transaction back."""
        # The driver begins another transaction at once, which holds nothing and is ended by
        # turning its autocommit on.
        self.call(self.connection, self.connection.rollback, limits=limits, trips=2)
        self.call(self.connection, self.connection.set_autocommit, True, limits=limits)
        self._transaction_ended("rolled back", limits)

    def _transaction_ended(self, how: str, limits: Limits) -> None:
        self.in_transaction = self.read_only = False
        self.failure = None
        self.prepared.end_transaction(limits)
        self.log.transaction(how)

    # The end

    def ping(self) -> None:
        """Make a small call that waits for no statement; any answer will do, an error too.

        It runs in a thread of its own, since the answer may take long.
        """
        if not self._pinging.acquire(blocking=False):
            return
        try:
            threading.Thread(target=self._ping, name="altertable-keepalive", daemon=True).start()
        except BaseException:
            self._pinging.release()
            raise

    def _ping(self) -> None:
        try:
            if not self._closed:
                self.connection.get_option(_SESSION_OPTIONS)
        except adbc.Error:
            pass  # an answer as well
        finally:
            self._pinging.release()

    def close(
        self,
        release: Callable[[], object] | None = None,
        *more: Any,
        after: threading.Thread | None = None,
    ) -> threading.Thread | None:
        """End the server's session in a thread, and wait for that a few seconds. Idempotent.

        An open transaction is rolled back first, for a server may do nothing at the end of a
        session.

        Parameters
        ----------
        release : callable, optional
            Releases the streams, which comes first.
        more : object
            What is closed after these handles: a database.
        after : threading.Thread, optional
            What has to end before.

        Returns
        -------
        threading.Thread or None
            What is closing still.
        """
        with self._guard:
            self._closed = True
        handles = [self.statement, *self.prepared.all(), self.connection, *more]

        def leave(limit: float | None) -> None:
            # What a thread that was given up has begun ends before its connection does.
            deadline = None if limit is None else time.monotonic() + limit
            while self._under_way is not None and (deadline is None or time.monotonic() < deadline):
                time.sleep(_AGAIN_SECONDS)
            if self._pinging.acquire(timeout=-1 if limit is None else limit):
                self._pinging.release()
            if release is not None:
                release()
            if self.in_transaction:
                limits = _ROLLBACK if limit is None else Limits(Timeouts(limit, limit, limit))
                self.connection.set_options(**limits.options())
                self.connection.rollback()
                self.connection.set_autocommit(True)
                self.log.transaction("rolled back with its session")

        return close_handles(handles, leave, after, self._ended)
