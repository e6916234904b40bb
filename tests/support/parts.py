"""Other examples for each part of a property test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import seed, settings

Test = TypeVar("Test", bound=Callable[..., None])


def part_of(number: int) -> Callable[[Test], Test]:
    """A decorator: where each run has the same examples, a part has those of its number."""

    def decorate(test: Test) -> Test:
        default = settings.default
        return seed(number)(test) if default is not None and default.derandomize else test

    return decorate
