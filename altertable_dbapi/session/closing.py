"""Closing what the driver holds, without waiting for a server that does not answer."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import adbc_driver_manager as adbc

from ..settings.limits import Limits, Timeouts

H = TypeVar("H")

logger = logging.getLogger("altertable_dbapi")

#: Seconds that a close waits for the server. A session that it does not hear of expires there.
_LIMIT = 5.0

#: The same for one call, where there is no thread that could be left behind: for the first, and
#: for each of the others when that one had no answer.
_LIMIT_ALONE, _LIMIT_LATER = 1.0, 0.05


def within(seconds: float, parent: Any, open_handle: Callable[[], H], opened: list[H]) -> bool:
    """Open a handle, and tell whether that took no longer than so many seconds.

    The driver has no time limit of its own for opening a connection. It is opened in a thread,
    which closes it again if it comes too late, and `parent` with it, what it is opened on: that
    must not be closed before, nor used for anything else.

    Parameters
    ----------
    seconds : float
    parent : object
    open_handle : callable
    opened : list
        Where the handle is put as soon as it is there; the caller closes it when this raises.
    """
    lock = threading.Lock()
    done = threading.Event()
    failed: list[BaseException] = []
    late = False

    def run() -> None:
        try:
            handle = open_handle()
        except BaseException as error:  # it is raised where the result is awaited
            with lock:
                failed.append(error)
                close = [parent] if late else []
        else:
            with lock:
                if late:
                    close = [handle, parent]
                else:
                    opened.append(handle)
                    close = []
        if close:
            close_handles(close)
        done.set()

    try:
        threading.Thread(target=run, name="altertable-connect", daemon=True).start()
        done.wait(seconds)
    finally:
        with lock:
            late = not opened and not failed
    if failed:
        raise failed[0]
    return not late


def close_handles(
    handles: Sequence[Any],
    before: Callable[[float | None], object] | None = None,
    after: threading.Thread | None = None,
    once: threading.Lock | None = None,
) -> threading.Thread | None:
    """Close ADBC handles in order, and wait for that a few seconds.

    Parameters
    ----------
    handles : sequence
        Statements before their connection, which before its database.
    before : callable
        What comes first, given the seconds that it may take, or None for as long as it needs.
    after : threading.Thread, optional
        What uses one of them still and is about to end.
    once : Lock, optional
        Is taken for good; nothing is done where it is taken already.

    Returns
    -------
    threading.Thread or None
        Which is closing them still, if it takes longer.
    """

    def close_all(limit: float | None = None) -> None:
        if once is not None and not once.acquire(blocking=False):
            return
        if after is not None:
            after.join(limit)
        try:
            if before is not None:
                before(limit)
        except (adbc.Error, RuntimeError) as error:
            logger.debug("ending a session: %s", error)
            if limit is not None:
                limit = _LIMIT_LATER
        for handle in handles:
            if limit is not None and hasattr(handle, "set_options"):
                # What is closed already takes no options, and a database has none of these.
                with contextlib.suppress(adbc.Error, RuntimeError, ValueError):
                    handle.set_options(**Limits(Timeouts(update=limit)).options())
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
