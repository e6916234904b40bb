"""What the driver tells the log: sessions, statements, rows, time, round trips; never a value.

The logger is ``altertable_dbapi``. At INFO it has a line when a session opens or ends, and one for
each statement when its result is read: rows, seconds, round trips. At DEBUG it also has a line with
the text of each statement as it is sent, cut to `TEXT_LENGTH`, and what becomes of transactions.
Values that are bound are in neither, and no password or token ever is; what the text itself says
is in the text.

The line of a statement that has ended has its facts as attributes of the record as well, for logs
in JSON: ``session``, ``statement``, ``seconds``, ``round_trips``, and ``rows`` or ``sqlstate``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings.settings import Settings

logger = logging.getLogger("altertable_dbapi")

#: How many characters of a statement are logged.
TEXT_LENGTH = 1000

_shown: ContextVar[str | None] = ContextVar("altertable_dbapi_shown", default=None)
_NOTHING = contextlib.nullcontext()


def showing(text: str) -> contextlib.AbstractContextManager[None]:
    """A block whose statements are sent for one of the caller's, which alone is shown.

    What is sent may have the caller's values in it, in whichever session.
    """
    return _showing(text) if logger.isEnabledFor(logging.DEBUG) else _NOTHING


@contextlib.contextmanager
def _showing(text: str) -> Iterator[None]:
    token = _shown.set(text)
    try:
        yield
    finally:
        _shown.reset(token)


class SessionLog:
    """What is logged of one session.

    Attributes
    ----------
    id : str
        Names the server's session in the log; made up, and another one after a reconnect.
    round_trips : int
        Calls made so far, as far as the driver is known to make them.
    """

    def __init__(self) -> None:
        self.id = ""
        self.round_trips = 0
        self._count = 0

    def opened(self, settings: Settings, seconds: float) -> None:
        """A session was opened."""
        self.id = os.urandom(4).hex()
        self._count = 0
        # What ADBC's driver does: Handshake, GetSqlInfo in two calls, and one call an option.
        self.round_trips += 3 + len(settings.session_options)
        if logger.isEnabledFor(logging.INFO):
            logger.info(
                "session %s opened: %s%s in %.3f s",
                self.id,
                settings.where,
                "" if settings.tls else " without TLS",
                seconds,
            )

    def ended(self) -> None:
        """The session was closed, or is gone."""
        logger.info("session %s ended", self.id)

    def transaction(self, what: str) -> None:
        """A transaction was begun, committed or rolled back."""
        logger.debug("session %s: transaction %s", self.id, what)

    def rollback_failed(self, error: BaseException) -> None:
        """What an exception has left could not be rolled back; the exception itself goes on."""
        logger.warning("session %s: the rollback has failed: %s", self.id, error)

    def loaded(self, rows: int, size: int, seconds: float) -> None:
        """A bulk load has ended."""
        self.round_trips += 1
        logger.info("session %s: %d rows, %d bytes loaded in %.3f s", self.id, rows, size, seconds)

    def sending(self, text: str) -> StatementLog | None:
        """A statement is about to be sent; None when nobody listens."""
        if not logger.isEnabledFor(logging.INFO):
            return None
        self._count += 1
        if logger.isEnabledFor(logging.DEBUG):
            shown = _shown.get()
            logger.debug(
                "session %s: statement %d: %s",
                self.id,
                self._count,
                _cut(text if shown is None else shown),
            )
        return StatementLog(self, self._count)


class StatementLog:
    """What is logged of one statement once it has been sent."""

    __slots__ = ("_before", "_log", "_number", "_started")

    def __init__(self, log: SessionLog, number: int) -> None:
        self._log = log
        self._number = number
        self._before = log.round_trips
        self._started = time.perf_counter()

    def failed(self, error: BaseException) -> None:
        """The server refused it, or did not answer. Its words may have values in them."""
        sqlstate = getattr(error, "sqlstate", None)
        self._line("failed with %s", type(error).__name__, sqlstate=sqlstate)

    def ended(self, rows: int, whole: bool) -> None:
        """Its result was read to the end, or what was left of it was dropped."""
        what = "finished: %d row%s" if whole else "left after %d row%s"
        self._line(what, rows, "" if rows == 1 else "s", rows=rows)

    def _line(self, what: str, *args: object, **fields: object) -> None:
        trips = self._log.round_trips - self._before
        seconds = time.perf_counter() - self._started
        logger.info(
            f"session %s: statement %d {what} in %.3f s, %d round trip{'' if trips == 1 else 's'}",
            self._log.id,
            self._number,
            *args,
            seconds,
            trips,
            extra={
                "session": self._log.id,
                "statement": self._number,
                "seconds": seconds,
                "round_trips": trips,
                **fields,
            },
        )


def _cut(text: str) -> str:
    """A text in one line, without its end where it is long."""
    more = len(text) - TEXT_LENGTH
    if more > 0:
        text = text[:TEXT_LENGTH]
    line = " ".join(text.split())
    return f"{line} … ({more:,} characters more)" if more > 0 else line
