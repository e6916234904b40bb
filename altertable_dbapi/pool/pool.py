"""The pool of synchronous connections, for threads."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from .._connect import connect
from ..connection import Connection
from ..process import exiting, fork
from ..rows.factories import RowFactory
from . import lending
from .errors import PoolTimeout, closed
from .ledger import Ledger, Member, PoolStats, Waiter
from .limits import checked, concealed, seconds

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from .._connect import ConnectionSettings

Row = TypeVar("Row")


class Pool(Generic[Row]):
    """Connections that are kept open, and lent to one thread at a time.

    It has no thread of its own: whoever needs a connection that is not there opens it, and whoever
    gives one back closes what is too old. Those who wait are served in their order.

    Between two borrowers the cursors of a connection are closed, an open transaction is rolled
    back (the log has a warning), and `autocommit` and `row_factory` are as they were. One whose
    session was changed (``USE``, ``SET``, temporary tables, ``ATTACH``, …), and one that is
    broken, is closed, and another opened when it is needed.

    Parameters
    ----------
    uri : str, optional
        See `connect`, which takes the other settings as well.
    min_size : int
        How many connections `open` opens, and how many are kept however long they are idle.
    max_size : int
        How many there are at most.
    timeout : float
        Seconds that a caller waits for one to come free. What it takes to open one is limited by
        `connect_timeout`.
    max_waiting : int
        How many callers may wait; 0 for any number.
    max_lifetime : float
        Seconds after which a connection is closed and not lent again.
    max_idle : float
        Seconds after which one that nobody has used is closed, as the next one is given back.
    check_after : float
        Seconds after which one that nobody has used is asked whether it is usable before it is
        lent, which takes a round trip; 0 for always.
    configure : callable, optional
        Called with each new connection. What it sets is what every borrower finds.
    row_factory, **settings
        What `connect` takes.

    Raises
    ------
    ProgrammingError
        A number is wrong.
    TypeError
        `connect` has no such setting.
    """

    @overload
    def __init__(
        self: Pool[tuple[Any, ...]],
        uri: str | None = None,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 30.0,
        max_waiting: int = 0,
        max_lifetime: float = 3600.0,
        max_idle: float = 600.0,
        check_after: float = 60.0,
        configure: Callable[[Connection[Any]], object] | None = None,
        **settings: Unpack[ConnectionSettings],
    ) -> None: ...

    @overload
    def __init__(
        self,
        uri: str | None = None,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 30.0,
        max_waiting: int = 0,
        max_lifetime: float = 3600.0,
        max_idle: float = 600.0,
        check_after: float = 60.0,
        configure: Callable[[Connection[Any]], object] | None = None,
        row_factory: RowFactory[Row],
        **settings: Unpack[ConnectionSettings],
    ) -> None: ...

    def __init__(
        self,
        uri: str | None = None,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 30.0,
        max_waiting: int = 0,
        max_lifetime: float = 3600.0,
        max_idle: float = 600.0,
        check_after: float = 60.0,
        configure: Callable[[Connection[Any]], object] | None = None,
        **settings: Any,
    ) -> None:
        self._settings = concealed(uri, settings)
        self._ledger: Ledger[Connection[Row]] = Ledger(checked(locals()))
        self._configure = configure
        self._lock = threading.Lock()
        self._pid = os.getpid()
        fork.watch(self)
        exiting.watch(self)

    def __repr__(self) -> str:
        stats = self.stats
        state = "closed " if self._ledger.closed else ""
        return f"<altertable_dbapi.pool.Pool {state}{stats.lent} lent, {stats.idle} idle>"

    @property
    def closed(self) -> bool:
        """Whether the pool is closed."""
        return self._ledger.closed

    @property
    def stats(self) -> PoolStats:
        """What the pool has now, and has done."""
        with self._lock:
            return self._ledger.stats

    # Lending

    @contextlib.contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[Connection[Row]]:
        """A block with a connection, committed at its end and rolled back on an exception.

        The connection goes back to the pool then, where one of a block of its own is closed.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for one, instead of the pool's.

        Raises
        ------
        PoolTimeout
            None came free in time.
        InterfaceError
            The pool is closed.
        """
        connection = self.getconn(timeout)
        try:
            yield connection
        except BaseException:
            if not connection.closed:
                connection._session.roll_back_quietly()
            raise
        else:
            if not connection.closed:
                connection._session.commit()
        finally:
            self.putconn(connection)

    def getconn(self, timeout: float | None = None) -> Connection[Row]:
        """Borrow a connection, which has to be given back: `connection` does that by itself."""
        limit = self._ledger.limits.timeout if timeout is None else seconds("timeout", timeout)
        self._check_process()
        ready = threading.Event()
        with self._lock:
            asked = self._ledger.ask(ready.set)
        member = self._granted(asked, ready, limit) if isinstance(asked, Waiter) else asked
        try:
            connection = self._connected(member)
            with self._lock:
                lent = self._ledger.lend(member)
            if not lent:
                raise closed()
        except BaseException:
            self._give(member, fit=False)
            raise
        return connection

    def putconn(self, connection: Connection[Row]) -> None:
        """Give a connection back.

        Raises
        ------
        ProgrammingError
            It is not lent by this pool.
        """
        if self._pid != os.getpid():
            return  # a block that a forked child leaves: it is the parent's
        with self._lock:
            member = self._ledger.take_back(connection)
        fit = False
        try:
            sound = lending.is_sound(connection)
            if not sound:
                with self._lock:
                    self._ledger.broke()
            elif not (self._ledger.closed or self._ledger.is_old(member)):
                assert member.defaults is not None
                fit = lending.reset(connection, member.defaults)
        finally:
            self._give(member, fit)
        self._close_surplus()

    def _granted(
        self, waiter: Waiter[Connection[Row]], ready: threading.Event, limit: float
    ) -> Member[Connection[Row]]:
        """Wait for what comes free."""
        try:
            ready.wait(None if math.isinf(limit) else limit)
        except BaseException:
            with self._lock:
                member = self._ledger.leave(waiter)
            if member is not None:
                self._give(member, fit=True)
            raise
        with self._lock:
            member = self._ledger.leave(waiter)
            if member is None:
                raise self._ledger.refused(limit)
        return member

    def _connected(self, member: Member[Connection[Row]]) -> Connection[Row]:
        """The connection of a member, opened where it has none that is usable."""
        connection = member.connection
        if connection is not None:
            if not self._ledger.is_old(member):
                if not self._ledger.is_doubtful(member) or connection.is_usable():
                    return connection
                with self._lock:
                    self._ledger.broke()
            member.connection = None
            lending.close(connection)
        connection = connect(**self._settings)
        try:
            if self._configure is not None:
                self._configure(connection)
                connection._session.commit()
            defaults = lending.Defaults.of(connection)
        except BaseException:
            lending.close(connection)
            raise
        with self._lock:
            self._ledger.opened(member, connection, defaults)
        return connection

    def _give(self, member: Member[Connection[Row]], fit: bool) -> None:
        """Give a member to whoever waits; its connection is closed unless it is fit."""
        connection = member.connection
        try:
            if connection is not None and not fit:
                member.connection = None
                lending.close(connection)
        finally:
            with self._lock:
                taken = self._ledger.give(member)
            if not taken and connection is not None:
                lending.close(connection)

    def _close_surplus(self) -> None:
        with self._lock:
            surplus = self._ledger.surplus()
        for connection in surplus:
            lending.close(connection)

    # Opening and closing

    def open(self, timeout: float | None = None) -> None:
        """Open `min_size` connections now, which tells at once whether the server is there.

        A pool may be used without: a connection is opened when it is needed.

        Raises
        ------
        PoolTimeout
            They were not open in time; those that are stay.
        Error
            What `connect` raises.
        """
        limit = self._ledger.limits.timeout if timeout is None else seconds("timeout", timeout)
        self._check_process()
        deadline = time.monotonic() + limit
        while True:
            with self._lock:
                member = self._ledger.missing()
            if member is None:
                return
            fit = False
            try:
                if time.monotonic() > deadline:
                    raise PoolTimeout(
                        f"the pool has not opened {self._ledger.limits.min_size} connections "
                        f"(min_size) within {limit:g} s (timeout)"
                    )
                self._connected(member)
                fit = True
            finally:
                self._give(member, fit)

    def wait(self, timeout: float | None = None) -> None:
        """Do what `open` does, under the name that it has in psycopg_pool."""
        self.open(timeout)

    def close(self) -> None:
        """Close the pool and what is idle; who waits is told. What is lent is closed as it comes.

        Idempotent. It waits for nobody.
        """
        if self._pid != os.getpid():
            return  # it is the parent's
        with self._lock:
            idle = self._ledger.close()
        for connection in idle:
            lending.close(connection)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        ledger = getattr(self, "_ledger", None)
        if ledger is None or ledger.closed or getattr(self, "_pid", 0) != os.getpid():
            return
        if idle := ledger.close():
            for connection in idle:
                lending.close(connection)
            warnings.warn(
                f"a pool of {len(idle)} connections was not closed",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    # The process

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            raise fork.inherited("this pool")

    def inherit(self) -> None:
        """In a forked child: all of it is the parent's, unless nothing was opened yet."""
        fork.free(self._lock)
        if self._ledger.unused:
            self._pid = os.getpid()
        else:
            fork.leak(self)

    def leave(self, in_time: bool) -> None:
        """At the interpreter's exit: close what is idle."""
        if in_time:
            self.close()
