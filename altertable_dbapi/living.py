"""Objects for as long as they live."""

from __future__ import annotations

import threading
import weakref
from typing import Generic, TypeVar

T = TypeVar("T")


class Living(Generic[T]):
    """Objects for as long as they live, whatever they compare as.

    The collections of `weakref` run Python code when an object dies. Ctrl-C that is handled in
    there is lost, and cursors and record batches die all the time.

    Attributes
    ----------
    lock : Lock
        Held while an object is added.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._references: dict[int, weakref.ref[T]] = {}
        self._most = 64

    def add(self, thing: T) -> None:
        """Have `thing` among them until it dies."""
        with self.lock:
            self._references[id(thing)] = weakref.ref(thing)
            if len(self._references) > self._most:
                self._references = {id(one): weakref.ref(one) for one in self.all()}
                self._most = 64 + 2 * len(self._references)

    def all(self) -> list[T]:
        """Those that live now."""
        found = (reference() for reference in list(self._references.values()))
        return [thing for thing in found if thing is not None]

    def clear(self) -> None:
        """Forget them all."""
        self._references = {}
