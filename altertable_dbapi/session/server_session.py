"""The server session behind a connection: opened, given its state again, put to the test, ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import adbc_driver_flightsql
import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode

from ..errors import Error, OperationalError, reworded
from ..logs import SessionLog
from ..parameters.bind import Bound
from ..process import fork, housekeeping
from ..protocol.errors import from_adbc
from ..result.result import Result
from ..result.stream import Stream
from ..settings.adbc import adbc_database_options
from ..settings.limits import Limits, Timeouts, has_expired
from ..settings.settings import Settings
from .closing import close_handles, within
from .handles import Cancellation, Handles
from .own_state import OwnState
from .streams import Streams

T = TypeVar("T")

_SESSION_OPTION = "adbc.flight.sql.session.option."

#: What a session may take to answer after a statement was broken off, in seconds.
SETTLING = Timeouts(query=2.0, fetch=2.0, update=2.0)

LOST = "the transaction is lost with its session"


class ServerSession:
    """What a connection has on the server, now and after a reconnect.

    All that a reconnect throws away is in `Handles`; what outlives it is here: what the program
    has to be told, and what a new session is given. The caller holds the session's lock.

    Attributes
    ----------
    handles : Handles or None
        None between two sessions.
    own : OwnState
        What the program's statements have left in the session.
    lost : str
        Why the open transaction is gone, until `rollback`; empty where it is not.
    """

    def __init__(
        self, settings: Settings, lock: threading.RLock, log: SessionLog, streams: Streams
    ) -> None:
        self.settings = settings
        self.log = log
        self.handles: Handles | None = None
        self.own = OwnState()
        self.lost = ""
        self.cancellation = Cancellation()
        self.limits = Limits(Timeouts.of(settings))
        self._lock = lock
        self._streams = streams
        # What went with an earlier session, in words; the next call tells the program.
        self._gone = ""
        self._database: adbc.AdbcDatabase | None = None
        # The thread that ends an earlier session, where the server did not answer in time.
        self._closer: threading.Thread | None = None
        self._opened_before = False

    def ready(self) -> Handles:
        """The handles of a session that can take the next call.

        Raises
        ------
        OperationalError
            A transaction, or what the program had in its session, is gone with that session; the
            next call is made in a new one.
        """
        if self.lost:
            raise OperationalError(
                f"{self.lost}; call rollback() to go on", status_code=AdbcStatusCode.INVALID_STATE
            )
        if self._gone:
            gone, self._gone = self._gone, ""
            raise OperationalError(
                f"the session had ended, and with it {gone}; nothing was executed, and the next "
                "statement runs in a new session",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        handles = self.handles
        if handles is None:
            return self.connect()
        self._streams.free()
        return self._settled(handles) if handles.doubtful else handles

    def send(self, send: Callable[[Handles], T]) -> T:
        """Make a call, once more where the session had expired.

        An expired session is refused before anything runs, so that nothing is done twice. No
        other failure leads to a second try, and none where the session held what another lacks.
        """
        try:
            return send(self.ready())
        except Error as error:
            if not has_expired(error):
                raise
            self.expired(error)
        except BaseException:
            # It may have come between a call and what notes its result.
            if self.handles is not None:
                self.handles.doubtful = True
            raise
        return send(self.ready())

    def execute(self, text: str, bound: Bound | None, limits: Limits, shown: str) -> Result:
        """Send one statement, which errors show as `shown`."""
        log = self.log.sending(text)

        def send(handles: Handles) -> Result:
            partitions, announced = handles.partitions(text, bound, limits, shown)
            streams = self._opened(handles, partitions, limits, shown)
            return Result(streams, announced, self._lock, self._streams, log)

        try:
            result = self.send(send)
        except BaseException as error:
            if log is not None:
                log.failed(error)
            raise
        self._streams.read_by(result)
        return result

    def query(self, text: str, bound: Bound | None, limits: Limits) -> pa.Table:
        """The answer to a question of the driver's own."""
        return self.execute(text, bound, limits, text).read_table()

    def read_partition(self, partition: bytes, limits: Limits) -> Result:
        """Open the stream of one partition."""
        streams = self._opened(self.ready(), [partition], limits, "")
        result = Result(streams, None, self._lock, self._streams)
        self._streams.read_by(result)
        return result

    def _opened(
        self, handles: Handles, partitions: list[bytes], limits: Limits, shown: str
    ) -> Iterator[Stream]:
        for partition in partitions:
            stream = handles.stream(partition, limits, shown)
            self._streams.opened(stream)
            yield stream

    def cancel(self) -> None:
        """Cancel the operation under way, from any thread: its call, or the next one it makes."""
        cancellation, handles = self.cancellation, self.handles
        reading = self._streams.unfinished
        if cancellation.operations or reading:
            cancellation.requested = True
        cancel_load = cancellation.cancel_load
        if cancel_load is not None:
            cancel_load()
        if handles is not None:
            handles.cancel(reading)
            housekeeping.needed()

    def expired(self, error: Error) -> None:
        """The session has expired.

        Raises
        ------
        OperationalError
            A transaction was open in it.
        """
        self.end()
        if self.lost:
            message = f"{self.lost}; call rollback() to go on ({error})"
            raise reworded(error, message, OperationalError) from None

    def connect(self) -> Handles:
        """Open the server's session: Handshake, its options, and what statements had set."""
        settings = self.settings
        options = {_SESSION_OPTION + k: v for k, v in settings.session_options.items()}
        started = time.perf_counter()
        database = self.database
        # Should it take too long, who comes too late closes the database as well.
        self._database = None
        opened: list[Handles] = []

        def open_handles() -> Handles:
            connection = adbc.AdbcConnection(database, **options)
            return Handles(connection, self.limits.timeouts, self.log, self.cancellation)

        try:
            if not within(settings.connect_timeout, database, open_handles, opened):
                raise OperationalError(
                    f"no answer from {settings.address} within {settings.connect_timeout:g} s "
                    "(connect_timeout): usually the host or port is wrong, a firewall or proxy "
                    "drops the connection, or one side speaks TLS and the other does not; "
                    "`python -m altertable_dbapi doctor` says how far it comes",
                    status_code=AdbcStatusCode.TIMEOUT,
                )
            housekeeping.adopt(self, opened[0])
            self.handles, self._database = opened[0], database
        except BaseException as error:
            if self.handles is None and opened:
                opened[0].close(None, database)
            elif isinstance(error, adbc.Error) and not isinstance(error, Error):
                self._database = database
                if self._opened_before:
                    raise from_adbc(error) from None
            raise
        handles = self.handles
        self._opened_before = True
        self.log.opened(settings, time.perf_counter() - started)
        self._restore(handles)
        return handles

    def _restore(self, handles: Handles) -> None:
        """Execute again what statements had set in the session before."""
        for text in self.own.again:
            try:
                handles.query(text, self.limits)
            except Error as error:
                self.own.forget(text)
                self.end()
                raise reworded(
                    error,
                    f"the session had ended, and a new one refuses {text!r} of the one before "
                    f"({error}); nothing was executed, and the next statement runs without it",
                    OperationalError,
                ) from None
            except BaseException:
                self.end()
                raise

    @property
    def database(self) -> adbc.AdbcDatabase:
        """What connections of these settings are opened on."""
        if self._database is None:
            self._database = adbc_driver_flightsql.connect(
                self.settings.uri, db_kwargs=adbc_database_options(self.settings)
            )
        return self._database

    def _settled(self, handles: Handles) -> Handles:
        """After a call was broken off: a session that answers, this one or a new one.

        The server may be running the statement still, and would have the next one wait for it.
        """
        handles.doubtful = False
        try:
            handles.query("SELECT 1", SETTLING.begin())
        except Error as error:
            if not handles.doubtful:
                return handles  # an aborted transaction is an answer as well
            expired = has_expired(error)
            self.end("" if expired else "the server was busy with a statement that was broken off")
            return self.ready()
        return handles

    def end(self, why: str = "") -> str:
        """End the server's session, and with it a transaction and what was prepared.

        Returns
        -------
        str
            What the program had in it that another session cannot be given.
        """
        handles = self.handles
        if handles is None:
            return ""
        self._streams.close()
        self._closer = handles.close(self._streams.release_all, after=self._closer)
        self.handles = None
        housekeeping.release(handles)
        if handles.in_transaction:
            self.lost = LOST + (f": {why}" if why else ", which had ended")
        self._gone = self.own.take_gone()
        self.log.ended()
        return self._gone

    @property
    def sound(self) -> bool:
        """Whether nothing is known that would fail or delay the next call."""
        handles = self.handles
        return not (self.lost or self._gone or (handles is not None and handles.doubtful))

    def told(self) -> None:
        """The program knows what has gone with the session."""
        self._gone = self.lost = ""

    def close(self) -> None:
        """End the session for good."""
        databases = [] if self._database is None else [self._database]
        handles = self.handles
        if handles is None:
            close_handles(databases, after=self._closer)
            return
        self._streams.close()
        handles.close(self._streams.release_all, *databases, after=self._closer)
        self.handles = None
        housekeeping.release(handles)
        self.log.ended()

    def abandon(self) -> None:
        """Never call the driver again, not even to release what it holds."""
        self._streams.abandon()
        fork.leak(self.handles)
        self.handles, self.lost = None, ""

    def answers(self) -> bool:
        """Whether a statement could be executed now, which is found by executing one."""
        for _ in range(2):
            if self.lost or self._gone:
                break
            try:
                self.ready().query("SELECT 1", SETTLING.begin())
                return True
            except adbc.Error as error:
                if not (isinstance(error, Error) and has_expired(error)):
                    break
                self.end()
        return False
