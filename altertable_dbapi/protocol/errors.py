"""What a server says when something fails -> the right exception of PEP 249."""

from __future__ import annotations

import re

import adbc_driver_manager as adbc
from adbc_driver_manager import AdbcStatusCode

from ..errors import (
    DataError,
    Error,
    IntegrityError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from . import lake
from .codes import GrpcCode

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


#: The ADBC status for a prefix, where it is not the usual one of the class.
DUCKDB_STATUSES = {
    "INTERRUPT": AdbcStatusCode.CANCELLED,
    "Permission": AdbcStatusCode.UNAUTHORIZED,
    "TransactionContext": AdbcStatusCode.INVALID_STATE,
}


#: What says in the first line of an error of these prefixes that an object is missing, or is not.
_OBJECTS = frozenset({"Binder", "Catalog"})


# Patterns are texts, so that they are compiled when the first error is met and not before.
_EXISTENCE = r"does not exist|already exists"


_MISSING = r"SET \w+: No catalog"


#: The PEP 249 class for a gRPC code, where the text has no DuckDB prefix.
GRPC_ERRORS: dict[int, type[Error]] = {
    GrpcCode.CANCELLED: OperationalError,
    GrpcCode.UNKNOWN: OperationalError,
    GrpcCode.INVALID_ARGUMENT: ProgrammingError,
    GrpcCode.DEADLINE_EXCEEDED: OperationalError,
    GrpcCode.NOT_FOUND: ProgrammingError,
    GrpcCode.ALREADY_EXISTS: ProgrammingError,
    GrpcCode.PERMISSION_DENIED: ProgrammingError,
    GrpcCode.RESOURCE_EXHAUSTED: OperationalError,
    GrpcCode.FAILED_PRECONDITION: OperationalError,
    GrpcCode.ABORTED: OperationalError,
    GrpcCode.OUT_OF_RANGE: DataError,
    GrpcCode.UNIMPLEMENTED: NotSupportedError,
    GrpcCode.INTERNAL: InternalError,
    GrpcCode.UNAVAILABLE: OperationalError,
    GrpcCode.DATA_LOSS: OperationalError,
    GrpcCode.UNAUTHENTICATED: OperationalError,
}


#: The gRPC codes by the Go driver's names.
GRPC_NAMES = {code.go_name: code for code in GrpcCode}


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


#: The gRPC code behind each of the exceptions that ``pyarrow.flight`` raises, by class name, since
#: pyarrow.flight itself is imported only where it is used.
FLIGHT_CODES: dict[str, GrpcCode] = {
    "FlightCancelledError": GrpcCode.CANCELLED,
    "FlightServerError": GrpcCode.UNKNOWN,
    "ArrowInvalid": GrpcCode.INVALID_ARGUMENT,
    "FlightTimedOutError": GrpcCode.DEADLINE_EXCEEDED,
    "ArrowKeyError": GrpcCode.NOT_FOUND,
    "FlightUnauthorizedError": GrpcCode.PERMISSION_DENIED,
    "ArrowNotImplementedError": GrpcCode.UNIMPLEMENTED,
    "FlightInternalError": GrpcCode.INTERNAL,
    "FlightUnavailableError": GrpcCode.UNAVAILABLE,
    "FlightUnauthenticatedError": GrpcCode.UNAUTHENTICATED,
}


#: The ADBC status for a gRPC code. What is not listed is UNKNOWN.
GRPC_STATUSES: dict[int, AdbcStatusCode] = {
    GrpcCode.CANCELLED: AdbcStatusCode.CANCELLED,
    GrpcCode.INVALID_ARGUMENT: AdbcStatusCode.INVALID_ARGUMENT,
    GrpcCode.DEADLINE_EXCEEDED: AdbcStatusCode.TIMEOUT,
    GrpcCode.NOT_FOUND: AdbcStatusCode.NOT_FOUND,
    GrpcCode.ALREADY_EXISTS: AdbcStatusCode.ALREADY_EXISTS,
    GrpcCode.PERMISSION_DENIED: AdbcStatusCode.UNAUTHORIZED,
    GrpcCode.RESOURCE_EXHAUSTED: AdbcStatusCode.IO,
    GrpcCode.FAILED_PRECONDITION: AdbcStatusCode.INVALID_STATE,
    GrpcCode.ABORTED: AdbcStatusCode.INVALID_STATE,
    GrpcCode.OUT_OF_RANGE: AdbcStatusCode.INVALID_DATA,
    GrpcCode.UNIMPLEMENTED: AdbcStatusCode.NOT_IMPLEMENTED,
    GrpcCode.INTERNAL: AdbcStatusCode.INTERNAL,
    GrpcCode.UNAVAILABLE: AdbcStatusCode.IO,
    GrpcCode.DATA_LOSS: AdbcStatusCode.IO,
    GrpcCode.UNAUTHENTICATED: AdbcStatusCode.UNAUTHENTICATED,
}


# How pyarrow tells of a gRPC code that has no exception class.
_FLIGHT_HEAD = r"^(?:gRPC|Flight) returned (?P<code>[a-z ]+) error, with message: "


_DUCKDB_PREFIX = (
    r"\b(" + "|".join(sorted(map(re.escape, DUCKDB_ERRORS), key=len, reverse=True)) + r") Error: "
)


# ADBC writes "STATUS: [FlightSQL] text (Code; Method). Vendor code: n"; a server written with
# Arrow's C++ puts ". Detail: …" behind its text, and gRPC's C++ core its debugging context.
_ADBC_HEAD = r"^(?:[A-Z_]+: )?(?:\[Flight ?SQL\] )?"


_ADBC_TAIL = r" \((?P<code>[A-Z][A-Za-z]+); [^\n]{1,60}\)(?:\. Vendor code: \d+)?$"


_GO_STATUS = r"rpc error: code = (?P<code>[A-Z][A-Za-z]+) desc = "


_VENDOR_CODE = r"\. Vendor code: \d+$"


_GO_PREFIX = r"^failed to update autocommit: "


_CPP_CONTEXT = r"(?:gRPC client debug|Client) context: "


_CPP_DETAIL = r"\. Detail: (?:Python exception: )?\w+$"


_PANIC = r"^Adbc\w+: Go panic"


_CUT_SHORT = ("EOF", "unexpected EOF")


_ENDS_EARLY = "the server's answer ends too early"


_SEVERAL = "Invalid Input Error: Cannot prepare multiple statements"


#: The SQLSTATE of statements in a transaction that an earlier one has aborted.
ABORTED_STATE = "25P02"


# A lake says "Transaction conflict" or that it has tried too often, other catalogs "Conflict on
# update", "write-write conflict" and the like.
_CONFLICT = r"(?i:conflict|Exceeded the maximum retry count)"


_ABORTED = r"(?i:current transaction is aborted)"


def sentence(text: str) -> str:
    """The server's own sentence in an ADBC or Flight error text, without what wraps it."""
    text = re.sub(_ADBC_TAIL, "", re.sub(_ADBC_HEAD, "", text, count=1))
    # What stands before it is gone where the text has a NUL, which ends it for the driver.
    text = re.sub(_GO_STATUS, "", re.sub(_VENDOR_CODE, "", text))
    text = re.sub(_GO_PREFIX, "", text)
    context = re.search(_CPP_CONTEXT, text)
    if context:
        text = text[: context.start()].rstrip(" ").removesuffix(".")
    text = re.sub(_CPP_DETAIL, "", text)
    prefix = re.search(_DUCKDB_PREFIX, text)
    text = (text[prefix.start() :] if prefix else text).strip()
    if text in _CUT_SHORT:
        return f"{_ENDS_EARLY} ({text})"
    if re.match(_PANIC, text):
        return (
            "ADBC's driver has failed on what a server sent, and can do nothing more in this "
            f"process, which has to be started again ({text})"
        )
    return text or "the server gives no reason"


def ends_early(error: Error) -> bool:
    """Whether an error says that the server's answer was cut short."""
    return str(error).startswith(_ENDS_EARLY)


def grpc_code(error: adbc.Error) -> int | None:
    """The gRPC code behind an ADBC error, which some of the driver's calls give only by name."""
    return _named_code(str(error)) if error.vendor_code is None else error.vendor_code


def _named_code(text: str) -> int | None:
    tail = re.search(_ADBC_TAIL, text) or re.search(_GO_STATUS, text)
    return _number(GRPC_NAMES.get(tail["code"])) if tail else None


def _number(code: GrpcCode | None) -> int | None:
    """A code as errors have it: a plain number."""
    return None if code is None else code.value


def classify(text: str, code: int | None, status: int) -> tuple[type[Error], int]:
    """The PEP 249 class for a server's error, and the ADBC status that goes with it.

    DuckDB's prefix decides, wherever in the text it stands; then the gRPC code; then the ADBC
    status.
    """
    if lake.refused(text) is not None:
        return NotSupportedError, NotSupportedError.usual_status
    prefix = re.search(_DUCKDB_PREFIX, text)
    if prefix:
        return DUCKDB_ERRORS[prefix[1]], _engine_status(prefix[1], text[prefix.end() :])
    if code in GRPC_ERRORS:
        return GRPC_ERRORS[code], GRPC_STATUSES.get(code, AdbcStatusCode.UNKNOWN)
    return ADBC_ERRORS.get(status, OperationalError), status


def _engine_status(prefix: str, said: str) -> AdbcStatusCode:
    if prefix in _OBJECTS:
        if re.match(_MISSING, said):
            return AdbcStatusCode.NOT_FOUND
        # The last one counts: a name before it may say the same.
        found = re.findall(_EXISTENCE, said.partition("\n")[0])
        if found:
            missing = found[-1] == "does not exist"
            return AdbcStatusCode.NOT_FOUND if missing else AdbcStatusCode.ALREADY_EXISTS
    return DUCKDB_STATUSES.get(prefix, DUCKDB_ERRORS[prefix].usual_status)


def is_aborted(message: str) -> bool:
    """Whether a server's message says that the open transaction is aborted."""
    return re.search(_ABORTED, message) is not None


def sqlstate(text: str) -> str | None:
    """The SQLSTATE of a server's error, where its text says more than its class."""
    if is_aborted(text):
        return ABORTED_STATE
    # As a part of the program's own text it stands behind another prefix.
    prefix = re.search(_DUCKDB_PREFIX, text)
    if prefix and prefix[1] == "TransactionContext" and re.search(_CONFLICT, text):
        return "40001"
    return None


def _advised(message: str, text: str) -> str:
    """A server's sentence with what to do, where that is known."""
    if is_aborted(message):
        return f"{message}; call rollback() to go on"
    if message.startswith(_SEVERAL):
        return f"{message} A script is run by cursor.executescript(), a statement at a time"
    way_out = lake.refused(text)
    return f"{message}; {way_out}" if way_out else message


def _made(kind: type[Error], text: str, status: int, code: int | None) -> Error:
    said = _advised(sentence(text), text)
    return kind(said, status_code=status, vendor_code=code, sqlstate=sqlstate(text))


def from_adbc(error: adbc.Error) -> Error:
    """The error of this driver for one of ``adbc_driver_manager``."""
    if isinstance(error, Error):
        return error
    text, code = str(error), grpc_code(error)
    kind, status = classify(text, code, error.status_code)
    return kind(
        _advised(sentence(text), text),
        status_code=status,
        vendor_code=code,
        sqlstate=error.sqlstate or sqlstate(text),
        details=error.details,
    )


def from_arrow(error: Exception) -> Error:
    """The error of this driver for one that pyarrow raised while it read a server's stream."""
    text = _text(error)
    code = _named_code(text)
    given = AdbcStatusCode.IO if isinstance(error, OSError) else AdbcStatusCode.UNKNOWN
    kind, status = classify(text, code, given)
    return _made(kind, text, status, code)


def _text(error: Exception) -> str:
    # An ArrowKeyError is a KeyError, whose str() is the repr of its text.
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def unreadable_schema(error: Exception) -> DataError:
    """The error of this driver for a schema of the server's that pyarrow refused."""
    return DataError(f"the server sent a schema that cannot be read: {error}")


def from_flight(error: Exception) -> Error:
    """The error of this driver for one that a call of ``pyarrow.flight`` raised."""
    text = _text(error)
    known = FLIGHT_CODES.get(type(error).__name__)
    head = re.match(_FLIGHT_HEAD, text)
    if head:
        text = text[head.end() :]
        known = GRPC_NAMES.get(head["code"].title().replace(" ", ""), known)
    code = _number(known)
    kind, status = classify(text, code, AdbcStatusCode.UNKNOWN)
    return _made(kind, text, status, code)
