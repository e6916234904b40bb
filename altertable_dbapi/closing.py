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


def within(seconds: float, open_handle: Callable[[], H]) -> H | None:
    """What `open_handle` opens, or None when it takes longer than so many seconds.

    The driver has no time limit of its own for opening a connection. It is opened in a thread,
    which closes it again if it comes too late.
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
            failed.append(error)
        else:
            with lock:
                opened.append(handle)
            if late:
                close_handles([handle])
        done.set()

    threading.Thread(target=run, name="altertable-connect", daemon=True).start()
    try:
        done.wait(seconds)
    finally:
        with lock:
            late = not opened
    if failed:
        raise failed[0]
    return opened[0] if opened else None


def close_handles(handles: Sequence[Any], after: threading.Thread | None = None) -> None:
    """Close ADBC handles in order, within a few seconds.

    Parameters
    ----------
    handles : sequence
        Statements before their connection, which before its database.
    after : threading.Thread, optional
        A thread that uses one of them still and is about to end.
    """

    def close_all(limit: float | None = None) -> None:
        if after is not None:
            after.join(limit)
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
        return
    closer.join(_LIMIT)
