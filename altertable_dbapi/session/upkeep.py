"""What the housekeeping thread does for a session: cancels, releases and signs of life."""

from __future__ import annotations

import threading
import time

from ..process import housekeeping
from ..settings.settings import Settings
from .handles import Handles
from .lifetime import Lifetime
from .server_session import ServerSession
from .streams import Streams

#: A call that has not begun to wait when it is cancelled is not cancelled, so it is tried again.
_CANCEL_AGAIN_SECONDS = 0.05


class Upkeep:
    """Does what a session needs between the calls of the program.

    Parameters
    ----------
    settings : Settings
    lock : RLock
        The session's.
    lifetime : Lifetime
    server : ServerSession
    streams : Streams

    Attributes
    ----------
    watched : bool
        Whether the session may need signs of life.
    """

    def __init__(
        self,
        settings: Settings,
        lock: threading.RLock,
        lifetime: Lifetime,
        server: ServerSession,
        streams: Streams,
    ) -> None:
        self.watched = False
        self._settings = settings
        self._lock = lock
        self._lifetime = lifetime
        self._server = server
        self._streams = streams
        # When the last sign of life was sent.
        self._pinged = 0.0
        housekeeping.watch(self)

    def watch(self) -> None:
        """Look from now on whether the session needs signs of life."""
        if not self.watched:
            self.watched = True
            housekeeping.needed()

    def keep_house(self, quiet: bool) -> float | None:
        """Do one small thing that is due; the housekeeping thread asks."""
        if self._lifetime.closed or self._lifetime.abandoned:
            return None
        pauses = []
        handles = self._server.handles
        if self._server.cancellation.requested and handles is not None and handles.at_work:
            handles.cancel(False)
            pauses.append(_CANCEL_AGAIN_SECONDS)
        if self._streams.forgotten or self._streams.waiting:
            pauses.append(self._tidy_up(quiet))
        if self.watched and self._settings.keepalive:
            pause = self._keep_alive(handles)
            if pause is not None:
                pauses.append(pause)
        return min(pauses, default=None)

    def _tidy_up(self, quiet: bool) -> float:
        """Stop or release one stream, and give the seconds until the next."""
        if (quiet or self._streams.forgotten) and self._lock.acquire(blocking=False):
            try:
                if self._streams.forgotten:
                    self._streams.stop()
                else:
                    self._streams.release_one()
            finally:
                self._lock.release()
            return 0.0
        return housekeeping.QUIET_SECONDS

    def _keep_alive(self, handles: Handles | None) -> float | None:
        """Seconds until the next sign of life; None where none is needed."""
        keepalive = self._settings.keepalive
        now = time.monotonic()
        used = handles.used if handles is not None else now
        left = max(used, self._pinged) + keepalive - now
        if left > 0:
            return left
        if handles is None or not self._needs_sign_of_life(handles):
            self.watched = False
            return None
        self._pinged = now
        handles.ping()
        return keepalive

    def _needs_sign_of_life(self, handles: Handles) -> bool:
        return (
            handles.at_work
            or handles.in_transaction
            or self._streams.unfinished
            or self._settings.keepalive_idle
        )
