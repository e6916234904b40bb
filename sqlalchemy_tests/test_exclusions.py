"""The page's table of what SQLAlchemy's suite leaves out is whole, and DuckDB does as it says."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import duckdb
import pytest
import sqlalchemy as sa
from sqlalchemy.testing.requirements import SuiteRequirements

from sqlalchemy_tests.suite.requirements import CLOSED, EXCLUDED, OPEN, Requirements

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "sqlalchemy.md"
SUITE = Path(sa.__file__).parent / "testing" / "suite"


class Row(NamedTuple):
    """A row of the table."""

    reason: str
    names: list[str]
    statements: list[str]
    outcome: str


def _rows() -> list[Row]:
    text = PAGE.read_text(encoding="utf-8").partition("## What SQLAlchemy's suite leaves out")[2]
    rows = []
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| Reason"):
            reason, names, statements, outcome = line.strip("| ").split(" | ")
            code = re.compile("`([^`]+)`")
            rows.append(Row(reason, code.findall(names), code.findall(statements), outcome))
    return rows


ROWS = _rows()


@pytest.mark.parametrize("row", ROWS, ids=[row.reason for row in ROWS])
def test_duckdb_does_as_the_row_says(row: Row) -> None:
    verb, _, said = row.outcome.partition("`")
    said = said.rstrip("`")
    with duckdb.connect() as connection:
        for statement in row.statements[:-1]:
            connection.execute(statement)
        last = row.statements[-1]
        if verb in ("fails", "fails: "):
            with pytest.raises(duckdb.Error, match=re.escape(said) or None):
                connection.execute(last)
        elif verb == "is Arrow's ":
            (field,) = connection.sql(last).to_arrow_table().schema
            assert str(field.type) == said
        elif verb == "gives rows in no order":
            rows = connection.execute(last).fetchall()
            assert len(rows) == 19
            assert rows != sorted(rows)
        else:
            assert verb == "gives "
            (found,) = {value for (value,) in connection.execute(last).fetchall()}
            assert ("NULL" if found is None else str(found)) == said


def test_the_table_and_the_suite_s_settings_are_the_same() -> None:
    reasons = {
        reason: f"{CLOSED.get(reason, '')} {EXCLUDED.get(reason, '')}".split()
        for reason in {**CLOSED, **EXCLUDED}
    }
    assert {row.reason: row.names for row in ROWS} == reasons


def test_nothing_else_is_left_out() -> None:
    """What the suite asks for and is off, because of us or of a default, is in the table."""
    asked = set()
    for module in SUITE.glob("*.py"):
        text = module.read_text(encoding="utf-8")
        asked.update(re.findall(r"\b(?:requires|requirements)\.(\w+)", text))
        asked.update(re.findall(r'"(\w+)"', text))  # in __requires__
    engine = sa.create_engine("altertable+local://")
    engine.connect().close()
    config = SimpleNamespace(db=engine, db_opts={}, options=None)
    requirements = Requirements()
    off = {
        name
        for name in asked
        if isinstance(getattr(SuiteRequirements, name, None), property)
        and not getattr(requirements, name).enabled_for_config(config)
    }
    engine.dispose()
    assert off
    closed = " ".join(CLOSED.values()).split()
    assert off <= set(closed)
    assert not set(closed) & set(OPEN.split())
    if not sa.__version__.startswith("2.0"):  # which asks for fewer
        assert set(closed) == off
