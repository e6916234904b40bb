"""Placeholders of other drivers, to say which ones this driver has."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .lexer import BREAK, find, lexer


def placeholder_hint(text: str, names: Sequence[str] | None) -> str:
    """What to say of a statement without a placeholder that was given parameters.

    Parameters
    ----------
    text : str
    names : sequence of str, optional
        The parameters' names. Without one of them in the text there is nothing to say, since what
        a mapping has beyond the placeholders is ignored.
    """
    ours = "this driver's placeholders are ?, $1 and $name"
    depth = 0
    for match in find(lexer(*_FOREIGN), text):
        piece = match[0]
        if piece in ("[", "{"):
            depth += 1
        elif piece in ("]", "}"):
            depth -= 1
        elif match.lastgroup == "foreign" and not depth:
            name = re.sub(r"\W", "", piece.removesuffix("s") if piece[0] == "%" else piece)
            if name in names if names is not None else piece == "%s" or piece[1:].isdigit():
                return f": {ours}, not {piece}"
    return f"; {ours}" if names is None else ""


# %s, %(name)s, :1 and :name, with nothing before them that they may belong to: a % s, a::b, a:b.
_FOREIGN = (
    rf"(?:%(?<![^\s(,=<>+*/|-]%)(?:s|\([^()]+\)s)|:(?<![^\s(,=<>+*/|-]:)[^:=${BREAK}][^{BREAK}]*)"
    rf"(?![^{BREAK}])(?P<foreign>)",
    *(rf"\{bracket}" for bracket in "[{]}"),
)
