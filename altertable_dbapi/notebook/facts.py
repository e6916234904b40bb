"""Connections and cursors as HTML: a small table of what is known without asking the server."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def table(title: str, facts: Iterable[tuple[str, str]]) -> str:
    """A table of names and values under a title; all of them are escaped."""
    rows = "".join(
        f'<tr><th style="text-align: left">{escape(name)}</th>'
        f'<td style="text-align: left">{escape(value)}</td></tr>'
        for name, value in facts
    )
    return f"<table><caption>{escape(title)}</caption><tbody>{rows}</tbody></table>"


def counted(number: int, noun: str) -> str:
    """A number and what it counts: ``1 row``, ``12,000 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
