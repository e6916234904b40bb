"""The table of docs/server.md: each statement does on a lake what its row says."""

from __future__ import annotations

import decimal
import re
from pathlib import Path
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import NotSupportedError, ProgrammingError
from altertable_dbapi.local import Server

from ..support.engines import REASONS

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

PAGE = Path(__file__).parent.parent.parent / "docs" / "server.md"
ROWS = re.findall(r"^\| `(.+)` \| (yes|no) \|$", PAGE.read_text(encoding="utf-8"), re.M)


def test_each_row_is_true(server: Server) -> None:
    assert len(ROWS) > 40 and {said for _, said in ROWS} == {"yes", "no"}
    wrong = []
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t (i INTEGER, s VARCHAR)")
        connection.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    for statement, said in ROWS:
        # A session of its own: the engine is in a transaction of its own after some refusals.
        with server.connect(autocommit=True) as connection:
            try:
                connection.execute(statement).close()
            except (NotSupportedError, ProgrammingError) as error:
                if said == "yes":
                    wrong.append(f"{statement}: {error}")
            else:
                if said == "no":
                    wrong.append(f"{statement}: is taken")
    assert wrong == []


@pytest.mark.parametrize(
    ("value", "stored", "changed"),
    [
        ("9007199254740993::HUGEINT", decimal.Decimal("9007199254740993"), True),
        ("9007199254740993::DECIMAL(38, 0)", decimal.Decimal("9007199254740993"), False),
        ("INTERVAL 1500001 MICROSECONDS", 1_500_001, True),
        ("1500001::BIGINT", 1_500_001, False),
    ],
)
def test_what_changes_in_files(auto: Connection, value: str, stored: Any, changed: bool) -> None:
    auto.execute(f"CREATE TABLE v AS SELECT {value} AS x")
    auto.execute("CHECKPOINT")
    row = auto.execute("SELECT x FROM v").fetchone()
    assert row is not None
    found = getattr(row[0], "microseconds", row[0])
    assert (found != stored) is changed


def test_what_the_suite_leaves_out_on_a_lake_is_in_the_table() -> None:
    assert {statement: dict(ROWS).get(statement) for statement in REASONS["lake"].values()} == (
        dict.fromkeys(REASONS["lake"].values(), "no")
    )
