"""The scanner of DuckDB SQL text: placeholders, main verb, what a statement does.

``tests/statement/test_sql_oracle.py`` compares it with DuckDB's own parser. Text that DuckDB cannot
read is not refused here: the server says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, cast

from ..errors import ProgrammingError
from .lexer import (
    BREAK,
    RETURNING,
    SEMICOLONS,
    Token,
    closing,
    find,
    lexer,
    next_token,
    placeholder_lexer,
    top_level,
)

Explain = Literal["", "EXPLAIN", "ANALYZE"]
Style = Literal["none", "named", "numeric", "qmark"]
Transaction = Literal["begin", "commit", "rollback"]

# By the lexer's groups; a "?" without a number is the fourth style.
_STYLES: dict[str, Style] = {
    "question": "numeric",
    "name": "named",
    "far": "named",
    "number": "numeric",
    "quoted": "named",
    "backquoted": "named",
}
_NAMED = rf"(?:\.|(?<![^{BREAK}])[aA][sS])\s*\Z"
_NUMBER_OR_NAME = r"[0-9]\.\s*\Z"


def _verbs(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Verbs that give DuckDB's one row of `Count` or `Success`. COPY and PRAGMA may also give others,
# which their shape shows; CALL and EXECUTE give what they call gives, which may look the same.
_WITHOUT_ROWS = _verbs(
    "INSERT UPDATE DELETE MERGE TRUNCATE CREATE DROP ALTER COMMENT SET RESET USE COPY PRAGMA "
    "ATTACH DETACH FORCE CHECKPOINT VACUUM ANALYZE ANALYSE EXPORT IMPORT PREPARE DEALLOCATE "
    "INSTALL LOAD BEGIN START COMMIT END ROLLBACK ABORT"
)
_OF_TRANSACTIONS = _verbs("BEGIN START COMMIT END ROLLBACK ABORT")
# What is the session's, or text alone, and never belongs to a transaction.
_OF_SESSIONS = _verbs("SET RESET USE ATTACH DETACH FORCE CHECKPOINT INSTALL LOAD") | {
    "",
    *_OF_TRANSACTIONS,
}
_QUERIES = _verbs("SELECT FROM VALUES TABLE SHOW DESC DESCRIBE SUMMARIZE PIVOT UNPIVOT")
# What changes something in a statement that begins like a query: a function, or a statement in the
# list of a WITH. The words are looked for first, since few queries have one of them.
_CHANGING_WORDS = (
    "nextval", "setval", "ducklake_", "set_", "_execute", "checkpoint", "write_",
    "insert", "update", "delete", "merge",
)  # fmt: skip
_CHANGING = (
    r"\b(?:nextval|setval|ducklake_\w+|set_option|set_commit_message|\w*_execute"
    r"|force_checkpoint|checkpoint|write_\w+)\W*\("
    r"|\bas\W+(?:insert|update|delete|merge)\b"
)
_KEEPING_SCHEMA = _verbs(
    "SELECT FROM VALUES INSERT UPDATE DELETE MERGE TRUNCATE CREATE COPY COMMENT SHOW DESC DESCRIBE "
    "SUMMARIZE BEGIN START COMMIT END"
)

# Patterns as text are compiled when they are first needed, which few programs do.
_TRANSACTIONS = (
    "(?:(?P<begin>(?:BEGIN|START)(?: TRANSACTION| WORK)?(?: READ ONLY| READ WRITE)?)"
    "|(?P<commit>(?:COMMIT|END)(?: TRANSACTION| WORK)?)"
    "|(?P<rollback>(?:ROLLBACK|ABORT)(?: TRANSACTION| WORK)?))"
)


class Placeholder(NamedTuple):
    """A placeholder's span, and its name as written: ``"city"``, ``"1"``, or ``""`` for ``?``."""

    start: int
    stop: int
    name: str


class Statement(NamedTuple):
    """What the scanner found in the text of one statement.

    Attributes
    ----------
    text : str
        The text as given.
    verb : str
        The main verb in upper case, ``""`` when there is none: the one past comments, parentheses,
        the list of a WITH, and EXPLAIN. ``FROM t`` has the verb FROM.
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
    explain: Explain
    returning: bool
    placeholders: tuple[Placeholder, ...]
    style: Style

    @property
    def returns_rows(self) -> bool:
        """Whether it may return rows of its own; a False is to be confirmed by the shape."""
        return bool(self.explain) or self.returning or self.verb not in _WITHOUT_ROWS

    @property
    def may_change(self) -> bool:
        """Whether it may change what a transaction protects: whatever is not plainly a query."""
        if self.explain != "ANALYZE" and (self.explain or self.verb in _OF_SESSIONS):
            return False
        if self.verb not in _QUERIES:
            return True
        text = self.text.lower()
        return any(map(text.__contains__, _CHANGING_WORDS)) and bool(re.search(_CHANGING, text))

    @property
    def read_only(self) -> bool:
        """Whether it is a BEGIN of a transaction that changes nothing."""
        return self.verb in ("BEGIN", "START") and "READ ONLY" in self._words

    @property
    def _words(self) -> str:
        return " ".join(token.kind for token in top_level(self.text))

    @property
    def keeps_schema(self) -> bool:
        """Whether the session's current catalog and schema are surely the same after it."""
        return self.verb in _KEEPING_SCHEMA

    @property
    def transaction(self) -> Transaction | None:
        """What it does, if all of it is BEGIN, COMMIT, ROLLBACK or a synonym of these."""
        if self.explain or self.verb not in _OF_TRANSACTIONS:
            return None
        match = re.fullmatch(_TRANSACTIONS, self._words.strip(" ;"))
        return cast(Transaction, match.lastgroup) if match else None


def scan(text: str) -> Statement:
    """Find the placeholders, the main verb and the RETURNING clause of a statement.

    Raises
    ------
    ProgrammingError
        Placeholders of two styles are mixed.
    """
    # str(): the cache must not keep the parameters of a Query alive.
    return _scan_cached(str(text)) if len(text) <= 16_384 else _scan(str(text))


def is_empty(text: str) -> bool:
    """Whether a text has no statement: nothing but space, comments and semicolons."""
    return all(token.kind == ";" for token in top_level(text))


def split(script: str) -> list[str]:
    """Give the statements of a script, without semicolons, each with the comments before it."""
    pieces = []
    start = 0
    for match in find(lexer(*SEMICOLONS), script):
        if match.lastgroup == "semicolon":
            pieces.append(script[start : match.start()])
            start = match.end()
    pieces.append(script[start:])
    return [piece.strip() for piece in pieces if next_token(piece, 0).kind]


def replace(statement: Statement, replacements: Sequence[str]) -> str:
    """Give the statement's text with the i-th placeholder replaced by the i-th string."""
    return replaced(statement.text, statement.placeholders, replacements)


def replaced(text: str, placeholders: Sequence[Placeholder], replacements: Sequence[str]) -> str:
    """Give a text with the i-th of its placeholders replaced by the i-th string.

    Space is put where a replacement would grow together with its neighbours: ``LIKE?`` is not
    ``LIKE$1``, ``1-?`` not ``1--5``, ``?.a`` not ``$1.a`` (a number in DuckDB 2.0).
    """
    pieces: list[str] = []
    stop = 0
    for (start, end, _), replacement in zip(placeholders, replacements, strict=True):
        before = "" if text[max(start - 1, 0) : start] in _OPENS else " "
        after = "" if text[end : end + 1] in _CLOSES else " "
        pieces += text[stop:start], before, replacement, after
        stop = end
    return "".join(pieces) + text[stop:]


def check_backquotes(statement: Statement) -> None:
    """Refuse a statement into which no values can be written safely.

    DuckDB 1 has no backquoted names: a quote inside of one begins a string there, and what is a
    placeholder to DuckDB 2 may be text to DuckDB 1, or the other way round.

    Raises
    ------
    ProgrammingError
        The versions of DuckDB see its placeholders in different places.
    """
    if "`" not in statement.text:
        return
    try:
        same = _placeholders(statement.text, backquotes=False)[0] == statement.placeholders
    except ProgrammingError:
        same = False
    if not same:
        raise ProgrammingError(
            "the placeholders of a statement with `backquotes` cannot be told for every version of "
            'DuckDB; write names in double quotes: "name"'
        )


_OPENS = frozenset(("", " ", "\t", "\n", "\r", "(", "[", ","))
_CLOSES = frozenset(("", " ", "\t", "\n", "\r", ")", "]", "}", ",", ":", ";"))


def _scan(text: str) -> Statement:
    verb, explain, pos = _verb(text)
    returning = (
        verb in ("INSERT", "UPDATE", "DELETE", "MERGE")
        and "RETURNING" in text.upper()
        and _has_returning(text, pos)
    )
    placeholders, style = _placeholders(text)
    return Statement(text, verb, explain, returning, placeholders, style)


_scan_cached = lru_cache(maxsize=128)(_scan)


def _placeholders(text: str, backquotes: bool = True) -> tuple[tuple[Placeholder, ...], Style]:
    if "$" not in text and "?" not in text:
        return (), "none"
    placeholders: list[Placeholder] = []
    first: dict[Style, str] = {}
    found = find if "/*" in text else re.Pattern.finditer
    for match in found(placeholder_lexer(backquotes), text):
        group = match.lastgroup
        if group is None or group not in _STYLES:
            continue
        name = match[group]
        style = _STYLES[group] if name else "qmark"
        if style not in first:
            first[style] = match[0]
        if group == "quoted":
            name = name.replace('""', '"')
        elif group == "backquoted":
            name = name.replace("``", "`")
        elif style == "numeric" and "_" in name:
            raise ProgrammingError(
                f"placeholder {match[0]}: DuckDB 1 and DuckDB 2 read it as different numbers; "
                "write its number without _"
            )
        # Half the time of Placeholder(…), which is a function in Python.
        placeholders.append(tuple.__new__(Placeholder, (*match.span(), name)))
    if len(first) > 1:
        styles = " and ".join(f"{written} ({style})" for style, written in first.items())
        raise ProgrammingError(f"placeholders of more than one style: {styles}; use one style")
    return tuple(placeholders), next(iter(first), "none")


def _verb(text: str) -> tuple[str, Explain, int]:
    """Give the main verb, how it is explained, and where it ends."""
    explain: Explain = ""
    simple = _SIMPLE_VERB.match(text)
    if simple and (verb := simple[1].upper()) not in ("WITH", "EXPLAIN"):
        return verb, explain, simple.end()
    token = next_token(text, 0)
    while True:
        kind, _, pos = token
        if kind == "WITH":
            token = _after_ctes(text, pos)
        elif kind == "EXPLAIN":
            explain = "EXPLAIN"
            token = next_token(text, pos)
        elif explain and kind in ("ANALYZE", "ANALYSE"):
            explain = "ANALYZE"
            token = next_token(text, pos)
        elif explain and kind == "(" and next_token(text, pos).kind in _EXPLAIN_OPTIONS:
            stop = closing(text, pos)
            if re.search("analy[zs]e", text[pos:stop], re.IGNORECASE):
                explain = "ANALYZE"
            token = next_token(text, stop)
        elif kind in ("(", ";"):
            token = next_token(text, pos)
        else:
            return kind if kind.isidentifier() else "", explain, pos


# Almost every statement begins with its verb.
_SIMPLE_VERB = re.compile(r"\s*([a-zA-Z]+)(?=[\s(;]|$)")
_EXPLAIN_OPTIONS = ("ANALYZE", "ANALYSE", "FORMAT", "VERBOSE", '"')


def _after_ctes(text: str, pos: int) -> Token:
    """Give the first token after the list of the WITH that ends at `pos`.

    In the list, what follows a parenthesis is a comma, AS or USING, as in ``c(n) USING KEY (n) AS
    (SELECT …), d AS (…)``; the names themselves may be any word: ``WITH insert AS (…)``.
    """
    after_parenthesis = False
    while (token := next_token(text, pos)).kind:
        if after_parenthesis and token.kind not in (",", "AS", "USING"):
            break
        after_parenthesis = token.kind == "("
        pos = closing(text, token.stop) if after_parenthesis else token.stop
    return token


def _has_returning(text: str, pos: int) -> bool:
    """Tell whether RETURNING is a clause: not in brackets, and no name (``AS returning``)."""
    depth, last = 0, pos
    for match in find(lexer(*RETURNING), text, pos):
        piece = match[0]
        if piece in ("(", "[", "{"):
            depth += 1
        elif piece in (")", "]", "}"):
            depth -= 1
        elif piece == ";" and not depth:
            return False
        elif match.lastgroup == "returning" and not depth:
            before = text[last : match.start()]
            if "--" in before or "/*" in before or re.search(_NUMBER_OR_NAME, before):
                kinds = ["", *(token.kind for token in top_level(before))]
                named = kinds[-1] in ("AS", ".")
            else:
                named = re.search(_NAMED, before) is not None
            if not named:
                return True
        if match.lastgroup not in ("line", "comment"):
            last = match.end()
    return False
