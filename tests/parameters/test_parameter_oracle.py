"""What parameters give, their values and their types, is what they give in DuckDB's own client."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import altertable_dbapi
from altertable_dbapi import Connection, Cursor
from altertable_dbapi.local import Server

from ..support.engines import examples
from ..support.parameter_expressions import CASES, OF_ANY, ROW, STATEMENTS, VALUES
from ..support.parts import part_of

duckdb = pytest.importorskip("duckdb")

Cur = Cursor[tuple[Any, ...]]

BINDINGS = ("server", "client")
FIRST = duckdb.__version__.startswith("1.")
OLD = duckdb.__version__.startswith("1.4")
D = decimal.Decimal
UTC = dt.timezone.utc


def known(value: Any) -> bool:
    """Whether this DuckDB's own client keeps a value: that of 1.4 makes a DOUBLE of a wide int."""
    if isinstance(value, dict):
        return known([*value, *value.values()])
    if isinstance(value, list | tuple):
        return all(map(known, value))
    return not (OLD and isinstance(value, int) and not -(2**63) <= value < 2**64)


def shown(rows: list[tuple[Any, ...]]) -> list[Any]:
    """Rows without what reading them makes different: docs/types.md lists it."""
    plain = {uuid.UUID: str, tuple: list}
    return [[plain.get(type(value), lambda value: value)(value) for value in row] for row in rows]


#: What a server cannot do since it prepares a statement before it knows the values: functions that
#: look at a type or a constant there. docs/types.md has it. DuckDB 2 puts that off.
LATE = ("cardinality(?)", "list_aggregate(?, ?)")


class Both:
    """A connection of each kind, and DuckDB's own."""

    def __init__(self, connection: Connection[tuple[Any, ...]]) -> None:
        self.connection = connection
        self.own = duckdb.connect()
        for run in (connection.execute, self.own.execute):
            run("SET TimeZone = 'Europe/Paris'")

    def cursor(self, binding: Any) -> Cur:
        return self.connection.cursor(binding=binding)

    def differences(self, text: str, values: tuple[Any, ...]) -> list[str]:
        """How the bindings differ from DuckDB's own client; empty where they do not."""
        own = self._own(text, values)
        found = []
        for binding in BINDINGS:
            ours = self._ours(binding, text, values)
            if ours != own and str(ours) != str(own):  # a NaN is not like itself
                found.append(
                    f"{binding}: {ours or self.refusal} / DuckDB: {own or self.own_refusal}"
                )
        return found

    def accepts(self, text: str, values: tuple[Any, ...]) -> bool:
        """Whether DuckDB's own client runs it."""
        return self._own(text, values) is not None

    def _own(self, text: str, values: tuple[Any, ...]) -> list[Any] | None:
        try:
            return shown(self.own.execute(text, list(values)).fetchall())
        except (duckdb.Error, UnicodeDecodeError) as error:
            # It fails to read its own refusal where that quotes a BLOB.
            self.own_refusal = str(error).partition("\n")[0]
            return None

    def _ours(self, binding: Any, text: str, values: tuple[Any, ...]) -> list[Any] | None:
        try:
            return shown(self.cursor(binding).execute(text, list(values)).fetchall())
        except altertable_dbapi.Error as error:
            self.refusal = str(error).partition("\n")[0]
            return None


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with Server() as server, server.connect(autocommit=True) as connection:
        yield Both(connection)


def typed(expression: str) -> str:
    """A query for an expression's type, and its value as text."""
    return f"SELECT typeof(e), CAST(e AS VARCHAR) FROM (SELECT {expression} AS e FROM {ROW}) AS q"


def together(expressions: Iterable[str]) -> str:
    """One query for several."""
    columns = (
        f"(SELECT [typeof(e), CAST(e AS VARCHAR)] FROM (SELECT {expression} AS e) AS q)"
        for expression in expressions
    )
    return f"SELECT {', '.join(columns)} FROM {ROW}"


def all_differences(both: Both, pairs: Sequence[tuple[str, tuple[Any, ...]]]) -> list[str]:
    """How any of the expressions over its values differs."""
    right = [both.accepts(typed(expression), values) for expression, values in pairs]
    run = [pair for pair, accepted in zip(pairs, right, strict=True) if accepted]
    text = together(expression for expression, _ in run)
    values = tuple(value for _, values in run for value in values)
    # One statement for all that DuckDB runs; what it refuses is refused one by one.
    same = not run or (both.accepts(text, values) and not both.differences(text, values))
    return [
        f"{expression} {values!r}: {said}"
        for (expression, values), accepted in zip(pairs, right, strict=True)
        if not (same and accepted)
        for said in both.differences(typed(expression), values)
    ]


KEPT = list(filter(known, VALUES))


@pytest.mark.parametrize(
    "value", KEPT, ids=[f"{i} {type(value).__name__}" for i, value in enumerate(KEPT)]
)
def test_each_value_in_each_expression(both: Both, value: Any) -> None:
    pairs = [(expression, (value,) * expression.count("?")) for expression in OF_ANY]
    found = all_differences(both, pairs)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("expression", "sets"), CASES, ids=[case[0][:40] for case in CASES])
def test_functions_and_operators(both: Both, expression: str, sets: list[tuple[Any, ...]]) -> None:
    found = [
        f"{values!r}: {said}"
        for values in filter(known, sets)
        for said in both.differences(typed(expression), values)
        if not (expression in LATE and FIRST and said.startswith("server: "))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("text", "values"), STATEMENTS, ids=[text[:50] for text, _ in STATEMENTS])
def test_statements(both: Both, text: str, values: tuple[Any, ...]) -> None:
    assert both.accepts(text, values)
    assert both.differences(text, values) == []
    types = f"SELECT typeof(COLUMNS(*)) FROM ({text}) AS q"
    assert both.accepts(types, values)
    assert both.differences(types, values) == []


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ints = st.one_of(
    st.integers(-9, 9),
    st.integers(-(2**33), 2**33),
    st.integers(-(2**63), 2**64 - 1) if OLD else st.integers(-(2**127), 2**128 - 1),
)
decimals = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4
) | st.sampled_from([D("0.0"), D("0.001"), D("1E-10"), D("1.5"), D("120")])
moments = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))
scalars: list[st.SearchStrategy[Any]] = [
    st.none(),
    st.booleans(),
    ints,
    # DuckDB 1's own client makes a NULL of a NaN in a list.
    st.floats(allow_nan=not FIRST),
    decimals,
    texts,
    st.binary(max_size=5),
    st.dates(),
    st.times(),
    moments,
    moments.map(lambda moment: moment.replace(tzinfo=UTC)),
    st.timedeltas(dt.timedelta(days=-40_000), dt.timedelta(days=40_000)),
    st.uuids(),
]
# In lists without what DuckDB's client has no exact type for: ints of both signs beyond 127 bits.
elements: list[st.SearchStrategy[Any]] = [*scalars, st.integers(-(2**40), 2**40)]
elements.remove(ints)
values = st.recursive(
    st.one_of(scalars),
    lambda inner: st.one_of(
        st.one_of([st.lists(st.none() | element, max_size=3) for element in elements]),
        st.lists(inner, max_size=1),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    ),
    max_leaves=4,
)

#: Expressions over two values.
OF_TWO = [
    "[?, ?]",
    "coalesce(?, ?)",
    "CASE WHEN i = 1 THEN ? ELSE ? END",
    "? = ?",
    "? < ?",
    "? IN (?)",
    "? || ?",
    "? + ?",
    "? - ?",
    "? * ?",
    "{'a': ?, 'b': ?}",
    "nullif(?, ?)",
    "greatest(?, ?)",
    "list_append(?, ?)",
    "concat(?, ?)",
    "(SELECT list(x ORDER BY x NULLS LAST) FROM (SELECT ? AS x UNION ALL SELECT ?) AS u)",
    "(SELECT max(x) FROM (VALUES (?), (?)) AS v(x))",
]

pairs_of_values = st.sampled_from([*OF_ANY, *OF_ANY, *OF_TWO]).flatmap(
    lambda expression: st.tuples(st.just(expression), st.tuples(*[values] * expression.count("?")))
)


class Count:
    pairs = 0


@pytest.mark.parametrize("part", range(3))
def test_any_value_in_any_expression(both: Both, part: int) -> None:
    Count.pairs = 0

    @part_of(part)
    @settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(pairs_of_values, min_size=7, max_size=7))
    def run(pairs: list[tuple[str, tuple[Any, ...]]]) -> None:
        Count.pairs += len(pairs)
        found = all_differences(both, pairs)
        assert not found, "\n".join(found)

    run()
    assert Count.pairs >= 700
