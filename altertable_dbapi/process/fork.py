"""Forked children: what they inherit of the driver is left alone, for it does not survive fork().

Its Go runtime has threads that a child lacks, so that a call of a child into the driver may wait
for ever, also the one that a destructor makes. Objects are therefore kept from being destroyed in
a child (`leak`), and refuse to be used (`inherit`).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any, Protocol

from ..errors import InterfaceError
from .living import Living

_WAY_OUT = "start workers with spawn or forkserver, or open the first connection after the fork"

#: The libraries with threads of their own: the driver, and what pyarrow.flight is built on.
DRIVER, GRPC = "the driver", "gRPC"

_used: set[str] = set()
_used_before_fork: frozenset[str] = frozenset()


class Inheritable(Protocol):
    """What has to know that it is in a child now."""

    def inherit(self) -> None:
        """Called in the child, before anything else runs there."""


_heirlooms: Living[Inheritable] = Living()
# They end in the driver when they are freed.
_arrow: Living[Any] = Living()


def watch(thing: Inheritable) -> None:
    """Have `thing.inherit()` called in forked children for as long as it lives."""
    _heirlooms.add(thing)


def keep(arrow: Any) -> None:
    """Keep Arrow data that came from the driver from being freed in forked children."""
    _arrow.add(arrow)


def leak(thing: object) -> None:
    """Never destroy `thing`, not at the interpreter's exit either."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def free(lock: Any) -> None:
    """Unlock a lock in a child, unless its only thread has locked it."""
    owned = getattr(lock, "_is_owned", None)
    # What the standard library does to its own locks (threading, logging).
    if owned is None or not owned():
        lock._at_fork_reinit()


def note_use(library: str) -> None:
    """From here on `library` has threads in this process."""
    _used.add(library)


def check_use(library: str, to: str) -> None:
    """Refuse to use `library` where that would wait for ever, or end the process.

    Raises
    ------
    InterfaceError
        This process was forked from one that had used it.
    """
    if library in _used_before_fork:
        used = "opened a connection" if library == DRIVER else "used gRPC (an upsert, a server)"
        raise InterfaceError(
            f"cannot {to}: this process was forked from one that had {used}, and {library} does "
            f"not survive a fork; {_WAY_OUT}"
        )


def inherited(what: str) -> InterfaceError:
    """The error of using `what` in a child."""
    return InterfaceError(
        f"{what} was opened before the process forked and cannot be used in the child; {_WAY_OUT}"
    )


def in_child(function: Callable[[], object]) -> None:
    """Call `function` in every forked child, where processes can fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def _after_in_child() -> None:
    global _used_before_fork
    _used_before_fork = frozenset(_used)
    for data in _arrow.all():
        leak(data)
    for thing in _heirlooms.all():
        thing.inherit()
    for living in (_arrow, _heirlooms):
        living.clear()


in_child(_after_in_child)
