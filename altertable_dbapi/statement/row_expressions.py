"""What a value in a statement is made of: whether it depends on its own row alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa

from .lexer import Token, next_token


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words of expressions that are no names.
_KEYWORDS = _words(
    "CASE WHEN THEN ELSE END AND OR NOT IS NULL TRUE FALSE DISTINCT FROM IN BETWEEN LIKE ILIKE "
    "CAST TRY_CAST AS"
)
_TYPES = _words(
    "TINYINT SMALLINT INTEGER INT BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT "
    "FLOAT REAL DOUBLE DECIMAL NUMERIC VARCHAR TEXT STRING BOOLEAN BOOL BLOB DATE TIME TIMESTAMP "
    "TIMESTAMPTZ UUID JSON"
)
# They look like functions, and DuckDB does not list them.
_BUILT_IN = _words("CASE WHEN THEN ELSE AND OR NOT IN CAST TRY_CAST COALESCE") | _TYPES
# Functions whose result depends on their arguments' types in the same way for a column of values
# and for one value.
_OF_NUMBERS = _words("COALESCE GREATEST LEAST ABS")
_OF_TEXT = _words("COALESCE UPPER LOWER TRIM CONCAT")


class Expression(NamedTuple):
    """An expression over columns and placeholders.

    Attributes
    ----------
    text : str
    tokens : list of Token
        All of them, those in brackets too.
    numbers : list of int
        The numbers of its placeholders, in the order of the text.
    """

    text: str
    tokens: list[Token]
    numbers: list[int]

    @property
    def alone(self) -> bool:
        """Whether it is one placeholder, or that cast to a type."""
        return self.cast_to is not None

    @property
    def cast_to(self) -> str | None:
        """The type that it casts its one placeholder to, "" for none; None where it does more."""
        kinds = [token.kind for token in self.tokens]
        if len(self.numbers) != 1:
            return None
        if kinds[0] in ("?", "$") and kinds[1:3] in ([], [":", ":"]):
            words = kinds[3:]
        elif kinds[:2] == ["CAST", "("] and kinds[2] in ("?", "$") and kinds[-1] == ")":
            words = kinds[4:-1] if kinds[3] == "AS" else [""]
        else:
            return None
        return "".join(words) if set(words) <= _TYPES and len(words) < 2 else None

    @property
    def constant(self) -> bool:
        """Whether it is one number or string."""
        return len(self.tokens) == 1 and (self.tokens[0].kind.isdigit() or self._is_string(0))

    def _is_string(self, index: int) -> bool:
        return self.tokens[index].kind == "'"

    def functions(self, columns: Collection[str], qualifiers: Collection[str]) -> set[str] | None:
        """The functions that it calls, in lower case; None where it may look beyond its row.

        Parameters
        ----------
        columns : collection of str
            The names of the row's columns, in lower case.
        qualifiers : collection of str
            What may stand before such a name and a dot, in lower case.
        """
        found = set()
        tokens = self.tokens
        for index, token in enumerate(tokens):
            before = tokens[index - 1].kind if index else ""
            after = tokens[index + 1].kind if index + 1 < len(tokens) else ""
            if not (token.kind == '"' or token.kind[0].isalpha() or token.kind[0] == "_"):
                if token.kind == ".":
                    if name_of(self.text, tokens[index - 1], tokens) not in qualifiers:
                        return None
                elif token.kind not in "?$'+-*/%|()=<>!,:" and not token.kind.isdigit():
                    return None
            elif token.kind == "FROM":  # IS DISTINCT FROM, and nothing else
                if before != "DISTINCT":
                    return None
            elif before == "AS" and after not in ("(", "."):
                pass  # the name of what RETURNING lists
            elif after == "(" and token.kind in _BUILT_IN and before != ".":
                continue
            elif after == "(" and token.kind != '"' and before != ".":
                found.add(token.kind.lower())
            elif after == ".":
                if name_of(self.text, token, tokens) not in qualifiers or before == ".":
                    return None
            elif name_of(self.text, token, tokens) in columns:
                continue
            elif token.kind not in _KEYWORDS | _TYPES or after == "'":
                return None
        return found

    def same_for_columns(
        self, types: Mapping[int, pa.DataType | None], columns: Mapping[str, str]
    ) -> bool:
        """Whether columns of values give what each value gives by itself.

        A string in a statement becomes what is wanted there, and a column of text does not; some
        functions want constants.

        Parameters
        ----------
        types : mapping
            The Arrow type of the values of each number; None where all are NULL.
        columns : mapping
            Name, in lower case, to type of the row's columns.
        """
        if not self.numbers or self.alone:
            return True
        kinds = [types[number] for number in self.numbers]
        text = any(kind is not None and pa.types.is_string(kind) for kind in kinds)
        if any(kind is not None and pa.types.is_nested(kind) for kind in kinds):
            return False
        functions = _OF_TEXT if text else _OF_NUMBERS
        allowed = "?$|().'," if text else "?$+-*/%().,"
        for index, token in enumerate(self.tokens):
            after = self.tokens[index + 1].kind if index + 1 < len(self.tokens) else ""
            if token.kind == '"' or token.kind[0].isalpha() or token.kind[0] == "_":
                if after == "(":
                    if token.kind not in functions:
                        return False
                elif after != ".":
                    kind = columns.get(name_of(self.text, token, self.tokens))
                    if kind is None or (text and kind != "VARCHAR"):
                        return False
            elif token.kind.isdigit():
                if text:
                    return False
            elif token.kind not in allowed:
                return False
        return True


def name_of(text: str, token: Token, tokens: list[Token]) -> str:
    """The name that a token of an expression is, in lower case."""
    start = token.start - tokens[0].start
    return plain_name(text[start : start + token.stop - token.start])


def plain_name(written: str) -> str:
    """A name as it is compared: without quotes, in lower case."""
    if written.startswith('"'):
        written = written[1:-1].replace('""', '"')
    return written.lower()


def tokens_between(text: str, start: int, stop: int) -> list[Token]:
    """All tokens of a part of a text, those in brackets too."""
    return list(_tokens(text, start, stop))


def _tokens(text: str, pos: int, stop: int) -> Iterator[Token]:
    while (token := next_token(text, pos)).kind and token.start < stop:
        yield token
        pos = token.stop
