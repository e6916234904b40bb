"""A connection between two borrowers: what the first has left in it, and whether that can go."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import adbc_driver_manager as adbc

from ..logs import logger

if TYPE_CHECKING:
    from ..connection import Connection


class Defaults(NamedTuple):
    """How every borrower finds a connection."""

    changes: int
    autocommit: bool
    row_factory: Any

    @classmethod
    def of(cls, connection: Connection[Any]) -> Defaults:
        """How a new connection is, once it is configured."""
        return cls(
            connection._session.server.own.changes, connection.autocommit, connection.row_factory
        )


def reset(connection: Connection[Any], defaults: Defaults) -> bool:
    """Make a connection as `defaults` say; nothing is sent unless a transaction is open.

    Returns
    -------
    bool
        Whether it is: not where its session has a state of its own, which only its end ends.
    """
    if connection.closed:
        return False
    session = connection._session
    try:
        for cursor in connection._cursors.all():
            cursor.close()
        connection._cursors.clear()
        if session.in_transaction:
            logger.warning("a connection came back to its pool in a transaction: rolled back")
            session.rollback()
        if session.server.own.changes != defaults.changes:
            return False
        connection.autocommit = defaults.autocommit
        connection.row_factory = defaults.row_factory
    except adbc.Error as error:
        logger.warning("a connection came back to its pool and cannot be used again: %s", error)
        return False
    return True


def is_sound(connection: Connection[Any]) -> bool:
    """Whether nothing is known that would fail the next statement; nothing is sent."""
    return not connection.closed and connection._session.server.sound


def close(connection: Connection[Any]) -> None:
    """Close a connection of which nobody is told more."""
    with contextlib.suppress(adbc.Error):
        connection._close()
