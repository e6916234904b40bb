"""One scanner of DuckDB SQL text: strings, quoted names, comments, dollar quotes, placeholders, main verb.

The rules are those of DuckDB's lexers, found by asking them (1.5 and 2.0 agree on all that is here, except
where a comment says so); ``tests/test_sql_oracle.py`` compares the scanner with DuckDB's own parser.
Text that DuckDB cannot read is never refused here: the server says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from altertable_dbapi.errors import ProgrammingError

__all__ = [
    "Expression",
    "InsertValues",
    "Placeholder",
    "Query",
    "Statement",
    "insert_values",
    "quote_identifier",
    "replace",
    "scan",
    "split",
    "sql",
]

# What ends a name: ASCII space and punctuation except "$" and "_", and the Unicode spaces that DuckDB
# turns into plain ones before it parses.
_BREAK = r"\x00\t-\r -#%-/:-@\[-\^`{-~\xa0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
_NAME = rf"[^0-9$.{_BREAK}][^{_BREAK}]*"

# Text whose inside means nothing to the scanner. Where the closing mark is missing, all the rest is inside.
# 'it''s' is read as two strings side by side; a backslash escapes in E'…' only; B'…', X'…', U&'…' and N'…' have no
# rules of their own. A "$" that follows a name's character belongs to the name (a$b).
_OPAQUE = rf"""
      (?P<string> '(?<=[eE]')(?<![^{_BREAK}].') [^'\\]* (?:(?:\\.|'')[^'\\]*)* '?
                | '[^']*'?
                | (?P<tag>\$(?<![^{_BREAK}]\$)(?:[a-zA-Z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?\$)
                  .*?(?:(?P=tag)|\Z) )
    | (?P<quoted> "[^"]*"? )
    | (?P<line> --[^\r\n]* )
    | (?P<block> /\* )
"""

# $name, $1, $"a name", ?, ?1; DuckDB lets space stand after the "$".
_PLACEHOLDER = rf"""
    (?P<placeholder> \?[0-9]*
                   | \$(?<![^{_BREAK}]\$)[\t-\r ]*(?:[0-9]+|[^0-9${_BREAK}][^${_BREAK}]*|"(?:[^"]|"")+") )
"""


def _compile(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join((_OPAQUE, *alternatives)), re.VERBOSE | re.DOTALL)


# One lexer at four speeds: each stops at what its reader needs, and steps over the rest in C.
_PLACEHOLDERS = _compile(_PLACEHOLDER)
_SEMICOLONS = _compile("(?P<semicolon>;)")
_BRACKETS = _compile(r"(?P<opening>[(\[{])", r"(?P<closing>[)\]}])")
_TOKENS = _compile(_PLACEHOLDER, f"(?P<word>{_NAME})", rf"(?P<other>[^\s{_BREAK}]|[!-/:-@\[-`{{-~])")
_COMMENT_EDGE = re.compile(r"/\*|\*/")

# Verbs whose result is DuckDB's one row of `Count` or `Success` (asked of 1.5 and 2.0). PRAGMA and COPY may return
# rows as well, which their shape shows. CALL and EXECUTE are rows: what they return is the callee's.
_WITHOUT_ROWS = frozenset(
    "INSERT UPDATE DELETE MERGE TRUNCATE CREATE DROP ALTER COMMENT SET RESET USE COPY ATTACH DETACH CHECKPOINT FORCE"
    " VACUUM ANALYZE ANALYSE EXPORT IMPORT PRAGMA PREPARE DEALLOCATE INSTALL LOAD"
    " BEGIN START COMMIT END ROLLBACK ABORT".split()
)
_OUTSIDE_TRANSACTIONS = frozenset(
    "SET RESET USE ATTACH DETACH PRAGMA CHECKPOINT FORCE INSTALL LOAD SHOW DESCRIBE DESC"
    " BEGIN START COMMIT END ROLLBACK ABORT".split()
)
_RETURNING = frozenset(("INSERT", "UPDATE", "DELETE", "MERGE"))
_TRANSACTION: dict[str, Literal["begin", "commit", "rollback"]] = {
    "BEGIN": "begin",
    "START": "begin",
    "COMMIT": "commit",
    "END": "commit",
    "ROLLBACK": "rollback",
    "ABORT": "rollback",
}
_TRANSACTION_WORDS = re.compile(
    r"(?:(?:BEGIN|START)(?: TRANSACTION| WORK)?(?: READ (?:ONLY|WRITE))?"
    r"|(?:COMMIT|END|ROLLBACK|ABORT)(?: TRANSACTION| WORK)?)(?: ;)*"
)

Style = Literal["none", "named", "numeric", "qmark"]


class Placeholder(NamedTuple):
    """A placeholder's span in the text, and its name as written: ``"city"``, ``"1"``, or ``""`` for ``?``."""

    start: int
    stop: int
    name: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What the scanner found in the text of one statement.

    Attributes
    ----------
    text : str
        The text as given.
    verb : str
        The main verb in upper case, ``""`` when there is none: past comments, parentheses, the list of WITH, and
        EXPLAIN. ``FROM t`` has the verb FROM.
    explain : {"", "EXPLAIN", "ANALYZE"}
        Whether the statement is only planned, or run and measured.
    returning : bool
        Whether an INSERT, UPDATE, DELETE or MERGE has a RETURNING clause.
    placeholders : tuple of Placeholder
        In the order of the text.
    style : {"none", "named", "numeric", "qmark"}
        How the placeholders are written.
    """

    text: str
    verb: str
    explain: Literal["", "EXPLAIN", "ANALYZE"]
    returning: bool
    placeholders: tuple[Placeholder, ...]
    style: Style

    @property
    def returns_rows(self) -> bool:
        """Whether the statement may return rows of its own; False is to be confirmed by the result's shape."""
        return bool(self.explain) or self.returning or self.verb not in _WITHOUT_ROWS

    @property
    def needs_transaction(self) -> bool:
        """Whether the statement reads or writes what a transaction protects."""
        if self.explain:
            return self.explain == "ANALYZE"
        return bool(self.verb) and self.verb not in _OUTSIDE_TRANSACTIONS

    @property
    def transaction(self) -> Literal["begin", "commit", "rollback"] | None:
        """What the statement does when all of it is BEGIN, COMMIT, ROLLBACK or a synonym."""
        action = None if self.explain else _TRANSACTION.get(self.verb)
        if action is None:
            return None
        words: list[str] = []
        pos = 0
        while (token := _token(self.text, pos)).kind and len(words) < 8:
            pos = token.stop
            if words or token.kind != ";":
                words.append(token.kind)
        return action if _TRANSACTION_WORDS.fullmatch(" ".join(words)) else None


class Expression(NamedTuple):
    """The span of one value of an INSERT's row, and whether it is the word DEFAULT."""

    start: int
    stop: int
    default: bool


class InsertValues(NamedTuple):
    """The parts of ``INSERT INTO t (…) VALUES (…) ON CONFLICT …`` with one row.

    Attributes
    ----------
    head : str
        The text before VALUES.
    expressions : tuple of Expression
        The row's values.
    tail : str
        The text after the row, without a final ``;`` or comment.
    upsert : bool
        Whether a row may replace another (OR REPLACE, DO UPDATE). Of two rows with one key in one statement DuckDB
        keeps the first, in two statements the last: such an INSERT is not the same for many rows at once.
    """

    head: str
    expressions: tuple[Expression, ...]
    tail: str
    upsert: bool


class Query(str):
    """A statement's text that carries its parameters; made by `sql`."""

    __slots__ = ("parameters",)

    parameters: Mapping[str, Any]

    def __new__(cls, text: str, parameters: Mapping[str, Any]) -> Query:
        query = super().__new__(cls, text)
        query.parameters = parameters
        return query

    def __getnewargs__(self) -> tuple[str, Mapping[str, Any]]:  # type: ignore[override]
        return str(self), self.parameters

    def __repr__(self) -> str:
        return f"sql({super().__repr__()}{''.join(f', {name}=…' for name in self.parameters)})"


def sql(text: str, /, **values: Any) -> Query:
    """Attach the values of ``$name`` placeholders to a statement.

    The result is a `str` and passes through tools that hand over nothing but text:
    ``pd.read_sql(sql("SELECT * FROM t WHERE city = $city", city="Lyon"), connection)``.
    """
    return Query(text, values)


def scan(text: str) -> Statement:
    """Find the placeholders, the main verb and the RETURNING clause of a statement.

    Raises
    ------
    ProgrammingError
        Placeholders of two styles are mixed.
    """
    # str(): neither a cached statement nor the cache's key keeps a Query's parameters alive.
    return _scan_short(str(text)) if len(text) <= 8192 else _scan(str(text))


def split(script: str) -> list[str]:
    """Give the statements of a script, without their semicolons; comments stay with the statement they precede."""
    pieces = []
    start = 0
    for match in _matches(_SEMICOLONS, script):
        if match.lastgroup == "semicolon":
            pieces.append(script[start : match.start()])
            start = match.end()
    pieces.append(script[start:])
    return [piece.strip() for piece in pieces if _token(piece, 0).kind]


def replace(statement: Statement, replacements: Sequence[str]) -> str:
    """Give the statement's text with the i-th placeholder replaced by the i-th string.

    A space is put where a replacement would grow together with its neighbours: ``LIKE?`` is not ``LIKE$1``,
    ``1-?`` not ``1--5``, ``?.a`` not ``$1.a`` (a number in DuckDB 2.0).
    """
    text = statement.text
    pieces = []
    stop = 0
    for placeholder, replacement in zip(statement.placeholders, replacements, strict=True):
        start = placeholder.start
        before = "" if text[start - 1 : start] in _OPENS else " "
        after = "" if text[placeholder.stop : placeholder.stop + 1] in _CLOSES else " "
        pieces += text[stop:start], before, replacement, after
        stop = placeholder.stop
    return "".join((*pieces, text[stop:]))


_OPENS = frozenset(("", " ", "\t", "\n", "\r", "(", "[", ","))
_CLOSES = frozenset(("", " ", "\t", "\n", "\r", ")", "]", "}", ",", ":", ";"))


def quote_identifier(name: str) -> str:
    """Give a name as a quoted identifier.

    Raises
    ------
    ProgrammingError
        The name holds a NUL character, which ends DuckDB's text.
    """
    if "\0" in name:
        raise ProgrammingError(f"an identifier cannot hold a NUL character: {name!r}")
    return '"' + name.replace('"', '""') + '"'


def insert_values(statement: Statement) -> InsertValues | None:
    """Take apart ``INSERT [OR …] INTO table [(columns)] VALUES (row) [ON CONFLICT …]``.

    None is given for any other statement: with several rows, with RETURNING, WITH or EXPLAIN, or with a placeholder
    outside the row.
    """
    text = statement.text
    if statement.verb != "INSERT" or statement.returning or statement.explain:
        return None
    token = _token(text, 0)
    while token.kind == ";":
        token = _token(text, token.stop)
    if token.kind != "INSERT":
        return None

    kinds = []
    while token.kind not in ("VALUES", "", ";", "SELECT") or kinds[-1:] in (["INTO"], ["."]):
        kinds.append("name" if kinds[-1:] in (["INTO"], ["."], ["AS"]) else token.kind)
        token = _token(text, _closing(text, token.stop) if token.kind == "(" else token.stop)
    if not _INSERT_HEAD.fullmatch(" ".join(kinds)):
        return None
    head = text[: token.start]

    row = _token(text, token.stop)
    if token.kind != "VALUES" or row.kind != "(":
        return None
    expressions, close = _expressions(text, row.stop)
    tail_kinds = []
    stop = close
    while (token := _token(text, stop)).kind not in ("", ";"):
        tail_kinds.append(token.kind)
        stop = _closing(text, token.stop) if token.kind == "(" else token.stop
    while token.kind == ";":
        token = _token(text, token.stop)
    if token.kind or not expressions or tail_kinds[:2] not in ([], ["ON", "CONFLICT"]):
        return None
    if any(not row.stop <= placeholder.start < close for placeholder in statement.placeholders):
        return None
    upsert = "REPLACE" in kinds[:3] or "UPDATE" in tail_kinds
    return InsertValues(head, expressions, text[close:stop], upsert)


_INSERT_HEAD = re.compile(r"INSERT(?: OR (?:REPLACE|IGNORE))? INTO name(?: \. name)*(?: AS name)?(?: \()?")


def _expressions(text: str, pos: int) -> tuple[tuple[Expression, ...], int]:
    """Give the values of the row that is open at `pos`, none if one is missing, and where the row ends."""
    expressions: list[Expression] = []
    start = stop = pos
    kinds: list[str] = []
    while True:
        token = _token(text, pos)
        pos = token.stop
        if token.kind in (",", ")", ""):
            if kinds:
                expressions.append(Expression(start, stop, kinds == ["DEFAULT"]))
            # DuckDB allows one comma before the closing parenthesis.
            elif token.kind == "," or not expressions:
                return (), pos
            if token.kind != ",":
                return (tuple(expressions) if token.kind else ()), pos
            kinds = []
            continue
        start = start if kinds else token.start
        kinds.append(token.kind)
        stop = pos = _closing(text, pos) if token.kind in _OPENING else pos


_OPENING = frozenset("([{")


class _Token(NamedTuple):
    """A piece of the text; `kind` is a word in upper case, one character, or ``""`` at the end of the text."""

    kind: str
    start: int
    stop: int


def _token(text: str, pos: int) -> _Token:
    """Give the first token at or after `pos`; comments are no tokens."""
    while match := _TOKENS.search(text, pos):
        start, pos = match.span()
        group = match.lastgroup
        if group == "word":
            return _Token(match[0].upper(), start, pos)
        if group == "block":
            pos = _comment_stop(text, start)
        elif group != "line":
            return _Token(text[start], start, pos)
    return _Token("", len(text), len(text))


def _matches(pattern: re.Pattern[str], text: str, pos: int = 0) -> Iterator[re.Match[str]]:
    """Give the pattern's matches outside of block comments."""
    while True:
        for match in pattern.finditer(text, pos):
            if match.lastgroup == "block":
                pos = _comment_stop(text, match.start())
                break
            yield match
        else:
            return


def _comment_stop(text: str, start: int) -> int:
    """Give the end of the block comment that begins at `start`; block comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(text)


def _closing(text: str, pos: int) -> int:
    """Give the end of the bracket that is open at `pos`."""
    depth = 1
    for match in _matches(_BRACKETS, text, pos):
        if match.lastgroup == "opening":
            depth += 1
        elif match.lastgroup == "closing":
            depth -= 1
            if not depth:
                return match.end()
    return len(text)


def _scan(text: str) -> Statement:
    verb, explain, pos = _verb(text)
    returning = verb in _RETURNING and "RETURNING" in text.upper() and _has_returning(text, pos)
    if "$" not in text and "?" not in text:
        return Statement(text, verb, explain, returning, (), "none")
    placeholders = tuple(
        [
            Placeholder(match.start(), match.end(), _placeholder_name(match[0]))
            for match in _matches(_PLACEHOLDERS, text)
            if match.lastgroup == "placeholder"
        ]
    )
    return Statement(text, verb, explain, returning, placeholders, _style(text, placeholders))


_scan_short = lru_cache(maxsize=256)(_scan)


def _placeholder_name(text: str) -> str:
    name = text[1:].lstrip()
    return name[1:-1].replace('""', '"') if name[:1] == '"' else name


def _style(text: str, placeholders: tuple[Placeholder, ...]) -> Style:
    first: dict[Style, Placeholder] = {}
    for placeholder in placeholders:
        name = placeholder.name
        quoted = text[placeholder.stop - 1] == '"'
        first.setdefault(
            "qmark" if not name else "numeric" if name.isdecimal() and not quoted else "named", placeholder
        )
    if len(first) > 1:
        styles = " and ".join(f"{text[p.start : p.stop]} ({style})" for style, p in first.items())
        raise ProgrammingError(f"a statement has placeholders of one style only, this one has {styles}")
    return next(iter(first), "none")


def _verb(text: str) -> tuple[str, Literal["", "EXPLAIN", "ANALYZE"], int]:
    """Give the main verb, whether it is explained, and where it ends."""
    explain: Literal["", "EXPLAIN", "ANALYZE"] = ""
    token = _token(text, 0)
    while token.kind:
        kind, start, pos = token
        if kind == "EXPLAIN":
            explain = "EXPLAIN"
            token = _token(text, pos)
            if token.kind in _ANALYZE:
                explain = "ANALYZE"
                token = _token(text, token.stop)
            if token.kind == "(" and _token(text, token.stop).kind in _EXPLAIN_OPTIONS:
                pos = _closing(text, token.stop)
                if any(word in text[token.start : pos].upper() for word in _ANALYZE):
                    explain = "ANALYZE"
                token = _token(text, pos)
        elif kind == "WITH":
            token = _after_ctes(text, pos)
        elif kind in ("(", ";"):
            token = _token(text, pos)
        else:
            return (kind if text[start] not in "'\"" and len(kind) > 1 else ""), explain, pos
    return "", explain, len(text)


_ANALYZE = frozenset(("ANALYZE", "ANALYSE"))
_EXPLAIN_OPTIONS = _ANALYZE | {"FORMAT", "VERBOSE", '"'}


def _after_ctes(text: str, pos: int) -> _Token:
    """Give the first token after the list of a WITH that ends at `pos`."""
    while True:
        # A name first, whatever it is: WITH insert AS (…) is one.
        token = _token(text, pos)
        if token.kind == "RECURSIVE":
            token = _token(text, token.stop)
        before = ""
        while token.kind and not (token.kind == "(" and before in ("AS", "MATERIALIZED")):
            before = token.kind
            pos = _closing(text, token.stop) if before == "(" else token.stop
            token = _token(text, pos)
        if not token.kind:
            return token
        token = _token(text, _closing(text, token.stop))
        if token.kind != ",":
            return token
        pos = token.stop


def _has_returning(text: str, pos: int) -> bool:
    """Tell whether RETURNING stands outside of brackets, and is no name (``t.returning``, ``AS returning``)."""
    before = ""
    while (token := _token(text, pos)).kind not in ("", ";"):
        if token.kind == "RETURNING" and before not in ("AS", "."):
            return True
        before = token.kind
        pos = _closing(text, token.stop) if before in _OPENING else token.stop
    return False
