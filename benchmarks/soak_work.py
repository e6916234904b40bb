"""What a thread of the soak test does, one task after the other, each checked."""

from __future__ import annotations

import datetime
import decimal
import itertools
import random
import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import altertable_dbapi
from altertable_dbapi import DataError, IntegrityError, OperationalError, ProgrammingError, sql

from .server import ServerProcess

# DuckDB needs minutes for it.
_LONG = "SELECT count(*) FROM range(10_000_000) a, range(100_000) b WHERE a.range + b.range = -1"

_VALUES: dict[str, Any] = {
    "whole": 2**40,
    "broken": 0.1,
    "exact": decimal.Decimal("12.50"),
    "text": "it's 'quoted', $whole ? and é",
    "bytes": b"\0\xff'",
    "day": datetime.date(2024, 2, 29),
    "time": datetime.time(1, 2, 3, 4),
    "when": datetime.datetime(2024, 2, 29, 1, 2, 3, 4),
    "many": [1, None, 3],
    "yes": True,
    "nothing": None,
}


class Wrong(Exception):
    """A result is not what it must be."""


class Work:
    """The tasks of one connection, on tables of its own.

    Parameters
    ----------
    connection : Connection
    name : str
        Of the schema of its tables.
    chance : random.Random
    """

    def __init__(
        self, connection: altertable_dbapi.Connection[Any], name: str, chance: random.Random
    ) -> None:
        self.connection = connection
        self._schema = name
        self._chance = chance
        self._numbers = itertools.count(1)

    def prepare(self) -> None:
        """Make the tables."""
        self.connection.execute(f"CREATE SCHEMA {self._schema}")
        self.connection.execute(
            f"CREATE TABLE {self._schema}.kept (id BIGINT PRIMARY KEY, name VARCHAR, amount DOUBLE)"
        )
        self.settle()

    def tasks(self) -> dict[str, Callable[[], None]]:
        """All tasks, by what is said of them."""
        return {
            "rows": self._rows,
            "arrow": self._arrow,
            "pandas": self._pandas,
            "parameters": self._parameters,
            "executemany": self._executemany,
            "load": self._load,
            "upsert": self._upsert,
            "rollback": self._rollback,
            "commit": self._commit,
            "cancel": self._cancel,
            "errors": self._errors,
            "interleaved cursors": self._interleaved,
            "forgotten cursors": self._forgotten,
            "introspection": self._introspection,
        }

    def settle(self) -> None:
        """Leave no transaction open."""
        if not self.connection.autocommit:
            self.connection.commit()

    # Reading

    def _query(self) -> tuple[str, int]:
        rows = self._chance.choice([0, 1, 10, 3_000, 3_000, 70_000])
        return f"SELECT i AS id, 'n' || i AS name, i / 2 AS half FROM range({rows}) AS r(i)", rows

    def _rows(self) -> None:
        query, rows = self._query()
        with self.connection.execute(query) as cursor:
            way = self._chance.randrange(4)
            if way == 0:
                found = cursor.fetchall()
            elif way == 1:
                found = list(cursor)
            elif way == 2:
                found = [row for part in iter(lambda: cursor.fetchmany(1000), []) for row in part]
            else:
                found = list(iter(cursor.fetchone, None))
        _same(found, [(i, f"n{i}", i / 2) for i in range(rows)])

    def _arrow(self) -> None:
        query, rows = self._query()
        with self.connection.execute(query) as cursor:
            if self._chance.random() < 0.5:
                table = cursor.fetch_arrow_table()
            else:
                table = cursor.fetch_record_batch().read_all()
        _same(table.num_rows, rows)
        _same(pc.sum(table["id"]).as_py() or 0, rows * (rows - 1) // 2)

    def _pandas(self) -> None:
        query, rows = self._query()
        frame = pd.read_sql_query(sql(f"{query} WHERE id < $least", least=rows), self.connection)
        _same(len(frame), rows)
        _same(frame["half"].sum(), rows * (rows - 1) / 4)

    def _parameters(self) -> None:
        names = self._chance.sample(list(_VALUES), self._chance.randint(1, len(_VALUES)))
        # Now and then a new text, which is prepared anew.
        new = "" if self._chance.random() < 0.5 else f" /* {next(self._numbers)} */"
        query = f"SELECT {', '.join('$' + name for name in names)}{new}"
        for binding in ("auto", "client"):
            with self.connection.cursor(binding=binding) as cursor:
                found = cursor.execute(query, _VALUES).fetchone()
            _same(found, tuple(_VALUES[name] for name in names))

    def _interleaved(self) -> None:
        cursors = [self.connection.execute(f"SELECT {n} * i FROM range(9000) r(i)") for n in (1, 2)]
        found: list[list[Any]] = [[], []]
        for _ in range(3):
            for cursor, rows in zip(cursors, found, strict=True):
                rows += cursor.fetchmany(3000)
            _same(self.connection.execute("SELECT 42").fetchall(), [(42,)])
        _same(found, [[(n * i,) for i in range(9000)] for n in (1, 2)])

    def _forgotten(self) -> None:
        for rows in (10, 300_000):
            query = f"SELECT i FROM range({rows}) AS r(i)"
            cursor = self.connection.execute(query)
            _same(cursor.fetchone(), (0,))
            reader = self.connection.execute(query).fetch_record_batch()
            _same(reader.schema.names, ["i"])
        # Nobody closes any of them.

    def _introspection(self) -> None:
        found = self.connection.get_tables(schema_pattern=self._schema)
        _same(found.column("table_name").to_pylist(), ["kept"])

    # Writing

    def _count(self, table: str = "kept") -> Any:
        return self.connection.execute(
            f"SELECT count(*), coalesce(sum(amount), 0) FROM {self._schema}.{table}"
        ).fetchone()

    def _insert(self, rows: int) -> int:
        with self.connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {self._schema}.kept VALUES ($id, $name, $amount)",
                [{"id": i, "name": f"n{i}", "amount": i * 0.5} for i in range(rows)],
            )
            return cursor.rowcount

    def _delete(self) -> int:
        with self.connection.execute(f"DELETE FROM {self._schema}.kept") as cursor:
            return cursor.rowcount

    def _executemany(self) -> None:
        rows = self._chance.choice([1, 10, 3_000])
        _same(self._insert(rows), rows)
        _same(self._count(), (rows, rows * (rows - 1) / 4))
        _same(self._delete(), rows)

    def _rollback(self) -> None:
        if self.connection.autocommit:
            try:
                with self.connection.transaction():
                    self._insert(5)
                    raise Wrong
            except Wrong:
                pass
        else:
            self._insert(5)
            self.connection.rollback()
        _same(self._count(), (0, 0))

    def _commit(self) -> None:
        if self.connection.autocommit:
            with self.connection.transaction():
                self._insert(5)
                _same(self._count(), (5, 5))
        else:
            self._insert(5)
            self.connection.commit()
        _same(self._count(), (5, 5))
        _same(self._delete(), 5)

    def _table(self, first: int, rows: int) -> pa.Table:
        numbers = range(first, first + rows)
        return pa.table({"id": numbers, "amount": [float(i) for i in numbers]})

    def _load(self) -> None:
        rows, name = self._chance.choice([10, 5_000, 200_000]), f"{self._schema}.loaded"
        table = self._table(0, rows)
        total = rows * (rows - 1) / 2
        _same(self.connection.load(name, table, mode="create"), rows)
        _same(self.connection.load(name, table.to_batches(1000)), rows)
        _same(self._count("loaded"), (2 * rows, 2 * total))
        self.settle()
        _same(self.connection.load(name, table.to_pandas(), mode="replace"), rows)
        _same(self._count("loaded"), (rows, total))
        self.connection.execute(f"DROP TABLE {name}")

    def _upsert(self) -> None:
        rows, name = self._chance.choice([10, 20_000]), f"{self._schema}.merged"
        self.connection.load(name, self._table(0, rows), mode="create")
        changed = self.connection.load(name, self._table(rows // 2, rows), primary_key="id")
        _same(changed, rows)
        total = rows + rows // 2
        _same(self._count("merged"), (total, total * (total - 1) / 2))
        self.connection.execute(f"DROP TABLE {name}")

    # What fails

    def _errors(self) -> None:
        kept = f"{self._schema}.kept"
        for kind, query, parameters in (
            (ProgrammingError, "SELEC 1", None),
            (ProgrammingError, "SELECT * FROM there_is_none", None),
            (ProgrammingError, "SELECT $a", {"b": 1}),
            (DataError, "SELECT CAST('x' || i AS INTEGER) FROM range(100_000) AS r(i)", None),
            (DataError, "SELECT CAST($a AS INTEGER)", {"a": "x"}),
            (IntegrityError, f"INSERT INTO {kept} SELECT 1, 'a', i FROM range(2) AS r(i)", None),
        ):
            try:
                self.connection.execute(query, parameters).fetchall()
            except kind:
                # Without autocommit the server has given the transaction up.
                self.connection.rollback()
            else:
                raise Wrong(f"{query} has not failed")
        try:
            self.connection.load(kept, self._table(0, 10).append_column("no", pa.nulls(10)))
        except (ProgrammingError, DataError):
            pass
        else:
            raise Wrong("a column too many was loaded")
        _same(self._count(), (0, 0))

    def _cancel(self) -> None:
        ended = threading.Event()
        failed: list[Exception] = []

        def press() -> None:
            while not ended.wait(0.05):
                try:
                    self.connection.adbc_cancel()
                except Exception as error:
                    failed.append(error)

        presser = threading.Thread(target=press)
        presser.start()
        try:
            self.connection.execute(_LONG).fetchall()
        except OperationalError:
            pass
        else:
            raise Wrong("the statement has not been cancelled")
        finally:
            ended.set()
            presser.join()
            self.connection.rollback()
        for error in failed:
            raise error
        _same(self.connection.execute("SELECT 42").fetchall(), [(42,)])

    def expire(self, server: ServerProcess) -> None:
        """Let the session expire between statements, and in a transaction."""
        server.expire_sessions()
        _same(self._count(), (0, 0))
        self.settle()
        try:
            if self.connection.autocommit:
                with self.connection.transaction():
                    self._insert(5)
                    server.expire_sessions()
                    self._insert(5)
            else:
                self._insert(5)
                server.expire_sessions()
                self._insert(5)
        except OperationalError:
            self.connection.rollback()
        else:
            raise Wrong("the transaction has not been lost")
        _same(self._count(), (0, 0))


def _same(found: Any, expected: Any) -> None:
    if found != expected:
        raise Wrong(f"{str(found)[:200]} instead of {str(expected)[:200]}")
