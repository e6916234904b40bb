"""How many columns a terminal has and a text takes, and texts that take no more than so many."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from typing import TextIO

_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_BLACK_FLAG = "\U0001f3f4"
_SOFT_HYPHEN = "\u00ad"


def terminal_columns(out: TextIO | None) -> int | None:
    """The columns of a terminal, those of the variable COLUMNS before its own; else None."""
    if out is None or not out.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except OSError:
        return 80


def width(text: str) -> int:
    """The columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(columns for _, columns in clusters(text))


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """The pieces of a text that a terminal shows as one character each, and their columns.

    An emoji that is made of several by joiners, skin tones or variation selectors is one; so is a
    letter with its marks.
    """
    piece, columns, joined = "", 0, False
    for char in text:
        alone = _columns(char)
        tone = "\U0001f3fb" <= char <= "\U0001f3ff"
        if piece and unicodedata.category(char) == "Mc":
            piece, columns = piece + char, columns + 1  # a mark that stands beside its letter
        elif piece and (not alone or (columns == 2 and (joined or tone))):
            piece += char
            if char == _EMOJI_STYLE and columns == 1:
                columns = 2
        else:
            if piece:
                yield piece, columns
            piece, columns = char, alone
        joined = char == _JOINER
    if piece:
        yield piece, columns


def cut(text: str, columns: int, ellipsis: str) -> str:
    """The text, or its beginning with an ellipsis where it takes more columns than these."""
    if text.isascii():
        if len(text) <= columns:
            return text
        return text[: max(columns - len(ellipsis), 0)] + ellipsis
    left = columns - len(ellipsis)
    kept, end, after = 0, 0, 0
    for piece, size in clusters(text):
        after += size
        if after > columns:
            return text[:end] + ellipsis
        if after <= left:
            end = kept + len(piece)
        kept += len(piece)
    return text


def pad(text: str, columns: int, right: bool = False) -> str:
    """The text with spaces up to so many columns, on its left where it goes to the right."""
    space = " " * (columns - width(text))
    return space + text if right else text + space


def one_line(text: str) -> str:
    """The text with line breaks, control characters and what turns its direction as escapes."""
    if text.isprintable():
        return text
    tags = _BLACK_FLAG in text
    return "".join(c if _is_shown(c, tags) else repr(c)[1:-1] for c in text)


def _is_shown(char: str, tags: bool) -> bool:
    if char.isprintable() or char in "\u200c\u200d":
        return True
    # The flags of England, Scotland and Wales end in characters that are not shown elsewhere.
    if tags and "\U000e0020" <= char <= "\U000e007f":
        return True
    return unicodedata.category(char) == "Zs"


def _columns(char: str) -> int:
    if char.isascii():
        return 1
    if "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff":
        return 0  # the middle and the end of a Korean syllable
    if unicodedata.category(char) in ("Mn", "Me", "Cf") and char != _SOFT_HYPHEN:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
