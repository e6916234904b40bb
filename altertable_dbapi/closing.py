"""Closing what the driver holds, without waiting for a server that does not answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

import adbc_driver_manager as adbc

logger = logging.getLogger("altertable_dbapi")

#: Seconds that a close waits for the server. A session that it does not hear of expires there.
_LIMIT = 5.0


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
