"""What the dialect does without on a lake, which has no keys, sequences or RETURNING."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from altertable_dbapi.local import Server


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Any]:
    with Server(lake=str(tmp_path / "lake")) as server:
        engine = sa.create_engine(server.uri)
        yield engine
        engine.dispose()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]


def make(engine: Any, metadata: sa.MetaData) -> None:
    with pytest.warns(sa.exc.SAWarning, match="a lake has none"):
        metadata.create_all(engine)


def test_objects_with_keys_of_their_own(engine: Any) -> None:
    make(engine, Base.metadata)
    with Session(engine) as session:
        users = [User(name=f"n{i}") for i in range(100)]
        session.add_all(users)
        session.commit()
        users[0].name = "changed"
        session.delete(users[1])
        session.commit()
    with Session(engine) as session:
        found = session.execute(sa.select(User.name).order_by(User.name)).scalars().all()
    assert sorted(found) == sorted(["changed", *(f"n{i}" for i in range(2, 100))])


def test_a_key_that_nobody_makes_is_asked_for(engine: Any) -> None:
    metadata = sa.MetaData()
    table = sa.Table(
        "t", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.Integer)
    )
    make(engine, metadata)
    with engine.begin() as connection:
        with pytest.raises(sa.exc.CompileError, match="a row of t has no id"):
            connection.execute(table.insert().values(a=1))
        connection.execute(table.insert(), [{"id": 1, "a": 1}, {"id": 2, "a": 2}])
        assert connection.execute(table.select().order_by(table.c.id)).all() == [(1, 1), (2, 2)]
        connection.execute(table.insert().values(id=sa.literal(2) + 1, a=3))
        connection.execute(table.insert().values([{"id": 4, "a": 4}, {"id": 5, "a": 5}]))
        more = sa.select(table.c.id + 5, table.c.a)
        connection.execute(table.insert().from_select(["id", "a"], more))
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 10


def test_enums_and_json_as_they_came(engine: Any) -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("e", sa.Enum("x", "y")), sa.Column("d", sa.JSON))
    table.create(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"e": "x", "d": {"k": [1]}}])
        assert connection.execute(table.select()).all() == [("x", {"k": [1]})]
    (first, second) = sa.inspect(engine).get_columns("t")
    assert (str(first["type"]), first["default"], second["default"]) == ("VARCHAR", None, None)


def test_indexes_are_refused(engine: Any) -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer, index=True))
    with pytest.raises(sa.exc.CompileError, match="a lake has no indexes"):
        table.create(engine)
