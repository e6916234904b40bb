"""One thread for what sessions do when nothing else is done: releases, signs of life, cancels.

A session is looked after for as long as it lives and asks for it. The thread begins when it is
first needed and sleeps while no session has anything to do.
"""

from __future__ import annotations

import _thread
import contextlib
import time
import weakref
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from . import fork
from .living import Living

T = TypeVar("T")

#: How long the process has to have been quiet for a release, in seconds.
QUIET_SECONDS = 0.02


class Kept(Protocol):
    """What is looked after: a session."""

    def keep_house(self, quiet: bool) -> float | None:
        """Do one small thing that is due.

        Parameters
        ----------
        quiet : bool
            Whether no session has sent anything for `QUIET_SECONDS`.

        Returns
        -------
        float or None
            Seconds until there is something to do again; None for nothing.
        """


class Closeable(Protocol):
    """What has to be closed: the handles of a session."""

    def close(self) -> object: ...


#: By the id of the reference, which has no hash of its own once its object is gone.
_owned: dict[int, tuple[weakref.ref[Any], Closeable]] = {}

#: Nothing of it is written in Python, where KeyboardInterrupt could come between two steps.
_wake: SimpleQueue[Any] = SimpleQueue()
_kept: Living[Kept] = Living()
_running = _asleep = _asked = False
_last_call = 0.0


def forgettable(thing: T) -> weakref.ref[T]:
    """A reference to what may be forgotten with work left, which its session then sees to.

    What runs at the death of the object is C code: Ctrl-C that came in Python code there would be
    lost.
    """
    start()
    return weakref.ref(thing, _wake.put)


def adopt(owner: object, handles: Closeable) -> None:
    """Close `handles` if `owner` is forgotten before it has closed them itself.

    An interrupt may come between the making of an object and the place where it is kept.
    """
    start()
    reference = weakref.ref(owner, _wake.put)
    _owned[id(reference)] = reference, handles


def release(handles: Closeable) -> None:
    """The owner of `handles` closes them itself."""
    for number, (_, owned) in list(_owned.items()):
        if owned is handles:
            _owned.pop(number, None)


def watch(kept: Kept) -> None:
    """Look after a session for as long as it lives."""
    _kept.add(kept)


def note_call() -> None:
    """A session sends something: whatever can wait gives way."""
    global _last_call
    _last_call = time.monotonic()


def start() -> None:
    """Begin, unless the thread runs already."""
    global _running
    if not _running:
        _running = True
        try:
            _thread.start_new_thread(_run, ())
        except RuntimeError:  # at the interpreter's exit, which ends the sessions itself
            _running = False


def needed() -> None:
    """There is something to do."""
    global _asked
    _asked = True
    if _asleep:
        _wake.put(None)
    elif not _running:
        start()


def _run() -> None:
    global _asked, _asleep
    while True:
        _asked = False
        pause = _round()
        # In this order, so that what is asked for meanwhile is not slept over.
        _asleep = pause is None or pause > QUIET_SECONDS
        if _asleep and _asked:
            pause = 0.0
        with contextlib.suppress(Empty):
            _close_orphan(_wake.get(timeout=pause))
            while True:  # all of it is seen to at once
                _close_orphan(_wake.get_nowait())
        _asleep = False


def _close_orphan(forgotten: weakref.ref[Any] | None) -> None:
    orphan = _owned.pop(id(forgotten), None)
    if orphan is not None:
        # In a thread, since the server may not answer.
        _thread.start_new_thread(orphan[1].close, ())


def _round() -> float | None:
    pauses = []
    for kept in _kept.all():
        quiet = time.monotonic() - _last_call >= QUIET_SECONDS
        pause = kept.keep_house(quiet)
        if pause is not None:
            pauses.append(pause)
    return min(pauses, default=None)


def _after_fork() -> None:
    global _running, _asleep, _asked, _wake
    _running = _asleep = _asked = False
    _wake = SimpleQueue()
    _kept.clear()
    fork.leak(list(_owned.values()))
    _owned.clear()


fork.in_child(_after_fork)
