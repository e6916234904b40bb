"""Parameters of execute: None, nanoseconds, days, and statements with placeholders of others."""

from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from altertable_dbapi import Connection, DataError, Interval, NotSupportedError, ProgrammingError
from altertable_dbapi.execution import binding
from altertable_dbapi.local import Server

from ..execution.test_binding import BOUND, PLAIN

duckdb = pytest.importorskip("duckdb")

Conn = Connection[tuple[Any, ...]]
NEWER = not duckdb.__version__.startswith("1.")


@pytest.fixture(scope="module")
def module_server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(params=["server", "client"])
def bound(request: pytest.FixtureRequest, module_server: Server) -> Iterator[Conn]:
    with module_server.connect(autocommit=True, binding=request.param) as connection:
        yield connection


def test_none_is_prepared_once_for_each_pattern(server: Server) -> None:
    with server.connect(autocommit=True, binding="server") as conn:
        for values, calls in (
            ([1, None], BOUND),
            ([2, None], BOUND[1:]),
            ([None, 3], BOUND),
            ([4, 5], BOUND),
            ([None, 6], BOUND[1:]),
            # Nothing is left to be bound.
            ([None, None], PLAIN),
        ):
            server.clear()
            assert conn.execute("SELECT ?, ?", values).fetchall() == [tuple(values)]
            assert server.calls == calls


def test_none_among_names_and_numbers(bound: Conn) -> None:
    values = {"a": None, "b": 2, "c": uuid.UUID(int=1)}
    rows = bound.execute("SELECT $a, $b, $a, typeof($c), $b", values).fetchall()
    assert rows == [(None, 2, None, "UUID", 2)]
    assert bound.execute("SELECT $2, $1, $3", [None, 5, None]).fetchall() == [(5, None, None)]
    batch = pa.record_batch({"a": pa.nulls(1), "b": pa.array([2])})
    assert bound.execute("SELECT $b, $a", batch).fetchall() == [(2, None)]


def test_none_in_statements_that_store(bound: Conn) -> None:
    bound.execute("CREATE OR REPLACE TABLE stored (a INTEGER, b VARCHAR, c STRUCT(x DATE)[])")
    bound.execute("INSERT INTO stored VALUES (?, ?, ?), (?, ?, ?)", [1, None, None, None, "x", []])
    bound.execute("UPDATE stored SET a = ?, c = ? WHERE a IS NOT DISTINCT FROM ?", [2, None, None])
    assert bound.execute("FROM stored ORDER BY a").fetchall() == [(1, None, None), (2, "x", None)]
    assert bound.execute("DELETE FROM stored WHERE b = ?", [None]).rowcount == 0


@pytest.mark.parametrize("hours", [24, 48, -24])
def test_a_day_is_a_day_where_the_clock_changes(bound: Conn, hours: int) -> None:
    """As in Python and in DuckDB's own client: the same time of day, 23 or 25 hours later."""
    bound.execute("SET TimeZone = 'Europe/Paris'")
    paris = zoneinfo.ZoneInfo("Europe/Paris")
    for day in (
        dt.datetime(2024, 3, 30, 12, tzinfo=paris),
        dt.datetime(2024, 10, 27, 12, tzinfo=paris),
    ):
        step = dt.timedelta(hours=hours)
        ((found,),) = bound.execute("SELECT ? + ?", [day, step]).fetchall()
        assert found == day + step
        assert found.hour == 12
        # What is elapsed time is said so.
        micros = Interval(microseconds=hours * 3_600_000_000)
        ((found,),) = bound.execute("SELECT ? + ?", [day, micros]).fetchall()
        assert found.timestamp() - day.timestamp() == hours * 3600


@pytest.mark.parametrize(
    "value",
    [
        pd.Timedelta(1, "ns"),
        [pd.Timedelta(1, "ns")],
        pa.scalar(1, pa.duration("ns")),
        pa.scalar([1], pa.list_(pa.duration("ns"))),
        pa.scalar(pa.MonthDayNano([0, 0, 1])),
    ],
    ids=str,
)
def test_an_interval_with_nanoseconds_is_refused(module_server: Server, value: Any) -> None:
    with module_server.connect(binding="server") as conn:
        module_server.clear()
        with pytest.raises(DataError, match=r"\$v.*nanoseconds"):
            conn.execute("SELECT $v", {"v": value})
        assert module_server.calls == []


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (pa.array([3_600_000_000_005], pa.time64("ns")), "01:00:00.000000005"),
        (pa.array([5], pa.timestamp("ns", tz="UTC")), "1970-01-01 00:00:00.000000005+00"),
        (pa.array([[5]], pa.list_(pa.time64("ns"))), "['00:00:00.000000005']"),
        (pa.array([5], pa.timestamp("ns")), "1970-01-01 00:00:00.000000005"),
    ],
    ids=str,
)
def test_nanoseconds_are_kept_or_refused(bound: Conn, array: pa.Array, text: str) -> None:
    bound.execute("SET TimeZone = 'UTC'")
    known = NEWER or "+00" not in text  # DuckDB 1 has no TIMESTAMPTZ_NS
    for given in ([array[0]], pa.record_batch([array], names=["v"])):
        if known:
            assert bound.execute("SELECT CAST(? AS VARCHAR)", given).fetchall() == [(text,)]
        else:
            with pytest.raises(ProgrammingError, match="_NS does not exist"):
                bound.execute("SELECT CAST(? AS VARCHAR)", given)


def test_times_that_have_no_nanoseconds_need_no_type_for_them(module_server: Server) -> None:
    values = [pa.scalar(5_000, pa.timestamp("ns", tz="UTC")), pa.scalar(5_000, pa.time64("ns"))]
    with module_server.connect(binding="server") as conn:
        ((moment, clock),) = conn.execute("SELECT ?, ?", values).fetchall()
    assert (moment.microsecond, clock.microsecond) == (5, 5)


@pytest.mark.parametrize(
    ("text", "parameters", "foreign"),
    [
        ("SELECT %s", [1], "%s"),
        ("SELECT * FROM t WHERE a = %s AND b=%s", (1, 2), "%s"),
        ("SELECT %(a)s", {"a": 1}, "%(a)s"),
        ("SELECT * FROM t WHERE b>%(city)s", {"city": 1}, "%(city)s"),
        ("SELECT :a", {"a": 1}, ":a"),
        ("SELECT * FROM t WHERE a=:name", {"name": 1}, ":name"),
        ("SELECT :1", [1], ":1"),
    ],
)
def test_placeholders_of_others(
    module_server: Server, text: str, parameters: Any, foreign: str
) -> None:
    with module_server.connect() as conn:
        module_server.clear()
        with pytest.raises(ProgrammingError) as caught:
            conn.execute(text, parameters)
        assert str(caught.value).endswith(
            f": this driver's placeholders are ?, $1 and $name, not {foreign}"
        )
        assert module_server.calls == []


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ("SELECT 10 % s FROM (SELECT 3 AS s) AS t", ["s"], [(1,)]),
        ("SELECT 10 %s FROM (SELECT 3 AS s) AS t", ["s"], [(1,)]),
        ("SELECT 10 %(a) FROM (SELECT 3 AS a) AS t", ["a"], [(1,)]),
        ("SELECT '1'::INT ::VARCHAR", ["INT", "VARCHAR"], [("1",)]),
        ("SELECT {'k': a}, {'k' :a} FROM (SELECT 3 AS a) AS t", ["a"], [({"k": 3}, {"k": 3})]),
        ("SELECT [1, 2, 3][:a] FROM (SELECT 2 AS a) AS t", ["a"], [([1, 2],)]),
        ("SELECT ':a %(a)s' -- :a\n", ["a"], [(":a %(a)s",)]),
        ("SELECT 1", ["a"], [(1,)]),
    ],
)
def test_what_is_no_placeholder_of_others(
    module_server: Server, text: str, names: list[str], rows: list[Any]
) -> None:
    with module_server.connect() as conn:
        assert conn.execute(text, dict.fromkeys(names, 1)).fetchall() == rows
        with pytest.raises(ProgrammingError, match=r"no placeholder.*are \?, \$1 and \$name"):
            conn.execute(text, [1])


INJECTED = "'; DROP TABLE sentinel; --"
BACKQUOTED = [
    "SELECT `it's` AS a, 'q ? q'",
    "SELECT `it's` AS a, ?, 'x'",
    "SELECT `a--` AS a, ?\n, `'`",
    "SELECT 'x' `'` , '?'",
    "SELECT ```'`, ?, '`'",
    "SELECT `/*`, ?, `*/`, '?'",
    "SELECT `$$`, ?, `$$`",
]


@pytest.mark.parametrize("text", BACKQUOTED)
def test_no_value_leaves_its_place_by_way_of_a_backquote(module_server: Server, text: str) -> None:
    with module_server.connect(autocommit=True, binding="client") as conn:
        module_server.clear()
        with pytest.raises(ProgrammingError):
            conn.execute(text, [INJECTED])
        assert module_server.calls == []


@pytest.mark.skipif(not NEWER, reason="DuckDB 1 has no names in backquotes")
def test_backquotes_where_they_do_no_harm(bound: Conn) -> None:
    text = "SELECT `a b`, ?, '`' FROM (SELECT 5 AS \"a b\") AS t"
    assert bound.execute(text, ["x"]).fetchall() == [(5, "x", "`")]
    text = "SELECT `it's`, '?' FROM (SELECT 5 AS \"it's\") AS t"
    assert bound.execute(text).fetchall() == [(5, "?")]


def test_numbers_that_versions_read_differently(module_server: Server) -> None:
    with module_server.connect() as conn:
        for text in ("SELECT ?1_000", "SELECT $1_0"):
            with pytest.raises(ProgrammingError, match="without _"):
                conn.execute(text, [1])


def test_a_server_of_another_dialect_is_sent_no_literals(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if a backslash were an escape there.
    monkeypatch.setattr(binding, "_LITERALS", [("\\", ("VARCHAR", ""))])
    with Server(bind_as_text=True) as server, server.connect(autocommit=True) as conn:
        for _ in range(2):
            with pytest.raises(NotSupportedError, match="reads literals otherwise than DuckDB"):
                conn.execute("SELECT ?", ["\\' OR 1 = 1 --"])
        assert all("OR 1" not in text for text in server.executed)
    # What binds values is sent none.
    with Server() as server, server.connect(autocommit=True) as conn:
        assert conn.execute("SELECT ?, ?", ["\\", None]).fetchall() == [("\\", None)]


def test_a_server_without_parameters_is_asked_for_literals_alone(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        refused = ("DoAction:CreatePreparedStatement", "UNIMPLEMENTED", "no parameters")
        server.fail_next(*refused, times=2)
        assert conn.execute("SELECT ?", ["it's"]).fetchall() == [("it's",)]
        assert server.executed[-1].parameters is None
        server.executed.clear()
        assert conn.execute("SELECT ?", [5]).fetchall() == [(5,)]
        assert len(server.executed) == 1
