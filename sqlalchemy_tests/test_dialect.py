"""What SQLAlchemy's suite does not know: ids, upserts, types, migrations, the page's code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import altertable_dbapi
from altertable_dbapi.local import Server
from altertable_dbapi.sqlalchemy import (
    BIT,
    HUGEINT,
    INTERVAL,
    MAP,
    STRUCT,
    TIMESTAMP_NS,
    TINYINT,
    UNION,
    insert,
    names,
    type_names,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture
def engine() -> Iterator[Any]:
    with Server() as server:
        engine = sa.create_engine(server.uri)
        yield engine
        engine.dispose()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"  # a reserved word
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    order: Mapped[float | None]


class TestBulk:
    def test_ten_thousand_objects_keep_their_own_ids(self, engine: Any) -> None:
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            users = [User(name=f"n{i}") for i in range(10_000)]
            session.add_all(users)
            session.flush()
            ids = {user.id: user.name for user in users}
            session.commit()
        with Session(engine) as session:
            rows = session.execute(sa.select(User.id, User.name)).all()
            assert len(rows) == len(ids) == 10_000
            assert all(ids[key] == name for key, name in rows)

    def test_updates_by_key(self, engine: Any) -> None:
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            users = [User(name=f"n{i}") for i in range(1000)]
            session.add_all(users)
            session.commit()
            for user in users:
                user.order = user.id / 2
            session.commit()
        with Session(engine) as session:
            assert session.scalars(sa.select(User).where(User.order != User.id / 2)).all() == []

    def test_columns_that_are_not_in_order_of_their_names(self, engine: Any) -> None:
        table = sa.Table("t", sa.MetaData(), sa.Column("z", sa.Integer), sa.Column("a", sa.String))
        with engine.begin() as connection:
            table.create(connection)
            connection.execute(table.insert(), [{"a": "x", "z": 1}, {"a": "y", "z": 2}])
            rows = connection.execute(table.select().order_by(table.c.z)).all()
        assert rows == [(1, "x"), (2, "y")]


def test_an_upsert(engine: Any) -> None:
    Base.metadata.create_all(engine)
    statement = insert(User)
    statement = statement.on_conflict_do_update(
        index_elements=[User.id], set_={"name": statement.excluded.name}, where=User.id < 2
    )
    with engine.begin() as connection:
        for name in ("first", "second"):
            rows = [{"id": i, "name": name} for i in (1, 2)]
            connection.execute(statement, rows)
        found = connection.execute(sa.select(User.id, User.name).order_by(User.id)).all()
    assert found == [(1, "second"), (2, "first")]


class TestTransactions:
    def test_a_unit_of_work_reads_one_state(self, engine: Any) -> None:
        Base.metadata.create_all(engine)
        count = sa.select(sa.func.count()).select_from(User)
        with engine.connect() as reader:
            assert reader.scalar(count) == 0
            with engine.begin() as writer:
                writer.execute(sa.insert(User).values(name="a"))
            assert reader.scalar(count) == 0
            reader.rollback()
            assert reader.scalar(count) == 1

    def test_autocommit(self, engine: Any) -> None:
        Base.metadata.create_all(engine)
        count = sa.select(sa.func.count()).select_from(User)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as one:
            assert one.get_isolation_level() == "AUTOCOMMIT"
            one.execute(sa.insert(User).values(name="a"))
            with engine.connect() as two:
                assert two.get_isolation_level() == "SNAPSHOT"
                assert two.scalar(count) == 1

    def test_savepoints_are_refused(self, engine: Any) -> None:
        with (
            engine.begin() as connection,
            pytest.raises(sa.exc.InvalidRequestError, match="no savepoints"),
        ):
            connection.begin_nested()


class TestTypes:
    @pytest.mark.parametrize(
        ("name", "type_"),
        [
            ("HUGEINT", HUGEINT()),
            ("TINYINT", TINYINT()),
            ("DECIMAL(18, 3)", sa.DECIMAL(18, 3)),
            ("TIMESTAMP WITH TIME ZONE", sa.TIMESTAMP(timezone=True)),
            ("TIMESTAMP_NS", TIMESTAMP_NS()),
            ("BIT", BIT()),
            ("INTERVAL", INTERVAL()),
            ("INTEGER[][]", sa.ARRAY(sa.INTEGER(), dimensions=2)),
            ("ENUM('a', 'it''s')", sa.Enum("a", "it's")),
            ("MAP(VARCHAR, INTEGER)", MAP(sa.VARCHAR, sa.INTEGER)),
            (
                'STRUCT("a b" INTEGER, "c" STRUCT("d" VARCHAR[]))',
                STRUCT({"a b": sa.INTEGER, "c": STRUCT({"d": sa.ARRAY(sa.VARCHAR)})}),
            ),
            ('UNION("num" INTEGER, "str" VARCHAR)', UNION({"num": sa.INTEGER, "str": sa.VARCHAR})),
        ],
    )
    def test_a_type_is_found_as_it_was_made(self, engine: Any, name: str, type_: Any) -> None:
        table = sa.Table("t", sa.MetaData(), sa.Column("c", type_))
        table.create(engine)
        found = sa.inspect(engine).get_columns("t")[0]["type"]
        assert found.compile(engine.dialect) == name == type_.compile(engine.dialect)

    def test_a_type_that_is_not_known_is_warned_of(self) -> None:
        with pytest.warns(sa.exc.SAWarning, match="the type FOO"):
            assert type_names.parse("FOO") is sa.types.NULLTYPE

    def test_an_interval_of_months_is_refused_as_a_timedelta(self, engine: Any) -> None:
        with engine.connect() as connection:
            text = sa.text("SELECT INTERVAL '1 month' AS i").columns(i=sa.Interval)
            with pytest.raises(ValueError, match="has months"):
                connection.execute(text).all()
            text = sa.text("SELECT INTERVAL '1 month' AS i").columns(i=INTERVAL)
            assert connection.scalar(text) == altertable_dbapi.Interval(months=1)


class TestReflection:
    def test_other_catalogs_and_temporary_tables(self, engine: Any) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            run = connection.exec_driver_sql
            run("ATTACH ':memory:' AS other")
            run("CREATE TABLE other.main.t (a INTEGER)")
            run("CREATE TABLE t (b INTEGER)")
            inspector = sa.inspect(connection)
            assert [c["name"] for c in inspector.get_columns("t")] == ["b"]
            assert [c["name"] for c in inspector.get_columns("t", schema="other.main")] == ["a"]
            run("CREATE TEMP TABLE t (c INTEGER)")
            assert [c["name"] for c in sa.inspect(connection).get_columns("t")] == ["c"]

    def test_many_tables_are_one_query_a_kind(self, engine: Any) -> None:
        with engine.begin() as connection:
            for i in range(30):
                connection.exec_driver_sql(f"CREATE TABLE t{i} (a INTEGER PRIMARY KEY, b VARCHAR)")
        statements: list[str] = []
        sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        metadata = sa.MetaData()
        metadata.reflect(engine)
        assert len(metadata.tables) == 30
        assert len(statements) <= 10

    def test_a_table_that_is_not_there(self, engine: Any) -> None:
        for method in ("get_columns", "get_pk_constraint", "get_indexes", "get_foreign_keys"):
            with pytest.raises(sa.exc.NoSuchTableError):
                getattr(sa.inspect(engine), method)("nothing")

    def test_reserved_words_are_the_engine_s(self, engine: Any) -> None:
        with engine.connect() as connection:
            words = connection.exec_driver_sql(
                "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
            ).scalars()
            assert set(words) <= names.RESERVED


class TestMigrations:
    def test_a_second_autogenerate_is_empty(self, engine: Any) -> None:
        metadata = sa.MetaData()
        sa.Table(
            "parent",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", sa.String(20), nullable=False, unique=True),
            sa.Column("d", sa.JSON),
            sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now()),
            sa.Column("n", sa.Numeric(10, 2), server_default="1.5"),
            sa.Column("s", sa.String, server_default="x"),
            sa.Column("e", sa.Enum("a", "b", name="kinds")),
            sa.Column("f", sa.Float),
            sa.Column("u", sa.Uuid, comment="hello"),
            sa.Column("ok", sa.Boolean, server_default=sa.false()),
            sa.UniqueConstraint("f", "u", name="uq"),
        )
        sa.Table(
            "child",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("pid", sa.ForeignKey("parent.id"), index=True),
            sa.Column("numbers", sa.ARRAY(sa.Integer)),
        )
        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata)
            metadata.create_all(connection)
            connection.commit()
            assert compare_metadata(context, metadata) == []

    def test_what_duckdb_refuses_is_said_before_it_is_sent(self, engine: Any) -> None:
        table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer))
        key = sa.ForeignKeyConstraint(["a"], ["t.a"], name="fk")
        table.append_constraint(key)
        with pytest.raises(sa.exc.CompileError, match="CREATE TABLE only"):
            sa.schema.AddConstraint(key).compile(engine)
        with pytest.raises(sa.exc.CompileError, match="cannot be dropped"):
            sa.schema.DropConstraint(key).compile(engine)

    def test_actions_of_foreign_keys_are_left_out_with_a_warning(self, engine: Any) -> None:
        metadata = sa.MetaData()
        sa.Table("p", metadata, sa.Column("id", sa.Integer, primary_key=True))
        child = sa.Table("c", metadata, sa.Column("p", sa.ForeignKey("p.id", ondelete="CASCADE")))
        with pytest.warns(sa.exc.SAWarning, match="ondelete='CASCADE'"):
            text = str(sa.schema.CreateTable(child).compile(engine))
        assert "CASCADE" not in text


def test_the_page_runs() -> None:
    page = ROOT / "docs" / "sqlalchemy.md"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.run_page", str(page)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_connection_that_has_gone_is_replaced(engine: Any) -> None:
    with Server() as server:
        pinged = sa.create_engine(server.uri, pool_pre_ping=True)
        with pinged.connect() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
        server.expire_sessions()
        with pinged.connect() as connection:
            assert connection.scalar(sa.text("SELECT 2")) == 2
        pinged.dispose()
