"""What a pool refuses, and how it says so."""

from __future__ import annotations

from adbc_driver_manager import AdbcStatusCode

from ..errors import InterfaceError, OperationalError


class PoolTimeout(OperationalError):
    """No connection of a pool came free in time, or too many callers wait for one."""

    usual_status = AdbcStatusCode.TIMEOUT


def closed() -> InterfaceError:
    """The error of using a pool that is closed."""
    return InterfaceError("the pool is closed; make another one")
