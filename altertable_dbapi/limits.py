"""Time limits of statements, and what is known of the server when one has run out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import NamedTuple

from adbc_driver_manager import AdbcStatusCode

from .config import Settings
from .errors import Error, OperationalError, ends_early

# The driver's clock and this one's are not read at once.
_SLACK = 0.05

_OPTION = "adbc.flight.sql.rpc.timeout_seconds."

_CANCELLED, _DEADLINE_EXCEEDED, _UNAVAILABLE, _DATA_LOSS, _UNAUTHENTICATED = 1, 4, 14, 15, 16
_BROKEN_OFF = frozenset(
    {_CANCELLED, _DEADLINE_EXCEEDED, _UNAVAILABLE, _DATA_LOSS, _UNAUTHENTICATED}
)
_BROKEN_OFF_STATUS = frozenset(
    {AdbcStatusCode.CANCELLED, AdbcStatusCode.TIMEOUT, AdbcStatusCode.UNAUTHENTICATED}
)


class Timeouts(NamedTuple):
    """Seconds for the calls of a statement; None for no limit.

    Attributes
    ----------
    query : float or None
        For the server to plan a statement (GetFlightInfo).
    fetch : float or None
        For the whole of a result (DoGet).
    update : float or None
        For what is sent: bound values, loaded rows (DoPut).
    """

    query: float | None = None
    fetch: float | None = None
    update: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> Timeouts:
        """Those of a connection."""
        return cls(settings.query_timeout, settings.fetch_timeout, settings.update_timeout)

    def options(self) -> dict[str, str]:
        """The options of an ADBC connection or statement; 0 takes a limit away."""
        return {_OPTION + name: str(seconds or 0.0) for name, seconds in self._asdict().items()}

    @contextlib.contextmanager
    def named(self, *names: str, since: float | None = None) -> Iterator[None]:
        """A block of calls under the limits of these names; an error says which ran out.

        They count from the block's beginning, or from a moment of ``time.monotonic()`` before.
        """
        started = time.monotonic() if since is None else since
        try:
            yield
        except Error as error:
            elapsed = time.monotonic() - started
            # A server may have limits of its own, and say the same of those.
            known = ((name, getattr(self, name)) for name in names)
            limits = {n: s for n, s in known if s is not None and s <= elapsed + _SLACK}
            # Where it runs out as a message arrives, the driver may see but half of it.
            if not limits or not (ran_out(error) or ends_early(error)):
                raise
            name = min(limits, key=lambda n: abs(limits[n] - elapsed))
            # A result that is read slowly runs out of time as well.
            what = "the result" if name == "fetch" else "the server"
            raise OperationalError(
                f"{name}_timeout ran out: {what} took longer than {limits[name]:g} s, and the "
                "server may still be at it",
                status_code=AdbcStatusCode.TIMEOUT,
                vendor_code=_DEADLINE_EXCEEDED,
            ) from None


def ran_out(error: Error) -> bool:
    """Whether an error says that a time limit has run out."""
    return error.status_code == AdbcStatusCode.TIMEOUT or error.vendor_code == _DEADLINE_EXCEEDED


def was_broken_off(error: Error) -> bool:
    """Whether a call ended without the server's word, so that what it does now is not known."""
    if "failed to unmarshal" in str(error):
        return True
    # An engine that says it was interrupted has answered, with a gRPC code of its own.
    if error.vendor_code is not None:
        return error.vendor_code in _BROKEN_OFF
    return error.status_code in _BROKEN_OFF_STATUS


def has_expired(error: Error) -> bool:
    """Whether the server refused a call because its session has expired; nothing has run then."""
    return "Session expired" in str(error)
