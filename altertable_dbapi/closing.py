"""Closing what the driver holds, without waiting for a server that does not answer."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import adbc_driver_manager as adbc

from .limits import Timeouts

H = TypeVar("H")

logger = logging.getLogger("altertable_dbapi")

#: Seconds that a close waits for the server. A session that it does not hear of expires there.
_LIMIT = 5.0

#: The same for one call, where there is no thread that could be left behind: for the first, and
#: for each of the others when that one had no answer.
_LIMIT_ALONE, _LIMIT_LATER = 1.0, 0.05


def within(seconds: float, parent: Any, open_handle: Callable[[], H]) -> H | None:
    """What `open_handle` opens, or None when it takes longer than so many seconds.

    The driver has no time limit of its own for opening a connection. It is opened in a thread,
    which closes it again if it comes too late, and `parent` with it, what it is opened on: that
    must not be closed before, nor used for anything else.
    """
    lock = threading.Lock()
    done = threading.Event()
    opened: list[H] = []
    failed: list[BaseException] = []
    late = False

    def run() -> None:
        try:
            handle = open_handle()
        except BaseException as error:  # it is raised where the result is awaited
            with lock:
                failed.append(error)
        else:
            with lock:
                opened.append(handle)
        if late:
            close_handles([*opened, parent])
        done.set()

    threading.Thread(target=run, name="altertable-connect", daemon=True).start()
    try:
        done.wait(seconds)
    finally:
        with lock:
            late = not opened and not failed
    if failed:
        raise failed[0]
    return opened[0] if opened else None


def close_handles(
    handles: Sequence[Any], after: Sequence[threading.Thread | None] = ()
) -> threading.Thread | None:
    """Close ADBC handles in order, and wait for that a few seconds.

    Parameters
    ----------
    handles : sequence
        Statements before their connection, which before its database.
    after : sequence of threading.Thread or None
        Threads that use one of them still and are about to end.

    Returns
    -------
    threading.Thread or None
        Which is closing them still, if it takes longer.
    """

    def close_all(limit: float | None = None) -> None:
        for thread in filter(None, after):
            thread.join(limit)
        for handle in handles:
            if limit is not None:
                # What is closed already takes no options, and a database has none of these.
                with contextlib.suppress(adbc.Error, RuntimeError, ValueError):
                    handle.set_options(**Timeouts(update=limit).options())
            try:
                handle.close()
            except (adbc.Error, RuntimeError) as error:
                # The session is over for this side, whatever the server says to it.
                logger.debug("closing %s: %s", type(handle).__name__, error)
                if limit is not None:
                    limit = _LIMIT_LATER

    closer = threading.Thread(target=close_all, name="altertable-close", daemon=True)
    try:
        if sys.is_finalizing():
            raise RuntimeError("a thread that is started now never runs")
        closer.start()
    except RuntimeError:  # as Python 3.12 says it, and some later ones
        # The driver's own limit then; closing takes one call each.
        close_all(_LIMIT_ALONE)
        return None
    closer.join(_LIMIT)
    return closer if closer.is_alive() else None
