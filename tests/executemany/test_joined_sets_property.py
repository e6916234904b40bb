"""UPDATE, DELETE, upserts and RETURNING for many sets: what a loop of DuckDB's own client gives."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altertable_dbapi import Connection, Error
from altertable_dbapi.local import Server

from ..support.engines import examples, lacks
from ..support.parts import part_of

Conn = Connection[tuple[Any, ...]]
D = decimal.Decimal

#: For each kind of statement, each binding and each part; 2,100 in all.
EXAMPLES = 50
PARTS = 3
NEED_KEYS = ["nothing", "conflict", "replace", "ignore"]
KINDS = ["update", "delete", "insert"] + [
    pytest.param(kind, marks=pytest.mark.not_on("lake", reason="conflict clause"))
    for kind in NEED_KEYS
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Conn]:
    with Server() as server, server.connect(autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def own() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


#: For each type of a key column values that are in the table, and some of other types beside them.
KEYS: dict[str, tuple[list[Any], list[Any]]] = {
    "INTEGER": ([1, 2, 3, 4, 5], [2**40, "3", 2.0, D("4"), D("1.5"), True]),
    "BIGINT": ([1, 2, 2**40, -5], [2**70, "2", 2.0]),
    "UTINYINT": ([1, 2, 200], [300, -1]),
    "VARCHAR": (["a", "A", "b", "", "ä", "1"], [1, 2.5, True]),
    "VARCHAR COLLATE NOCASE": (["a", "b", "c"], ["A", "B"]),
    "DATE": (
        [dt.date(2020, 1, 1), dt.date(2020, 1, 2)],
        ["2020-01-01", "2020-1-2", dt.datetime(2020, 1, 1)],
    ),
    "TIMESTAMP": ([dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, 5)], [dt.date(2020, 1, 1)]),
    "DOUBLE": ([1.0, 2.5, float("nan"), 0.0], [1, -0.0, D("2.5")]),
    "DECIMAL(9, 2)": ([D("1.50"), D("2"), D("3.25")], [1, D("3.250"), D("2.001"), 1.5, "2"]),
    "BOOLEAN": ([True, False], [1, "true"]),
    "UUID": (
        [uuid.UUID(int=1), uuid.UUID(int=2), str(uuid.UUID(int=0xAB))],
        [str(uuid.UUID(int=0xAB)).upper(), uuid.UUID(int=3)],
    ),
}
if lacks("collation"):
    del KEYS["VARCHAR COLLATE NOCASE"]
#: What stands on the right of SET for the column of each type, and values for its placeholders.
CHANGES: dict[str, list[str]] = {
    "n": [
        "?",
        "n + ?",
        "coalesce(n, 0) + ?",
        "? * 2",
        "CAST(? AS INTEGER)",
        "abs(n - ?)",
    ],
    "v": ["?", "v || ?", "upper(?)", "coalesce(?, v)", "CASE WHEN n > 0 THEN ? ELSE v END"],
}
NUMBERS: list[Any] = [None, 0, 1, 7, -3, 2**33]
OTHER_NUMBERS: list[Any] = [2.5, D("1.5"), "12", "x", True]
WORDS: list[Any] = [None, "", "x", "it's", "NULL", 'q"\\']
OTHER_WORDS: list[Any] = [1, 2.5, D("1.50"), dt.date(2020, 1, 1), True, 2**40]


class Case(NamedTuple):
    table: str
    rows: list[tuple[Any, ...]]
    statement: str
    sets: list[tuple[Any, ...]]
    binding: Any


def some(usual: list[Any], others: list[Any], rare: bool) -> st.SearchStrategy[Any]:
    return st.sampled_from([*usual, *others] if rare else usual)


@st.composite
def cases(draw: st.DrawFn, kind: str, binding: Any) -> Case:
    kinds = draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=2))
    rare = draw(st.booleans())
    names = [f"k{i}" for i in range(len(kinds))]
    constraint = (
        "" if lacks("primary key") else draw(st.sampled_from(["", "PRIMARY KEY", "UNIQUE"]))
    )
    extra = "" if lacks("unique") else draw(st.sampled_from(["", "", "", ", UNIQUE (n)"]))
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, kinds, strict=True))
    rule = f", {constraint} ({', '.join(names)})" if constraint else ""
    table = f"CREATE OR REPLACE TABLE t ({columns}, n BIGINT, v VARCHAR{rule}{extra})"
    keys = st.tuples(*(st.sampled_from(KEYS[kind][0]) for kind in kinds))
    unique = draw(st.lists(keys, max_size=8, unique_by=lambda key: str(key).lower()))
    rows = [(*key, i, f"v{i}") for i, key in enumerate(unique)]
    null = [None] if draw(st.booleans()) else []
    given_keys = [some([*KEYS[kind][0], *null], KEYS[kind][1], rare) for kind in kinds]
    numbers, words = some(NUMBERS, OTHER_NUMBERS, rare), some(WORDS, OTHER_WORDS, rare)
    where = " AND ".join(f"{name} = ?" for name in names)
    returning = ""
    if not lacks("returning"):
        returning = draw(st.sampled_from(["", "", " RETURNING *", f" RETURNING n, v, {names[0]}"]))
    if kind == "update":
        n, v = draw(st.sampled_from(CHANGES["n"])), draw(st.sampled_from(CHANGES["v"]))
        statement = f"UPDATE t SET n = {n}, v = {v} WHERE {where}"
        values = st.tuples(numbers, words, *given_keys)
    elif kind == "delete":
        statement, values = f"DELETE FROM t WHERE {where}", st.tuples(*given_keys)
    else:
        word = {"replace": "OR REPLACE ", "ignore": "OR IGNORE "}.get(kind, "")
        tail = ""
        if kind in ("nothing", "conflict"):
            target = f" ({', '.join(names)})" if draw(st.booleans()) else ""
            change = draw(
                st.sampled_from(
                    [
                        "v = excluded.v",
                        "v = t.v || excluded.v, n = excluded.n",
                        "n = t.n + 1 WHERE excluded.n > 0",
                    ]
                )
            )
            tail = f" ON CONFLICT{target} DO " + (
                "NOTHING" if kind == "nothing" else f"UPDATE SET {change}"
            )
        value = draw(st.sampled_from(["?", "upper(?)", *["? + 1"] * (binding == "client")]))
        places = ", ".join(["?"] * len(names))
        number, text = ("?", value) if value != "? + 1" else (value, "?")
        statement = f"INSERT {word}INTO t VALUES ({places}, {number}, {text}){tail}"
        values = st.tuples(*given_keys, numbers, words)
    sets = draw(st.lists(values, min_size=1, max_size=8))
    return Case(table, rows, statement + returning, sets, binding)


def outcome_in_process(own: duckdb.DuckDBPyConnection, case: Case) -> Any:
    fill(own.execute, case)
    own.execute("BEGIN")
    returned = []
    try:
        for values in case.sets:
            returned += own.execute(case.statement, values).fetchall()
    except duckdb.Error:
        own.execute("ROLLBACK")
        return "refused"
    own.execute("COMMIT")
    table = own.execute("SELECT * FROM t ORDER BY ALL").fetchall()
    if "RETURNING" in case.statement:
        return len(returned), returned, table
    return sum(count for (count,) in returned), [], table


def shown(outcome: Any) -> str:
    """An outcome as text; this driver's UUIDs are text, DuckDB's client has objects."""
    return re.sub(r"UUID\(('[^']*')\)", r"\1", repr(outcome))


def outcome(conn: Conn, case: Case, many: bool) -> Any:
    fill(conn.execute, case)
    returned, total = [], 0
    cursor = conn.cursor(binding=case.binding)
    try:
        if many:
            cursor.executemany(case.statement, case.sets)
            total, returned = cursor.rowcount, cursor.fetchall() if cursor.description else []
        else:
            with conn.transaction():
                for values in case.sets:
                    cursor.execute(case.statement, values)
                    if cursor.description is not None:
                        returned += cursor.fetchall()
                    total += cursor.rowcount
    except Error:
        return "refused"
    return total, returned, conn.execute("SELECT * FROM t ORDER BY ALL").fetchall()


def fill(execute: Any, case: Case) -> None:
    execute(case.table)
    if case.rows:
        # The text of each value is cast to its column's type.
        rows = (", ".join("'" + str(v).replace("'", "''") + "'" for v in row) for row in case.rows)
        execute(f"INSERT INTO t VALUES {', '.join(f'({row})' for row in rows)}")


# Parts, so that none takes long on a slow machine.
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("binding", ["server", "client"])
@pytest.mark.parametrize("kind", KINDS)
def test_many_sets_are_what_a_loop_gives(
    shared: Conn, own: duckdb.DuckDBPyConnection, kind: str, binding: Any, part: int
) -> None:
    @part_of(part)
    @settings(max_examples=examples(EXAMPLES), deadline=None)
    @given(case=cases(kind, binding))
    def check(case: Case) -> None:
        joined = outcome(shared, case, many=True)
        if binding == "client":
            assert shown(joined) == shown(outcome_in_process(own, case))
        else:
            assert shown(joined) == shown(outcome(shared, case, many=False))

    check()
