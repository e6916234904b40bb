"""Closing what the driver holds, without waiting for a server that does not answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import adbc_driver_manager as adbc

H = TypeVar("H")

logger = logging.getLogger("altertable_dbapi")

#: Seconds that a close waits for the server. A session that it does not hear of expires there.
_LIMIT = 5.0


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

    def close_all() -> None:
        if after is not None:
            after.join()
        for handle in handles:
            try:
                handle.close()
            except (adbc.Error, RuntimeError) as error:
                # The session is over for this side, whatever the server says to it.
                logger.debug("closing %s: %s", type(handle).__name__, error)

    closer = threading.Thread(target=close_all, name="altertable-close", daemon=True)
    try:
        closer.start()
    except RuntimeError:  # no new thread while the interpreter ends
        close_all()
        return
    closer.join(_LIMIT)
