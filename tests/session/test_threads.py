"""One connection in two threads: an error or the right rows, and never another statement's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import Connection, Error
from altertable_dbapi.local import Server

Conn = Connection[tuple[Any, ...]]

ROWS = 5_000


def _together(*tasks: Callable[[], None]) -> None:
    """Run tasks at once, each in a thread; an exception of any is raised."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[], None]) -> None:
        try:
            start.wait(20)
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
        assert not thread.is_alive()
    for error in errors:
        raise error


def _query(tag: int) -> str:
    return f"SELECT {tag} AS tag, i, i * {tag} AS product FROM range({ROWS}) AS r(i)"


def _rows(tag: int) -> list[tuple[int, int, int]]:
    return [(tag, i, i * tag) for i in range(ROWS)]


def test_two_cursors_in_two_threads(auto: Conn) -> None:
    def work(tag: int) -> Callable[[], None]:
        def run() -> None:
            for turn in range(40):
                cursor = auto.execute(_query(tag))
                if turn % 4 == 0:
                    found = cursor.fetchall()
                elif turn % 4 == 1:
                    found = list(cursor)
                elif turn % 4 == 2:
                    first = cursor.fetchone()
                    assert first is not None
                    found = [first, *cursor.fetchmany(10), *cursor.fetchall()]
                else:
                    table = cursor.fetch_arrow_table()
                    found = list(zip(*table.to_pydict().values(), strict=True))
                assert found == _rows(tag)

        return run

    _together(work(2), work(3))


def test_two_cursors_with_parameters_in_two_threads(auto: Conn) -> None:
    def work(tag: int) -> Callable[[], None]:
        def run() -> None:
            for turn in range(100):
                found = auto.execute("SELECT $a, $b", {"a": tag, "b": turn}).fetchall()
                assert found == [(tag, turn)]

        return run

    _together(work(2), work(3))


def test_one_cursor_in_two_threads(auto: Conn) -> None:
    """Whose rows a fetch gives is up to chance; that they are one statement's is not."""
    cursor = auto.cursor()
    outcomes: list[str] = []

    def work(tag: int) -> Callable[[], None]:
        def run() -> None:
            for turn in range(200):
                try:
                    cursor.execute(_query(tag))
                    found = cursor.fetchmany(50) if turn % 2 else cursor.fetchall()
                    # Once: the other thread may be executing, with no description meanwhile.
                    described = cursor.description
                    assert described is None or len(described) == 3
                except Error as error:
                    outcomes.append(type(error).__name__)
                    continue
                outcomes.append("rows")
                tags = {row[0] for row in found}
                assert len(tags) <= 1
                assert all(row[2] == row[0] * row[1] for row in found)
                numbers = [row[1] for row in found]
                assert numbers == sorted(set(numbers))

        return run

    _together(work(2), work(3))
    assert "rows" in outcomes
    assert set(outcomes) <= {"rows", "InterfaceError", "ProgrammingError", "OperationalError"}
    assert cursor.execute(_query(4)).fetchall() == _rows(4)


def test_fetching_one_result_in_two_threads(auto: Conn) -> None:
    """Each row comes once."""
    cursor = auto.execute("SELECT i FROM range(200_000) AS r(i)")
    found: list[list[Any]] = [[], []]

    def work(mine: list[Any]) -> Callable[[], None]:
        def run() -> None:
            while True:
                rows = cursor.fetchmany(100)
                if not rows:
                    return
                mine.extend(row[0] for row in rows)

        return run

    _together(*map(work, found))
    assert sorted(found[0] + found[1]) == list(range(200_000))


def test_a_transaction_and_a_query_in_two_threads(server: Server, auto: Conn) -> None:
    auto.execute("CREATE TABLE t (i INTEGER)")

    def insert() -> None:
        for i in range(60):
            auto.execute("INSERT INTO t VALUES (?)", [i])

    def query() -> None:
        before = 0
        for _ in range(60):
            ((count,),) = auto.execute("SELECT count(*) FROM t").fetchall()
            assert before <= count
            before = count

    _together(insert, query)
    assert auto.execute("SELECT count(*), sum(i) FROM t").fetchall() == [(60, sum(range(60)))]
    inserts = [text for text in server.executed if text.startswith("INSERT")]
    assert len(inserts) == 60


def test_two_connections_in_two_threads(server: Server) -> None:
    def work(tag: int) -> Callable[[], None]:
        def run() -> None:
            with server.connect(autocommit=True) as connection:
                for _ in range(40):
                    assert connection.execute(_query(tag)).fetchall() == _rows(tag)

        return run

    _together(work(2), work(3))
    assert server.open_sessions == 0


def test_closing_while_another_thread_works(server: Server) -> None:
    for _ in range(10):
        connection = server.connect(autocommit=True)
        begun = threading.Event()

        def work(connection: Conn = connection, begun: threading.Event = begun) -> None:
            with pytest.raises(Error):
                while True:
                    connection.execute(_query(2)).fetchmany(10)
                    begun.set()

        def close(connection: Conn = connection, begun: threading.Event = begun) -> None:
            assert begun.wait(20)
            connection.close()

        _together(work, close)
    assert server.open_sessions == 0


def test_threadsafety_says_so() -> None:
    assert altertable_dbapi.threadsafety == 1
