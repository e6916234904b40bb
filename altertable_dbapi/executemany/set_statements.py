"""UPDATE, DELETE and INSERT taken apart, and written for many sets of parameters at once.

They are joined to the rows of unnested lists. Whether that gives what a statement for each set
gives depends on the table and on the values, too: `table_facts` and `parameter_runs` see to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ..parameters.bind import Slots
from ..statement.insert import insert_parts
from ..statement.lexer import Token, top_level
from ..statement.row_expressions import Expression, plain_name, tokens_between
from ..statement.scan import replaced
from .set_sources import references, unnested

#: The name of the rows of lists in a statement.
_SOURCE = "__sets"
#: What RETURNING gives beside what was asked for: the key, by which the rows are put in order.
KEY = "__key{}"

Lists = Sequence["str | None"]


class Key(NamedTuple):
    """A column that is compared with a placeholder, or with a constant where `number` is None."""

    column: str
    number: int | None


class SetStatement(Protocol):
    """A statement that can be joined to the rows of lists.

    Attributes
    ----------
    table : str
        The table's name as written.
    qualifiers : set of str
        What may stand before a column's name and a dot, in lower case.
    assigned : list of (str or None, Expression)
        The columns that get a value, as written, and their values; None for a column that its
        position tells.
    others : list of Expression
        What else depends on the row, without placeholders.
    keys : list of Key
        What the rows of a set have in common.
    returning : Expression or None
        The RETURNING clause's list.
    """

    table: str
    qualifiers: set[str]
    assigned: list[tuple[str | None, Expression]]
    others: list[Expression]
    keys: list[Key]
    returning: Expression | None

    def text(self, lists: Lists, rows: int, casts: Mapping[int, str], keyed: Sequence[str]) -> str:
        """The statement for the rows of lists.

        Parameters
        ----------
        lists : sequence of str or None
            For each number the expression of its list; None where every value is NULL.
        rows : int
        casts : mapping
            For the numbers of keys the type that their values are cast to.
        keyed : sequence of str
            Columns to return beside what was asked for.
        """

    def values(self, lists: Lists) -> list[str]:
        """The values of `assigned` over the rows of lists."""


class _Parts:
    """A statement's text, read token by token."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.source = slots.statement.text
        self.tokens = list(top_level(self.source))
        while self.tokens and self.tokens[-1].kind == ";":
            self.tokens.pop()
        self.numbered = list(zip(slots.statement.placeholders, slots.numbers, strict=True))

    def expression(self, start: int, stop: int) -> Expression:
        numbers = [number for p, number in self.numbered if start <= p.start < stop]
        return Expression(
            self.source[start:stop], tokens_between(self.source, start, stop), numbers
        )

    def of(self, tokens: Sequence[Token]) -> Expression:
        return self.expression(tokens[0].start, tokens[-1].stop)

    def written(self, start: int, stop: int, values: Sequence[str]) -> str:
        """A part of the text with its placeholders replaced, the first number by the first."""
        inside = [(p, number) for p, number in self.numbered if start <= p.start < stop]
        moved = tuple(p._replace(start=p.start - start, stop=p.stop - start) for p, _ in inside)
        return replaced(
            self.source[start:stop], moved, [values[number - 1] for _, number in inside]
        )

    def written_expression(self, expression: Expression, values: Sequence[str]) -> str:
        tokens = expression.tokens
        return self.written(tokens[0].start, tokens[-1].stop, values)

    def name(self, token: Token) -> str | None:
        """A token that may be a name, as written."""
        text = self.source[token.start : token.stop]
        return text if _is_name(token) else None

    def names(self, bracket: Token) -> list[str]:
        """The names that are listed in a bracket, as written."""
        inside = tokens_between(self.source, bracket.start + 1, bracket.stop - 1)
        found = []
        for piece in self.split(inside, ","):
            name = self.name(piece[0]) if len(piece) == 1 else None
            if name is None:
                raise ValueError(piece)
            found.append(name)
        return found

    def split(self, tokens: Sequence[Token], kind: str) -> list[list[Token]]:
        pieces: list[list[Token]] = [[]]
        for token in tokens:
            if token.kind == kind:
                pieces.append([])
            else:
                pieces[-1].append(token)
        return pieces


def _is_name(token: Token) -> bool:
    return token.kind == '"' or token.kind[0] == "_" or token.kind[0].isalpha()


class KeyedChange:
    """``UPDATE t SET c = … WHERE k = ?`` or ``DELETE FROM t WHERE k = ?``, by one key or more."""

    def __init__(self, parts: _Parts, clauses: Mapping[str, list[Token]]) -> None:
        self._parts = parts
        self.table, self.qualifiers = _target(parts, clauses["target"])
        self.assigned: list[tuple[str | None, Expression]] = []
        for piece in parts.split(clauses["SET"], ",") if "SET" in clauses else ():
            name = parts.name(piece[0]) if len(piece) > 2 and piece[1].kind == "=" else None
            if name is None:
                raise ValueError(piece)
            self.assigned.append((name, parts.of(piece[2:])))
        self.others: list[Expression] = []
        self.keys = [self._key(piece) for piece in parts.split(clauses["WHERE"], "AND")]
        if not any(key.number is not None for key in self.keys):
            raise ValueError(self.keys)
        self._where = clauses["WHERE"]
        self._set = clauses.get("SET")
        self._verb_stop = parts.tokens[0].stop
        self.returning = parts.of(clauses["RETURNING"]) if "RETURNING" in clauses else None
        if self.returning is not None and self.returning.numbers:
            raise ValueError(self.returning)
        self._head = clauses["target"]

    def values(self, lists: Lists) -> list[str]:
        return [self._parts.written_expression(e, references(lists)) for _, e in self.assigned]

    def _key(self, tokens: list[Token]) -> Key:
        """``k = ?``, ``? = k``, ``t.k = ?`` or ``k = 'constant'``."""
        equals = [i for i, token in enumerate(tokens) if token.kind == "="]
        if len(equals) != 1 or not 0 < equals[0] < len(tokens) - 1:
            raise ValueError(tokens)
        left, right = tokens[: equals[0]], tokens[equals[0] + 1 :]
        if not _is_name(left[0]):
            left, right = right, left
        if len(left) == 3 and left[1].kind == ".":
            if plain_name(self._parts.name(left[0]) or "") not in self.qualifiers:
                raise ValueError(left)
            left = left[2:]
        name = self._parts.name(left[0]) if len(left) == 1 else None
        value = self._parts.of(right)
        if name is None or not (value.constant or value.cast_to == ""):
            raise ValueError(tokens)
        return Key(name, value.numbers[0] if value.numbers else None)

    def text(self, lists: Lists, rows: int, casts: Mapping[int, str], keyed: Sequence[str]) -> str:
        parts, names = self._parts, references(lists)
        source = f"{unnested(lists, rows)} AS {_SOURCE}"
        head = parts.source[: self._head[-1].stop]
        if self._set:
            changes = parts.written(self._set[0].start, self._set[-1].stop, names)
            head = f"{head} SET {changes} FROM {source}"
        else:
            head = f"{head} USING {source}"
        cast = [f"CAST({n} AS {casts[i]})" if i in casts else n for i, n in enumerate(names, 1)]
        where = parts.written(self._where[0].start, self._where[-1].stop, cast)
        return f"{head} WHERE {where}{_returning(self.returning, keyed)}"


class KeyedInsert:
    """An INSERT of one row that may meet another with its key, or that returns what it inserts.

    Attributes
    ----------
    action : str
        What becomes of a conflict: ``"NOTHING"``, ``"UPDATE"``, ``"REPLACE"`` or ``""`` where it is
        an error.
    target : list of str
        The columns of ON CONFLICT, as written.
    changed : list of str
        The columns that DO UPDATE assigns to, as written.
    """

    def __init__(self, parts: _Parts, values: int) -> None:
        self._parts = parts
        head = parts.tokens[:values]
        row = parts.tokens[values + 1]
        into = [token.kind for token in head].index("INTO")
        self.action = {"REPLACE": "REPLACE", "IGNORE": "NOTHING"}.get(head[into - 1].kind, "")
        columns: list[str] = []
        if head[-1].kind == "(":
            columns = parts.names(head.pop())
        self.table, self.qualifiers = _target(parts, head[into + 1 :])
        self.qualifiers.add("excluded")
        self._head = parts.source[: head[-1].stop]
        found = insert_parts(parts.source[: row.stop], parts.slots.statement.placeholders)
        if found is None or (columns and len(columns) != len(found.expressions)):
            raise ValueError(parts.source)
        if not columns and any(part.default for part in found.expressions):
            raise ValueError(parts.source)
        given = [index for index, part in enumerate(found.expressions) if not part.default]
        names: Sequence[str | None] = (
            [columns[i] for i in given] if columns else [None] * len(given)
        )
        spans = [(part.start, part.stop) for part in found.expressions if not part.default]
        self.assigned = [
            (name, parts.expression(*span)) for name, span in zip(names, spans, strict=True)
        ]
        self.others: list[Expression] = []
        self.keys: list[Key] = []
        self.target, self.changed = list[str](), list[str]()
        tail = parts.tokens[values + 2 :]
        clauses = _clauses(tail, "RETURNING")
        self.returning = parts.of(clauses["RETURNING"]) if "RETURNING" in clauses else None
        conflict = clauses[""]
        if conflict:
            self._read_conflict(conflict)
        self._tail = parts.source[conflict[0].start : conflict[-1].stop] if conflict else ""

    def values(self, lists: Lists) -> list[str]:
        return [self._parts.written_expression(e, references(lists)) for _, e in self.assigned]

    def _read_conflict(self, tokens: list[Token]) -> None:
        parts = self._parts
        kinds = [token.kind for token in tokens]
        rest = kinds[2:]
        if kinds[:2] != ["ON", "CONFLICT"]:
            raise ValueError(kinds)
        if rest[0] == "(":
            self.target = parts.names(tokens[2])
            rest = rest[1:]
        if rest == ["DO", "NOTHING"]:
            self.action = "NOTHING"
            return
        if rest[:3] != ["DO", "UPDATE", "SET"]:
            raise ValueError(kinds)
        self.action = "UPDATE"
        clauses = _clauses(tokens[len(kinds) - len(rest) + 3 :], "WHERE")
        for piece in parts.split(clauses[""], ","):
            name = parts.name(piece[0]) if len(piece) > 2 and piece[1].kind == "=" else None
            if name is None:
                raise ValueError(piece)
            self.changed.append(name)
            self.others.append(parts.of(piece[2:]))
        if "WHERE" in clauses:
            self.others.append(parts.of(clauses["WHERE"]))

    def text(self, lists: Lists, rows: int, casts: Mapping[int, str], keyed: Sequence[str]) -> str:
        values = ", ".join(self.values(lists))
        listed = [name for name, _ in self.assigned if name is not None]
        columns = f" ({', '.join(listed)})" if listed else ""
        tail = f" {self._tail}" if self._tail else ""
        return (
            f"{self._head}{columns} SELECT {values} FROM {unnested(lists, rows)}{tail}"
            f"{_returning(self.returning, keyed)}"
        )


def set_statement(slots: Slots) -> KeyedChange | KeyedInsert | None:
    """A statement as one for many sets; None where it has to be executed for each."""
    statement = slots.statement
    if statement.explain or not statement.placeholders:
        return None
    parts = _Parts(slots)
    if not parts.tokens or parts.tokens[0].kind != statement.verb:
        return None
    if any(token.kind == ";" for token in parts.tokens):
        return None
    try:
        if statement.verb in ("UPDATE", "DELETE"):
            return _change(parts, statement.verb)
        if statement.verb == "INSERT":
            return _insert(parts)
    except (ValueError, LookupError):
        # Something else stands there.
        return None
    return None


def _change(parts: _Parts, verb: str) -> KeyedChange:
    tokens = parts.tokens[1:]
    if verb == "DELETE":
        if tokens[0].kind != "FROM":
            raise ValueError(verb)
        tokens = tokens[1:]
    clauses = _clauses(tokens, *(["SET"] if verb == "UPDATE" else []), "WHERE", "RETURNING")
    if verb == "UPDATE" and "SET" not in clauses:
        raise ValueError(verb)
    clauses["target"] = clauses.pop("")
    return KeyedChange(parts, clauses)


def _insert(parts: _Parts) -> KeyedInsert:
    return KeyedInsert(parts, [token.kind for token in parts.tokens].index("VALUES"))


def _clauses(tokens: Sequence[Token], *words: str) -> dict[str, list[Token]]:
    """The tokens behind each of the words, which stand in this order, and those before them.

    Raises
    ------
    ValueError
        One of them stands there twice, or out of order, or has nothing behind it.
    """
    found: dict[str, list[Token]] = {"": []}
    wanted = list(words)
    current = ""
    for token in tokens:
        if token.kind in wanted:
            current = token.kind
            del wanted[: wanted.index(current) + 1]
            found[current] = []
        elif token.kind in words:
            raise ValueError(token)
        else:
            found[current].append(token)
    if not all(tokens for word, tokens in found.items() if word):
        raise ValueError(found)
    return found


def _target(parts: _Parts, tokens: list[Token]) -> tuple[str, set[str]]:
    """The table's name as written, and what may stand before its columns."""
    stop = 1
    while stop + 1 < len(tokens) and tokens[stop].kind == ".":
        stop += 2
    names = tokens[:stop:2]
    alias = tokens[stop:]
    if alias and alias[0].kind == "AS":
        alias = alias[1:]
    if not all(map(_is_name, [*names, *alias])) or len(alias) > 1:
        raise ValueError(tokens)
    called = alias[0] if alias else names[-1]
    table = parts.source[tokens[0].start : tokens[stop - 1].stop]
    return table, {plain_name(parts.source[called.start : called.stop])}


def _returning(asked: Expression | None, keyed: Sequence[str]) -> str:
    if asked is None:
        return ""
    more = "".join(f", {name} AS {KEY.format(i)}" for i, name in enumerate(keyed, 1))
    return f" RETURNING {asked.text}{more}"
