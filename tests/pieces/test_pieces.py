"""Pieces: each row in exactly one, whatever the column, its NULLs and the number of pieces."""

from __future__ import annotations

import datetime
import pickle
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altertable_dbapi import InterfaceError, NotSupportedError, ProgrammingError
from altertable_dbapi.local import Server
from altertable_dbapi.pieces import Access, Plan, plan
from altertable_dbapi.pieces.cuts import between

#: Columns by the SQL type that they are made of, with what is hard about each.
COLUMNS = {
    "BIGINT": "VALUES (-9223372036854775808), (9223372036854775807), (0), (0), (NULL), (5)",
    "UTINYINT": "VALUES (0), (255), (NULL), (7), (7)",
    "HUGEINT": "VALUES (-9999999999999999999999999999999999999), (9), (NULL), (0)",
    "DECIMAL(38,10)": "VALUES (-0.0000000001), (9999999999999999999999999999.5), (NULL), (0)",
    "DECIMAL(4,2)": "VALUES (-1.25), (1.25), (0.01), (NULL)",
    "DOUBLE": "VALUES ('nan'), ('inf'), ('-inf'), ('-1e308'), ('1e308'), ('0'), ('-0.0'), (NULL)",
    "DATE": "VALUES ('infinity'), ('-infinity'), ('1500-02-03'), ('2026-01-01'), (NULL)",
    "TIMESTAMP": "VALUES ('infinity'), ('1500-02-03 04:05:06.7'), ('2026-03-29 02:30:00'), (NULL)",
    "TIMESTAMPTZ": "VALUES ('2026-03-29 00:59:59.999999+00'), ('2026-03-29 01:00:00+00'), (NULL), "
    "('2026-10-25 00:30:00+00'), ('2026-10-25 01:30:00+00'), ('1900-01-01 00:00:00+00')",
    "VARCHAR": "VALUES (''), ('a'), ('A'), ('zz'), ('é'), ('🙂'), (NULL), ('a''b'), ('ab'), ('a')",
}


@pytest.fixture(scope="module")
def typed() -> Any:
    with Server() as server:
        with server.connect(autocommit=True) as connection:
            for kind, values in COLUMNS.items():
                connection.execute(
                    f'CREATE TABLE "{kind}" AS '
                    f"SELECT v::{kind} AS v, row_number() OVER () AS n FROM ({values}) t(v)"
                )
        yield server


def numbers(found: Plan) -> list[int]:
    return sorted(n for piece in found.pieces for n in piece.read_table()["n"].to_pylist())


@pytest.mark.parametrize("pieces", [2, 5])
@pytest.mark.parametrize("how", ["range", "hash"])
@pytest.mark.parametrize("kind", COLUMNS)
def test_each_row_is_in_one_piece(typed: Server, kind: str, how: Any, pieces: int) -> None:
    found = plan(f'"{kind}"', uri=typed.uri, columns=["n"], by="v", how=how, pieces=pieces)
    with typed.connect() as connection:
        ((rows,),) = connection.execute(f'SELECT count(*) FROM "{kind}"').fetchall()
    assert numbers(found) == list(range(1, rows + 1))
    assert len(found.pieces) <= pieces
    assert len(found.pieces) > 1


GIVEN = {
    "BIGINT": (0, 10),
    "DECIMAL(4,2)": (Decimal("-1"), Decimal("1")),
    "DOUBLE": (-1.0, 1.0),
    "DATE": (datetime.date(1900, 1, 1), datetime.date(2030, 1, 1)),
    "TIMESTAMP": (datetime.datetime(1900, 1, 1), datetime.datetime(2030, 1, 1)),
    "TIMESTAMPTZ": (
        datetime.datetime(2026, 3, 28, tzinfo=datetime.timezone.utc),
        datetime.datetime(2026, 10, 26, tzinfo=datetime.timezone.utc),
    ),
    "VARCHAR": ("a", "z"),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_bounds_never_filter(typed: Server, kind: str) -> None:
    found = plan(f'"{kind}"', uri=typed.uri, by="v", bounds=GIVEN[kind], pieces=3)
    assert len(found.pieces) == 3
    assert numbers(found) == list(range(1, len(numbers(found)) + 1))
    whole = plan(f'"{kind}"', uri=typed.uri)
    assert numbers(whole) == numbers(found)
    with pytest.raises(ProgrammingError, match="the first is the greater one"):
        plan(f'"{kind}"', uri=typed.uri, by="v", bounds=GIVEN[kind][::-1], pieces=3)


@given(st.text(max_size=6), st.text(max_size=6), st.integers(2, 9))
@settings(deadline=None)
def test_bounds_of_text_ascend(a: str, b: str, pieces: int) -> None:
    low, high = sorted((a, b), key=lambda text: [ord(c) for c in text])
    found = between(pa.string(), low, high, pieces)
    assert found == sorted(set(found)) and len(found) < pieces
    for bound in found:
        bound.encode()
        assert bound > low


@given(st.integers(-(2**127), 2**127), st.integers(0, 2**127), st.integers(2, 50))
def test_bounds_of_whole_numbers_are_even(low: int, span: int, pieces: int) -> None:
    found = [int(text) for text in between(pa.int64(), str(low), str(low + span), pieces)]
    edges = [low, *found, low + span + 1]
    widths = [b - a for a, b in pairwise(edges)]
    assert min(widths) >= 1 and max(widths) - min(widths) <= 1
    assert len(found) == min(pieces, span + 1) - 1


def test_the_filter_and_its_parameters_stay_apart_from_the_cut(typed: Server) -> None:
    found = plan(
        '"VARCHAR"',
        uri=typed.uri,
        by="v",
        pieces=3,
        where="v = $a OR v IS NULL -- the rest",
        parameters={"a": "a'b"},
    )
    assert numbers(found) == [7, 8]


@pytest.mark.parametrize("where", ["a) OR (b", "(a", "a; b", "'a", "/* a", "", "a]", '"a'])
def test_a_filter_that_is_none_is_refused(typed: Server, where: str) -> None:
    with pytest.raises(ProgrammingError, match="expected one condition"):
        plan('"VARCHAR"', uri=typed.uri, where=where)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "one of table= and query="),
        ({"query": "SELECT 1; SELECT 2"}, "one statement that reads"),
        ({"query": "DELETE FROM t"}, "one statement that reads"),
        ({"query": "SELECT 1", "snapshot": 1}, r"has no \$snapshot"),
        ({"table": '"DATE"', "snapshot": 1}, "no table of a lake"),
        ({"table": '"DATE"', "columns": []}, "at least one name"),
        ({"table": '"DATE"', "pieces": 0}, "from 1 on"),
        ({"table": '"DATE"', "how": "luck"}, "how is 'luck'"),
        ({"table": '"DATE"', "bounds": (1, 2)}, "name it with by="),
        ({"table": '"DATE"', "parameters": {"snapshot": 1}}, "driver's own"),
        ({"table": '"DATE"', "parameters": [1]}, "expected a mapping"),
        ({"table": '"DATE"', "predicates": "a"}, "list of conditions"),
    ],
)
def test_a_wrong_argument_is_named(typed: Server, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ProgrammingError, match=words):
        plan(uri=typed.uri, **arguments)


def test_a_column_without_ranges_is_refused_and_has_a_hash(typed: Server) -> None:
    query = 'SELECT n % 2 = 0 AS even, n FROM "VARCHAR"'
    with pytest.raises(NotSupportedError, match=r'how="hash"'):
        plan(query=query, uri=typed.uri, by="even", pieces=2)
    assert len(numbers(plan(query=query, uri=typed.uri, by="even", how="hash", pieces=4))) == 10


def test_a_query_that_is_not_cut_is_one_piece_and_says_so(typed: Server) -> None:
    found = plan(query='FROM "VARCHAR" LIMIT 4', uri=typed.uri, pieces=4)
    assert len(found.pieces) == 1 and found.cut.startswith("one piece: a query")
    assert numbers(found) == [1, 2, 3, 4]
    given = plan(query='FROM "VARCHAR"', uri=typed.uri, predicates=["n < 4", "n >= 4"])
    assert [p.read_table().num_rows for p in given.pieces] == [3, 7]


def test_no_rows_and_nothing_but_nulls_are_one_piece(server: Server) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t (v INTEGER)")
        assert [
            p.read_table().num_rows for p in plan("t", uri=server.uri, by="v", pieces=4)[0]
        ] == [0]
        connection.execute("INSERT INTO t VALUES (NULL), (NULL)")
    found = plan("t", uri=server.uri, by="v", pieces=4)
    assert [piece.read_table().num_rows for piece in found.pieces] == [2]
    assert found.schema == pa.schema([("v", pa.int32())])


def test_a_pickled_piece_holds_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(username="someone", password="quite-hidden") as server:
        uri = server.uri
        piece = plan(query="SELECT 42 AS answer", uri=uri).pieces[0]
        data = pickle.dumps(piece)
        assert b"quite-hidden" not in data and b"someone" not in data
        assert "quite-hidden" not in repr(piece)
        again = pickle.loads(data)
        with pytest.raises(InterfaceError, match="no username given"):
            again.read_table()
        monkeypatch.setenv("ALTERTABLE_USERNAME", "someone")
        monkeypatch.setenv("ALTERTABLE_PASSWORD", "quite-hidden")
        assert again.read_table() == piece.read_table()
        monkeypatch.undo()
        whole = plan(query="SELECT 42 AS answer", uri=uri, with_credentials=True).pieces[0]
        again = pickle.loads(pickle.dumps(whole))
        assert again.read_table() == piece.read_table()
        assert "quite-hidden" not in repr(again.access._settings)


def test_a_server_in_this_process_is_for_this_process() -> None:
    with pytest.raises(ProgrammingError, match="which no other can reach"):
        pickle.dumps(Access("local"))
