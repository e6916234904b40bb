"""The interpreter's exit: what is open still is ended while threads run, and within seconds."""

from __future__ import annotations

import atexit
import time
import weakref
from typing import Protocol

_open: weakref.WeakSet[Open] = weakref.WeakSet()
_over = False

#: Seconds after which nothing else is asked of a server.
_LIMIT = 5.0


class Open(Protocol):
    """What has to be ended: a session."""

    def leave(self, in_time: bool) -> None: ...


def watch(thing: Open) -> None:
    """Have `thing.leave(in_time)` called at the interpreter's exit, if it lives then."""
    # Again each time, to be the first to run: before the end of a server in this process, which
    # waits for its sessions.
    atexit.unregister(_leave_all)
    atexit.register(_leave_all)
    _open.add(thing)


def is_over() -> bool:
    """Whether all that was open has been ended, and threads may be gone with what they hold."""
    return _over


def _leave_all() -> None:
    deadline = time.monotonic() + _LIMIT
    for thing in list(_open):
        thing.leave(time.monotonic() < deadline)
    global _over
    _over = True
