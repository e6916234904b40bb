"""MERGE by its construct: from a table, from the parameters of execute, with conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from altertable_dbapi.local import Server
from altertable_dbapi.sqlalchemy import merge


@pytest.fixture
def engine() -> Iterator[Any]:
    with Server() as server:
        engine = sa.create_engine(server.uri)
        yield engine
        engine.dispose()


def columns() -> tuple[Any, Any]:
    return sa.Column("id", sa.Integer), sa.Column("Count", sa.Integer)


def stock(engine: Any, schema: str | None = None) -> tuple[Any, Any]:
    """A table of three rows, and its changes: one row of it, one that is new, one of nothing."""
    metadata = sa.MetaData()
    table = sa.Table("stock", metadata, *columns(), schema=schema)
    changes = sa.Table("changes", metadata, *columns())
    with engine.begin() as connection:
        if schema:
            connection.execute(sa.schema.CreateSchema(schema))
        metadata.create_all(connection)
        connection.execute(table.insert(), [{"id": i, "Count": i * 10} for i in (1, 2, 3)])
        connection.execute(
            changes.insert(), [{"id": i, "Count": n} for i, n in ((2, 5), (3, 0), (4, 7))]
        )
    return table, changes


@pytest.mark.parametrize("schema", [None, "Other"])
def test_rows_of_a_table(engine: Any, schema: str | None) -> None:
    table, changes = stock(engine, schema)
    statement = (
        merge(table, changes, table.c.id == changes.c.id)
        .when_matched_delete(where=changes.c.Count == 0)
        .when_matched_update({"Count": table.c.Count + changes.c.Count})
        .when_not_matched_insert()
    )
    with engine.begin() as connection:
        assert connection.execute(statement).rowcount == 3
        rows = connection.execute(table.select().order_by(table.c.id)).all()
    assert rows == [(1, 10), (2, 25), (4, 7)]


def test_rows_of_the_parameters(engine: Any) -> None:
    table, _ = stock(engine)
    new = sa.select(
        sa.bindparam("number", type_=sa.Integer).label("id"),
        sa.bindparam("count", type_=sa.Integer).label("Count"),
    ).subquery("new")
    statement = (
        merge(table, new, table.c.id == new.c.id)
        .when_matched_update({table.c.Count: new.c.Count})
        .when_not_matched_insert({"id": new.c.id, "Count": 1}, where=new.c.Count > 0)
    )
    with engine.begin() as connection:
        connection.execute(
            statement,
            [{"number": 2, "count": 99}, {"number": 8, "count": 5}, {"number": 9, "count": -1}],
        )
        rows = connection.execute(table.select().order_by(table.c.id)).all()
    assert rows == [(1, 10), (2, 99), (3, 30), (8, 1)]


def test_what_is_wrong_is_named(engine: Any) -> None:
    table = sa.table("t", sa.column("a"))
    source = sa.table("s", sa.column("b"))
    statement = merge(table, source, table.c.a == source.c.b)
    with pytest.raises(sa.exc.CompileError, match="the merge into t does nothing"):
        statement.compile(engine)
    with pytest.raises(sa.exc.ArgumentError, match="has no column x"):
        statement.when_matched_update({"x": 1})
    with pytest.raises(sa.exc.ArgumentError, match="the insert of a merge into t has no column"):
        statement.when_not_matched_insert()
