"""What users of other dialects trip over: keys, reflection, literals, names, pooled sessions."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from altertable_dbapi.local import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def engine(server: Server) -> Iterator[Any]:
    engine = sa.create_engine(server.uri)
    yield engine
    engine.dispose()


def run(engine: Any, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [(sa.Uuid(), uuid.UUID), (sa.Uuid(as_uuid=False), str), (sa.UUID(), uuid.UUID)],
)
def test_a_key_of_uuids_comes_back_as_it_was_sent(engine: Any, type_: Any, kind: type) -> None:
    class Base(DeclarativeBase):
        pass

    class Thing(Base):
        __tablename__ = "thing"
        id: Mapped[Any] = mapped_column(
            type_, primary_key=True, default=lambda: kind(uuid.uuid4().hex)
        )
        n: Mapped[int]
        made: Mapped[int] = mapped_column(server_default="7")

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        things = [Thing(n=n) for n in range(50)]
        session.add_all(things)
        session.flush()
        ids = {str(uuid.UUID(str(thing.id))): thing.n for thing in things}
        assert all(type(thing.id) is kind and thing.made == 7 for thing in things)
        session.expunge_all()
        found = session.scalars(sa.select(Thing)).all()
        assert {str(uuid.UUID(str(thing.id))): thing.n for thing in found} == ids
        assert all(type(thing.id) is kind for thing in found)


class TestReflection:
    def test_many_tables_take_few_statements(self, server: Server, engine: Any) -> None:
        columns = ", ".join(f"c{i} INTEGER" for i in range(20))
        run(engine, *(f"CREATE TABLE t{i} ({columns}, PRIMARY KEY (c0))" for i in range(100)))
        with engine.connect() as connection:
            metadata = sa.MetaData()
            server.clear()
            metadata.reflect(connection)
            statements = list(server.executed)
        assert len(metadata.tables) == 100
        assert all(len(table.columns) == 20 for table in metadata.tables.values())
        assert 1 <= len(statements) <= 10, statements

    def test_the_server_is_told_the_names_that_are_asked_for(
        self, server: Server, engine: Any
    ) -> None:
        run(engine, *(f"CREATE TABLE t{i} (a INTEGER PRIMARY KEY)" for i in range(5)))
        statements: list[tuple[str, Any]] = []
        sa.event.listen(
            engine, "before_cursor_execute", lambda *given: statements.append((given[2], given[3]))
        )
        table = sa.Table("t3", sa.MetaData(), autoload_with=engine)
        assert [column.name for column in table.primary_key] == ["a"]
        asked = [given for text, given in statements if "duckdb_" in text and "FROM" in text]
        named = [given for given in asked if given]
        assert named and all("t3" in str(given) and "t2" not in str(given) for given in named)

    def test_one_name_in_two_catalogs(self, engine: Any) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in (
                "ATTACH ':memory:' AS other",
                "CREATE TABLE other.main.t (a INTEGER PRIMARY KEY, x INTEGER UNIQUE)",
                "CREATE TABLE t (b INTEGER PRIMARY KEY)",
            ):
                connection.exec_driver_sql(statement)
            inspector = sa.inspect(connection)
            assert inspector.get_pk_constraint("t")["constrained_columns"] == ["b"]
            assert inspector.get_unique_constraints("t") == []
            assert inspector.get_pk_constraint("t", "other.main")["constrained_columns"] == ["a"]
            connection.exec_driver_sql("CREATE TEMP TABLE t (c INTEGER, d INTEGER UNIQUE)")
            inspector = sa.inspect(connection)
            assert [column["name"] for column in inspector.get_columns("t")] == ["c", "d"]
            assert inspector.get_pk_constraint("t")["constrained_columns"] == []
            assert [u["column_names"] for u in inspector.get_unique_constraints("t")] == [["d"]]

    def test_views_have_no_constraints(self, engine: Any) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE VIEW v AS SELECT 1 AS a")
            connection.exec_driver_sql("CREATE TEMP VIEW w AS SELECT 1 AS a")
            inspector = sa.inspect(connection)
            for name in ("v", "w"):
                assert inspector.get_pk_constraint(name)["constrained_columns"] == []
                assert inspector.get_foreign_keys(name) == inspector.get_indexes(name) == []
                assert inspector.get_unique_constraints(name) == []
                assert inspector.get_check_constraints(name) == []
                table = sa.Table(name, sa.MetaData(), autoload_with=connection)
                assert table.columns.keys() == ["a"]

    def test_a_type_that_is_not_known_hides_no_column(
        self, engine: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from altertable_dbapi.sqlalchemy import type_names

        run(engine, "CREATE TABLE t (a INTEGER, b HUGEINT, c VARCHAR)")
        monkeypatch.delitem(type_names._PLAIN, "HUGEINT")
        with pytest.warns(sa.exc.SAWarning, match="HUGEINT"):
            columns = sa.inspect(engine).get_columns("t")
        assert [column["name"] for column in columns] == ["a", "b", "c"]
        assert isinstance(columns[1]["type"], sa.types.NullType)

    def test_types_survive_reflection_and_ddl(self, engine: Any) -> None:
        kinds = (
            "TIMESTAMP WITH TIME ZONE, TIME WITH TIME ZONE, TIMESTAMP, JSON, INTEGER[], "
            "STRUCT(a INTEGER, b VARCHAR[]), MAP(VARCHAR, TIMESTAMP WITH TIME ZONE), UUID, BLOB"
        )
        names = iter("abcdefghi")
        depth, parts = 0, [""]
        for letter in kinds:
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if letter == "," and not depth:
                parts.append("")
            else:
                parts[-1] += letter
        run(engine, f"CREATE TABLE t ({', '.join(f'{next(names)} {part}' for part in parts)})")
        metadata = sa.MetaData()
        table = sa.Table("t", metadata, autoload_with=engine)
        table.to_metadata(sa.MetaData(), name="u").create(engine)
        query = (
            "SELECT data_type FROM duckdb_columns() WHERE table_name = '{}' ORDER BY column_index"
        )
        with engine.connect() as connection:
            first, second = (
                connection.exec_driver_sql(query.format(name)).scalars().all() for name in "tu"
            )
            assert first == second and len(first) == 9
            cursor = connection.exec_driver_sql("SELECT a, c FROM t").cursor
            assert cursor.description[0][1] != cursor.description[1][1]

    def test_names_keep_their_case(self, engine: Any) -> None:
        table = sa.Table(
            "Mixed Name", sa.MetaData(), sa.Column("MyId", sa.Integer, primary_key=True)
        )
        table.create(engine)
        inspector = sa.inspect(engine)
        assert inspector.has_table("Mixed Name")
        assert inspector.has_table(sa.quoted_name("Mixed Name", quote=True))
        assert not inspector.has_table("Mixed")
        assert inspector.get_table_names() == ["Mixed Name"]
        quoted = sa.quoted_name("Mixed Name", quote=True)
        for name in ("Mixed Name", quoted):
            assert inspector.get_columns(name)[0]["name"] == "MyId"
        metadata = sa.MetaData()
        metadata.reflect(engine)
        with engine.begin() as connection:
            found = metadata.tables["Mixed Name"]
            connection.execute(found.insert(), {"MyId": 1})
            assert connection.scalar(sa.select(found.c["MyId"])) == 1


class TestWrites:
    def test_counts_of_rows(self, engine: Any) -> None:
        table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer))
        table.create(engine)
        with engine.begin() as connection:
            assert connection.execute(table.insert(), [{"a": n} for n in range(5)]).rowcount == 5
            assert connection.execute(table.update().where(table.c.a > 2).values(a=9)).rowcount == 2
            assert connection.execute(table.delete().where(table.c.a == 9)).rowcount == 2
            assert connection.execute(table.delete().where(table.c.a == 9)).rowcount == 0

    def test_a_thousand_rows_are_a_few_statements(self, server: Server, engine: Any) -> None:
        run(engine, "CREATE TABLE t (a INTEGER, b VARCHAR)")
        rows = [{"a": n, "b": str(n)} for n in range(1000)]
        server.clear()
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (:a, :b)"), rows)
        assert 1 <= len(server.executed) <= 10
        with engine.connect() as connection:
            query = sa.text("SELECT count(*), sum(a), max(b) FROM t")
            assert connection.execute(query).one() == (1000, 499500, "999")

    def test_a_key_and_a_sequence_in_a_migration(self, engine: Any) -> None:
        with engine.begin() as connection:
            operations = Operations(MigrationContext.configure(connection))
            operations.execute(sa.schema.CreateSequence(sa.Sequence("numbers", start=5)))
            one = operations.create_table(
                "one",
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("a", sa.Integer),
            )
            two = operations.create_table(
                "two",
                sa.Column("id", sa.Integer, sa.Sequence("numbers"), primary_key=True),
                sa.Column("a", sa.Integer),
            )
            ids = [connection.scalar(t.insert().values(a=0).returning(t.c.id)) for t in (one, two)]
            text = str(sa.schema.CreateTable(one).compile(engine))
        assert ids == [1, 5]
        assert "SERIAL" not in text


UTC = dt.timezone.utc
PARIS = dt.datetime(2026, 7, 1, 12, 30, 1, 5, tzinfo=ZoneInfo("Europe/Paris"))


class TestLiterals:
    @pytest.mark.parametrize(
        ("type_", "value"),
        [
            (sa.Date(), dt.date(1, 2, 3)),
            (sa.Time(), dt.time(23, 59, 59, 999999)),
            (sa.DateTime(), dt.datetime(2026, 1, 2, 3, 4, 5, 6)),
            (sa.DateTime(timezone=True), PARIS),
            (sa.DateTime(timezone=True), PARIS.astimezone(UTC)),
            (sa.Numeric(38, 10), decimal.Decimal("-12345678901234567890.0123456789")),
            (sa.Uuid(), uuid.UUID(int=2**127 + 5)),
            (sa.Interval(), dt.timedelta(days=-3, seconds=5, microseconds=7)),
            (sa.LargeBinary(), bytes(range(256))),
            (sa.String(), "it's 100% \\ : \u00e9"),
            (sa.Boolean(), True),
            (sa.Integer(), -(2**31)),
        ],
        ids=str,
    )
    def test_a_literal_is_the_value(self, engine: Any, type_: Any, value: Any) -> None:
        query = sa.select(sa.literal(value, type_).label("v"))
        text = query.compile(engine, compile_kwargs={"literal_binds": True}).string
        assert "$" not in text
        with engine.connect() as connection:
            found = connection.execute(sa.text(text).columns(v=type_)).scalar()
            assert found == value
            assert type(found) is type(value)

    def test_an_offset_of_seconds_is_a_moment(self, engine: Any) -> None:
        zone = dt.timezone(dt.timedelta(hours=1, seconds=7))
        value = dt.datetime(1900, 1, 1, tzinfo=zone)
        query = sa.select(sa.literal(value, sa.DateTime(timezone=True)))
        text = query.compile(engine, compile_kwargs={"literal_binds": True}).string
        with engine.connect() as connection:
            assert connection.exec_driver_sql(text).scalar() == value


class TestPool:
    def test_a_session_that_was_changed_is_replaced_on_request(self, server: Server) -> None:
        engine = sa.create_engine(server.uri, pool_size=1, max_overflow=0)
        run(engine, "CREATE SCHEMA other")
        with engine.connect() as connection:
            schema = connection.exec_driver_sql("SELECT current_schema()").scalar()
            connection.exec_driver_sql("USE other")
            connection.commit()
            connection.invalidate()
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT current_schema()").scalar() == schema
        engine.dispose()

    def test_a_hook_prepares_each_connection(self, server: Server) -> None:
        engine = sa.create_engine(server.uri)

        @sa.event.listens_for(engine, "connect")
        def prepare(connection: Any, record: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("USE other")
            connection.commit()

        with server.connect(autocommit=True) as connection:
            connection.execute("CREATE SCHEMA other")
        with engine.connect() as one, engine.connect() as two:
            for connection in (one, two):
                assert connection.exec_driver_sql("SELECT current_schema()").scalar() == "other"
        engine.dispose()
