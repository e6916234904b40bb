"""A query's columns without its rows: the text to send for them."""

from __future__ import annotations

import re

from .scan import Statement, split

#: The verbs of queries that take a LIMIT, and of those that list something and change nothing.
_LIMITED = frozenset({"SELECT", "FROM", "VALUES", "TABLE"})
_LISTING = frozenset({"SHOW", "DESC", "DESCRIBE", "SUMMARIZE", "PIVOT", "UNPIVOT"})

#: The list of a WITH may hold one of these.
_CHANGING = r"(?i)\b(?:insert|update|delete|merge)\b"
_LIMIT = r"(?i)\blimit\b"


def without_rows(statement: Statement) -> str | None:
    """A text that has the columns of a query and changes nothing.

    Returns
    -------
    str or None
        None where the statement is no query, or may be none.
    """
    if statement.explain == "EXPLAIN" or (not statement.explain and statement.verb in _LISTING):
        return statement.text
    if statement.explain or statement.verb not in _LIMITED:
        return None
    texts = split(statement.text)
    if len(texts) != 1 or re.search(_CHANGING, statement.text):
        return None
    # DuckDB 1 cannot read a second LIMIT; in a FROM it gives names that stand twice a number.
    head = "FROM " if re.search(_LIMIT, texts[0]) else ""
    return f"{head}({texts[0]}\n) LIMIT 0"
