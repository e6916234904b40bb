"""Every DuckDB type, read as Arrow through the driver's rows and through DuckDB's own client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from altertable_dbapi.errors import DataError
from altertable_dbapi.interval import Interval
from altertable_dbapi.rows.convert import RowConverter

from .test_rows import same

duckdb = pytest.importorskip("duckdb")

#: DuckDB 1 writes wrong bytes for a BOOLEAN inside a list when it converts without loss, and gives
#: the fields of row(...) no names.
OLD = duckdb.__version__ < "2"

UTC = timezone.utc
ONE = UUID("12345678-1234-5678-1234-567812345678")


def _connect(lossless: bool) -> Any:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET arrow_lossless_conversion = {str(lossless).lower()}")
    return connection


@pytest.fixture(scope="module", params=["default", "lossless"])
def connection(request: pytest.FixtureRequest) -> Iterator[Any]:
    """In both modes of sending types that Arrow lacks."""
    with _connect(request.param == "lossless") as connection:
        yield connection


@pytest.fixture(scope="module")
def default() -> Iterator[Any]:
    """In the mode in which such types look like others."""
    with _connect(lossless=False) as connection:
        yield connection


def lossless(connection: Any) -> bool:
    return bool(theirs(connection, "SELECT current_setting('arrow_lossless_conversion')")[0][0])


def ours(connection: Any, query: str) -> list[tuple[Any, ...]]:
    relation = connection.sql(query)
    read = getattr(relation, "to_arrow_table", None) or relation.fetch_arrow_table
    table: pa.Table = read()
    converter = RowConverter(table.schema)
    return [row for batch in table.to_batches() for row in converter.rows(batch)]


def theirs(connection: Any, query: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = connection.sql(query).fetchall()
    return rows


# Types whose values are those of DuckDB's client, with a typical value, the least and the greatest.
EQUAL = {
    "BOOLEAN": ["true", "false"],
    "TINYINT": ["1", "-128", "127"],
    "SMALLINT": ["1", "-32768", "32767"],
    "INTEGER": ["1", "-2147483648", "2147483647"],
    "BIGINT": ["1", "-9223372036854775808", "9223372036854775807"],
    "HUGEINT": [
        "1",
        "'-170141183460469231731687303715884105728'",
        "'170141183460469231731687303715884105727'",
    ],
    "UTINYINT": ["1", "0", "255"],
    "USMALLINT": ["1", "0", "65535"],
    "UINTEGER": ["1", "0", "4294967295"],
    "UBIGINT": ["1", "0", "18446744073709551615"],
    "UHUGEINT": ["1", "0", "'170141183460469231731687303715884105727'"],
    "FLOAT": ["1.5", "'-inf'", "'3.4028235e38'", "'-0'", "0.1"],
    "DOUBLE": ["1.5", "'inf'", "1.7976931348623157e308", "5e-324", "'-0'", "0.1"],
    "DECIMAL(4,1)": ["1.5", "-999.9", "999.9", "0"],
    "DECIMAL(9,0)": ["1", "-999999999", "999999999", "0"],
    "DECIMAL(18,2)": ["1.5", "-9999999999999999.99", "9999999999999999.99", "0"],
    "DECIMAL(38,10)": [
        "1.5",
        "'-9999999999999999999999999999.9999999999'",
        "'9999999999999999999999999999.9999999999'",
        "0",
    ],
    "DECIMAL(38,38)": ["'0.00000000000000000000000000000000000001'", "0"],
    "VARCHAR": ["'a'", "''", "'é😀'", "repeat('x', 1000)"],
    "BLOB": ["'a'::BLOB", "''::BLOB", r"'\x00\xFF'::BLOB"],
    "DATE": ["'2024-02-29'", "'0001-01-01'", "'9999-12-31'", "'1969-12-31'"],
    "TIME": ["'01:02:03.5'", "'00:00:00'", "'23:59:59.999999'"],
    "TIMESTAMP": [
        "'2024-02-29 01:02:03.5'",
        "'0001-01-01 00:00:00'",
        "'9999-12-31 23:59:59.999999'",
        "'1969-12-31 23:59:59.999999'",
    ],
    "TIMESTAMP_S": ["'2024-02-29 01:02:03'", "'0001-01-01'", "'9999-12-31 23:59:59'"],
    "TIMESTAMP_MS": ["'2024-02-29 01:02:03.5'", "'0001-01-01'", "'9999-12-31 23:59:59.999'"],
    "TIMESTAMP_NS": [
        "'2024-02-29 01:02:03.123456789'",
        "'1969-12-31 23:59:59.123456789'",
        "'1677-09-22 00:00:00'",
        "'2262-04-11 23:47:16.854775806'",
    ],
    "JSON": ["'{\"a\": [1, null]}'", "'null'"],
    "ENUM('a', 'é')": ["'a'", "'é'"],
}


@pytest.mark.parametrize("kind", EQUAL)
def test_equal_to_duckdbs_own_client(connection: Any, kind: str) -> None:
    def value(text: str) -> str:
        return f"CAST({text} AS {kind})"

    if kind == "BOOLEAN" and OLD and lossless(connection):
        pytest.skip("DuckDB 1 writes wrong bytes")
    texts = [*EQUAL[kind], "NULL"]
    rows = " UNION ALL ".join(f"SELECT {i} AS i, {value(t)} AS v" for i, t in enumerate(texts))
    for expression in (
        "v",
        "[v, NULL, v]",
        f"CAST([] AS {kind}[])",
        "{'a': v, 'b c': [v]}",
        "MAP {'k': v}",
        "MAP {1: [v]}",
        "CASE WHEN i > 0 THEN [[v], NULL, []] END",
        "CASE WHEN i > 0 THEN {'a': {'b': v}} END",
        f"union_value(m := v)::UNION(n INTERVAL, m {kind})",
    ):
        query = f"SELECT {expression} AS x, i FROM ({rows}) ORDER BY i"
        found, expected = ours(connection, query), theirs(connection, query)
        assert same(found, expected), f"{expression}\nours:   {found}\ntheirs: {expected}"


@pytest.mark.parametrize("kind", ["VARCHAR", "DATE", "BIGINT", "DECIMAL(4,1)", "BOOLEAN", "BLOB"])
def test_map_keys(default: Any, kind: str) -> None:
    query = f"SELECT MAP {{CAST({EQUAL[kind][0]} AS {kind}): 1}}"
    assert same(ours(default, query), theirs(default, query))


def test_long_columns(connection: Any) -> None:
    maybe = "CASE WHEN i % 7 <> 0 THEN {} END"
    values = [
        "i", "i / 3", "'n' || i % 10", "(i / 7)::DECIMAL(18,3)", "i % 2 = 0", "'n' || i",
        "DATE '1970-01-01' + i::INTEGER", "TIMESTAMP '2000-01-01' + to_microseconds(i * 999983)",
        "[i, i + 1]", "{'a': i}", "i::HUGEINT", "(i % 3)::VARCHAR::ENUM('0', '1', '2')",
    ]  # fmt: skip
    columns = ", ".join(f"{maybe.format(value)} AS c{n}" for n, value in enumerate(values))
    query = f"SELECT {columns} FROM range(30000) AS r(i) ORDER BY i"
    assert same(ours(connection, query), theirs(connection, query))


# What differs from DuckDB's client: (expression, ours, theirs), in DuckDB's default mode.
# docs/types.md has the reasons.
TEXT = "'12345678-1234-5678-1234-567812345678'"
DIFFERENT: list[tuple[str, Any, Any]] = [
    (f"{TEXT}::UUID", str(ONE), ONE),
    ("'101'::BIT", b"\x05\xfd", "101"),
    ("'01:02:03+02'::TIMETZ", time(1, 2, 3), time(1, 2, 3, tzinfo=timezone(timedelta(hours=2)))),
    ("1::DECIMAL(38,0)", 1, Decimal(1)),
    ("123::BIGNUM", 123, "123"),
    (
        "to_months(14) + to_days(-2) + to_microseconds(1500000)",
        Interval(14, -2, 1_500_000),
        timedelta(days=418, seconds=1, microseconds=500_000),
    ),
    ("[1, NULL]::INTEGER[2]", [1, None], (1, None)),
    ("MAP {[1]: 2}", [([1], 2)], {"key": [[1]], "value": [2]}),
]


@pytest.mark.parametrize(("expression", "mine", "other"), DIFFERENT, ids=lambda v: str(v)[:30])
def test_different_from_duckdbs_own_client(
    default: Any, expression: str, mine: Any, other: Any
) -> None:
    query = f"SELECT {expression} UNION ALL SELECT NULL"
    assert same(ours(default, query), [(mine,), (None,)])
    assert same(theirs(default, query)[0][0], other)


def test_struct_without_names(default: Any) -> None:
    query = "SELECT row(1, 'a') UNION ALL SELECT NULL"
    assert same(theirs(default, query), [((1, "a"),), (None,)])
    if OLD:
        assert same(ours(default, query), [((1, "a"),), (None,)])
    else:
        assert same(ours(default, query), [({"element1": 1, "element2": "a"},), (None,)])


def test_greatest_uhugeint(default: Any) -> None:
    query = "SELECT 340282366920938463463374607431768211455::UHUGEINT"
    assert theirs(default, query) == [(2**128 - 1,)]
    marked = duckdb.__version__ < "1.5"
    assert same(ours(default, query), [(2**128 - 1 if marked else -1,)])


# What Python has no object for: DuckDB's client gives another value, or text.
REFUSED = [
    ("'infinity'::DATE", "infinity", date.max),
    ("'-infinity'::DATE", "-infinity", date.min),
    ("'infinity'::TIMESTAMP", "infinity", datetime.max),
    ("'-infinity'::TIMESTAMP", "-infinity", datetime.min),
    ("'infinity'::TIMESTAMP_NS", "infinity", datetime.max),
    ("'infinity'::TIMESTAMP_S", "infinity", datetime.max),
    ("'infinity'::TIMESTAMP_MS", "infinity", datetime.max),
    ("'0044-03-15 (BC)'::DATE", "0044-03-15 (BC)", "0044-03-15 (BC)"),
    ("'10000-01-01'::DATE", "10000-01-01", "10000-01-01"),
    ("'0044-03-15 (BC)'::TIMESTAMP", "0044-03-15 (BC) 00:00:00", "0044-03-15 (BC) 00:00:00"),
    ("'294247-01-10 04:00:54'::TIMESTAMP", "294247-01-10 04:00:54", "294247-01-10 04:00:54"),
    ("'24:00:00'::TIME", "24:00:00", "24:00:00"),
]


@pytest.mark.parametrize(("expression", "text", "other"), REFUSED, ids=lambda v: str(v)[:30])
def test_refused(default: Any, expression: str, text: str, other: Any) -> None:
    with pytest.raises(DataError) as refused:
        ours(default, f"SELECT {expression} AS since")
    assert str(refused.value).startswith(f"column since: {text}")
    assert same(theirs(default, f"SELECT {expression}"), [(other,)])
    # the ways out that the message names
    assert ours(default, f"SELECT ({expression})::VARCHAR") != []


def test_timestamptz(connection: Any) -> None:
    """DuckDB's client needs pytz for this type; the moments are compared instead."""
    texts = ["2024-07-01 12:00:00.5+02", "0001-01-02 00:00:00+00", "9999-12-30 00:00:00+00"]
    values = " UNION ALL ".join(
        f"SELECT {i} AS i, TIMESTAMPTZ '{text}' AS v" for i, text in enumerate(texts)
    )
    query = f"SELECT {{}} FROM ({values} UNION ALL SELECT 3, NULL) ORDER BY i"
    naive = [row[0] for row in theirs(connection, query.format("v AT TIME ZONE 'UTC'"))]
    expected = [None if v is None else v.replace(tzinfo=UTC) for v in naive]
    try:
        for zone in ("UTC", "Etc/UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata"):
            connection.execute(f"SET TimeZone = '{zone}'")
            found = [row[0] for row in ours(connection, query.format("v"))]
            assert found == expected
            wall = [row[0] for row in theirs(connection, query.format("v::TIMESTAMP"))]
            assert [v and v.replace(tzinfo=None) for v in found] == wall
            assert all(v is None or v.tzinfo is not None for v in found)
            inside = ours(connection, query.format("{'a': [v]}"))
            assert [row[0]["a"][0] for row in inside] == expected
    finally:
        connection.execute("SET TimeZone = 'UTC'")


def test_lossless_mode_tells_more() -> None:
    with _connect(lossless=True) as connection:
        _tells_more(connection)


def _tells_more(connection: Any) -> None:
    expressions = [
        f"{TEXT}::UUID",
        "'101'::BIT",
        "'10101010'::BIT",
        "'101010101010'::BIT",
        "'01:02:03.5+02'::TIMETZ",
        "'23:59:59.999999-15:59:59'::TIMETZ",
        "'00:00:00+15:59:59'::TIMETZ",
        "340282366920938463463374607431768211455::UHUGEINT",
        "'-170141183460469231731687303715884105728'::HUGEINT",
        "true",
    ]
    for expression in expressions:
        if expression == "true" and OLD:
            continue
        query = f"SELECT {expression} AS x UNION ALL SELECT NULL"
        assert same(ours(connection, query), theirs(connection, query)), expression
        query = f"SELECT [{expression}, NULL] AS x"
        assert same(ours(connection, query), theirs(connection, query)), expression
    assert ours(connection, "SELECT 1::DECIMAL(38,0)") == [(1,)]
    with pytest.raises(DataError, match="24:00:00"):
        ours(connection, "SELECT '24:00:00+00'::TIMETZ")


def test_bignum(connection: Any) -> None:
    for value in (0, 1, -1, 255, -255, 256, -256, 10**60, -(10**60), 2**400):
        assert same(ours(connection, f"SELECT '{value}'::BIGNUM AS x"), [(value,)])


VARIANTS = [
    "NULL", "true", "false", "1::TINYINT", "-300::SMALLINT", "70000", "9223372036854775807",
    "1.5::DOUBLE", "1.5::FLOAT", "1.25::DECIMAL(4,2)", "-1.25::DECIMAL(18,2)",
    "'-12345678901234567890.12'::DECIMAL(30,2)", "0.00::DECIMAL(9,2)", "DATE '1969-12-31'",
    "TIMESTAMP '1969-12-31 23:59:59.5'", "TIME '01:02:03.000004'", f"{TEXT}::UUID",
    "'a'::BLOB", "'x'", "repeat('é', 100)", "''", "[]::INTEGER[]", "[1, NULL, 3]", "range(300)",
    "TIMESTAMP_NS '2020-01-01 00:00:00.123456789'", "{'b': 1, 'a': {'c': [true, NULL]}}",
    "[{'a': 'x'}, {'a': NULL}]", "list_transform(range(300), lambda i: 'text ' || i)",
]  # fmt: skip


@pytest.fixture
def variants(default: Any) -> Any:
    """A connection whose DuckDB sends VARIANT as Arrow."""
    try:
        ours(default, "SELECT 1::VARIANT")
    except duckdb.Error:
        pytest.skip("this DuckDB sends no VARIANT")
    return default


@pytest.mark.parametrize("expression", VARIANTS)
def test_variant(variants: Any, expression: str) -> None:
    query = f"SELECT ({expression})::VARIANT AS x UNION ALL SELECT NULL"
    found, expected = ours(variants, query), theirs(variants, query)
    assert found == expected
    assert type(found[0][0]) is type(expected[0][0])


def test_variant_timestamp_with_zone(variants: Any) -> None:
    assert ours(variants, "SELECT (TIMESTAMPTZ '2020-01-01 00:00:00+01')::VARIANT AS x") == [
        (datetime(2019, 12, 31, 23, tzinfo=UTC),)
    ]


def test_geometry_is_wkb(default: Any) -> None:
    try:
        expected = theirs(default, "SELECT 'POINT(1 2)'::GEOMETRY")
    except duckdb.Error:
        pytest.skip("this DuckDB has no GEOMETRY of its own")
    assert same(ours(default, "SELECT 'POINT(1 2)'::GEOMETRY"), expected)


def test_null_and_empty(connection: Any) -> None:
    for expression in ("NULL", "[]", "MAP {}", "[NULL]", "{'a': NULL}"):
        query = f"SELECT {expression} AS x"
        assert same(ours(connection, query), theirs(connection, query))
    assert ours(connection, "SELECT 1 AS a, 2 AS a") == [(1, 2)]
