"""Objects for as long as they live."""

from __future__ import annotations

import itertools
import weakref
from typing import Generic, TypeVar

T = TypeVar("T")


class Living(Generic[T]):
    """Objects for as long as they live, whatever they compare as.

    The collections of `weakref` run Python code when an object dies, and a KeyboardInterrupt that
    is raised there is lost. There is no lock: a signal handler may add an object at any moment.
    """

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[T]] = {}
        self._numbers = itertools.count()
        self._most = 64

    def add(self, thing: T) -> None:
        """Have `thing` among them until it dies."""
        self._references[next(self._numbers)] = weakref.ref(thing)
        if len(self._references) > self._most:
            for number, reference in list(self._references.items()):
                if reference() is None:
                    self._references.pop(number, None)
            self._most = 64 + 2 * len(self._references)

    def all(self) -> list[T]:
        """Those that live now."""
        found = (reference() for reference in list(self._references.values()))
        return [thing for thing in found if thing is not None]

    def clear(self) -> None:
        """Forget them all."""
        self._references = {}
