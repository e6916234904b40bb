"""Pieces of a lake's table: one snapshot, whatever is committed while they are read."""

from __future__ import annotations

import random
import threading
from typing import Any

import pyarrow as pa
import pytest

from altertable_dbapi import ProgrammingError
from altertable_dbapi.local import Server
from altertable_dbapi.pieces import plan


@pytest.mark.parametrize("seed", range(5))
def test_the_pieces_are_the_whole_while_others_commit(seed: int) -> None:
    chance = random.Random(seed)
    rows = chance.choice([1, 50, 3000])
    cut: dict[str, Any] = chance.choice(
        [{}, {"by": "v"}, {"by": "s"}, {"by": "v", "how": "hash"}, {"where": "v IS NULL OR v > $a"}]
    )
    with (
        Server(lake=True, batch_rows=chance.choice([7, 1000])) as server,
        server.connect(autocommit=True) as connection,
    ):
        connection.execute(
            "CREATE TABLE t AS SELECT i AS n, CASE WHEN hash(i) % 5 > 0 THEN i % 97 END AS v, "
            "chr((97 + i % 26)::INTEGER) || i AS s FROM range($rows) r(i)",
            {"rows": rows},
        )
        connection.execute("DELETE FROM t WHERE n % 11 = 3")
        connection.execute("UPDATE t SET v = v + 1000 WHERE n % 13 = 4")
        values = {"a": 10} if "where" in cut else None
        whole = f"FROM t WHERE {cut.get('where', 'true')} ORDER BY n"
        before = connection.execute(whole, values).fetch_arrow_table()
        found = plan("t", uri=server.uri, pieces=chance.randint(1, 6), parameters=values, **cut)
        assert found.snapshot == connection.current_snapshot()

        stop = threading.Event()
        commits: list[int] = []

        def change() -> None:
            with server.connect(autocommit=True) as other:
                while not commits or not stop.is_set():
                    other.execute("UPDATE t SET v = -1, n = n + 1000000 WHERE n % 2 = 0")
                    other.execute("DELETE FROM t WHERE n % 3 = 0")
                    other.execute("INSERT INTO t SELECT i, NULL, 'new' FROM range(100) r(i)")
                    commits.append(1)

        changing = threading.Thread(target=change)
        changing.start()
        try:
            # Each piece twice, as a task that is run again reads it.
            read = [piece.read_table() for piece in found.pieces]
            again = [piece.read_table() for piece in found.pieces]
        finally:
            stop.set()
            changing.join()
        assert pa.concat_tables(read).sort_by("n") == before
        assert pa.concat_tables(again).sort_by("n") == before
        assert commits
        assert connection.execute(whole, values).fetch_arrow_table() != before


def test_a_table_is_cut_evenly_by_its_row_numbers(server: Server) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT i FROM range(100000) r(i)")
    found = plan("t", uri=server.uri, pieces=4)
    assert found.cut == "by row number"
    assert [piece.read_table().num_rows for piece in found.pieces] == [25000] * 4
    assert found.read_table(sessions=2)["i"].to_pylist() == list(range(100000))


def test_a_query_reads_one_snapshot_by_its_placeholder(server: Server) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT i FROM range(1000) r(i)")
        query = "SELECT i % 10 AS k, sum(i) AS s FROM t AT (VERSION => $snapshot) GROUP BY k"
        found = plan(query=query, uri=server.uri, by="k", pieces=3)
        first = connection.current_snapshot()
        connection.execute("DELETE FROM t")
        assert found.read_table()["s"].to_pylist() and found.snapshot == first
        assert sum(found.read_table()["s"].to_pylist()) == 499500
        empty = plan(query=query, uri=server.uri, by="k", pieces=3)
        assert empty.read_table().num_rows == 0
        old = plan(query=query, uri=server.uri, by="k", pieces=3, snapshot=first)
        assert sum(old.read_table()["s"].to_pylist()) == 499500
        with pytest.raises(ProgrammingError, match="No snapshot found at version 1000"):
            plan("t", uri=server.uri, snapshot=1000)


def test_a_view_of_a_lake_is_one_piece_and_says_so(server: Server) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT i FROM range(10) r(i)")
        connection.execute("CREATE VIEW w AS FROM t")
    found = plan("w", uri=server.uri, pieces=4)
    assert found.snapshot is None and found.cut.startswith("one piece")
    assert found.read_table().num_rows == 10


def test_the_query_is_not_run_to_plan_it(server: Server) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT i FROM range(10) r(i)")
    before = len(server.executed)
    plan("t", uri=server.uri, pieces=2)
    plan(query="FROM t", uri=server.uri)
    asked = [text for text in server.executed[before:] if "FROM t" in text or '"t"' in text]
    assert asked
    assert all(text.endswith(" LIMIT 0") or "min(rowid)" in text for text in asked), asked
