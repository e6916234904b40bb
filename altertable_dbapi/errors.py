"""PEP 249 exceptions."""

from __future__ import annotations

from typing import ClassVar, TypeVar, overload

import adbc_driver_manager as adbc
from adbc_driver_manager import AdbcStatusCode

Warning = adbc.Warning


class Error(adbc.Error):
    """Base class of every error of this driver (PEP 249).

    Parameters
    ----------
    message : str
        One sentence for a person.
    status_code : AdbcStatusCode, optional
        The ADBC status; unless given, the usual one of the class.
    vendor_code : int, optional
        The gRPC status code that the server answered with, where there is one.
    sqlstate : str, optional
        Of an error of the server's, where it tells a program what to do: ``"40001"``, the
        transaction conflicts with another one and may be run again; ``"25P02"``, the transaction
        is aborted and has to be rolled back; ``"0A000"``, there is no such feature.
    """

    #: The ADBC status of those that are raised without one.
    usual_status: ClassVar[AdbcStatusCode] = AdbcStatusCode.UNKNOWN

    #: The SQLSTATE of those that are raised without one.
    usual_sqlstate: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        status_code: AdbcStatusCode | int | None = None,
        vendor_code: int | None = None,
        sqlstate: str | None = None,
        details: list[tuple[str, bytes]] | None = None,
    ) -> None:
        adbc.Error.__init__(
            self,
            message,
            status_code=self.usual_status if status_code is None else status_code,
            vendor_code=vendor_code,  # type: ignore[arg-type]  # the stub is wrong
            sqlstate=self.usual_sqlstate if sqlstate is None else sqlstate,
            details=details,
        )

    def _render_traceback_(self, *_: object) -> list[str]:
        """What IPython prints instead of a traceback of its own."""
        from .notebook.tracebacks import rendered

        return rendered(self)


class InterfaceError(Error, adbc.InterfaceError):
    """The driver is used in a way that it cannot serve (PEP 249)."""

    usual_status = AdbcStatusCode.INVALID_STATE


class DatabaseError(Error, adbc.DatabaseError):
    """Base class of errors that concern the database (PEP 249)."""


class DataError(DatabaseError, adbc.DataError):
    """A value is wrong: out of range, not convertible, not bindable (PEP 249)."""

    usual_status = AdbcStatusCode.INVALID_DATA


class OperationalError(DatabaseError, adbc.OperationalError):
    """The database's operation failed: connection, session, transaction, time (PEP 249)."""

    usual_status = AdbcStatusCode.IO


class IntegrityError(DatabaseError, adbc.IntegrityError):
    """A constraint is violated (PEP 249)."""

    usual_status = AdbcStatusCode.INTEGRITY


class InternalError(DatabaseError, adbc.InternalError):
    """The server or the engine is at fault (PEP 249)."""

    usual_status = AdbcStatusCode.INTERNAL


class ProgrammingError(DatabaseError, adbc.ProgrammingError):
    """The statement or the call is wrong (PEP 249)."""

    usual_status = AdbcStatusCode.INVALID_ARGUMENT


class NotSupportedError(DatabaseError, adbc.NotSupportedError):
    """The database or the driver has no such feature (PEP 249)."""

    usual_status = AdbcStatusCode.NOT_IMPLEMENTED
    usual_sqlstate = "0A000"


_E = TypeVar("_E", bound=Error)


@overload
def reworded(error: _E, message: str) -> _E: ...


@overload
def reworded(
    error: Error, message: str, kind: type[_E], status_code: AdbcStatusCode | None = None
) -> _E: ...


def reworded(
    error: Error,
    message: str,
    kind: type[Error] | None = None,
    status_code: AdbcStatusCode | None = None,
) -> Error:
    """The same error in other words, and of another class or status where they are given."""
    return (kind or type(error))(
        message,
        status_code=error.status_code if status_code is None else status_code,
        vendor_code=error.vendor_code,
        sqlstate=error.sqlstate,
        details=error.details,
    )
