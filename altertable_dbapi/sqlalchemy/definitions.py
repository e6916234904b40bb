"""What DuckDB's texts of constraints and indexes say, as SQLAlchemy has it."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import exc

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_NAMES = re.compile(r'"((?:[^"]|"")+)"|(\w+)')
_REFERENCES = re.compile(rf"REFERENCES\s+({_NAME}(?:\.{_NAME})*)\s*\(", re.IGNORECASE)


def foreign_key(schema: str | None, text: str, columns: list[str]) -> dict[str, Any]:
    """Read a foreign key; DuckDB's refer to tables of their own schema alone."""
    match = _REFERENCES.search(text)
    if match is None:
        raise exc.UnreflectableTableError(f"the foreign key is not understood: {text}")
    return {
        "name": None,
        "constrained_columns": columns,
        "referred_schema": schema,
        "referred_table": _unquoted(match[1])[-1],
        "referred_columns": _unquoted(text[match.end() : text.rindex(")")]),
        "options": {},
    }


def _unquoted(text: str) -> list[str]:
    return [quoted.replace('""', '"') or plain for quoted, plain in _NAMES.findall(text)]


def index(name: str, unique: bool, sql: str, names: list[str]) -> dict[str, Any]:
    expressions = _top_level(sql[sql.index("(") + 1 : sql.rindex(")")])
    columns = [_as_column(each, names) for each in expressions]
    index: dict[str, Any] = {
        "name": name,
        "unique": unique,
        "column_names": columns,
        "dialect_options": {},
    }
    if None in columns:
        index["expressions"] = [
            _bare(text) if column is None else column
            for text, column in zip(expressions, columns, strict=True)
        ]
    return index


def _as_column(text: str, names: list[str]) -> str | None:
    if _NAMES.fullmatch(text) is None:
        return None
    (name,) = _unquoted(text)
    return name if name in names else None


def _bare(text: str) -> str:
    """An expression without parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[1:-1] if i == len(text) - 1 else text
    return text


def _top_level(text: str) -> list[str]:
    """The parts between commas that stand in no parentheses and no quotes."""
    parts = [""]
    depth = 0
    quote = ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append("")
            continue
        parts[-1] += letter
    return [part.strip() for part in parts]
