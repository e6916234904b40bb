"""The PEP 249 connection."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, overload

from adbc_driver_manager import AdbcConnection, AdbcStatusCode
from adbc_driver_manager import dbapi as adbc_dbapi

from . import errors
from .catalog.introspection import Introspection
from .cursor import Cursor
from .errors import InterfaceError, NotSupportedError, ProgrammingError
from .execution.adbc_connection import AdbcMethods
from .ingest.loading import Loading
from .parameters.bind import Parameters
from .process import fork
from .process.living import Living
from .rows.factories import RowFactory
from .session.block import TransactionBlock
from .session.opening import open_session
from .settings.checks import Binding
from .settings.settings import Settings, check

if TYPE_CHECKING:
    from typing_extensions import Self

Row = TypeVar("Row")
OtherRow = TypeVar("OtherRow")


class Connection(Loading, Introspection, AdbcMethods, adbc_dbapi.Connection, Generic[Row]):
    """A PEP 249 connection; made by `connect`.

    One connection is one server session, which runs one statement at a time. Used as a context
    manager it commits on success, rolls back on an exception, and closes either way.
    """

    __module__ = "adbc_driver_altertable.dbapi"

    Warning = errors.Warning
    Error = errors.Error  # type: ignore[assignment]
    InterfaceError = errors.InterfaceError  # type: ignore[assignment]
    DatabaseError = errors.DatabaseError  # type: ignore[assignment]
    DataError = errors.DataError  # type: ignore[assignment]
    OperationalError = errors.OperationalError  # type: ignore[assignment]
    IntegrityError = errors.IntegrityError  # type: ignore[assignment]
    InternalError = errors.InternalError  # type: ignore[assignment]
    ProgrammingError = errors.ProgrammingError  # type: ignore[assignment]
    NotSupportedError = errors.NotSupportedError  # type: ignore[assignment]

    def __init__(
        self,
        settings: Settings,
        row_factory: RowFactory[Row],
        keep_open: Callable[[], AbstractContextManager[object]] | None = None,
        on_close: contextlib.ExitStack | None = None,
    ) -> None:
        self._closed = True  # until there is something to close
        self._keep_open = keep_open
        fork.check_use(fork.DRIVER, "connect")
        self._close_called = False
        self._settings = settings
        self._row_factory = row_factory
        self._on_close = on_close or contextlib.ExitStack()
        self._cursors: Living[Any] = Living()  # type: ignore[assignment]
        self._session = open_session(settings)
        self._closed = False

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Connection cannot be copied or pickled; adbc_clone() opens another one, and another "
            "process is given what connect() needs"
        )

    def __repr__(self) -> str:
        state = "closed " if self._closed else ""
        open_transaction = " in a transaction" if self.in_transaction else ""
        return f"<altertable_dbapi.Connection {state}{self._settings.where}{open_transaction}>"

    def _repr_html_(self) -> str:
        """What notebooks show; the server is not asked."""
        from .notebook.facts import table

        settings = self._settings
        known = None if self._closed else self._session.place.known
        names = known or (settings.catalog, settings.schema)
        return table(
            "Connection",
            [
                ("state", "closed" if self._closed else "open"),
                ("server", settings.address),
                ("user", settings.username),
                ("catalog.schema", ".".join(filter(None, names)) or "the server's"),
                ("transaction", "open" if self.in_transaction else "none"),
                ("autocommit", "on" if self.autocommit else "off"),
            ],
        )

    # What is connected

    @property
    def host(self) -> str:
        """The server's host name."""
        return self._settings.host

    @property
    def port(self) -> int:
        """The server's port."""
        return self._settings.port

    @property
    def user(self) -> str:
        """The user name."""
        return self._settings.username

    @property
    def database(self) -> str | None:
        """The catalog that the connection was opened with, if any."""
        return self._settings.catalog

    @property
    def catalog(self) -> str:
        """The session's current catalog."""
        self._check_open()
        return self._session.place.current()[0]

    @property
    def schema(self) -> str:
        """The session's current schema."""
        self._check_open()
        return self._session.place.current()[1]

    @property
    def closed(self) -> bool:
        """Whether the connection is closed."""
        return self._closed

    @property
    def row_factory(self) -> RowFactory[Row]:
        """The row factory of cursors that are made from now on."""
        return self._row_factory

    @row_factory.setter
    def row_factory(self, factory: RowFactory[Row]) -> None:
        if not callable(factory):
            raise ProgrammingError(
                f"row_factory is {factory!r}; expected a function such as dict_row"
            )
        self._row_factory = factory

    # Cursors

    @overload
    def cursor(
        self,
        *,
        adbc_stmt_kwargs: Mapping[str, Any] | None = None,
        binding: Binding | None = None,
        query_timeout: float | None = None,
        fetch_timeout: float | None = None,
        update_timeout: float | None = None,
        statement_timeout: float | None = None,
    ) -> Cursor[Row]: ...

    @overload
    def cursor(
        self,
        *,
        adbc_stmt_kwargs: Mapping[str, Any] | None = None,
        row_factory: RowFactory[OtherRow],
        binding: Binding | None = None,
        query_timeout: float | None = None,
        fetch_timeout: float | None = None,
        update_timeout: float | None = None,
        statement_timeout: float | None = None,
    ) -> Cursor[OtherRow]: ...

    def cursor(
        self,
        *,
        adbc_stmt_kwargs: Mapping[str, Any] | None = None,
        row_factory: RowFactory[Any] | None = None,
        binding: Binding | None = None,
        query_timeout: float | None = None,
        fetch_timeout: float | None = None,
        update_timeout: float | None = None,
        statement_timeout: float | None = None,
    ) -> Cursor[Any]:
        """A new cursor.

        Parameters
        ----------
        adbc_stmt_kwargs : mapping, optional
            Not supported, since cursors share one ADBC statement; empty or None.
        row_factory : callable, optional
            What makes the rows, instead of the connection's row factory.
        binding : {"auto", "server", "client"}, optional
            Who puts values into statements, instead of the connection's setting; see `connect`.
        query_timeout, fetch_timeout, update_timeout, statement_timeout : float, optional
            Seconds, instead of the connection's; see `connect`.
        """
        self._check_open()
        if adbc_stmt_kwargs:
            raise NotSupportedError(
                f"adbc_stmt_kwargs ({', '.join(map(str, adbc_stmt_kwargs))}): all cursors share "
                "one ADBC statement; for time limits there are query_timeout= and fetch_timeout="
            )
        if row_factory is not None and not callable(row_factory):
            raise ProgrammingError(
                f"row_factory is {row_factory!r}; expected a function such as dict_row"
            )
        cursor = Cursor(
            self,
            self._row_factory if row_factory is None else row_factory,
            self._settings.binding if binding is None else check("binding", binding),
            self._session.server.limits.timeouts.but(
                query_timeout, fetch_timeout, update_timeout, statement_timeout
            ),
        )
        self._cursors.add(cursor)
        return cursor

    def execute(  # type: ignore[override]
        self,
        operation: str,
        parameters: Parameters = None,
        *,
        adbc_stmt_kwargs: Mapping[str, Any] | None = None,
    ) -> Cursor[Row]:
        """Execute a statement on a new cursor, and return the cursor."""
        return self.cursor(adbc_stmt_kwargs=adbc_stmt_kwargs).execute(operation, parameters)

    # Transactions

    @property
    def autocommit(self) -> bool:
        """Whether each statement outside `transaction` is committed by itself; False by default.

        Raises
        ------
        ProgrammingError
            It is changed while a transaction is open.
        """
        return self._session.autocommit

    @autocommit.setter
    def autocommit(self, enabled: bool) -> None:
        self._check_open()
        if not isinstance(enabled, (bool, int)):
            raise ProgrammingError(f"autocommit is {enabled!r}; expected True or False")
        session = self._session
        if bool(enabled) != session.autocommit and session.in_transaction:
            raise ProgrammingError(
                "a transaction is open; commit() or rollback() before changing autocommit",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        session.autocommit = bool(enabled)

    # What the base class keeps, where its own methods look.
    _autocommit = autocommit

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on the server."""
        return not self._closed and self._session.in_transaction

    def commit(self) -> None:
        """Commit the open transaction. Nothing is sent when none is open.

        Raises
        ------
        ProgrammingError
            It belongs to a `transaction` block.
        OperationalError
            A failed statement has aborted it, so that nothing would be stored; it is rolled back.
        """
        self._check_open()
        self._session.transactions.check_owner("commit()")
        self._session.commit()

    def rollback(self) -> None:
        """Roll the open transaction back. Nothing is sent when none is open.

        Raises
        ------
        ProgrammingError
            It belongs to a `transaction` block.
        """
        if self._session.lifetime.left:  # as the interpreter exits, which has rolled it back
            return
        self._check_open()
        self._session.transactions.check_owner("rollback()")
        self._session.rollback()

    def transaction(self) -> AbstractContextManager[Self]:
        """A block in one transaction, committed at its end and rolled back on an exception.

        It is how a connection with autocommit makes several statements one. Only the end of the
        block ends it: `commit` and `rollback` are refused inside.

        Raises
        ------
        ProgrammingError
            A transaction is open already; the server has no nested ones.
        """
        self._check_open()
        return TransactionBlock(self._session, self)

    def cancel(self) -> None:
        """Cancel the call that is under way, from another thread; see `Cursor.cancel`."""
        self.adbc_cancel()

    # Closing

    def close(self) -> None:
        """Close the connection and its cursors. An open transaction is rolled back.

        Raises
        ------
        InterfaceError
            It was closed by a call before (PEP 249 asks for an error). After a ``with`` block has
            closed it, one call is welcome, so that ``contextlib.closing`` may stand around it.
        """
        if self._close_called:
            raise InterfaceError("the connection is closed already")
        self._close_called = True
        self._close()

    def _close(self) -> None:
        if self._closed:
            return
        try:
            # Before the cursors, which have nothing on the server after that.
            self._session.close()
            self._closed = True
            for cursor in self._cursors.all():
                cursor.close()
        finally:
            if self._closed:
                try:
                    self._end_upserts()
                finally:
                    if not self._session.lifetime.inherited:
                        self._on_close.close()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        if self._closed:
            return
        try:
            if exc_type is None:
                self._session.commit()
            else:
                self._session.roll_back_quietly()
        finally:
            self._close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            shown = f"<altertable_dbapi.Connection {self._settings.where}>"
            self._close()
            if self._session.lifetime.inherited:
                return  # it is the parent's to close
            warnings.warn(f"{shown} was not closed", ResourceWarning, stacklevel=2, source=self)

    def _check_open(self) -> None:
        if self._closed:
            raise InterfaceError("the connection is closed")
        self._session.lifetime.check_open()

    def is_usable(self) -> bool:
        """Whether a statement could be executed now, which is found by executing ``SELECT 1``.

        False within a few seconds where the server does not answer.
        """
        return not self._closed and self._session.is_usable()

    def adbc_clone(self) -> Connection[Row]:
        """A new connection, with a session of its own, with the same settings."""
        self._check_open()
        settings = self._settings._replace(autocommit=self.autocommit)
        with contextlib.ExitStack() as on_close:
            if self._keep_open is not None:
                on_close.enter_context(self._keep_open())
            return Connection(settings, self._row_factory, self._keep_open, on_close.pop_all())

    @property
    def _conn(self) -> AdbcConnection:  # type: ignore[override]
        # What the base class's own adbc_ methods use.
        self._check_open()
        return self._session.operations.at_hand().connection
