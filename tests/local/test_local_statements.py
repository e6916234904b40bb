"""The local server runs what DuckDB's own client runs, in a transaction and outside of one."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as stock
import duckdb
import pyarrow as pa
import pytest
from altertable_flightsql.client import Client

from altertable_dbapi.local import Server

VERSION = tuple(int(part) for part in duckdb.__version__.split(".")[:2])

TABLES = [
    "CREATE TABLE t (i INTEGER, x DOUBLE, s VARCHAR, d DATE, l INTEGER[], ts TIMESTAMP)",
    "INSERT INTO t VALUES (1, 1.5, 'a', '2026-01-31', [1, 2], '2026-01-31 10:00:00'), "
    "(2, -2.5, 'B', '2026-02-28', [], '2026-02-28 11:00:00'), (3, NULL, NULL, NULL, NULL, NULL)",
    "CREATE SEQUENCE sequence",
    "CREATE TYPE mood AS ENUM ('good', 'bad')",
]

D = decimal.Decimal
DAY = dt.timedelta(days=1)

# A statement and its parameters.
STATEMENTS: list[tuple[str, list[Any]]] = [
    ("SELECT quantile_cont(x, ?) FROM t", [0.5]),
    ("SELECT quantile_cont(x, ?) FROM t", [[0.25, 0.5]]),
    ("SELECT quantile_disc(i, ?), mad(x) FROM t", [0.5]),
    ("SELECT unnest(?)", [[1, 2, 3]]),
    ("SELECT unnest(?), unnest(?)", [[1, 2], ["a", "b"]]),
    ("SELECT * FROM unnest(?)", [[1, 2]]),
    ("SELECT current_setting(?)", ["threads"]),
    ("SELECT ts + ? FROM t ORDER BY i", [DAY]),
    ("SELECT d + ? FROM t ORDER BY i", [DAY]),
    ("SELECT d - ? FROM t ORDER BY i", [dt.date(2026, 1, 1)]),
    ("SELECT ts - ? FROM t ORDER BY i", [dt.datetime(2026, 1, 1)]),
    ("SELECT date_trunc(?, ts) FROM t ORDER BY i", ["month"]),
    ("SELECT date_part(?, ts) FROM t ORDER BY i", ["month"]),
    ("SELECT date_add(d, ?) FROM t ORDER BY i", [DAY]),
    ("SELECT sum(i) OVER (ORDER BY i RANGE BETWEEN ? PRECEDING AND CURRENT ROW) FROM t", [1]),
    ("SELECT sum(i) OVER (ORDER BY i ROWS BETWEEN ? PRECEDING AND ? FOLLOWING) FROM t", [1, 0]),
    ("SELECT i, lag(i, ?, ?) OVER (ORDER BY i) FROM t ORDER BY i", [1, 0]),
    ("SELECT ntile(?) OVER (ORDER BY i) FROM t", [2]),
    ("SELECT nth_value(i, ?) OVER () FROM t", [2]),
    ("SELECT COLUMNS(?) FROM t ORDER BY i", ["i|s"]),
    ("SELECT s = ? COLLATE NOCASE FROM t ORDER BY i", ["b"]),
    ("SELECT ? COLLATE NOCASE = 'A'", ["a"]),
    ("SELECT * FROM query_table(?) ORDER BY i", ["t"]),
    ("SELECT * FROM query(?)", ["SELECT 1 AS a, 'x' AS b"]),
    ("SELECT * FROM range(?, ?)", [1, 4]),
    ("SELECT * FROM generate_series(?, ?)", [1, 4]),
    ("SELECT * FROM repeat(?, ?)", ["x", 2]),
    ("SELECT * FROM read_csv(?)", ["{csv}"]),
    ("SELECT * FROM read_csv(?, header = ?)", ["{csv}", True]),
    ("SELECT * FROM read_csv_auto([?, ?]) ORDER BY ALL", ["{csv}", "{csv}"]),
    ("SELECT * FROM read_parquet(?)", ["{parquet}"]),
    ("SELECT * FROM read_parquet(?)", [["{parquet}"]]),
    ("SELECT count(*) FROM glob(?)", ["{csv}"]),
    ("SELECT content FROM read_text(?)", ["{csv}"]),
    ("SELECT * FROM t ORDER BY i LIMIT ? OFFSET ?", [1, 1]),
    ("SELECT i FROM t ORDER BY i LIMIT (? % 3)", [5]),
    ("SELECT * FROM t QUALIFY row_number() OVER (ORDER BY i) <= ?", [2]),
    ("SELECT i, count(*) FILTER (i > ?) FROM t GROUP BY i HAVING count(*) >= ? ORDER BY i", [1, 1]),
    ("SELECT i + ? AS n, count(*) FROM t GROUP BY i + ? ORDER BY n", [1, 1]),
    ("WITH RECURSIVE r(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM r WHERE n < ?) FROM r", [1, 4]),
    ("SELECT string_agg(s, ? ORDER BY i) FROM t", ["-"]),
    ("SELECT list_transform(l, lambda y: y + ?) FROM t ORDER BY i", [1]),
    ("SELECT list_filter(l, lambda y: y > ?) FROM t ORDER BY i", [1]),
    ("SELECT list_contains(?, i) FROM t ORDER BY i", [[1, 3]]),
    ("SELECT i FROM t WHERE i IN ? ORDER BY i", [[1, 3]]),
    ("SELECT i FROM t WHERE i = ANY(?) ORDER BY i", [[1, 3]]),
    ("SELECT s[?:?] FROM t ORDER BY i", [1, 1]),
    ("SELECT l[?] FROM t ORDER BY i", [1]),
    ("SELECT struct_extract({'a': 1}, ?)", ["a"]),
    ("SELECT MAP {?: ?}", ["k", 1]),
    ("SELECT strftime(d, ?) FROM t ORDER BY i", ["%Y"]),
    ("SELECT strptime(?, ?)", ["2026-01-02", "%Y-%m-%d"]),
    ("SELECT nextval(?) > 0", ["sequence"]),
    ("SELECT s LIKE ? ESCAPE ? FROM t ORDER BY i", ["a%", "!"]),
    ("SELECT s SIMILAR TO ? FROM t ORDER BY i", ["[aB]"]),
    ("SELECT regexp_extract(?, ?, ?)", ["ab12", r"([a-z]+)(\d+)", 2]),
    ("SELECT round(?, ?)", [2.345, 2]),
    ("SELECT lpad(s, ?, ?) FROM t ORDER BY i", [3, "*"]),
    ("SELECT chr(?), ascii(?)", [65, "A"]),
    ("SELECT ?::mood", ["good"]),
    ("SELECT TRY_CAST(? AS INTEGER), TRY_CAST(? AS DATE)", ["x", "2026-01-02"]),
    ("SELECT ? BETWEEN ? AND ?", [2, 1, 3]),
    ("SELECT CASE WHEN i = ? THEN ? ELSE ? END FROM t ORDER BY i", [1, "one", "more"]),
    ("SELECT COALESCE(?, ?)", [None, 1]),
    ("SELECT i FROM t UNION ALL SELECT ? ORDER BY ALL", [None]),
    ("SELECT [?, 1], ? + 1, ? || 'x', NULLIF(?, 1)", [None, None, None, None]),
    ("VALUES (?, ?), (?, ?)", [1, "a", None, "b"]),
    ("SELECT typeof(?), typeof(?), typeof(?), typeof(?)", [D("1.5"), 1.5, b"x", dt.time(1, 2)]),
    ("SELECT $b, $a, $b", [{"b": "x", "a": 1}]),
    ("FROM t SELECT i WHERE s = ?", ["a"]),
    ("SELECT $2, $1", [1, 2]),
    ("DESCRIBE SELECT ?", [1]),
    ("SELECT * FROM (SHOW TABLES) WHERE name = ?", ["t"]),
    ("SELECT json_extract('{\"a\": 5}', ?)", ["$.a"]),
    ("SELECT printf(?, ?), format(?, ?)", ["%d", 5, "{}", "x"]),
    ("SELECT histogram(i, ?) FROM t", [[1, 2]]),
    ("SELECT approx_quantile(i, 0.5), arg_max(s, i, ?) FROM t", [2]),
    ("SELECT time_bucket(?, ts) FROM t ORDER BY i", [DAY]),
    ("SELECT make_date(?, ?, ?)", [2026, 1, 2]),
    ("SELECT (ts AT TIME ZONE ?)::VARCHAR FROM t ORDER BY i", ["UTC"]),
    ("INSERT INTO t (i, s) VALUES (?, ?)", [9, "z"]),
    ("INSERT INTO t (i, s) VALUES (?, ?) RETURNING i, s", [9, "z"]),
    ("INSERT INTO t (i, s) VALUES (?, ?) RETURNING *", [9, "z"]),
    ("INSERT INTO t (i) SELECT unnest(?)", [[7, 8]]),
    ("INSERT INTO t (i) SELECT unnest(?) RETURNING i + 1 AS j", [[7, 8]]),
    ("UPDATE t SET s = ? WHERE i = ?", ["q", 1]),
    ("UPDATE t SET s = u.s FROM (SELECT unnest(?) AS i, unnest(?) AS s) u WHERE t.i = u.i",
     [[1], ["q"]]),
    ("UPDATE t SET x = ? FROM (SELECT 1 AS k) u WHERE t.i = u.k RETURNING i, k", [1.0]),
    ("DELETE FROM t WHERE i = ? RETURNING i", [1]),
    ("DELETE FROM t WHERE i IN (SELECT unnest(?))", [[1, 2]]),
    ("MERGE INTO t USING (SELECT ? AS i) u USING (i) WHEN MATCHED THEN UPDATE SET s = ?", [1, "q"]),
    ("MERGE INTO t USING (SELECT unnest(?) AS i) u USING (i) WHEN MATCHED THEN DELETE", [[1, 2]]),
    ("CREATE TABLE made AS SELECT ? AS a, ? AS b", [1, "x"]),
    ("CREATE TABLE made AS SELECT unnest(?) AS a", [[1, 2]]),
    ("CREATE TEMP TABLE made AS SELECT * FROM t WHERE i = ?", [1]),
    ("COPY (SELECT ? AS a) TO '{out}'", [1]),
    ("COPY (SELECT unnest(?) AS a) TO '{out}'", [[1]]),
    ("SET threads = ?", [2]),
    ("CALL range(?)", [2]),
    ("PRAGMA table_info('t')", []),
    ("COMMENT ON TABLE t IS 'x'", []),
    ("COMMENT ON COLUMN t.i IS 'x'", []),
    ("ALTER TABLE t ADD COLUMN z TIMESTAMP DEFAULT now()", []),
    ("ALTER TABLE t ADD COLUMN z INTEGER DEFAULT 5", []),
    ("ALTER TABLE t RENAME COLUMN i TO j", []),
    ("ALTER TABLE t RENAME TO u", []),
    ("CREATE VIEW v AS SELECT i FROM t", []),
    ("CREATE OR REPLACE TABLE t AS SELECT i FROM t", []),
    ("CREATE MACRO f(a) AS a + 1", []),
    ("CREATE INDEX x ON t (i)", []),
    ("CREATE SCHEMA other", []),
    ("CREATE TYPE other AS ENUM ('a')", []),
    ("DROP TABLE t", []),
    ("DROP TABLE IF EXISTS nothing", []),
    ("TRUNCATE t", []),
    ("PIVOT (SELECT i, s FROM t) ON s USING sum(i)", []),
    ("UNPIVOT (SELECT i, x FROM t) ON i, x", []),
    ("SUMMARIZE SELECT 1 AS a", []),
    ("SHOW TABLES", []),
    ("DESCRIBE t", []),
    ("EXPLAIN SELECT 1", []),
    ("TABLE t", []),
    ("; SELECT 1 AS one;; -- end", []),
    ("SELECT 'a' AS \"A\", 1 AS a", []),
    ("PREPARE p AS SELECT 1", []),
    ("SET VARIABLE v = 5", []),
    ("INSERT INTO t (i) VALUES (5) RETURNING i + 1 AS j, s", []),
    ("UPDATE t SET s = u.s FROM (SELECT 1 AS i, 'q' AS s) u WHERE t.i = u.i RETURNING u.s", []),
    ("WITH c AS (SELECT 5 AS i) INSERT INTO t (i) FROM c RETURNING i", []),
    ("CREATE TEMP TABLE temporary (i INTEGER)", []),
    ("ANALYZE", []),
    ("VACUUM", []),
]  # fmt: skip

# Errors of a statement: caret and line are where the client's text has them.
WRONG: list[tuple[str, list[Any]]] = [
    ("SELECT nofunc(1)", []),
    ("SELECT 1,\n  nofunc(1)", []),
    ("\n\n  SELECT nofunc(?)", [1]),
    ("SELECT lower(i) + ? FROM t", [1]),
    ("SELECT i\nFROM t\n\n\n\n\n\n\nWHERE nofunc(i)", []),
    ("SELECT 'x'::INTEGER", []),
    ("SELECT ?::INTEGER", ["x"]),
    ("SELECT i + ? FROM t", ["zz"]),
    ("SELECT sum(?)", ["x"]),
    ("SELEC 1", []),
    ("INSERT INTO t (i) VALUES ('x')", []),
    ("INSERT INTO t (i) VALUES (?)", ["x"]),
    ("INSERT INTO nothing VALUES (1)", []),
    ("INSERT INTO t (nothing) VALUES (1)", []),
    ("UPDATE t SET\n nothing = 1", []),
    ("CREATE TABLE made AS\nSELECT nofunc(1)", []),
    ("CREATE TABLE made AS\nSELECT nofunc(?)", [1]),
    ("MERGE INTO t USING (SELECT ? AS i) u USING (i) WHEN MATCHED THEN UPDATE SET n = ?", [1, 1]),
    ("SELECT nofunc(?)", [[1]]),
    ("SELECT 1,\n nofunc(i, ?) FROM t", [[1]]),
    ("CREATE TABLE made AS SELECT nofunc(?)", [[1]]),
    ("DROP TABLE nothing", []),
    ("ALTER TABLE nothing ADD COLUMN a INTEGER", []),
    ("COMMENT ON TABLE nothing IS 'x'", []),
]


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    found = {name: str(tmp_path / f"a.{name}") for name in ("csv", "parquet", "out")}
    Path(found["csv"]).write_text("a,b\n1,x\n2,y\n")
    duckdb.connect().execute(f"COPY (SELECT 1 AS i) TO '{found['parquet']}' (FORMAT parquet)")
    return found


def filled(value: Any, paths: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, path in paths.items():
            value = value.replace(f"{{{name}}}", path)
    elif isinstance(value, list):
        value = [filled(part, paths) for part in value]
    return value


def given(parameters: list[Any]) -> Any:
    return parameters[0] if parameters and isinstance(parameters[0], dict) else parameters


def named(parameters: Any) -> pa.RecordBatch:
    """The parameters as a client sends them that knows Python's types alone."""
    values = parameters.values() if isinstance(parameters, dict) else parameters
    arrays = []
    for value in values:
        array = pa.array([value])
        if isinstance(value, int) and not isinstance(value, bool):
            array = array.cast(pa.int32())
        if isinstance(value, list) and isinstance(value[0], int):
            array = array.cast(pa.list_(pa.int32()))
        arrays.append(array)
    names = parameters if isinstance(parameters, dict) else range(1, len(arrays) + 1)
    return pa.RecordBatch.from_arrays(arrays, names=[str(name) for name in names])


class Own:
    """DuckDB's own client, with a catalog as the server has it."""

    def __init__(self) -> None:
        self.cursor = duckdb.connect()
        self.cursor.execute("ATTACH ':memory:' AS local")
        self.cursor.execute("USE local.main")

    def run(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]] | str:
        try:
            return self.cursor.execute(sql, parameters or None).fetchall()
        except duckdb.Error as error:
            return str(error).partition("\n\nStack Trace:")[0]


def arrow_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def plain(rows: Any) -> Any:
    """Rows without the differences between what DuckDB and pyarrow make of one value."""
    if isinstance(rows, pa.MonthDayNano):
        return dt.timedelta(
            days=rows.months * 30 + rows.days, microseconds=rows.nanoseconds // 1000
        )
    if isinstance(rows, dict):
        return [(plain(key), plain(value)) for key, value in rows.items()]
    if isinstance(rows, (list, tuple)):
        return [plain(part) for part in rows] if isinstance(rows, list) else tuple(map(plain, rows))
    return rows


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with open_client(server) as client:
        for table in TABLES:
            client.execute(table)
        yield client


def open_client(server: Server) -> Client:
    return Client(server.username, server._password, host=server.host, port=server.port, tls=False)


def sent(client: Client, sql: str, parameters: Any, transaction: Any) -> Any:
    """Run a statement; its rows, or the text of its error."""
    options = {"transaction": transaction} if transaction is not None else {}
    try:
        if not parameters:
            return arrow_rows(client.query(sql, **options).read_all())
        with client.prepare(sql, **options) as statement:
            return arrow_rows(statement.query(parameters=named(parameters)).read_all())
    except (pa.ArrowException, pa.lib.ArrowKeyError) as error:
        text = re.split(r"\. (?:Detail: |gRPC client debug context: )", str(error))[0]
        return re.sub("^Failed to [a-z ]*: ", "", text)


@pytest.fixture
def own() -> Iterator[Own]:
    own = Own()
    for table in TABLES:
        own.run(table)
    yield own
    own.cursor.close()


@pytest.mark.parametrize(("sql", "parameters"), STATEMENTS, ids=lambda value: str(value)[:60])
def test_what_duckdbs_own_client_runs_runs_in_a_transaction_and_outside(
    client: Client, own: Own, paths: dict[str, str], sql: str, parameters: list[Any]
) -> None:
    sql, values = filled(sql, paths), given(filled(parameters, paths))
    for inside in (True, False):
        transaction = client.begin_transaction() if inside else None
        if inside:
            own.run("BEGIN")
        expected = own.run(sql, values)
        found = sent(client, sql, values, transaction)
        if isinstance(expected, str):
            # Neither runs it.
            assert isinstance(found, str)
            assert found.splitlines()[0] == expected.splitlines()[0]
        else:
            assert plain(found) == plain(expected)
            # The transaction goes on, and what the statement did is seen in it.
            for after in ("SELECT 42", "SELECT i FROM t ORDER BY i"):
                expected = own.run(after)
                found = sent(client, after, None, transaction)
                if isinstance(expected, str):
                    assert isinstance(found, str)
                else:
                    assert found == expected
        if transaction is not None:
            transaction.rollback()
            own.run("ROLLBACK")


@pytest.mark.parametrize(("sql", "parameters"), WRONG, ids=lambda value: str(value)[:60])
def test_errors_are_told_in_the_clients_text(
    client: Client, own: Own, sql: str, parameters: list[Any]
) -> None:
    expected = own.run(sql, parameters)
    assert isinstance(expected, str)
    text, _, position = expected.partition("\n\nLINE")
    for inside in (False, True):
        transaction = client.begin_transaction() if inside else None
        found = sent(client, sql, parameters, transaction)
        assert isinstance(found, str)
        assert "altertable_" not in found
        assert "EXECUTE" not in found
        assert found.splitlines()[0] == text.splitlines()[0]
        if "\n\nLINE" in found:
            assert found.partition("\n\nLINE")[2].strip() == position.strip()
        else:
            # Where a list is bound, DuckDB itself does not know the place any more.
            assert not position or isinstance(parameters[0], list)


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("INSERT INTO fixed.t VALUES (1)", []),
        ("INSERT INTO fixed.t VALUES (?)", [1]),
        ("INSERT INTO fixed.t SELECT unnest(?)", [[1]]),
        ("UPDATE fixed.t SET i = ?", [1]),
        ("DELETE FROM fixed.t WHERE i IN (SELECT unnest(?))", [[1]]),
        ("CREATE TABLE fixed.u (i INTEGER)", []),
        ("DROP TABLE fixed.t", []),
        ("ALTER TABLE fixed.t ADD COLUMN x INTEGER", []),
        ("COMMENT ON TABLE fixed.t IS 'x'", []),
    ],
    ids=lambda value: str(value),
)
def test_a_catalog_that_is_read_only(
    client: Client, own: Own, tmp_path: Path, sql: str, parameters: list[Any]
) -> None:
    # A file each: DuckDB 1.4 attaches one only once in a process.
    paths = tmp_path / "fixed.duckdb", tmp_path / "own.duckdb"
    for path in paths:
        with duckdb.connect(str(path)) as writer:
            writer.execute("CREATE TABLE t (i INTEGER)")
    client.execute(f"ATTACH '{paths[0]}' AS fixed (READ_ONLY)")
    with duckdb.connect() as own_client:
        own_client.execute(f"ATTACH '{paths[1]}' AS fixed (READ_ONLY)")
        with pytest.raises(duckdb.InvalidInputException) as refused:
            own_client.execute(sql, parameters or None)
    assert sent(client, sql, parameters, None) == str(refused.value)


def test_a_plan_that_fails_in_a_transaction_is_the_statements_own_failure(client: Client) -> None:
    """DuckDB 2 ends a transaction with any error, DuckDB 1 with few: the server adds none."""
    transaction = client.begin_transaction()
    assert "Catalog Error" in sent(client, "FROM nothing", None, transaction)
    still = sent(client, "SELECT 1", None, transaction)
    if VERSION >= (2, 0):
        assert "Current transaction is aborted" in still
    else:
        assert still == [(1,)]
    transaction.rollback()


class TestStockCursor:
    """The stock cursor compares what is announced with what comes."""

    @pytest.fixture
    def cursor(self, client: Client, server: Server) -> Iterator[stock.Cursor]:
        settings = {"username": server.username, "password": server._password}
        uri = f"grpc://{server.host}:{server.port}"
        with stock.connect(uri, db_kwargs=settings, autocommit=True) as connection:
            with connection.cursor() as cursor:
                yield cursor

    @pytest.mark.parametrize("inside", [False, True])
    @pytest.mark.parametrize(
        ("sql", "parameters", "rows"),
        [
            ("SELECT ? AS a, ? AS b", [1, "x"], [(1, "x")]),
            ("SELECT ? AS a, i FROM t WHERE i = ?", [1.5, 1], [(1.5, 1)]),
            ("SELECT COALESCE(?, 5) AS a, ? IS NULL AS b", [None, None], [(5, True)]),
            ("INSERT INTO t (i, s) VALUES (?, ?) RETURNING *", [7, None], None),
            ("INSERT INTO t (i, s) VALUES (?, ?) RETURNING s, i", [7, None], [(None, 7)]),
            ("DELETE FROM t WHERE i = ? RETURNING i", [1], [(1,)]),
        ],
    )
    def test_parameters(
        self, cursor: stock.Cursor, inside: bool, sql: str, parameters: list[Any], rows: Any
    ) -> None:
        cursor.connection.adbc_connection.set_autocommit(not inside)
        cursor.execute(sql, parameters)
        found = cursor.fetchall()
        assert len(found) == 1
        assert rows is None or found == rows

    def test_null_columns_are_refused_where_asked(self) -> None:
        with Server(refuse_null_columns=True) as server, open_client(server) as client:
            found = sent(client, "SELECT ? IS NULL", [None], None)
            assert "has no type" in found


class TestTypes:
    """Values arrive as the Arrow columns have them, whatever else is bound with them."""

    @pytest.mark.parametrize("beside", [None, pa.array([[1]]), pa.array([None], pa.int16())])
    @pytest.mark.parametrize(
        ("array", "type_", "text"),
        [
            (pa.array([1], pa.int8()), "TINYINT", "1"),
            (pa.array([1], pa.int32()), "INTEGER", "1"),
            (pa.array([-(2**63)], pa.int64()), "BIGINT", str(-(2**63))),
            (pa.array([2**64 - 1], pa.uint64()), "UBIGINT", str(2**64 - 1)),
            (pa.array([None], pa.uint8()), "UTINYINT", None),
            (pa.array([0.1], pa.float32()), "FLOAT", "0.1"),
            (pa.array([float("nan")], pa.float32()), "FLOAT", "nan"),
            (pa.array([float("nan")]), "DOUBLE", "nan"),
            (pa.array([float("-inf")]), "DOUBLE", "-inf"),
            (pa.array([-0.0]), "DOUBLE", "-0.0"),
            (pa.array([-0.0], pa.float32()), "FLOAT", "-0.0"),
            (pa.array([[-0.0, None, 0.1]]), "DOUBLE[]", "[-0.0, NULL, 0.1]"),
            (pa.array([[-0.0]], pa.list_(pa.float32())), "FLOAT[]", "[-0.0]"),
            (pa.array([[-0.0]], pa.list_(pa.float64(), 1)), "DOUBLE[1]", "[-0.0]"),
            (
                pa.array([{"a b": [{"x": -0.0, "y": None}]}],
                    pa.struct({"a b": pa.list_(pa.struct({"x": pa.float64(), "y": pa.int8()}))})),
                'STRUCT("a b" STRUCT(x DOUBLE, y TINYINT)[])',
                "{'a b': [{'x': -0.0, 'y': NULL}]}",
            ),
            (pa.array([D("1E-10")], pa.decimal128(38, 12)), "DECIMAL(38,12)", "0.000000000100"),
            (pa.array([D("1E-10")], pa.decimal128(10, 10)), "DECIMAL(10,10)", ".0000000001"),
            (pa.array([D("-0.50")], pa.decimal128(4, 2)), "DECIMAL(4,2)", "-0.50"),
            (pa.array([None], pa.decimal128(4, 2)), "DECIMAL(4,2)", None),
            (pa.array(["a\0b"]), "VARCHAR", "a\0b"),
            (pa.array([None], pa.utf8()), "VARCHAR", None),
            (pa.array(["x"], pa.large_utf8()), "VARCHAR", "x"),
            (pa.array([b"x\x00'"]), "BLOB", "x\\x00\\x27"),
            (pa.array([None], pa.binary()), "BLOB", None),
            (pa.array([dt.date(2026, 1, 2)]), "DATE", "2026-01-02"),
            (pa.array([-1_000_000], pa.int32()).cast(pa.date32()), "DATE", "0769-02-04 (BC)"),
            (pa.array([None], pa.date32()), "DATE", None),
            (pa.array([1], pa.time64("us")), "TIME", "00:00:00.000001"),
            (pa.array([0], pa.timestamp("s")), "TIMESTAMP_S", "1970-01-01 00:00:00"),
            (pa.array([0], pa.timestamp("ms")), "TIMESTAMP_MS", "1970-01-01 00:00:00"),
            (pa.array([1], pa.timestamp("us")), "TIMESTAMP", "1970-01-01 00:00:00.000001"),
            (pa.array([-(10**17)], pa.timestamp("us")), "TIMESTAMP", "1200-02-15 (BC) 14:13:20"),
            (pa.array([1], pa.timestamp("ns")), "TIMESTAMP_NS", "1970-01-01 00:00:00.000000001"),
            (
                pa.array([1], pa.timestamp("us", "UTC")),
                "TIMESTAMP WITH TIME ZONE",
                "1970-01-01 00:00:00.000001+00",
            ),
            (
                pa.array([0], pa.timestamp("us", "+02:00")),
                "TIMESTAMP WITH TIME ZONE",
                "1970-01-01 00:00:00+00",
            ),
            (pa.array([None], pa.timestamp("us", "UTC")), "TIMESTAMP WITH TIME ZONE", None),
            (pa.array([90_000_000_000], pa.duration("us")), "INTERVAL", "25:00:00"),
            (
                pa.array([pa.MonthDayNano([14, -3, 1_000])]),
                "INTERVAL",
                "1 year 2 months -3 days 00:00:00.000001",
            ),
            (pa.array([[]], pa.list_(pa.int16())), "SMALLINT[]", "[]"),
            (pa.array([[None]], pa.list_(pa.int16())), "SMALLINT[]", "[NULL]"),
            (pa.array([None], pa.list_(pa.int16())), "SMALLINT[]", None),
            (pa.array([[(1, 2)]], pa.map_(pa.int8(), pa.int8())), "MAP(TINYINT, TINYINT)", "{1=2}"),
            (pa.array(["x"]).dictionary_encode(), "VARCHAR", "x"),
        ],
    )  # fmt: skip
    def test_one(
        self, client: Client, array: pa.Array, type_: str, text: str | None, beside: pa.Array | None
    ) -> None:
        client.execute("SET TimeZone = 'UTC'")
        sql = "SELECT typeof($1) AS t, $1::VARCHAR AS v"
        columns = {"1": array}
        if beside is not None:
            sql += ", $2 AS b"
            columns["2"] = beside
        with client.prepare(sql) as statement:
            found = statement.query(parameters=pa.record_batch(columns)).read_all()
        assert arrow_rows(found)[0][:2] == (type_, text)
        assert beside is None or arrow_rows(found)[0][2] == beside[0].as_py()

    @pytest.mark.parametrize("beside", [None, pa.array([[1]])])
    def test_nanoseconds_of_a_day(self, client: Client, beside: pa.Array | None) -> None:
        columns = {"1": pa.array([1], pa.time64("ns"))}
        sql = "SELECT typeof($1) AS t, $1::VARCHAR AS v"
        with client.prepare(sql) as statement:
            found = statement.query(parameters=pa.record_batch(columns)).read_all()
        # DuckDB 1.4 reads such a column as TIME, of microseconds.
        expected = ("TIME_NS", "00:00:00.000000001") if VERSION >= (1, 5) else ("TIME", "00:00:00")
        assert arrow_rows(found) == [expected]

    @pytest.mark.parametrize(
        "array",
        [
            pa.array([1], pa.int32()),
            pa.array([dt.date(2026, 1, 2)]),
            pa.array([dt.datetime(2026, 1, 2)]),
            pa.array([b"x"]),
            pa.array([0], pa.timestamp("ns")),
            pa.array([[1]]),
        ],
    )
    def test_many_take_no_longer_than_few_by_number(self, client: Client, array: pa.Array) -> None:
        """What was quadratic took ten times as long each as here."""

        def seconds(count: int) -> float:
            sql = f"SELECT len([{', '.join('?' * count)}]) AS n"
            columns = {str(number): array for number in range(1, count + 1)}
            with client.prepare(sql) as statement:
                begun = time.process_time()
                found = statement.query(parameters=pa.record_batch(columns)).read_all()
            assert found.to_pydict() == {"n": [count]}
            return time.process_time() - begun

        seconds(10)
        assert seconds(3_200) < 50 * max(seconds(200), 0.05)


def test_nothing_is_written_to_standard_error(
    client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    """Arrow's C++ warns there of batches that are not aligned, as they come over the wire."""
    client.execute("CREATE TABLE loaded (a BIGINT, b VARCHAR, c DECIMAL(20, 2), d BIGINT[])")
    sql = "INSERT INTO loaded SELECT unnest($1), unnest($2), unnest($3), unnest($4)"
    for count in (1, 2, 3, 5, 8, 13, 100):
        columns = {
            "a": pa.array(range(count)),
            "b": pa.array(["x" * (i % 7) for i in range(count)]),
            "c": pa.array([D(i) for i in range(count)], pa.decimal128(20, 2)),
            "d": pa.array([[i] * (i % 3) for i in range(count)], pa.list_(pa.int64())),
        }
        lists = {
            name: pa.ListArray.from_arrays([0, count], array) for name, array in columns.items()
        }
        with client.prepare(sql) as statement:
            statement.query(parameters=pa.record_batch(lists)).read_all()
        batch = pa.record_batch(columns)
        writer = client.ingest(table_name="loaded", schema=batch.schema)
        writer.write(batch)
        writer.close()
    assert sent(client, "SELECT count(*) FROM loaded", None, None) == [(264,)]
    assert capfd.readouterr().err == ""


def test_what_was_executed_is_kept_within_bounds(server: Server, client: Client) -> None:
    noted = server.executed
    with client.prepare("SELECT ?") as statement:
        for _ in range(510):
            statement.query(parameters=[1]).read_all()
    assert server.executed is noted
    assert [text.parameters is not None for text in noted[-510:]] == [False] * 10 + [True] * 500
    noted.extend([noted[-1]] * 9_500)
    client.query("SELECT 1").read_all()
    assert len(noted) <= 10_000
    assert noted[-1] == "SELECT 1"
