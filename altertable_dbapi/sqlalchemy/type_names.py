"""The names of DuckDB's types, as its catalog has them, read as types of SQLAlchemy."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

from sqlalchemy import exc
from sqlalchemy import types as sqltypes

from . import types

_PLAIN: dict[str, Callable[[], Any]] = {
    "BOOLEAN": sqltypes.BOOLEAN,
    "TINYINT": types.TINYINT,
    "SMALLINT": sqltypes.SMALLINT,
    "INTEGER": sqltypes.INTEGER,
    "BIGINT": sqltypes.BIGINT,
    "HUGEINT": types.HUGEINT,
    "UTINYINT": types.UTINYINT,
    "USMALLINT": types.USMALLINT,
    "UINTEGER": types.UINTEGER,
    "UBIGINT": types.UBIGINT,
    "UHUGEINT": types.UHUGEINT,
    "BIGNUM": types.BIGNUM,
    "VARINT": types.BIGNUM,
    "FLOAT": sqltypes.REAL,
    "DOUBLE": sqltypes.DOUBLE,
    "VARCHAR": sqltypes.VARCHAR,
    "BLOB": sqltypes.BLOB,
    "BIT": types.BIT,
    "DATE": sqltypes.DATE,
    "TIME": sqltypes.TIME,
    "TIME_NS": types.TIME_NS,
    "TIME WITH TIME ZONE": lambda: sqltypes.TIME(timezone=True),
    "TIMESTAMP": sqltypes.TIMESTAMP,
    "TIMESTAMP_S": types.TIMESTAMP_S,
    "TIMESTAMP_MS": types.TIMESTAMP_MS,
    "TIMESTAMP_NS": types.TIMESTAMP_NS,
    "TIMESTAMP WITH TIME ZONE": lambda: sqltypes.TIMESTAMP(timezone=True),
    "INTERVAL": types.INTERVAL,
    "UUID": sqltypes.UUID,
    "JSON": sqltypes.JSON,
    "GEOMETRY": types.GEOMETRY,
    "VARIANT": types.VARIANT,
    '"NULL"': lambda: sqltypes.NULLTYPE,
}

_TOKEN = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|\d+|[A-Za-z_]\w*|[(),\[\]])""")


def parse(name: str) -> Any:
    """Read the name of a type.

    What has no counterpart becomes NULLTYPE, with a warning.
    """
    try:
        reader = _Reader(name)
        found = reader.type()
        if reader.rest():
            raise _Unknown
    except _Unknown:
        warnings.warn(
            f"the type {name} is not known; its column has no type", exc.SAWarning, stacklevel=2
        )
        return sqltypes.NULLTYPE
    return found


class _Unknown(Exception):
    """A name that is not that of a known type."""


class _Reader:
    """Reads a type from its tokens."""

    def __init__(self, name: str) -> None:
        self._tokens: list[str] = []
        place = 0
        while match := _TOKEN.match(name, place):
            self._tokens.append(match[1])
            place = match.end()
        if name[place:].strip():
            raise _Unknown
        self._place = 0

    def rest(self) -> list[str]:
        return self._tokens[self._place :]

    def type(self) -> Any:
        found = self._single()
        dimensions = 0
        while self._peek() == "[":
            self._next()
            # The length of a fixed ARRAY has no place in SQLAlchemy's.
            if self._next() != "]":
                self._expect("]")
            dimensions += 1
        return sqltypes.ARRAY(found, dimensions=dimensions) if dimensions else found

    def _single(self) -> Any:
        word = self._next()
        if self._peek() == "(":
            make = _WITH_ARGUMENTS.get(word.upper())
            if make is None:
                raise _Unknown
            self._next()
            found = make(self)
            self._expect(")")
            return found
        word = word if word.startswith('"') else word.upper()
        if self._peek().upper() == "WITH":
            for _ in range(3):
                word += f" {self._next().upper()}"
        if word not in _PLAIN:
            raise _Unknown
        return _PLAIN[word]()

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise _Unknown
        self._place += 1
        return token

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise _Unknown

    # What stands in parentheses

    def decimal(self) -> Any:
        precision = self._number()
        self._expect(",")
        return sqltypes.DECIMAL(precision, self._number())

    def enum(self) -> Any:
        values = [self._text()]
        while self._peek() == ",":
            self._next()
            values.append(self._text())
        return sqltypes.Enum(*values)

    def map(self) -> Any:
        key = self.type()
        self._expect(",")
        return types.MAP(key, self.type())

    def members(self) -> dict[str, Any]:
        found = {}
        while True:
            name = self._next()
            if name.startswith('"'):
                name = name[1:-1].replace('""', '"')
            found[name] = self.type()
            if self._peek() != ",":
                return found
            self._next()

    def geometry(self) -> Any:
        self._text()
        return types.GEOMETRY()

    def _number(self) -> int:
        token = self._next()
        if not token.isdigit():
            raise _Unknown
        return int(token)

    def _text(self) -> str:
        token = self._next()
        if not token.startswith("'"):
            raise _Unknown
        return token[1:-1].replace("''", "'")


_WITH_ARGUMENTS: dict[str, Callable[[_Reader], Any]] = {
    "DECIMAL": _Reader.decimal,
    "ENUM": _Reader.enum,
    "MAP": _Reader.map,
    "STRUCT": lambda reader: types.STRUCT(reader.members()),
    "UNION": lambda reader: types.UNION(reader.members()),
    "GEOMETRY": _Reader.geometry,
}
