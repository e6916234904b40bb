"""Rows for people: a table as wide as the terminal, a column a line, or Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, TextIO

from ..dbapi20 import DATETIME, NUMBER
from ..rows.description import Column
from .values import ROWS, Printable, as_text, names_of, rows_of
from .width import cut, one_line, pad, terminal_columns, width

#: A column that is cut keeps so many columns of the terminal.
_NARROWEST = 8
#: Where nothing is cut, a longer value sticks out, rather than make every row as long.
_WIDEST = 500
#: The line below the names of ``vertical``.
_RULE = 40

_NULL = "NULL"
#: Text that would look like it, and what does in turn.
_LIKE_NULL = re.compile(r"'*NULL'*")


class Look(NamedTuple):
    """What an output can show.

    Attributes
    ----------
    columns : int or None
        Of the terminal; None where it is none, and all is shown.
    encoding : str
    bar, line, cross, ellipsis : str
        What tables are drawn with.
    """

    columns: int | None
    encoding: str
    bar: str = "─"
    line: str = " │ "
    cross: str = "─┼─"
    ellipsis: str = "…"

    def text(self, text: str) -> str:
        """A text as it will stand there, in one line."""
        text = one_line(text)
        if text.isascii() or self.encoding == "utf-8":
            return text
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def cell(self, value: Any) -> str:
        """A value as it will stand there; text that looks like NULL is in quotes."""
        if value is None:
            return _NULL
        text = self.text(as_text(value))
        return f"'{text}'" if _LIKE_NULL.fullmatch(text) else text


def look_of(out: TextIO) -> Look:
    """What can be shown on an output."""
    encoding = (getattr(out, "encoding", None) or "utf-8").lower()
    look = Look(terminal_columns(out), encoding)
    try:
        "─│┼…".encode(encoding)
    except UnicodeEncodeError:
        look = Look(look.columns, encoding, "-", " | ", "-+-", "...")
    return look


# A table


def print_table(rows: Printable, out: TextIO) -> int:
    """Print the rows in columns; the number of rows."""
    look = look_of(out)
    columns = rows.description or []
    names = [look.text(column.name) for column in columns]
    right = [column.type_code == NUMBER for column in columns]
    texts = [list(map(look.cell, row)) for row in rows.fetchmany(ROWS)]
    widths = _widths(look, columns, names, texts)
    whole = [_is_whole(column) or look.columns is None for column in columns]

    def put(cells: Sequence[str], uncut: Sequence[bool]) -> None:
        shown = (
            pad(cell if entire else cut(cell, size, look.ellipsis), size, flush)
            for cell, size, flush, entire in zip(cells, widths, right, uncut, strict=False)
        )
        out.write(look.line.join(shown).rstrip() + "\n")

    put(names, [look.columns is None] * len(names))
    out.write(look.cross.join(look.bar * size for size in widths) + "\n")
    count = 0
    while texts:
        for row in texts:
            put(row, whole)
        count += len(texts)
        texts = [list(map(look.cell, row)) for row in rows.fetchmany(ROWS)]
    left_out = len(columns) - len(widths)
    if left_out:
        plural = "" if left_out == 1 else "s"
        out.write(f"{look.ellipsis} {left_out} more column{plural}: --format vertical\n")
    return count


def _is_whole(column: Column) -> bool:
    """Whether a value is shown whole or not at all: a part of a number is another number."""
    return column.type_code in (NUMBER, DATETIME)


def _widths(
    look: Look, columns: Sequence[Column], names: Sequence[str], texts: Sequence[Sequence[str]]
) -> list[int]:
    """How wide each column is, of those that fit into the terminal."""
    of_values = [max((width(row[i]) for row in texts), default=0) for i in range(len(columns))]
    natural = [max(width(name), size) for name, size in zip(names, of_values, strict=True)]
    if look.columns is None:
        return [min(size, _WIDEST) for size in natural]
    least = [
        max(min(size, _NARROWEST), value if _is_whole(column) else 0)
        for column, size, value in zip(columns, natural, of_values, strict=True)
    ]
    gap = len(look.line)
    shown, used = 0, -gap
    while shown < len(columns) and used + gap + least[shown] <= look.columns:
        used += gap + least[shown]
        shown += 1
    shown = max(shown, min(len(columns), 1))
    return _spread(least[:shown], natural[:shown], look.columns - gap * (shown - 1))


def _spread(least: list[int], natural: list[int], columns: int) -> list[int]:
    """Widths from `least` to `natural` that fill the columns, the wide ones cut alike."""
    low, high = 0, max(natural, default=0)

    def at(limit: int) -> list[int]:
        return [max(a, min(b, limit)) for a, b in zip(least, natural, strict=True)]

    while low < high:
        middle = (low + high + 1) // 2
        if sum(at(middle)) <= columns:
            low = middle
        else:
            high = middle - 1
    widths = at(low)
    spare = columns - sum(widths)
    for i, size in enumerate(widths):
        if spare > 0 and size < natural[i]:
            widths[i] += 1
            spare -= 1
    return widths


# The others


def print_vertical(rows: Printable, out: TextIO) -> int:
    """Print each column of a row in a line of its own; the number of rows."""
    look = look_of(out)
    names = [look.text(name) for name in names_of(rows)]
    size = max(map(width, names), default=0)
    count = 0
    for row in rows_of(rows):
        count += 1
        title = f"{look.bar} row {count} "
        out.write(title + look.bar * max(min(look.columns or _RULE, _RULE) - len(title), 1) + "\n")
        for name, value in zip(names, row, strict=True):
            out.write(f"{pad(name, size)}{look.line}{look.cell(value)}".rstrip() + "\n")
    return count


def print_markdown(rows: Printable, out: TextIO) -> int:
    """Print a table of Markdown (GitHub's); the number of rows."""
    look = Look(None, look_of(out).encoding)
    out.write(_markdown([look.text(name) for name in names_of(rows)]))
    aligned = ["--:" if c.type_code == NUMBER else "---" for c in rows.description or []]
    out.write(f"| {' | '.join(aligned)} |\n")
    count = 0
    for row in rows_of(rows):
        out.write(_markdown([look.cell(value) for value in row]))
        count += 1
    return count


def _markdown(cells: list[str]) -> str:
    # What Markdown would read as its own: an escape, a column, HTML.
    escaped = (re.sub(r"[\\|`*_<>\[\]~]", r"\\\g<0>", cell) for cell in cells)
    return f"| {' | '.join(escaped)} |\n"
