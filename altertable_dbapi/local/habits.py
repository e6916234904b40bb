"""The habits in which servers differ: each an option of `Server`, several of them a likeness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Habits:
    """What a server does that another may not; the public `Server` documents each."""

    bind_as_text: bool = False
    hide_reasons: bool = False
    ignore_cancel: bool = False
    ignore_close: bool = False
    ingest_by_position: bool = False
    keep_half_loads: bool = False
    use_before_statements: bool = False


LIKENESSES: dict[str, Habits] = {
    # What Altertable's public mock server was seen to do.
    "mock": Habits(**{habit.name: True for habit in fields(Habits)}),
}
"""The servers that `Server` can be like."""


def chosen(like: str | None, given: Mapping[str, bool | None]) -> Habits:
    """Give the habits of a likeness, but for those that are given as True or False.

    Raises
    ------
    ValueError
        There is no such likeness.
    """
    if like is not None and like not in LIKENESSES:
        raise ValueError(f"like={like!r} is not known; known: {', '.join(LIKENESSES)}")
    alike = Habits() if like is None else LIKENESSES[like]
    return Habits(
        **{
            habit.name: getattr(alike, habit.name) if value is None else value
            for habit in fields(Habits)
            for value in (given.get(habit.name),)
        }
    )
