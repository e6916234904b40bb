"""The hook: connecting, statements, frames, loads."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow as pa
import pytest
from airflow.providers.common.sql.hooks.handlers import fetch_all_handler
from airflow.sdk import BaseHook
from airflow.sdk.serde import deserialize, serialize

import altertable_dbapi
from altertable_dbapi.airflow import AltertableDialect, AltertableHook
from altertable_dbapi.airflow.xcom import storable
from altertable_dbapi.local import Server

FLIGHTS = Path(__file__).parents[1] / "examples" / "data" / "flights.parquet"

WHERE = "SELECT current_catalog(), current_schema()"


# Connecting


def test_a_connection_of_the_type_gives_the_hook(hook: AltertableHook) -> None:
    found = BaseHook.get_connection("altertable_default").get_hook()
    assert type(found) is AltertableHook
    assert found.get_conn_id() == "altertable_default"
    assert found.test_connection() == (True, "Connection successfully tested")


def test_the_schema_field_and_the_extra(connect: Callable[..., None], auto: Any) -> None:
    auto.execute("CREATE SCHEMA sales.spring")
    connect("a", schema="spring", extra={"tls": "false", "catalog": "sales", "query_timeout": 9})
    assert AltertableHook("a").get_first(WHERE) == ("sales", "spring")
    assert AltertableHook(altertable_conn_id="a").get_first(WHERE) == ("sales", "spring")


def test_arguments_win_over_the_connection(connect: Callable[..., None], auto: Any) -> None:
    auto.execute("CREATE SCHEMA sales.spring")
    connect("a", schema="main", extra={"tls": False, "catalog": "local", "binding": "server"})
    hook = AltertableHook("a", catalog="sales", schema="spring", binding="client")
    assert hook.get_first(WHERE) == ("sales", "spring")
    with pytest.raises(altertable_dbapi.ProgrammingError, match="binding is 'x'"):
        AltertableHook("a", binding="x").get_conn()


def test_what_forms_leave_empty_is_not_given(connect: Callable[..., None], server: Server) -> None:
    empty = {"tls": False, "catalog": "", "compute_size": None, "query_timeout": ""}
    connect("a", schema="", extra=empty)
    assert AltertableHook("a").get_first("SELECT 1") == (1,)
    assert AltertableHook("a").get_uri() == server.uri


def test_a_uri_as_airflow_reads_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = server.uri.replace("?", "/main?") + "&catalog=sales"
    monkeypatch.setenv("AIRFLOW_CONN_A", uri)
    assert AltertableHook("a").get_first(WHERE) == ("sales", "main")


def test_a_failure_says_what_was_tried(connect: Callable[..., None], server: Server) -> None:
    connect("a", password="wrong-secret")
    state, message = AltertableHook("a").test_connection()
    assert state is False
    assert f"cannot connect to 127.0.0.1:{server.port} as 'local'" in message
    assert "wrong-secret" not in message


# Statements


def test_autocommit(hook: AltertableHook, auto: Any) -> None:
    auto.execute("CREATE TABLE t (i INTEGER)")
    script = "INSERT INTO t VALUES (1); INSERT INTO missing VALUES (1)"
    for autocommit, expected in ((False, 0), (True, 1)):
        with pytest.raises(altertable_dbapi.ProgrammingError, match="missing"):
            hook.run(script, autocommit=autocommit)
        assert auto.execute("SELECT count(*) FROM t").fetchall() == [(expected,)]
    hook.run("INSERT INTO t VALUES ($i)", parameters={"i": 7})
    assert hook.get_records("SELECT i FROM t ORDER BY i") == [(1,), (7,)]


def test_transactions_cost_what_they_need(hook: AltertableHook, server: Server) -> None:
    hook.get_first("SELECT 1")
    server.clear()
    hook.run("SELECT 1", autocommit=True, handler=fetch_all_handler)
    assert [call for call in server.calls if "Transaction" in call] == []


def test_split_statements(hook: AltertableHook) -> None:
    script = "SELECT 'a;b' -- c;\n; SELECT $$d;e$$ || $x; ;"
    parameters = {"x": "!"}
    assert hook.get_records(script, parameters) == [("d;e!",)]
    every = hook.run(script, parameters=parameters, handler=fetch_all_handler, return_last=False)
    assert every == [[("a;b",)], [("d;e!",)]]
    assert [column.name for column in hook.descriptions[1]] == [hook.last_description[0][0]]
    with pytest.raises(ValueError, match="empty"):
        hook.run("-- nothing")


def test_statements_without_rows_give_nothing(hook: AltertableHook) -> None:
    assert hook.get_records("CREATE TABLE t (i INTEGER)") is None
    assert hook.get_first("INSERT INTO t VALUES (1)") is None
    assert hook.run("INSERT INTO t VALUES (2)", handler=lambda cursor: cursor.rowcount) == 1


# XCom


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("true", True),
        ("170141183460469231731687303715884105727::HUGEINT", 2**127 - 1),
        ("1.25::DECIMAL(9, 2)", decimal.Decimal("1.25")),
        ("DATE '2026-11-22'", datetime.date(2026, 11, 22)),
        ("TIME '12:30:01.5'", "12:30:01.500000"),
        ("TIMESTAMP '2026-11-22 12:30:00.000001'", datetime.datetime(2026, 11, 22, 12, 30, 0, 1)),
        (
            "TIMESTAMPTZ '2026-11-22 12:30:00+02'",
            datetime.datetime(2026, 11, 22, 10, 30, tzinfo=datetime.timezone.utc),
        ),
        ("INTERVAL '14 months 3 days 4.5 seconds'", "1 year 2 months 3 days 00:00:04.5"),
        ("[INTERVAL 1 DAY, NULL]", ["1 day", None]),
        ("{'a': TIME '01:02:03', 'b': [1.5]}", {"a": "01:02:03", "b": [decimal.Decimal("1.5")]}),
        ("MAP {'k': INTERVAL 1 MONTH}", {"k": "1 month"}),
    ],
)
def test_results_pass_through_xcom(hook: AltertableHook, sql: str, value: Any) -> None:
    rows = hook.get_records(f"SELECT {sql}")
    assert rows == [(value,)]
    assert deserialize(json.loads(json.dumps(serialize(rows)))) == rows


def test_uuids_pass_through_xcom(hook: AltertableHook) -> None:
    text = "6b1f1a3e-52a4-4d11-9a3b-0b0a3cf6a2a1"
    rows = hook.get_records(f"SELECT UUID '{text}'")
    assert [uuid.UUID(str(row[0])) for row in rows] == [uuid.UUID(text)]
    assert deserialize(json.loads(json.dumps(serialize(rows)))) == rows


def test_fixed_offsets_become_utc() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    rows = storable([(datetime.datetime(2026, 11, 22, 12, 30, tzinfo=zone),)])
    assert rows == [(datetime.datetime(2026, 11, 22, 10, 30, tzinfo=datetime.timezone.utc),)]
    assert deserialize(json.loads(json.dumps(serialize(rows)))) == rows


def test_the_driver_s_own_values_are_a_connection_away(hook: AltertableHook) -> None:
    with hook.get_conn() as conn:
        row = conn.execute("SELECT INTERVAL 1 MONTH, TIME '01:02:03'").fetchone()
    assert row == (altertable_dbapi.Interval(months=1), datetime.time(1, 2, 3))


# Data frames

NUMBERS = "SELECT i, 'n' || i AS name FROM range($n) r(i) WHERE i <> $skip ORDER BY i"


def test_pandas(hook: AltertableHook) -> None:
    frame = hook.get_df(NUMBERS, {"n": 5, "skip": 1}, df_type="pandas")
    assert isinstance(frame, pandas.DataFrame)
    assert frame.to_dict("list") == {"i": [0, 2, 3, 4], "name": ["n0", "n2", "n3", "n4"]}
    assert hook.get_df("SELECT ? + 1 AS x", [41])["x"].tolist() == [42]
    indexed = hook.get_df(NUMBERS, {"n": 2, "skip": 9}, index_col="i", dtype_backend="pyarrow")
    assert indexed.index.tolist() == [0, 1]
    assert str(indexed["name"].dtype).endswith("[pyarrow]")


def test_polars(hook: AltertableHook) -> None:
    frame = hook.get_df(NUMBERS, {"n": 5, "skip": 1}, df_type="polars")
    assert isinstance(frame, polars.DataFrame)
    assert frame.to_dict(as_series=False) == {"i": [0, 2, 3, 4], "name": ["n0", "n2", "n3", "n4"]}
    assert hook.get_df("SELECT ? + 1 AS x", [41], df_type="polars")["x"].to_list() == [42]
    # More than a record batch, and none.
    assert hook.get_df("FROM range(200_000)", df_type="polars").height == 200_000
    empty = hook.get_df("SELECT 1 AS x WHERE false", df_type="polars")
    assert (empty.height, empty.schema) == (0, {"x": polars.Int32})
    cast = hook.get_df("SELECT 1 AS x", df_type="polars", schema_overrides={"x": polars.Int8})
    assert cast.schema == {"x": polars.Int8}


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_chunks(hook: AltertableHook, server: Server, kind: Any) -> None:
    chunks = hook.get_df_by_chunks(NUMBERS, {"n": 10_001, "skip": 0}, chunksize=3000, df_type=kind)
    frames = list(chunks)
    assert {type(frame).__module__.partition(".")[0] for frame in frames} == {kind}
    assert [len(frame) for frame in frames] == [3000, 3000, 3000, 1000]
    assert [next(iter(frame["i"])) for frame in frames] == [1, 3001, 6001, 9001]
    assert server.open_sessions == 0
    (empty,) = hook.get_df_by_chunks(NUMBERS, {"n": 0, "skip": 0}, chunksize=3000, df_type=kind)
    assert list(empty.columns) == ["i", "name"] and len(empty) == 0


def test_chunks_that_nobody_finishes(hook: AltertableHook, server: Server) -> None:
    chunks = hook.get_df_by_chunks("FROM range(100_000)", chunksize=10)
    assert len(next(chunks)) == 10
    chunks.close()
    assert server.open_sessions == 0
    with pytest.raises(altertable_dbapi.ProgrammingError, match="chunksize is 0"):
        next(hook.get_df_by_chunks("SELECT 1", chunksize=0))


def test_frames_of_statements_that_write(hook: AltertableHook, auto: Any) -> None:
    auto.execute("CREATE TABLE t (i INTEGER)")
    frame = hook.get_df(
        ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES ($i) RETURNING i"], {"i": 2}
    )
    assert frame["i"].tolist() == [2]
    assert auto.execute("SELECT count(*) FROM t").fetchall() == [(2,)]


# Loading


def test_load_file(hook: AltertableHook, auto: Any, tmp_path: Path) -> None:
    assert hook.load_file("flights", FLIGHTS, mode="create") == 51_955
    assert hook.load_file("sales.main.flights", str(FLIGHTS), mode="create_append") == 51_955
    (tmp_path / "t.csv").write_text("i,day\n1,2026-01-02\n2,\n")
    auto.execute("CREATE TABLE t (day DATE, i SMALLINT)")
    assert hook.load_file("t", tmp_path / "t.csv") == 2
    assert auto.execute("SELECT i, day FROM t ORDER BY i").fetchall() == [
        (1, datetime.date(2026, 1, 2)),
        (2, None),
    ]


def test_load_data(hook: AltertableHook, auto: Any) -> None:
    frame = polars.DataFrame({"i": [1, 2], "s": ["a", "b"]})
    assert hook.load("t", frame, mode="create") == 2
    assert hook.load("t", pa.table({"i": [2, 3], "s": ["B", "c"]}), primary_key="i") == 2
    rows = auto.execute("FROM t ORDER BY i").fetchall()
    assert rows == [(1, "a"), (2, "B"), (3, "c")]


def test_bulk_dump_and_load(hook: AltertableHook, auto: Any, tmp_path: Path) -> None:
    auto.execute("CREATE TABLE t (i INTEGER, s VARCHAR, d DATE, x DOUBLE, b BOOLEAN)")
    rows = [
        (1, 'a\t"b"\nc', datetime.date(2026, 1, 2), 0.1, True),
        (2, "", None, None, None),
        (3, None, None, -1.5e300, False),
    ]
    with auto.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
    hook.bulk_dump("t", str(tmp_path / "t.tsv"))
    auto.execute("CREATE TABLE sales.main.u AS FROM t LIMIT 0")
    hook.bulk_load("sales.u", str(tmp_path / "t.tsv"))
    assert auto.execute("FROM sales.main.u ORDER BY i").fetchall() == rows


# insert_rows

ROWS = [
    (
        1,
        "a",
        0.5,
        decimal.Decimal("1.25"),
        datetime.date(2026, 1, 2),
        datetime.datetime(2026, 1, 2),
    ),
    (2, None, None, None, None, None),
]


@pytest.fixture
def things(auto: Any) -> Any:
    auto.execute(
        "CREATE TABLE things (i INTEGER, s VARCHAR, x DOUBLE, d DECIMAL(9, 2), day DATE, "
        "moment TIMESTAMP DEFAULT TIMESTAMP '2000-01-01')"
    )
    return auto


def loads(server: Server) -> int:
    return len([call for call in server.calls if "Ingest" in call])


def test_rows_of_the_table_s_types_are_bulk_loaded(
    hook: AltertableHook, things: Any, server: Server
) -> None:
    hook.insert_rows("things", ROWS)
    hook.insert_rows("local.things", iter(ROWS), commit_every=1)
    assert loads(server) == 3
    rows = things.execute("FROM things ORDER BY i").fetchall()
    assert rows == [ROWS[0], ROWS[0], ROWS[1], ROWS[1]]


def test_rows_that_need_a_conversion_are_inserted(
    hook: AltertableHook, things: Any, server: Server
) -> None:
    row = ("3", "c", 1, "2.5", "2026-01-02", datetime.date(2026, 1, 3))
    hook.insert_rows("things", [row])
    assert loads(server) == 0
    assert things.execute("FROM things").fetchall() == [
        (
            3,
            "c",
            1.0,
            decimal.Decimal("2.50"),
            datetime.date(2026, 1, 2),
            datetime.datetime(2026, 1, 3),
        )
    ]


def test_columns_that_are_not_named_get_their_defaults(
    hook: AltertableHook, things: Any, server: Server
) -> None:
    hook.insert_rows("things", [("a", 1), ("b", 2)], target_fields=["S", "i"])
    hook.insert_rows("things", [{"i": 3, "s": "c"}])
    assert loads(server) == 0
    assert things.execute("SELECT i, s, year(moment) FROM things ORDER BY i").fetchall() == [
        (1, "a", 2000),
        (2, "b", 2000),
        (3, "c", 2000),
    ]


def test_rows_with_an_error_leave_nothing(hook: AltertableHook, things: Any) -> None:
    with pytest.raises(altertable_dbapi.DataError, match="many"):
        hook.insert_rows("things", [(1, "a"), ("many", "b")], target_fields=["i", "s"])
    with pytest.raises(altertable_dbapi.ProgrammingError, match="row 2 has 1 values for 6 columns"):
        hook.insert_rows("things", [ROWS[0], (2,)])
    with pytest.raises(altertable_dbapi.ProgrammingError, match="no column 'z'; it has i, s"):
        hook.insert_rows("things", [(1,)], target_fields=["z"])
    with pytest.raises(altertable_dbapi.ProgrammingError, match="row 2 has no 's'"):
        hook.insert_rows("things", [{"i": 1, "s": "a"}, {"i": 2}])
    assert things.execute("SELECT count(*) FROM things").fetchall() == [(0,)]


def test_replace(hook: AltertableHook, things: Any) -> None:
    hook.insert_rows("things", ROWS)
    with pytest.raises(altertable_dbapi.ProgrammingError, match="replace_index="):
        hook.insert_rows("things", ROWS, replace=True)
    fields = ["i", "s", "day"]
    new = [(2, "b", "2026-03-04"), (9, "z", None)]
    hook.insert_rows("things", new, fields, replace=True, replace_index="i")
    assert things.execute("SELECT i, s, x, day FROM things ORDER BY i").fetchall() == [
        (1, "a", 0.5, datetime.date(2026, 1, 2)),
        (2, "b", None, datetime.date(2026, 3, 4)),
        (9, "z", None, None),
    ]


def test_no_rows(hook: AltertableHook, things: Any) -> None:
    hook.insert_rows("things", [])
    assert things.execute("SELECT count(*) FROM things").fetchall() == [(0,)]


# The dialect


def test_dialect(hook: AltertableHook, auto: Any) -> None:
    auto.execute(
        'CREATE TABLE "my table" ("order" INTEGER PRIMARY KEY, "A b" VARCHAR DEFAULT \'x\')'
    )
    dialect = hook.dialect
    assert type(dialect) is AltertableDialect
    assert dialect.get_column_names('"my table"') == ["order", "A b"]
    assert dialect.get_column_names('"my table"', "main") == ["order", "A b"]
    assert dialect.get_primary_keys('"my table"') == ["order"]
    assert hook.get_table_schema('"my table"')[1] == {
        "name": "A b",
        "type": "VARCHAR",
        "nullable": True,
        "default": "'x'",
        "primary_key": False,
    }
    words = ["order", "Order", "amount", '"done"', 'a"b', "1st", "straße"]
    assert [dialect.escape_word(word) for word in words] == [
        '"order"',
        '"Order"',
        "amount",
        '"done"',
        '"a""b"',
        '"1st"',
        '"straße"',
    ]
    hook.insert_rows('"my table"', [("1", "y")], target_fields=["order", "A b"])
    assert auto.execute('FROM "my table"').fetchall() == [(1, "y")]


def test_reserved_words_are_duckdb_s(hook: AltertableHook, auto: Any) -> None:
    words = auto.execute(
        "SELECT keyword_name FROM duckdb_keywords() "
        "WHERE keyword_category IN ('reserved', 'type_function')"
    ).fetchall()
    assert hook.reserved_words == {word for (word,) in words}


@pytest.mark.parametrize("replace", [False, True])
def test_no_row_depends_on_the_others(hook: AltertableHook, auto: Any, replace: bool) -> None:
    auto.execute("CREATE TABLE mixed (i INTEGER PRIMARY KEY, s VARCHAR, j JSON)")
    rows = [(1, 1, {"a": 1}), (2, 2.5, {"b": 2}), ("3", True, [1]), (4, None, "null"), (5, "x", 5)]
    hook.insert_rows("mixed", rows, replace=replace)
    assert auto.execute("SELECT i, s, j::VARCHAR FROM mixed ORDER BY i").fetchall() == [
        (1, "1", '{"a":1}'),
        (2, "2.5", '{"b":2}'),
        (3, "true", "[1]"),
        (4, None, "null"),
        (5, "x", "5"),
    ]
    with pytest.raises(altertable_dbapi.DataError):
        hook.insert_rows("mixed", [(6, "x", "no JSON")], replace=replace)
    assert auto.execute("SELECT count(*) FROM mixed").fetchall() == [(5,)]
