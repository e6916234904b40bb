"""Many sets of parameters store what DuckDB's own client stores one by one, whatever they are."""

from __future__ import annotations

import datetime as dt
import decimal
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altertable_dbapi import Connection, DatabaseError
from altertable_dbapi.local import Server

from ..support.engines import examples, lacks
from ..support.parts import part_of

Conn = Connection[tuple[Any, ...]]
D = decimal.Decimal

TYPES = [
    "VARCHAR",
    "VARCHAR",
    "JSON",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "DOUBLE",
    "FLOAT",
    "DECIMAL(9, 2)",
    "DECIMAL(30, 6)",
    "BOOLEAN",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "TIME",
    "INTERVAL",
    "UUID",
    "BLOB",
    "MAP(VARCHAR, DOUBLE)",
    "MAP(VARCHAR, VARCHAR)",
    "INTEGER[]",
    "VARCHAR[]",
    "STRUCT(a INTEGER, b VARCHAR)",
    "STRUCT(a VARCHAR)",
    *(() if lacks("array") else ("DOUBLE[2]",)),
    *(() if lacks("enum") else ("ENUM('a', 'b', '1')",)),
    *(() if lacks("union") else ("UNION(b BOOLEAN, d DOUBLE, s VARCHAR)",)),
]

whole = st.integers(-3, 130) | st.sampled_from([3 * 10**9, -(2**31), 2**31, 2**53 + 1, 2**63 - 1])
fraction = st.sampled_from([0.5, 2.0, 2.5, -1.25, 1e300, 0.1, 65.0])
exact = st.sampled_from([D("1"), D("1.5"), D("2.50"), D("10.125"), D("-1.05"), D("123456789.1")])
text = st.sampled_from(
    ["", "a", "b", "1", "2.5", "01", "x'\"\\", "2020-02-29", "1 day", "[1, 2]", '{"a": 1}', "true"]
) | st.text("ab1'\"\\{}[],:= é", max_size=4)
moment = dt.datetime(2020, 2, 29, 1, 2, 3, 4)
day = st.sampled_from([dt.date(2020, 2, 29), dt.date(1969, 7, 20)])
time_of_day = st.sampled_from([moment, dt.datetime(1999, 12, 31)])
zoned = time_of_day.map(lambda value: value.replace(tzinfo=dt.timezone.utc))
flag = st.booleans()
octets = st.sampled_from([b"", b"a", b"\0\xff", b"1"])
clock = st.sampled_from([dt.time(1, 2, 3), dt.time(23, 59, 59, 999999)])
lists = st.one_of(
    st.lists(st.none() | whole, max_size=3),
    st.lists(st.none() | text, max_size=3),
    st.lists(fraction, min_size=2, max_size=2),
    st.lists(st.lists(whole | st.none(), max_size=2), max_size=2),
    st.lists(day, max_size=2),
)
fields = st.dictionaries(
    st.sampled_from(["a", "b", "c d"]),
    st.none() | whole | text | fraction,
    min_size=1,
    max_size=3,
)
kinds = [whole, fraction, exact, text, day, time_of_day, zoned, flag, octets, clock, lists, fields]

# What mostly goes into a type, so that not all that is tried is refused.
SUITABLE = {
    "VARCHAR": st.one_of(kinds),
    "JSON": st.one_of(whole, fraction, fields, lists, flag, st.sampled_from(["1", "[1]", '"a"'])),
    "DATE": st.one_of(day, time_of_day, st.just("2020-02-29")),
    "TIMESTAMP": st.one_of(day, time_of_day, zoned, st.just("2020-02-29 01:02:03")),
    "TIMESTAMPTZ": st.one_of(day, time_of_day, zoned),
    "TIME": st.one_of(clock, time_of_day, st.just("01:02:03")),
    "BLOB": st.one_of(octets, st.just("a")),
    "UUID": st.just("00000000-0000-0000-0000-00000000000a"),
    "INTERVAL": st.sampled_from(["1 day", "2 months"]),
    "INTEGER[]": st.lists(st.none() | whole | st.just(2.5), max_size=3),
    "VARCHAR[]": st.one_of(lists, st.just("[a, b]")),
    "DOUBLE[2]": st.lists(fraction, min_size=2, max_size=2),
    "ENUM('a', 'b', '1')": st.sampled_from(["a", "b", "1"]),
    "BOOLEAN": st.one_of(flag, st.integers(0, 2), st.sampled_from(["true", "f"])),
}
NESTED = st.one_of(fields, st.just("{a: 1}"), st.just("{a=1}"))
NUMBERS = st.one_of(whole, fraction, exact, flag, st.sampled_from(["1", "2.5", "01"]))


# Expressions of one placeholder, and what they mostly take.
EXPRESSIONS = [
    ("? // 2", st.one_of(whole, fraction)),
    ("? || 'x'", st.one_of(whole, text, fraction, exact)),
    ("'x' || ?", st.one_of(text, flag, day)),
    ("coalesce(?, 0)", st.one_of(whole, fraction, exact)),
    ("coalesce(?, 0)", st.one_of(whole, st.sampled_from(["1", "01"]))),
    ("coalesce(?, 'none')", st.one_of(text, st.none())),
    ("upper(?)", text),
    ("lower(trim(?))", text),
    ("?::VARCHAR", st.one_of(kinds)),
    ("?::INTEGER", st.one_of(st.integers(0, 9), fraction.filter(lambda x: x < 1e9), exact, flag)),
    ("CAST(? AS DECIMAL(10, 1))", st.one_of(st.integers(0, 9), exact.filter(lambda x: x < 1e6))),
    ("?::DATE + 1", st.one_of(day, time_of_day, st.just("2020-02-29"))),
    ("? + 1", st.one_of(whole, fraction, exact, day)),
    ("? = 1", st.one_of(whole, fraction, exact, flag, st.sampled_from(["1", "01"]))),
    ("[?, 1]", st.one_of(whole, fraction, exact, st.sampled_from(["1", "01"]))),
    ("[?]", st.one_of(kinds)),
    ("{'a': ?}", st.one_of(kinds)),
    ("greatest(?, 2)", st.one_of(whole, fraction, exact, st.sampled_from(["1", "01"]))),
    ("CASE WHEN ? IS NULL THEN 'null' ELSE typeof(1) END", st.one_of(st.none(), text, whole)),
    ("concat(?, '-', 7)", st.one_of(kinds)),
    ("chr((65 + ?)::INTEGER)", st.integers(0, 9)),
    ("lpad('7', 3, ?)", text.filter(bool)),
    ("length(?)", st.one_of(text, lists)),
    ("? IS NULL", st.one_of(st.none(), *kinds)),
    ("to_json(?)", st.one_of(whole, fraction, text, fields, lists, flag)),
    ("list_transform([1, 2], lambda x: x + ?)", st.one_of(st.integers(0, 9), fraction)),
    ("strftime(DATE '2020-02-29', ?)", st.sampled_from(["%Y", "%m-%d"])),
]
TWO = [
    ("? * ?", st.one_of(st.integers(0, 9), fraction, exact)),
    ("? || ?", text),
    ("coalesce(?, ?)", st.one_of(st.none(), whole, fraction)),
    ("coalesce(?, ?)", st.one_of(st.none(), text)),
    ("CASE WHEN ? THEN ? END", flag),
    ("[?, ?]", st.one_of(whole, fraction)),
    ("concat(?, ?)", st.one_of(kinds)),
]
NONE = ["DEFAULT", "NULL", "7", "'x'", "1 + 1", "nextval('numbers')", "max(1)"]


class Case(NamedTuple):
    """A table, a statement and sets of parameters for it."""

    columns: list[str]
    statement: str
    sets: list[Any]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Mostly what is accepted, of one to three columns."""
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3))
    order = draw(st.permutations(range(len(types))))
    values: list[st.SearchStrategy[Any]] = []
    expressions = []
    rarely = st.sampled_from([False] * 15 + [True])
    for index in order:
        kind = types[index]
        pool = draw(st.sampled_from([None, None, None, EXPRESSIONS, EXPRESSIONS, TWO, NONE]))
        if pool is None:
            expression = "?"
            nested = kind.startswith(("MAP", "STRUCT"))
            fitting = SUITABLE.get(kind, NESTED if nested else NUMBERS)
        elif pool is NONE:
            expression, fitting = draw(st.sampled_from(NONE)), whole
        else:
            expression, fitting = draw(st.sampled_from(pool))
            # Which takes all that expressions give.
            if not draw(rarely):
                types[index] = "VARCHAR"
        if draw(rarely):
            fitting = fitting | draw(st.sampled_from(kinds))
        if draw(st.booleans()):
            fitting = st.none() | fitting
        values += [fitting] * expression.count("?")
        expressions.append(expression)
    style = draw(st.sampled_from(["?", "$1", "$name"]))
    if not values:
        expressions[0], values, style = "?", [whole], "?"
    count = len(values)
    if style != "?":
        # Now and then two places have one value.
        shared = draw(st.sampled_from([count, count, max(count - 1, 1)]))
        numbers = itertools.cycle(range(1, shared + 1))
        mark = "$" if style == "$1" else "$p"
        expressions = [
            "".join(
                part + (f"{mark}{next(numbers)}" if more else "")
                for part, more in _parts(expression)
            )
            for expression in expressions
        ]
        values = values[:shared]
    rows: list[Any] = draw(st.lists(st.tuples(*values), min_size=1, max_size=24))
    if style == "$name":
        rows = [{f"p{i}": value for i, value in enumerate(row, start=1)} for row in rows]
    listed = (
        ""
        if order == sorted(order) and draw(st.booleans())
        else "".join(("(", ", ".join(f"c{index}" for index in order), ")"))
    )
    return Case(types, f"INSERT INTO t {listed} VALUES ({', '.join(expressions)})", rows)


def _parts(expression: str) -> Iterator[tuple[str, bool]]:
    parts = expression.split("?")
    for position, part in enumerate(parts, start=1):
        yield part, position < len(parts)


class Databases(NamedTuple):
    own: duckdb.DuckDBPyConnection
    served: Conn


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    own = duckdb.connect()
    with Server() as server, server.connect(autocommit=True) as served, own:
        for database in (own, served):
            database.execute("CREATE TEMP SEQUENCE numbers")
        yield Databases(own, served)


def stored(database: Any, case: Case) -> list[tuple[Any, ...]]:
    columns = (
        f"c{i}::VARCHAR" + (f", union_tag(c{i})::VARCHAR" if kind.startswith("UNION") else "")
        for i, kind in enumerate(case.columns)
    )
    rows: list[tuple[Any, ...]] = database.execute(f"SELECT {', '.join(columns)} FROM t").fetchall()
    return rows


def looped(database: Any, case: Case, refusal: type[Exception]) -> list[tuple[Any, ...]] | str:
    """What a statement for each set stores, all or nothing."""
    database.execute("BEGIN")
    try:
        for parameters in case.sets:
            database.execute(case.statement, parameters)
    except refusal as error:
        database.execute("ROLLBACK")
        return f"refused: {error}"
    database.execute("COMMIT")
    return stored(database, case)


def compare(databases: Databases, way: Any, case: Case) -> None:
    own, served = databases
    columns = ", ".join(f"c{i} {kind} " for i, kind in enumerate(case.columns))
    for database in databases:
        database.execute(f"CREATE OR REPLACE TABLE t ({columns})")
        if "nextval" in case.statement:
            database.execute("CREATE OR REPLACE TEMP SEQUENCE numbers")
    expected = looped(own, case, duckdb.Error)
    found: list[tuple[Any, ...]] | str
    try:
        served.cursor(binding=way).executemany(case.statement, case.sets)
        found = stored(served, case)
    except DatabaseError as error:
        found = f"refused: {error}"
    if not (isinstance(expected, str) and isinstance(found, str)):
        assert found == expected, case


# Parts, so that none takes long on a slow machine.
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("way", ["server", "client"])
def test_many_sets_are_as_one_by_one(databases: Databases, way: Any, part: int) -> None:
    """The oracle is DuckDB's own client."""

    @part_of(part)
    @settings(max_examples=examples(250), deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases())
    def run(case: Case) -> None:
        compare(databases, way, case)

    run()
