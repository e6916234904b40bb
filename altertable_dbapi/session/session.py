"""The session of a connection: one statement at a time, in the transaction that it belongs to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode

from ..errors import Error, ProgrammingError
from ..logs import SessionLog
from ..parameters.bind import Bound
from ..protocol import _adbc
from ..result.result import Result
from ..settings.limits import Limits, has_expired
from ..settings.settings import Settings
from ..statement.scan import Statement
from .handles import Handles
from .lifetime import Lifetime
from .operations import Operations
from .place import Place
from .questions import answer_rows
from .server_session import ServerSession
from .streams import Streams
from .transactions import Transactions
from .upkeep import Upkeep


class Session:
    """One Flight SQL session, which is one connection of the server's engine.

    It serves one statement at a time: before another is sent, a result that is still being read
    is read into memory. Calls are serialised by a lock, so that misuse from two threads cannot
    mix two statements.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    settings : Settings
    autocommit : bool
        Whether a statement that may change something is committed by itself.
    lock : RLock
        Held during every operation.
    server : ServerSession
        What there is on the server.
    lifetime : Lifetime
        Whether it may be used, and its end.
    transactions : Transactions
        The open transaction.
    operations : Operations
        What is under way, and its time limits.
    place : Place
        The current catalog and schema.
    upkeep : Upkeep
        What is done between two operations.

    Raises
    ------
    Error
        The session cannot be opened; as the driver says it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.autocommit = settings.autocommit
        self.lock = lock = threading.RLock()
        self.log = SessionLog()
        streams = Streams()
        self.server = server = ServerSession(settings, lock, self.log, streams)
        self.lifetime = Lifetime(lock, server)
        self.transactions = Transactions(server)
        self.upkeep = Upkeep(settings, lock, self.lifetime, server, streams)
        self.operations = Operations(lock, self.lifetime, server, self.transactions, self.upkeep)
        self.place = Place(lock, self.operations, server)
        try:
            server.connect()
        except BaseException:
            self.lifetime.closed = True
            server.close()
            raise
        if settings.keepalive_idle:
            self.upkeep.watch()

    # Statements of the program

    def run(
        self,
        statement: Statement,
        text: str,
        bound: Bound | None = None,
        limits: Limits | None = None,
    ) -> Result | None:
        """Send a statement of the program's in the transaction that it belongs to.

        Parameters
        ----------
        statement : Statement
        text : str
            What is sent for it.
        bound : Bound, optional
            What the server is to bind.
        limits : Limits, optional

        Returns
        -------
        Result or None
            None for BEGIN, COMMIT and ROLLBACK.
        """
        limits = self.operations.limits(limits)
        with self.lock, self.operations.under_way():
            if statement.transaction is not None:
                self._transact(statement, limits)
                return None
            self._enter(statement, limits)
            return self.server.execute(text, bound, limits, statement.text)

    def _transact(self, statement: Statement, limits: Limits) -> None:
        action = statement.transaction
        if action != "begin":
            self.transactions.check_owner(statement.verb)
            end = self.transactions.commit if action == "commit" else self.transactions.rollback
            end(limits)
            return
        if self.transactions.open:
            raise ProgrammingError(
                "a transaction is open already; commit() or rollback() before BEGIN",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        self.transactions.begin(limits, statement.read_only)

    def _enter(self, statement: Statement, limits: Limits) -> None:
        """What comes before a statement. PEP 249: no change is kept without a commit."""
        if statement.may_change:
            if not self.autocommit:
                self.transactions.begin(limits)
            elif self.transactions.read_only:
                raise ProgrammingError(
                    f"the transaction was begun as READ ONLY, and {statement.verb} may change "
                    "something; commit() or rollback() first",
                    status_code=AdbcStatusCode.INVALID_STATE,
                )
        if not statement.keeps_schema:
            self.place.forget()

    def partitions(
        self,
        statement: Statement,
        text: str,
        bound: Bound | None = None,
        limits: Limits | None = None,
    ) -> tuple[list[bytes], pa.Schema | None]:
        """Send one statement; the partitions of its result, and the schema announced for them."""
        limits = self.operations.limits(limits)
        with self.lock, self.operations.under_way():
            self._enter(statement, limits)
            self.log.sending(text)
            return self.server.send(
                lambda handles: handles.partitions(text, bound, limits, statement.text)
            )

    def read_partition(self, partition: bytes, limits: Limits | None = None) -> Result:
        """Open the stream of one partition."""
        limits = self.operations.limits(limits)
        with self.lock, self.operations.under_way():
            return self.server.read_partition(partition, limits)

    def prepare(self, statement: Statement, limits: Limits | None = None) -> pa.Schema | None:
        """Prepare a statement and give the schema of its parameters, where the server tells."""
        limits = self.operations.limits(limits)
        with self.lock, self.operations.under_way():
            self._enter(statement, limits)
            return self.server.send(
                lambda handles: handles.prepare(statement.text, limits).parameter_schema
            )

    def announced_schema(self, statement: Statement, limits: Limits) -> pa.Schema:
        """Prepare a statement and give the schema that the server announces for its result."""

        def ask(handles: Handles) -> adbc.ArrowSchemaHandle:
            prepared = handles.prepare(statement.text, limits).statement
            return handles.call(prepared, prepared.execute_schema, limits=limits, trips=0)

        with self.lock, self.operations.under_way():
            return _adbc.import_schema(self.server.send(ask))

    @contextlib.contextmanager
    def loading(self) -> Iterator[tuple[Handles, adbc.AdbcStatement]]:
        """A block with the session to itself: the handles, and the statement of its bulk load.

        The caller holds the lock.
        """
        with self.operations.under_way():
            handles = self.server.ready()
            statement = handles.prepared.take()
            try:
                with self.operations.alone():
                    yield handles, statement
            except Error as error:
                if has_expired(error):
                    self.server.expired(error)
                raise
            finally:
                if handles.at_work:  # by a thread that did not end in time
                    self.server.end()
                else:
                    handles.prepared.give_back(statement)

    # Questions of the driver's own, which begin nothing and leave nothing

    def query(self, text: str, bound: Bound | None = None) -> pa.Table:
        """The answer to a question of the driver's own."""
        with self.lock, self.operations.under_way():
            return self.server.query(text, bound, self.operations.limits())

    def rows(
        self, text: str, kinds: Sequence[type | tuple[type, ...]], bound: Bound | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows that answer a question of the driver's own, one of `kinds` in each column.

        Raises
        ------
        InternalError
            The server answers something else.
        """
        return answer_rows(self.query(text, bound), kinds, text)

    def is_usable(self) -> bool:
        """Whether a statement could be executed now, which is found by executing one."""
        if self.lifetime.closed or self.lifetime.inherited:
            return False
        with self.lock, self.operations.under_way():
            return self.server.answers()

    # Transactions

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on the server."""
        return self.transactions.open

    def begin(self, owner: object | None = None) -> None:
        """Begin a transaction; nothing when one is open."""
        with self.lock, self.operations.under_way():
            self.transactions.begin(self.operations.limits())
            if owner is not None:
                self.transactions.own(owner)

    def commit(self) -> None:
        """Commit the open transaction; nothing when none is open."""
        if self.lifetime.inherited:
            return  # a block that a forked child leaves: it is the parent's
        with self.lock, self.operations.under_way():
            self.transactions.commit(self.operations.limits())

    def rollback(self) -> None:
        """Roll the open transaction back; nothing when none is open."""
        with self.lock, self.operations.under_way():
            self.transactions.rollback(self.operations.limits())

    def roll_back_quietly(self) -> None:
        """Roll back what an exception has left, which is told to the log if it fails."""
        if self.lifetime.inherited:
            return  # it is the parent's
        try:
            self.rollback()
        except Error as error:
            self.log.rollback_failed(error)

    # Its end

    def cancel(self) -> None:
        """Cancel the operation under way, from any thread: its call, or the next one it makes."""
        self.server.cancel()

    def close(self) -> None:
        """End the session; an open transaction is rolled back. Idempotent."""
        self.lifetime.close()
