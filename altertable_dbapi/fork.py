"""Forked children: what they inherit of the driver is left alone, for it does not survive fork().

Its Go runtime has threads that a child lacks, so that a call of a child into the driver may wait
for ever, also the one that a destructor makes. Objects are therefore kept from being destroyed in
a child (`leak`), and refuse to be used (`inherit`).
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from .errors import InterfaceError

_WAY_OUT = "start workers with spawn or forkserver, or open the first connection after the fork"

_loaded = _loaded_before_fork = False
_heirlooms: weakref.WeakSet[Inheritable] = weakref.WeakSet()
# By id, since Arrow's objects compare by value. They end in the driver when they are freed.
_arrow: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


class Inheritable(Protocol):
    """What has to know that it is in a child now."""

    def inherit(self) -> None:
        """Called in the child, before anything else runs there."""


def watch(thing: Inheritable) -> None:
    """Have `thing.inherit()` called in forked children for as long as it lives."""
    _heirlooms.add(thing)


def keep(arrow: Any) -> None:
    """Keep Arrow data that came from the driver from being freed in forked children."""
    _arrow[id(arrow)] = arrow


def leak(thing: object) -> None:
    """Never destroy `thing`, not at the interpreter's exit either."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def free(lock: Any) -> None:
    """Unlock a lock in a child, unless its only thread has locked it."""
    owned = getattr(lock, "_is_owned", None)
    # What the standard library does to its own locks (threading, logging).
    if owned is None or not owned():
        lock._at_fork_reinit()


def note_loading() -> None:
    """The driver is about to be loaded into this process."""
    global _loaded
    _loaded = True


def check_connect() -> None:
    """Refuse to connect where that would wait for ever.

    Raises
    ------
    InterfaceError
        This process was forked from one that had loaded the driver.
    """
    if _loaded_before_fork:
        raise InterfaceError(
            "cannot connect: this process was forked from one that had opened a connection, and "
            f"the driver does not survive a fork; {_WAY_OUT}"
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
    global _loaded_before_fork
    _loaded_before_fork = _loaded
    for data in list(_arrow.values()):
        leak(data)
    for thing in list(_heirlooms):
        thing.inherit()
    _arrow.clear()
    _heirlooms.clear()


in_child(_after_in_child)
