"""Time limits of statements, and what is known of the server when one has run out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from adbc_driver_manager import AdbcStatusCode

from ..errors import Error, OperationalError
from ..protocol.codes import GrpcCode
from ..protocol.errors import ends_early
from .settings import Settings, check

T = TypeVar("T")

# The driver's clock and this one's are not read at once.
_SLACK = 0.05

#: A limit of a call that is to end at once, in seconds.
_AT_ONCE = 0.001

_OPTION = "adbc.flight.sql.rpc.timeout_seconds."

_BROKEN_OFF = frozenset(
    {
        GrpcCode.CANCELLED,
        GrpcCode.DEADLINE_EXCEEDED,
        GrpcCode.UNAVAILABLE,
        GrpcCode.DATA_LOSS,
        GrpcCode.UNAUTHENTICATED,
    }
)
_BROKEN_OFF_STATUS = frozenset(
    {AdbcStatusCode.CANCELLED, AdbcStatusCode.TIMEOUT, AdbcStatusCode.UNAUTHENTICATED}
)

# What a statement itself is refused with, in a text that may quote the user's words.
_OF_STATEMENTS = frozenset({GrpcCode.INVALID_ARGUMENT, GrpcCode.OUT_OF_RANGE})
_EXPIRED = re.compile(
    r"(?:the |your )?session (?:has |was )?expired(?:[.:;,!] ?[^'\"]{0,80})?", re.I
)

#: What a server says when its own clock ends a call at the moment of the client's.
_SERVERS_WORDS = ("Timeout expired", "Deadline Exceeded", "deadline exceeded")


class Timeouts(NamedTuple):
    """Seconds for the calls of a statement; None for no limit.

    Attributes
    ----------
    query : float or None
        For the server to plan a statement (GetFlightInfo).
    fetch : float or None
        For the whole of a result (DoGet).
    update : float or None
        For what is sent, and for the ends of a transaction (DoPut, DoAction).
    statement : float or None
        For all calls of a statement together, from its beginning to the end of its result.
    """

    query: float | None = None
    fetch: float | None = None
    update: float | None = None
    statement: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> Timeouts:
        """Those of a connection."""
        return cls(
            settings.query_timeout,
            settings.fetch_timeout,
            settings.update_timeout,
            settings.statement_timeout,
        )

    def but(
        self,
        query: float | None,
        fetch: float | None,
        update: float | None,
        statement: float | None,
    ) -> Timeouts:
        """These, but for those that are given.

        Raises
        ------
        ProgrammingError
            One of them is no number of seconds.
        """
        given = {"query": query, "fetch": fetch, "update": update, "statement": statement}
        return self._replace(
            **{k: check(f"{k}_timeout", v) for k, v in given.items() if v is not None}
        )

    def begin(self) -> Limits:
        """The limits of a statement that begins now."""
        end = None if self.statement is None else time.monotonic() + self.statement
        return Limits(self, end)


class Limits(NamedTuple):
    """The time limits of one statement under way.

    Attributes
    ----------
    timeouts : Timeouts
    end : float or None
        When all of it has to be done, by ``time.monotonic()``.
    """

    timeouts: Timeouts
    end: float | None = None

    def options(self) -> dict[str, str]:
        """The options of an ADBC connection or statement; 0 takes a limit away."""
        left = None if self.end is None else max(self.end - time.monotonic(), _AT_ONCE)
        options = {}
        for name in ("query", "fetch", "update"):
            seconds = getattr(self.timeouts, name)
            if left is not None and (seconds is None or left < seconds):
                seconds = left
            options[_OPTION + name] = str(seconds or 0.0)
        return options

    def run(
        self, under: tuple[str, ...], since: float, function: Callable[..., T], *args: Any
    ) -> T:
        """Call `function`; the error of a limit that runs out meanwhile names it.

        Parameters
        ----------
        under : tuple of str
            Which of the three kinds of calls it makes.
        since : float
            When they began, by ``time.monotonic()``.
        """
        try:
            return function(*args)
        except Error as error:
            raise self._named(error, under, since) from None

    def _named(self, error: Error, under: tuple[str, ...], since: float) -> Error:
        now = time.monotonic()
        over: dict[str, float] = {}
        # A server may have limits of its own, and say the same of those.
        for name in under:
            seconds = getattr(self.timeouts, name)
            if seconds is not None and seconds <= now - since + _SLACK:
                over[name] = abs(now - since - seconds)
        whole = self.timeouts.statement
        if self.end is not None and whole is not None and self.end <= now + _SLACK:
            over["statement"] = abs(now - self.end)
        # Where it runs out as a message arrives, the driver may see but half of it.
        if not over or not (ran_out(error) or ends_early(error)):
            return error
        name = min(over, key=lambda name: over[name])
        # A result that is read slowly runs out of time as well.
        what = "the result" if under == ("fetch",) else "the server"
        return OperationalError(
            f"{name}_timeout ran out: {what} took longer than "
            f"{getattr(self.timeouts, name):g} s, and the server may still be running it",
            status_code=AdbcStatusCode.TIMEOUT,
            vendor_code=GrpcCode.DEADLINE_EXCEEDED.value,
        )


def ran_out(error: Error) -> bool:
    """Whether an error says that a time limit has run out."""
    return (
        error.status_code == AdbcStatusCode.TIMEOUT
        or error.vendor_code == GrpcCode.DEADLINE_EXCEEDED
        or str(error).startswith(_SERVERS_WORDS)
    )


def was_broken_off(error: Error) -> bool:
    """Whether a call ended without the server's word, so that what it does now is not known."""
    if "failed to unmarshal" in str(error) or ran_out(error):
        return True
    # An engine that says it was interrupted has answered, with a gRPC code of its own.
    if error.vendor_code is not None:
        return error.vendor_code in _BROKEN_OFF
    return error.status_code in _BROKEN_OFF_STATUS


def has_expired(error: Error) -> bool:
    """Whether the server refused a call because its session has expired; nothing has run then.

    The whole message has to say so: the text of another error may quote a value that does.
    """
    return error.vendor_code not in _OF_STATEMENTS and bool(_EXPIRED.fullmatch(str(error)))
