"""PEP 249 exceptions, and the mapping from what a server says to the right one of them."""

from __future__ import annotations

import re
from typing import Any

import adbc_driver_manager as adbc
from adbc_driver_manager import AdbcStatusCode

Warning = adbc.Warning


class Error(adbc.Error):  # type: ignore[misc]
    """Base class of every error of this driver (PEP 249).

    Parameters
    ----------
    message : str
        One sentence for a person.
    status_code : AdbcStatusCode, optional
        The ADBC status; ``UNKNOWN`` when the error has none.
    vendor_code : int, optional
        The gRPC status code that the server answered with, where there is one.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: AdbcStatusCode | int = AdbcStatusCode.UNKNOWN,
        vendor_code: int | None = None,
        sqlstate: str | None = None,
        details: list[tuple[str, bytes]] | None = None,
    ) -> None:
        adbc.Error.__init__(
            self,
            message,
            status_code=status_code,
            vendor_code=vendor_code,
            sqlstate=sqlstate,
            details=details,
        )


class InterfaceError(Error, adbc.InterfaceError):
    """The driver is used in a way that it cannot serve (PEP 249)."""


class DatabaseError(Error, adbc.DatabaseError):
    """Base class of errors that concern the database (PEP 249)."""


class DataError(DatabaseError, adbc.DataError):
    """A value is wrong: out of range, not convertible, not bindable (PEP 249)."""


class OperationalError(DatabaseError, adbc.OperationalError):
    """The database's operation failed: connection, session, transaction, time (PEP 249)."""


class IntegrityError(DatabaseError, adbc.IntegrityError):
    """A constraint is violated (PEP 249)."""


class InternalError(DatabaseError, adbc.InternalError):
    """The server or the engine is at fault (PEP 249)."""


class ProgrammingError(DatabaseError, adbc.ProgrammingError):
    """The statement or the call is wrong (PEP 249)."""


class NotSupportedError(DatabaseError, adbc.NotSupportedError):
    """The database or the driver has no such feature (PEP 249)."""

    def __init__(self, message: str, **kwargs: Any) -> None:
        kwargs.setdefault("status_code", AdbcStatusCode.NOT_IMPLEMENTED)
        DatabaseError.__init__(self, message, **kwargs)


#: What DuckDB writes before "Error:", and the PEP 249 class for it. DuckDB's own Python client
#: draws the same lines (https://github.com/duckdb/duckdb-python, exceptions).
DUCKDB_ERRORS: dict[str, type[Error]] = {
    "Binder": ProgrammingError,
    "Catalog": ProgrammingError,
    "Expression": ProgrammingError,
    "Invalid Configuration": ProgrammingError,
    "Invalid Input": ProgrammingError,
    "Missing Extension": ProgrammingError,
    "Parameter Not Allowed": ProgrammingError,
    "Parameter Not Resolved": ProgrammingError,
    "Parser": ProgrammingError,
    "Permission": ProgrammingError,
    "Planner": ProgrammingError,
    "Sequence": ProgrammingError,
    "Settings": ProgrammingError,
    "Syntax": ProgrammingError,
    "Dependency": ProgrammingError,
    "Conversion": DataError,
    "Decimal": DataError,
    "Divide by Zero": DataError,
    "Invalid type": DataError,
    "Mismatch Type": DataError,
    "Object Size": DataError,
    "Out of Range": DataError,
    "Unknown Type": DataError,
    "Constraint": IntegrityError,
    "Not implemented": NotSupportedError,
    "Connection": OperationalError,
    "Extension Autoloading": OperationalError,
    "HTTP": OperationalError,
    "INTERRUPT": OperationalError,
    "IO": OperationalError,
    "Out of Memory": OperationalError,
    "Serialization": OperationalError,
    "TransactionContext": OperationalError,
    "Executor": InternalError,
    "FATAL": InternalError,
    "Index": InternalError,
    "INTERNAL": InternalError,
    "NullPointer": InternalError,
    "Optimizer": InternalError,
    "Scheduler": InternalError,
    "Stat": InternalError,
}

#: gRPC status codes, used where the text has no DuckDB prefix
#: (https://grpc.io/docs/guides/status-codes/).
GRPC_ERRORS: dict[int, type[Error]] = {
    1: OperationalError,  # CANCELLED
    2: OperationalError,  # UNKNOWN
    3: ProgrammingError,  # INVALID_ARGUMENT
    4: OperationalError,  # DEADLINE_EXCEEDED
    5: ProgrammingError,  # NOT_FOUND
    6: ProgrammingError,  # ALREADY_EXISTS
    7: ProgrammingError,  # PERMISSION_DENIED
    8: OperationalError,  # RESOURCE_EXHAUSTED
    9: OperationalError,  # FAILED_PRECONDITION
    10: OperationalError,  # ABORTED
    11: DataError,  # OUT_OF_RANGE
    12: NotSupportedError,  # UNIMPLEMENTED
    13: InternalError,  # INTERNAL
    14: OperationalError,  # UNAVAILABLE
    15: OperationalError,  # DATA_LOSS
    16: OperationalError,  # UNAUTHENTICATED
}

#: For errors that carry an ADBC status alone; what is not listed is an OperationalError.
ADBC_ERRORS: dict[int, type[Error]] = {
    AdbcStatusCode.NOT_IMPLEMENTED: NotSupportedError,
    AdbcStatusCode.NOT_FOUND: ProgrammingError,
    AdbcStatusCode.ALREADY_EXISTS: ProgrammingError,
    AdbcStatusCode.INVALID_ARGUMENT: ProgrammingError,
    AdbcStatusCode.INVALID_STATE: ProgrammingError,
    AdbcStatusCode.INVALID_DATA: DataError,
    AdbcStatusCode.INTEGRITY: IntegrityError,
    AdbcStatusCode.INTERNAL: InternalError,
    AdbcStatusCode.UNAUTHORIZED: ProgrammingError,
}

_DUCKDB_PREFIX = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, DUCKDB_ERRORS), key=len, reverse=True)) + r") Error: "
)
# ADBC writes "STATUS: [FlightSQL] text (Code; Method)", and a C++ server adds ". Detail: …";
# gRPC's C++ core appends its own debugging context.
_ADBC_HEAD = re.compile(r"^(?:[A-Z_]+: )?(?:\[FlightSQL\] )?")
_ADBC_TAIL = re.compile(
    r"\.? *(?:gRPC client debug context:.*|Client context:.*)$|\.? Detail: [A-Za-z ]+(?=$| \()"
    r"|(?: \([A-Za-z]+; [A-Za-z]+\))(?:\. Vendor code: \d+)?$|\. Vendor code: \d+$",
    re.DOTALL,
)
_ABORTED = re.compile(r"current transaction is aborted", re.IGNORECASE)


def sentence(text: str) -> str:
    """The server's own sentence in an ADBC or Flight error text, without what wraps it."""
    text = _ADBC_HEAD.sub("", text, count=1)
    while (stripped := _ADBC_TAIL.sub("", text)) != text:
        text = stripped
    prefix = _DUCKDB_PREFIX.search(text)
    return (text[prefix.start() :] if prefix else text).strip()


def classify(text: str, grpc_code: int | None, status: int) -> type[Error]:
    """The PEP 249 class for a server's error.

    DuckDB's prefix decides, wherever in the text it stands; then the gRPC code; then the ADBC
    status.
    """
    if "not supported in DuckLake" in text:
        return NotSupportedError
    prefix = _DUCKDB_PREFIX.search(text)
    if prefix:
        return DUCKDB_ERRORS[prefix[1]]
    if grpc_code in GRPC_ERRORS:
        return GRPC_ERRORS[grpc_code]
    return ADBC_ERRORS.get(status, OperationalError)


def from_adbc(error: adbc.Error) -> Error:
    """The error of this driver for one of ``adbc_driver_manager``."""
    if isinstance(error, Error):
        return error
    text = str(error)
    message = sentence(text)
    if _ABORTED.search(message):
        message += "; call rollback() to go on"
    return classify(text, error.vendor_code, error.status_code)(
        message,
        status_code=error.status_code,
        vendor_code=error.vendor_code,
        sqlstate=error.sqlstate,
        details=error.details,
    )


def from_arrow(error: Exception) -> Error:
    """The error of this driver for one that pyarrow raised while it read a server's stream."""
    # An ArrowKeyError is a KeyError, whose str() is the repr of its text.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    status = AdbcStatusCode.IO if isinstance(error, OSError) else AdbcStatusCode.UNKNOWN
    return classify(text, None, status)(sentence(text), status_code=status)
