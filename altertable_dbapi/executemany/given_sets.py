"""The sets that executemany() is given: a list, or what can be read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def is_kept(sets: Any) -> bool:
    """Whether the sets are in memory, so that they can be read twice."""
    return isinstance(sets, (list, tuple))


def check_all(sets: Any, converted: Callable[[], Iterable[object]]) -> None:
    """Convert sets that are kept, only to find what cannot be bound before anything is sent."""
    if is_kept(sets):
        for _ in converted():
            pass


def chained(first: T, rest: Iterable[T]) -> Iterator[T]:
    """What was read, and what is left."""
    yield first
    yield from rest
