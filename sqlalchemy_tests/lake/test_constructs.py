"""Constructs on a lake: a table as it was, at a version or a moment, and MERGE."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from altertable_dbapi.local import Server
from altertable_dbapi.sqlalchemy import at_timestamp, at_version, merge


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Any]:
    with Server(lake=str(tmp_path / "lake")) as server:
        engine = sa.create_engine(server.uri)
        yield engine
        engine.dispose()


@pytest.fixture
def table(engine: Any) -> Any:
    """A table of one row at version 2 and of two rows at version 3."""
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer), sa.Column("b", sa.String))
    table.create(engine)
    for row in ({"a": 1, "b": "x"}, {"a": 2, "b": "y"}):
        with engine.begin() as connection:
            connection.execute(table.insert(), [row])
    return table


def versions(connection: Any) -> list[Any]:
    text = "SELECT snapshot_id, snapshot_time FROM ducklake_snapshots(current_catalog()) ORDER BY 1"
    return list(connection.execute(sa.text(text)).all())


def test_a_table_at_a_version(engine: Any, table: Any) -> None:
    with engine.connect() as connection:
        *_, first, second = [version for version, _ in versions(connection)]
        for version, count in ((first, 1), (second, 2), (first, 1)):
            old = at_version(table, version)
            statement = sa.select(sa.func.count()).select_from(old)
            assert connection.scalar(statement) == count
        old = at_version(table, sa.bindparam("version"), name="old")
        added = sa.select(table.c.b).where(table.c.a.not_in(sa.select(old.c.a)))
        assert connection.scalars(added, {"version": first}).all() == ["y"]
        assert connection.scalars(added, {"version": second}).all() == []


def test_a_table_at_a_moment(engine: Any, table: Any) -> None:
    with engine.connect() as connection:
        *_, (_, moment), _ = versions(connection)
        assert connection.execute(sa.select(at_timestamp(table, moment))).all() == [(1, "x")]


def test_a_merge_of_the_parameters(engine: Any, table: Any) -> None:
    new = sa.select(
        sa.bindparam("x", type_=sa.Integer).label("a"),
        sa.bindparam("y", type_=sa.String).label("b"),
    ).subquery("new")
    statement = merge(table, new, table.c.a == new.c.a).when_matched_update({"b": new.c.b})
    statement = statement.when_not_matched_insert()
    with engine.begin() as connection:
        connection.execute(statement, [{"x": 2, "y": "changed"}, {"x": 3, "y": "z"}])
        rows = connection.execute(table.select().order_by(table.c.a)).all()
    assert rows == [(1, "x"), (2, "changed"), (3, "z")]
