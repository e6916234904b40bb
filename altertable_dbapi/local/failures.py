"""What the server refuses a call with, and the gRPC status that each refusal becomes.

This is the one place that knows which status codes pyarrow can produce. On the wire:

=======================  ===========================  ==========================================
Refusal                  gRPC status                  Note
=======================  ===========================  ==========================================
unauthenticated          UNAUTHENTICATED
permission_denied        PERMISSION_DENIED
unavailable              UNAVAILABLE
deadline_exceeded        DEADLINE_EXCEEDED
cancelled                CANCELLED
internal                 INTERNAL
unknown                  UNKNOWN
invalid_argument         INVALID_ARGUMENT
not_found                NOT_FOUND
unimplemented            UNIMPLEMENTED
failed_precondition      INVALID_ARGUMENT             pyarrow has no way to this status
already_exists           INVALID_ARGUMENT             the same
aborted                  INTERNAL                     the same
resource_exhausted       INVALID_ARGUMENT             the same
=======================  ===========================  ==========================================
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
from pyarrow import flight

_log = logging.getLogger(__name__)

_F = TypeVar("_F", bound=Callable[..., Any])


class _Untraced:
    """Keeps the server's traceback out of what the client reads.

    pyarrow appends ``traceback.format_exception`` of any exception that is not a ``FlightError``
    to the gRPC message, and only the exception's name when formatting fails. An exception whose
    cause cannot be read makes it fail.
    """

    @property
    def __cause__(self) -> Any:
        raise AttributeError("the traceback stays in the server")


class _InvalidArgument(_Untraced, pa.ArrowInvalid):  # type: ignore[misc]
    pass


class _NotFound(_Untraced, pa.ArrowKeyError):  # type: ignore[misc]
    def __str__(self) -> str:
        # A KeyError shows the repr of its argument.
        return str(self.args[0])


class _Unimplemented(_Untraced, pa.ArrowNotImplementedError):  # type: ignore[misc]
    pass


CODES: dict[str, Callable[[str], Exception]] = {
    "UNAUTHENTICATED": flight.FlightUnauthenticatedError,
    "PERMISSION_DENIED": flight.FlightUnauthorizedError,
    "UNAVAILABLE": flight.FlightUnavailableError,
    "DEADLINE_EXCEEDED": flight.FlightTimedOutError,
    "CANCELLED": flight.FlightCancelledError,
    "INTERNAL": flight.FlightInternalError,
    "UNKNOWN": flight.FlightServerError,
    "INVALID_ARGUMENT": _InvalidArgument,
    "NOT_FOUND": _NotFound,
    "UNIMPLEMENTED": _Unimplemented,
    "FAILED_PRECONDITION": _InvalidArgument,
    "ALREADY_EXISTS": _InvalidArgument,
    "ABORTED": flight.FlightInternalError,
    "RESOURCE_EXHAUSTED": _InvalidArgument,
}

REFUSALS = (flight.FlightError, _InvalidArgument, _NotFound, _Unimplemented)
"""What `refusal` makes, some of which is pyarrow's error of its own, too."""


def refusal(code: str, message: str) -> Exception:
    """Make the exception that pyarrow turns into the gRPC status `code`, or the nearest it can.

    Raises
    ------
    ValueError
        `code` is not the name of a gRPC status in the table above.
    """
    if code not in CODES:
        raise ValueError(f"unknown gRPC status {code!r}; known: {', '.join(CODES)}")
    return CODES[code](message)


def from_engine(error: Exception, doing: str, code: str, text: str | None = None) -> Exception:
    """Turn DuckDB's error into a refusal whose text holds DuckDB's own.

    Parameters
    ----------
    error : Exception
        What DuckDB raised.
    doing : str
        What failed, as "prepare statement".
    code : str
        The gRPC status for it.
    text : str, optional
        DuckDB's text, where not all of it concerns the client.
    """
    if isinstance(error, duckdb.InterruptException):
        return refusal("CANCELLED", "the statement was cancelled")
    return refusal(code, f"Failed to {doing}: {engine_text(error) if text is None else text}")


_POSITION = re.compile(r"\n+LINE (\d+): ([^\n]*)\n( *)(\^+)\s*\Z")


def without_position(text: str) -> str:
    """Leave out where in the text of a statement the engine saw an error."""
    return _POSITION.sub("", text)


def statement_text(error: Exception, kind: str, lines: int = 0) -> str:
    """Give DuckDB's message as it would be had it been given the client's text alone.

    Parameters
    ----------
    error : Exception
        What DuckDB raised.
    kind : str
        The statement's type.
    lines : int
        How many lines were put before the text.
    """
    text = engine_text(error)
    text = re.sub(r'(?<=Cannot execute statement of type ")(?:EXPLAIN|EXECUTE)(?=")', kind, text)
    match = _POSITION.search(text)
    if match is None:
        return text
    number = int(match[1]) - lines
    if number < 1 or "__altertable_" in match[2]:
        return without_position(text)
    caret = match[3][len(match[1]) - len(str(number)) :] + match[4]
    return f"{text[: match.start(1)]}{number}: {match[2]}\n{caret}"


def engine_text(error: Exception) -> str:
    """Give DuckDB's message without the native stack trace that an internal error carries."""
    return str(error).partition("\n\nStack Trace:")[0]


def guarded(method: _F) -> _F:
    """Let only refusals out of a method that pyarrow calls.

    The text and traceback of any other exception would reach the client; they go to the log, and
    the client reads INTERNAL.
    """

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except REFUSALS:
            raise
        except Exception as error:
            _log.exception("unexpected error in %s", method.__name__)
            raise refusal("INTERNAL", f"{type(error).__name__} in the server") from error

    return call  # type: ignore[return-value]
