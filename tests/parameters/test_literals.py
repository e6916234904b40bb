"""Values as literals: what the server would have bound, and nothing that ends a constant early."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altertable_dbapi import Connection, DataError, Interval, ProgrammingError
from altertable_dbapi.local import Server
from altertable_dbapi.parameters.literals import list_literal, literals
from altertable_dbapi.parameters.values import column

from ..support.engines import examples

Conn = Connection[tuple[Any, ...]]
D = decimal.Decimal
UTC = dt.timezone.utc

#: What two ways to bind give of a value: its type, itself as Arrow has it, its text.
QUERY = "SELECT typeof($v) AS kind, $v AS value, CAST($v AS VARCHAR) AS said"


@pytest.fixture(scope="module")
def shared() -> Iterator[Conn]:
    """One connection for many values, which leave nothing behind."""
    with Server() as server, server.connect(autocommit=True) as connection:
        yield connection


def both_ways(connection: Conn, value: Any) -> tuple[pa.Table, pa.Table]:
    tables = [
        connection.cursor(binding=binding).execute(QUERY, {"v": value}).fetch_arrow_table()
        for binding in ("server", "client")
    ]
    return tables[0], tables[1]


def shown(table: pa.Table) -> list[str]:
    """Each column as text: NaN is like itself there, and no date is beyond Python's."""
    return [column.to_string(window=1_000) for column in table.columns]


def arrow(value: Any, kind: pa.DataType) -> Any:
    return pa.array([value], kind)[0]


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        5,
        -(2**63),
        2**63 - 1,
        2**64,
        10**38 - 1,
        1 - 10**38,
        0.1,
        -0.0,
        5e-324,
        1.7976931348623157e308,
        math.inf,
        -math.inf,
        math.nan,
        "",
        'it\'s "quoted" \\ ; -- $x /* ? */',
        "NUL \0 and 'more'",
        "größe 😀\u200b\xa0\r\n\t",
        "NULL",
        b"",
        b"\0\xff'\\",
        dt.date(1, 1, 1),
        dt.date(9999, 12, 31),
        dt.time(0),
        dt.time(23, 59, 59, 999999),
        dt.datetime(1, 1, 1),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
        dt.datetime(2020, 2, 29, 1, 2, 3, 4, UTC),
        dt.datetime(2020, 2, 29, 1, tzinfo=dt.timezone(dt.timedelta(hours=-5, minutes=-30))),
        dt.timedelta(days=-1, microseconds=3),
        dt.timedelta(days=100_000),
        D("1.10"),
        D("-0.001"),
        D("1E+3"),
        D("12345678901234567890123456789.012345678"),
        uuid.UUID(int=5),
        Interval(-14, -2, -3),
        Interval(),
        [[1], [], None, [None]],
        ["a'b", '"x"', "\\", "NULL", None, "a,b]", "", " "],
        ["\0", "x"],
        [b"\0'", None],
        [True, None],
        [0.1, math.nan, None],
        [D("1.50"), None],
        [dt.date(1, 1, 1), None],
        [dt.datetime(2020, 1, 1, tzinfo=UTC)],
        [dt.timedelta(days=1)],
        [Interval(1, 2, 3)],
        {"a": 1, 'b"c': "x", "d'e": [None, "'"], "f g\n{": {"h": [b"x"]}},
        [{"a": 1}, None, {"a": None}],
        np.int8(-128),
        np.uint64(2**64 - 1),
        np.float32(0.1),
        np.float16(0.1),
        np.datetime64("2020-01-01T00:00:00.000000001"),
        np.datetime64("2020-01-01T00:00:00.001"),
        np.datetime64("2020-01-01T00:00:00"),
        np.timedelta64(5, "s"),
        np.timedelta64(5000, "ns"),
        np.array([[1, 2], [3, 4]], dtype=np.int16),
        arrow(None, pa.int32()),
        arrow(None, pa.list_(pa.date32())),
        arrow(None, pa.struct([("a", pa.decimal128(5, 2))])),
        arrow(86_400_000_000, pa.time64("us")),
        arrow(5, pa.time32("ms")),
        arrow(5, pa.timestamp("s", tz="Europe/Paris")),
        arrow(-(10**14) - 62_135_596_800_000_001, pa.timestamp("us")),
        arrow(3 * 10**17, pa.timestamp("us")),
        arrow(2**63 - 1, pa.timestamp("us")),
        arrow(1 - 2**63, pa.timestamp("us", tz="UTC")),
        arrow(-800_000, pa.date32()),
        arrow(4_000_000, pa.date32()),
        arrow(2**31 - 1, pa.date32()),
        arrow(1, pa.date64()),
        arrow(-(2**63), pa.duration("us")),
        arrow([1, 2], pa.list_(pa.int32(), 2)),
        arrow([1, None], pa.large_list(pa.int8())),
        arrow([("k'", 1), ("", None)], pa.map_(pa.string(), pa.int64())),
        arrow(
            [[("k", {"a": 1})], []], pa.list_(pa.map_(pa.string(), pa.struct([("a", pa.int8())])))
        ),
        arrow("x", pa.dictionary(pa.int8(), pa.string())),
        arrow("x", pa.string_view()),
        arrow(b"xx", pa.binary(2)),
        arrow(b"\0" * 15 + b"\5", pa.uuid()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_literal_is_what_the_server_binds(shared: Conn, value: Any) -> None:
    server, client = both_ways(shared, value)
    assert shown(client) == shown(server)
    assert client.schema == server.schema


@pytest.mark.parametrize("value", [[], [[]], [None], {"a": None, "b": 1}, {"a": []}], ids=str)
def test_values_without_a_type(shared: Conn, value: Any) -> None:
    # Which type they have is up to the version of DuckDB.
    server, client = both_ways(shared, value)
    assert shown(client.select(["said"])) == shown(server.select(["said"]))
    assert client.column("value").to_pylist() == server.column("value").to_pylist() == [value]


def test_nanoseconds_are_kept_or_refused() -> None:
    # Only newer servers have these types.
    assert literals(pa.array([1, None], pa.time64("ns"))) == [
        "CAST('00:00:00.000000001' AS TIME_NS)",
        "CAST(NULL AS TIME_NS)",
    ]
    assert literals(pa.array([-5], pa.timestamp("ns", tz="UTC"))) == [
        "CAST('1969-12-31T23:59:59.999999995+00' AS TIMESTAMPTZ_NS)"
    ]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
# What begins, ends and continues constants, comments and statements.
hostile = st.text("'\"\\\0;-/*$?()[]{}, \n\rEexX&UuAB", max_size=12)
floats = st.floats()
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    floats,
    texts,
    hostile,
    st.binary(max_size=6),
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4
    ),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(dt.timedelta(days=-100_000), dt.timedelta(days=100_000)),
    st.builds(
        Interval,
        st.integers(-(10**4), 10**4),
        st.integers(-(10**4), 10**4),
        st.integers(-(10**12), 10**12),
    ),
)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def lists_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(st.none() | texts | hostile, max_size=4),
        st.lists(st.none() | floats, max_size=4),
        st.lists(values, max_size=1),
        st.dictionaries(names, st.none() | values, min_size=1, max_size=3).filter(
            lambda value: len({name.lower() for name in value}) == len(value)
        ),
    )


@settings(max_examples=examples(150), deadline=None)
@given(st.recursive(scalars, lists_of, max_leaves=6))
def test_any_value_is_the_same_by_client_and_by_server(shared: Conn, value: Any) -> None:
    server, client = both_ways(shared, value)
    if '"NULL"' in str(client.column("kind")):
        # A list or a field without a value: its type is up to the version of DuckDB.
        server, client = server.select(["said"]), client.select(["said"])
    assert shown(client) == shown(server)
    assert client.schema == server.schema


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@settings(max_examples=examples(300), deadline=None)
@given(value=st.one_of(texts, hostile, st.lists(hostile, max_size=3), st.binary()))
def test_one_value_stays_one_constant(engine: duckdb.DuckDBPyConnection, value: Any) -> None:
    (literal,) = literals(column([value], "$v"))
    text = f"SELECT {literal} AS a, 'end' AS b"
    assert len(engine.extract_statements(text)) == 1
    assert engine.execute(text).fetchall() == [(value, "end")]


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.none() | hostile))
def test_a_list_literal_is_the_list(engine: duckdb.DuckDBPyConnection, values: list[Any]) -> None:
    text = f"SELECT {list_literal(pa.array(values, pa.string()))}"
    assert len(engine.extract_statements(text)) == 1
    assert engine.execute(text).fetchall() == [(values,)]


@pytest.mark.parametrize("text", ["SELECT 'a'\n?", "SELECT E'a\\\\'\n?", "SELECT ?\n'a'"])
def test_a_literal_does_not_join_a_string_beside_it(shared: Conn, text: str) -> None:
    for binding in ("server", "client"):
        with pytest.raises(ProgrammingError, match="Parser Error"):
            shared.cursor(binding=binding).execute(text, ["\\' || version() || '"])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("\ud800", "surrogate"),
        (["x", "\udfff"], "surrogate"),
        ({"": 1}, "''"),
        ({"a": 1, "A": 2}, "'A'"),
        ({"a\0": 1}, "NUL"),
        (np.timedelta64(5, "ns"), "nanoseconds"),
        (pd.Timedelta(5, "ns"), "nanoseconds"),
        (arrow(5, pa.duration("ns")), "nanoseconds"),
        (arrow(pa.MonthDayNano([0, 0, 5]), pa.month_day_nano_interval()), "nanoseconds"),
        (arrow(D("1.1"), pa.decimal256(40, 2)), "decimal256"),
        (arrow({"": 1}, pa.struct([("", pa.int8())])), "''"),
    ],
    ids=str,
)
def test_what_has_no_literal_is_refused_before_anything_is_sent(
    value: Any, words: str, server: Server
) -> None:
    with server.connect(binding="client") as conn:
        server.clear()
        with pytest.raises(DataError, match=r"\$v.*" + words):
            conn.execute("SELECT $v", {"v": value})
        assert server.calls == []


def test_slices_and_nulls_inside_arrow_arrays(engine: duckdb.DuckDBPyConnection) -> None:
    rows: list[Any] = [{"a": [1, 2]}, None, {"a": None}, {"a": [None]}, {"a": []}]
    array = pa.array(rows, pa.struct([("a", pa.list_(pa.int64()))]))
    for start in range(len(rows)):
        text = ", ".join(literals(array.slice(start, 2)))
        assert list(engine.execute(f"SELECT {text}").fetchall()[0]) == rows[start : start + 2]
        assert engine.execute(f"SELECT {list_literal(array.slice(start))}").fetchall() == [
            (rows[start:],)
        ]
