"""DuckDB's lexer, as far as statements need it: tokens outside of strings, names and comments.

The rules are those of DuckDB's lexers, found by asking them: 1.5 and 2.0 agree on all that is here,
except where a comment says so. ``tests/statement/test_sql_oracle.py`` compares them with DuckDB's
own parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

# What ends a name: ASCII space and punctuation except "$" and "_", and the Unicode spaces that
# DuckDB makes plain ones before it parses. All else is a name's, a "$" inside it too: a$b, größe.
BREAK = r"\x00\t-\r -#%-/:-@\[-\^`{-~\xa0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"

# A tag is of ASCII letters, digits, "_" and all beyond ASCII; said by what it has not, since `re`
# takes milliseconds to compile a range that is large.
#
# Every alternative begins with a literal character, so that `re` finds it in C; an empty group at
# its end says which one matched. 'it''s' is read as two strings side by side. A backslash escapes
# in E'…' only (1.5 also in a string that continues one on the next line). B'…', X'…', U&'…' have no
# rules of their own. Where a closing mark is missing, all the rest is inside. A backquote encloses
# a name in 2.0. In 1.5 it is an operator, but there is none of that name, so no statement with a
# backquote outside of strings and names is right there.
_OPAQUE = rf"""
      '(?<=[eE]')(?<![^{BREAK}].')[^'\\]*(?:(?:\\.|'')[^'\\]*)*'?
    | '[^']*'?
    | "[^"]*"?
    | `[^`]*`?
    | \$(?<![^{BREAK}]\$)(?P<tag>(?:[^\x00-@\[-^`{{-\x7f][^\x00-/:-@\[-^`{{-\x7f]*)?\$)
      .*?(?:\$(?P=tag)|\Z)
    | --[^\r\n]*(?P<line>)
    | /\*[^*/]*(?:(?:\*(?!/)|/(?!\*))[^*/]*)*\*/(?P<comment>)
    | /\*(?P<block>)
"""

# ?, ?1, $1, $name, $"a name"; space and comments may stand behind the mark: 2.0 reads ? 1 as ?1.
# In a name right behind the "$" a Unicode space is a letter, elsewhere it is made a plain space.
_LETTER = r"\x00\t-\r -#%-/:-@\[-\^`{-\x7f"
_SPACE = r"\t-\r \xa0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
_GAP = rf"(?:[{_SPACE}]|--[^\r\n]*[\r\n]|/\*[^*/]*(?:(?:\*(?!/)|/(?!\*))[^*/]*)*\*/)"
_PLACEHOLDER = rf"""
      \?(?:{_GAP}*(?=[0-9]))?(?P<question>(?:[0-9]+(?:_[0-9]+)*)?)
    | \$(?<![^{BREAK}]\$)
      (?:(?P<name>[^0-9${_LETTER}][^${_LETTER}]*)
      |{_GAP}*(?:(?P<far>[^0-9${BREAK}][^${BREAK}]*)|(?P<number>[0-9]+(?:_[0-9]+)*)
               |"(?P<quoted>(?:[^"]|"")+)"|`(?P<backquoted>(?:[^`]|``)+)`))
"""


@cache
def lexer(*alternatives: str) -> re.Pattern[str]:
    """Compile a lexer that stops at `alternatives`, when it is first needed.

    Compiling them all would take a third of the time that importing the package takes.
    """
    return re.compile("|".join((_OPAQUE, *alternatives)), re.VERBOSE | re.DOTALL)


@cache
def placeholder_lexer(backquotes: bool = True) -> re.Pattern[str]:
    """Compile the lexer that stops at placeholders, when it is first needed.

    Groups that a pattern has, it pays for at each match, so this one has those alone.

    Parameters
    ----------
    backquotes : bool
        Whether a backquote encloses a name, as in DuckDB 2.0, or is an operator, as in DuckDB 1.
    """
    opaque = _OPAQUE.replace("(?P<line>)", "").replace("(?P<comment>)", "")
    if not backquotes:
        opaque = opaque.replace("| `[^`]*`?", "")
    return re.compile("|".join((opaque, _PLACEHOLDER)), re.VERBOSE | re.DOTALL)


# Where lexers stop: each where its reader has to, and it steps over the rest in C.
SEMICOLONS = (";(?P<semicolon>)",)
_BRACKETS = tuple(rf"\{bracket}" for bracket in "([{)]}")
_TOKENS = _PLACEHOLDER, rf"(?P<word>[^0-9${BREAK}][^{BREAK}]*)", "[0-9][0-9_.]*", "[!-~]"
RETURNING = (
    *_BRACKETS,
    ";",
    rf"(?<![^0-9{BREAK}])[rR](?i:eturning)(?![^{BREAK}])(?P<returning>)",
)
_COMMENT_EDGES = re.compile(r"/\*|\*/")


class Token(NamedTuple):
    """A piece of text: `kind` is a word in upper case, another token's first character, or ""."""

    kind: str
    start: int
    stop: int


def top_level(text: str, pos: int = 0) -> Iterator[Token]:
    """Give the tokens from `pos` on; a bracket with all that it holds is one token."""
    while (token := next_token(text, pos)).kind:
        pos = token.stop
        if token.kind in ("(", "[", "{"):
            pos = closing(text, pos)
            token = Token(token.kind, token.start, pos)
        yield token


def next_token(text: str, pos: int) -> Token:
    """Give the first token from `pos` on that is no comment; its kind is "" where there is none."""
    tokens = lexer(*_TOKENS)
    while match := tokens.search(text, pos):
        start, pos = match.span()
        group = match.lastgroup
        if group == "word":
            return Token(match[0].upper(), start, pos)
        if group == "block":
            pos = _comment_stop(text, start)
        elif group not in ("line", "comment"):
            return Token(text[start], start, pos)
    return Token("", len(text), len(text))


def closing(text: str, pos: int) -> int:
    """Give the end of the bracket that is open at `pos`."""
    depth = 1
    for match in find(lexer(*_BRACKETS), text, pos):
        piece = match[0]
        if piece in ("(", "[", "{"):
            depth += 1
        elif piece in (")", "]", "}"):
            depth -= 1
            if not depth:
                return match.end()
    return len(text)


def find(pattern: re.Pattern[str], text: str, pos: int = 0) -> Iterator[re.Match[str]]:
    """Give the pattern's matches from `pos` on, outside of block comments."""
    while True:
        for match in pattern.finditer(text, pos):
            if match.lastgroup == "block":
                pos = _comment_stop(text, match.start())
                break
            yield match
        else:
            return


def _comment_stop(text: str, start: int) -> int:
    """Give the end of the block comment at `start`; block comments nest."""
    depth = 0
    for edge in _COMMENT_EDGES.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(text)
