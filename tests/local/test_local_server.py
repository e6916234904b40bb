"""The local server as the official client and the stock ADBC driver see it."""

from __future__ import annotations

import datetime as dt
import decimal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as stock
import pyarrow as pa
import pytest
from altertable_flightsql.client import (
    Client,
    IngestIncrementalOptions,
    IngestTableMode,
    _pack_command,
)
from altertable_flightsql.generated import arrow_flight_sql_pb2 as pb
from pyarrow import flight

from altertable_dbapi.local import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(catalogs=("other",)) as server:
        yield server


def official(server: Server, **options: Any) -> Client:
    return Client(
        server.username, server._password, host=server.host, port=server.port, tls=False, **options
    )


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with official(server) as client:
        yield client


@pytest.fixture
def adbc(server: Server) -> Iterator[stock.Connection]:
    settings = {"username": server.username, "password": server._password}
    uri = f"grpc://{server.host}:{server.port}"
    with stock.connect(uri, db_kwargs=settings, autocommit=True) as connection:
        yield connection


def rows(client: Client, sql: str, **options: Any) -> list[tuple[Any, ...]]:
    table = client.query(sql, **options).read_all()
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def put(client: Client, command: Any, batch: pa.RecordBatch | None = None) -> bytes | None:
    descriptor = flight.FlightDescriptor.for_command(_pack_command(command))
    schema = batch.schema if batch is not None else pa.schema([])
    writer, reader = client._client.do_put(descriptor, schema)
    try:
        if batch is not None:
            writer.write(batch)
        writer.done_writing()
        answer = reader.read()
    finally:
        writer.close()
    return bytes(answer) if answer is not None else None


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do; the limit only bounds a failure."""
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def ingest_command(**fields: Any) -> pb.CommandStatementIngest:
    """Make the command that creates a table or appends to it."""
    options = pb.CommandStatementIngest.TableDefinitionOptions
    return pb.CommandStatementIngest(
        table_definition_options=options(
            if_not_exist=options.TABLE_NOT_EXIST_OPTION_CREATE,
            if_exists=options.TABLE_EXISTS_OPTION_APPEND,
        ),
        **fields,
    )


def parameter_names(statement: Any) -> list[str]:
    names: list[str] = statement._parameter_schema.names
    return names


def load(client: Client, table: str, data: dict[str, Any], **options: Any) -> None:
    batch = pa.record_batch(data)
    incremental = None
    if "primary_key" in options:
        incremental = IngestIncrementalOptions(
            options.pop("primary_key"), options.pop("cursor_field", [])
        )
    writer = client.ingest(
        table_name=table, schema=batch.schema, incremental_options=incremental, **options
    )
    try:
        writer.write(batch)
    finally:
        writer.close()


class TestStatements:
    def test_query(self, client: Client) -> None:
        assert rows(client, "SELECT 42 AS a, 'x' AS b") == [(42, "x")]

    def test_trailing_semicolon_and_comments(self, client: Client) -> None:
        assert rows(client, "-- ; é\nSELECT 'é;' AS a; ; -- end\n/* é */") == [("é;",)]

    def test_duplicate_names(self, client: Client) -> None:
        assert client.query("SELECT 1 AS a, 2 AS a").read_all().column_names == ["a", "a"]

    def test_execute_counts_rows(self, client: Client) -> None:
        assert client.execute("CREATE TABLE t (i INTEGER)") == 0
        assert client.execute("INSERT INTO t VALUES (1), (2), (3)") == 3
        assert client.execute("UPDATE t SET i = 0 WHERE i > 1") == 2
        assert client.execute("DELETE FROM t WHERE i = 9") == 0
        assert client.execute('SELECT 5 AS "Count"') == -1
        assert client.execute("DROP TABLE t") == 0

    @pytest.mark.parametrize(
        ("sql", "names", "count"),
        [
            ("INSERT INTO t VALUES (1)", ["Count"], [1]),
            ("CREATE TABLE u (i INTEGER)", ["Count"], []),
            ("CREATE TABLE v AS SELECT 1 AS i", ["Count"], [1]),
            ("DROP TABLE t", ["Success"], []),
            ("SET threads = 2", ["Success"], []),
            ("COMMENT ON TABLE t IS 'c'", ["Success"], []),
        ],
    )
    def test_query_path_of_other_statements(
        self, client: Client, sql: str, names: list[str], count: list[int]
    ) -> None:
        client.execute("CREATE TABLE t (i INTEGER)")
        table = client.query(sql).read_all()
        assert table.column_names == names
        assert table.column(0).to_pylist() == count

    def test_nothing_runs_before_the_stream_is_read(self, server: Server, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER)")
        client.execute("CREATE SEQUENCE s")
        server.clear()
        for sql in (
            "INSERT INTO t VALUES (1) RETURNING i",
            "DELETE FROM t",
            "DROP TABLE t",
            "CREATE TABLE u AS SELECT 1",
            "ATTACH ':memory:' AS late",
            "SELECT nextval('s')",
        ):
            command = pb.CommandStatementQuery(query=sql)
            client._client.get_flight_info(
                flight.FlightDescriptor.for_command(_pack_command(command))
            )
        assert server.executed == []
        assert rows(client, "SELECT table_name FROM duckdb_tables()") == [("t",)]
        assert rows(client, "SELECT nextval('s')") == [(1,)]

    @pytest.mark.parametrize(
        ("sql", "error"),
        [
            ("SELEC 1", "Parser Error"),
            ("SELECT * FROM missing", "Catalog Error"),
            ("SELECT missing", "Binder Error"),
            ("INSERT INTO missing VALUES (1)", "Catalog Error"),
            ("SELECT 1; SELECT 2", "Cannot prepare multiple statements at once!"),
            ("SELECT 1; SELECT 1;", "Cannot prepare multiple statements at once!"),
            ("", "No statement to prepare"),
            ("-- nothing", "No statement to prepare"),
            ("BEGIN", "BeginTransaction"),
            ("ROLLBACK", "BeginTransaction"),
        ],
    )
    def test_what_cannot_be_prepared(
        self, server: Server, client: Client, sql: str, error: str
    ) -> None:
        with pytest.raises(pa.ArrowException, match=error) as raised:
            client.query(sql)
        assert "Traceback" not in str(raised.value)
        assert server.executed == []

    def test_an_error_while_it_runs(self, client: Client) -> None:
        with pytest.raises(pa.ArrowInvalid, match="Conversion Error") as raised:
            client.query("SELECT CAST(v AS INTEGER) FROM (VALUES ('x')) AS t(v)").read_all()
        assert "Traceback" not in str(raised.value)
        with pytest.raises(pa.ArrowInvalid, match="Conversion Error"):
            client.query("SELECT CAST(i::VARCHAR || 'x' AS INTEGER) FROM range(9) t(i)").read_all()
        assert rows(client, "SELECT 1") == [(1,)]

    def test_large_results_come_in_batches(self, client: Client) -> None:
        batches = list(client.query("SELECT i FROM range(200_000) t(i)"))
        assert len(batches) > 2
        assert sum(chunk.data.num_rows for chunk in batches) == 200_000

    def test_no_variable_of_the_server_is_a_table(self, client: Client) -> None:
        with pytest.raises(pa.ArrowException, match="Catalog Error"):
            client.query("SELECT * FROM statement")

    def test_pivot(self, client: Client) -> None:
        client.execute("CREATE TABLE t AS SELECT 1 AS i, 'a' AS k")
        assert rows(client, "PIVOT t ON k USING sum(i)") == [(1,)]


class TestTypes:
    def test_announced_types_differ_from_the_stream(self, client: Client) -> None:
        sql = """SELECT now() AS z, 'a'::ENUM('a') AS e, MAP {1: 2} AS m, uuid() AS u,
                 INTERVAL 1 DAY AS i, [1] AS l, '{}'::JSON AS j, 1::UHUGEINT AS h,
                 {'a': uuid()} AS s, 1.5::DECIMAL(10, 2) AS d"""
        info = client._client.get_flight_info(
            flight.FlightDescriptor.for_command(_pack_command(pb.CommandStatementQuery(query=sql)))
        )
        assert info.schema == pa.schema(
            [
                ("z", pa.null()),
                ("e", pa.null()),
                ("m", pa.null()),
                ("u", pa.binary(16)),
                ("i", pa.duration("us")),
                ("l", pa.list_(pa.field("item", pa.int32()))),
                ("j", pa.utf8()),
                ("h", pa.null()),
                ("s", pa.struct([("a", pa.binary(16))])),
                ("d", pa.decimal128(10, 2)),
            ]
        )
        assert info.total_records == -1
        assert len(info.endpoints) == 1
        assert info.endpoints[0].locations == []
        schema = client._client.do_get(info.endpoints[0].ticket).read_all().schema
        assert schema.field("u").type == pa.utf8()
        assert schema.field("e").type == pa.dictionary(pa.uint8(), pa.utf8())
        assert schema.field("i").type == pa.month_day_nano_interval()
        assert pa.types.is_timestamp(schema.field("z").type)
        assert schema.field("z").type.tz
        assert schema.field("j").metadata[b"altertable.original_type"] == b"JSON"

    @pytest.mark.parametrize(
        ("array", "type_"),
        [
            (pa.array([1], pa.int64()), "BIGINT"),
            (pa.array([1], pa.int32()), "INTEGER"),
            (pa.array([None], pa.int64()), "BIGINT"),
            (pa.array([decimal.Decimal("1.5")], pa.decimal128(10, 2)), "DECIMAL(10,2)"),
            (pa.array([decimal.Decimal(2**70)], pa.decimal128(38, 0)), "DECIMAL(38,0)"),
            (pa.array([1.5]), "DOUBLE"),
            (pa.array([0.1 + 0.2]), "DOUBLE"),
            (pa.array([float("-inf")]), "DOUBLE"),
            (pa.array([1.5], pa.float32()), "FLOAT"),
            (pa.array([2**64 - 1], pa.uint64()), "UBIGINT"),
            (pa.array([None], pa.utf8()), "VARCHAR"),
            (pa.array(["it's; $1 \n é"]), "VARCHAR"),
            (pa.array(["a\0b"]), "VARCHAR"),
            (pa.array([decimal.Decimal("1E-10")], pa.decimal128(38, 20)), "DECIMAL(38,20)"),
            (pa.array([True]), "BOOLEAN"),
            (pa.array(["x"]), "VARCHAR"),
            (pa.array([b"x"]), "BLOB"),
            (pa.array([dt.date(2026, 1, 2)]), "DATE"),
            (pa.array([dt.time(1, 2)], pa.time64("us")), "TIME"),
            (pa.array([0], pa.timestamp("us")), "TIMESTAMP"),
            (pa.array([0], pa.timestamp("us", "UTC")), "TIMESTAMP WITH TIME ZONE"),
            (pa.array([1], pa.duration("us")), "INTERVAL"),
            (pa.array([[1, None]], pa.list_(pa.int64())), "BIGINT[]"),
            (pa.array([[]], pa.list_(pa.utf8())), "VARCHAR[]"),
            (pa.array([{"a": 1}], pa.struct([("a", pa.int64())])), "STRUCT(a BIGINT)"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_parameters_keep_their_types(self, client: Client, array: pa.Array, type_: str) -> None:
        with client.prepare("SELECT typeof($1) AS t, $1 IS NULL AS n, $1 AS v") as statement:
            found = statement.query(parameters=pa.record_batch({"1": array})).read_all()
        assert found.column("t").to_pylist() == [type_]
        assert found.column("n").to_pylist() == [not array.is_valid()[0].as_py()]
        if type_ != "INTERVAL":
            assert found.column("v").to_pylist() == array.to_pylist()


class TestPrepared:
    def test_named_by_first_appearance(self, client: Client) -> None:
        with client.prepare("SELECT $b AS b, '$c' AS c, $a AS a, $b AS d -- $e") as statement:
            assert parameter_names(statement) == ["b", "a"]
            # Bound by order, whatever the names.
            found = statement.query(parameters={"a": "first", "b": "second"}).read_all()
        assert found.to_pydict() == {"b": ["first"], "c": ["$c"], "a": ["second"], "d": ["first"]}

    def test_question_marks(self, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER, v VARCHAR)")
        with client.prepare("INSERT INTO t VALUES (?, ?) RETURNING i + 1 AS next") as statement:
            assert parameter_names(statement) == ["1", "2"]
            assert statement.query(parameters=[4, "x"]).read_all().to_pydict() == {"next": [5]}
            assert statement.query(parameters=[5, "y"]).read_all().to_pydict() == {"next": [6]}
        assert rows(client, "SELECT * FROM t ORDER BY i") == [(4, "x"), (5, "y")]

    def test_update(self, server: Server, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER)")
        with client.prepare("INSERT INTO t SELECT unnest($1)") as statement:
            command = pb.CommandPreparedStatementUpdate(prepared_statement_handle=statement._handle)
            batch = pa.record_batch({"1": pa.array([[1, 2, 3]])})
            answer = pb.DoPutUpdateResult.FromString(put(client, command, batch) or b"")
        assert answer.record_count == 3
        assert server.executed[-1] == "INSERT INTO t SELECT unnest($1)"
        assert server.executed[-1].parameters == batch

    def test_merge_with_parameters(self, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER)")
        sql = "MERGE INTO t USING (SELECT $1 AS i) s ON (t.i = s.i) WHEN NOT MATCHED THEN INSERT"
        with client.prepare(sql) as statement:
            statement.query(parameters=[7]).read_all()
        assert rows(client, "SELECT i FROM t") == [(7,)]

    @pytest.mark.parametrize(
        ("batch", "error"),
        [
            (pa.record_batch({"1": [1, 2]}), "Wrong number of parameters"),
            (pa.record_batch({"1": [1], "2": [2]}), "Wrong number of parameters"),
        ],
    )
    def test_refused_batches(self, client: Client, batch: pa.RecordBatch, error: str) -> None:
        with client.prepare("SELECT $1 AS v") as statement:
            command = pb.CommandPreparedStatementQuery(prepared_statement_handle=statement._handle)
            with pytest.raises(pa.ArrowInvalid, match=error):
                put(client, command, batch)
            with pytest.raises(pa.ArrowInvalid, match="Values were not provided"):
                statement.query().read_all()

    def test_unknown_handle(self, client: Client) -> None:
        statement = client.prepare("SELECT 1")
        statement.close()
        with pytest.raises(pa.ArrowKeyError, match="Prepared statement not found"):
            statement.query()
        with pytest.raises(pa.ArrowKeyError, match="Prepared statement not found"):
            statement.close()

    def test_bound_as_text(self) -> None:
        with Server(bind_as_text=True) as server, official(server) as client:
            sql = "SELECT $1 AS i, $2 AS n, $3 AS d, typeof($1) AS t"
            with client.prepare(sql) as statement:
                parameters = pa.record_batch(
                    {
                        "1": [5],
                        "2": pa.array([None], pa.int64()),
                        "3": pa.array([decimal.Decimal(1)], pa.decimal128(3, 1)),
                    }
                )
                found = statement.query(parameters=parameters).read_all().to_pylist()[0]
        assert found["d"].startswith("UNSUPPORTED_TYPE_")
        assert (found["i"], found["n"], found["t"]) == ("5", "NULL", "VARCHAR")


class TestTransactions:
    def test_commit_and_rollback(self, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER)")
        with client.begin_transaction():
            client.execute("INSERT INTO t VALUES (1)")
        transaction = client.begin_transaction()
        client.execute("INSERT INTO t VALUES (2)", transaction=transaction)
        transaction.rollback()
        assert rows(client, "SELECT i FROM t") == [(1,)]

    def test_what_an_open_transaction_refuses(self, client: Client) -> None:
        transaction = client.begin_transaction()
        active = "a transaction is already active; commit or rollback it first"
        for refused in (
            lambda: client.query("SELECT 1"),
            lambda: client.execute("SELECT 1"),
            lambda: client.prepare("SELECT 1"),
            client.begin_transaction,
            client.get_catalogs,
        ):
            with pytest.raises(pa.ArrowInvalid, match=active):
                refused()
        assert rows(client, "SELECT 1", transaction=transaction) == [(1,)]
        transaction.commit()
        with pytest.raises(pa.ArrowKeyError, match="Transaction not found"):
            client.query("SELECT 1", transaction=transaction)
        with pytest.raises(pa.ArrowKeyError, match="Transaction not found"):
            transaction.commit()

    def test_a_statement_prepared_in_an_ended_transaction(self, client: Client) -> None:
        transaction = client.begin_transaction()
        statement = client.prepare("SELECT 1 AS a", transaction=transaction)
        assert statement.query().read_all().num_rows == 1
        transaction.rollback()
        with pytest.raises(pa.ArrowKeyError, match="Transaction not found"):
            statement.query().read_all()

    def test_an_aborted_transaction(self, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
        transaction = client.begin_transaction()
        client.execute("INSERT INTO t VALUES (1)", transaction=transaction)
        with pytest.raises(pa.ArrowInvalid, match="Constraint Error"):
            client.execute("INSERT INTO t VALUES (1)", transaction=transaction)
        with pytest.raises(pa.ArrowException, match="Current transaction is aborted"):
            client.execute("INSERT INTO t VALUES (2)", transaction=transaction)
        transaction.rollback()
        assert rows(client, "SELECT count(*) FROM t") == [(0,)]

    def test_close_rolls_back(self, server: Server, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER)")
        with official(server) as other:
            other.execute("INSERT INTO t VALUES (1)", transaction=other.begin_transaction())
        assert rows(client, "SELECT count(*) FROM t") == [(0,)]
        assert server.open_sessions == 1


class TestOptions:
    def test_catalog_and_schema(self, server: Server, client: Client) -> None:
        client.execute('CREATE SCHEMA other."the schema"')
        with official(server, catalog="other", schema="the schema", compute_size="xxl") as inside:
            assert rows(inside, "SELECT current_catalog(), current_schema()") == [
                ("other", "the schema")
            ]
        with official(server, catalog="other") as inside:
            assert rows(inside, "SELECT current_catalog(), current_schema()") == [("other", "main")]

    def test_an_unknown_catalog_fails_late(self, server: Server) -> None:
        with official(server, catalog="nowhere") as client:
            for _ in range(2):
                with pytest.raises(pa.ArrowException, match=r'No catalog . schema named "nowhere"'):
                    client.query("SELECT 1")

    def test_refused_values(self, server: Server, client: Client) -> None:
        with pytest.raises(ValueError, match="compute_size: INVALID_VALUE"):
            client.set_compute_size("HUGE")
        from altertable_flightsql.generated import arrow_flight_pb2

        value = arrow_flight_pb2.SessionOptionValue(string_value="x")
        with pytest.raises(ValueError, match="colour: INVALID_NAME"):
            client._set_options({"colour": value})


class TestCatalog:
    def test_listing(self, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER, v VARCHAR)")
        client.execute("CREATE VIEW w AS SELECT 1 AS a")
        client.execute("CREATE TEMP TABLE hidden (i INTEGER)")
        assert client.get_catalogs().read_all().to_pydict() == {"catalog_name": ["local", "other"]}
        assert client.get_schemas(catalog="local").read_all().to_pylist() == [
            {"catalog_name": "local", "db_schema_name": "main"}
        ]
        tables = client.get_tables(table_pattern="_", include_schema=True).read_all()
        assert tables.column("table_name").to_pylist() == ["t", "w"]
        assert tables.column("table_type").to_pylist() == ["BASE TABLE", "VIEW"]
        schema = pa.ipc.read_schema(tables.column("table_schema")[0].as_buffer())
        assert schema == pa.schema([("i", pa.int32()), ("v", pa.utf8())])

    def test_keys_are_not_implemented(self, client: Client) -> None:
        with pytest.raises(NotImplementedError, match="CommandGetPrimaryKeys"):
            client._execute_query_command(pb.CommandGetPrimaryKeys(table="t"))


class TestIngest:
    def test_modes(self, client: Client) -> None:
        def names() -> list[Any]:
            return [name for (name,) in rows(client, "SELECT v FROM t ORDER BY v")]

        with pytest.raises(pa.ArrowInvalid, match=r"Table local\.main\.t does not exist"):
            load(client, "t", {"v": ["a"]}, mode=IngestTableMode.APPEND)
        load(client, "t", {"v": ["a"]}, mode=IngestTableMode.CREATE)
        with pytest.raises(pa.ArrowInvalid, match=r"Table local\.main\.t already exists"):
            load(client, "t", {"v": ["b"]}, mode=IngestTableMode.CREATE)
        load(client, "t", {"v": ["b"]}, mode=IngestTableMode.APPEND)
        load(client, "t", {"v": ["c"]}, mode=IngestTableMode.CREATE_APPEND)
        assert names() == ["a", "b", "c"]
        load(client, "t", {"v": ["z"]}, mode=IngestTableMode.REPLACE)
        assert names() == ["z"]

    def test_row_count(self, server: Server, client: Client) -> None:
        command = ingest_command(table="t")
        answer = put(client, command, pa.record_batch({"a": [1, 2, 3]}))
        assert pb.DoPutUpdateResult.FromString(answer or b"").record_count == 3
        assert server.executed == ["INGEST local.main.t"]

    def test_it_ignores_the_session(self, server: Server) -> None:
        with official(server, catalog="other") as client:
            transaction = client.begin_transaction()
            load(client, "t", {"v": ["a"]}, transaction=transaction)
            load(client, "t", {"v": ["a"]}, catalog_name="other", schema_name="made")
            transaction.rollback()
            assert rows(client, "SELECT v FROM local.main.t") == [("a",)]
            assert rows(client, "SELECT v FROM other.made.t") == [("a",)]

    @pytest.mark.parametrize(
        ("data", "options", "error"),
        [
            ({"v": ["a"], "w": [1]}, {}, "the data has v, w"),
            ({"w": ["a"]}, {}, "the data has w"),
            ({"v": ["a"]}, {"catalog_name": "nowhere"}, "Catalog Error"),
            ({"v": ["a"]}, {"primary_key": ["v"]}, "besides those of primary_key"),
            ({"v": ["a"], "w": [1]}, {"primary_key": ["x"]}, "Malformed options: primary_key"),
            ({"v": ["x" * 5_000_000]}, {}, "RESOURCE_EXHAUSTED"),
        ],
    )
    def test_refused(
        self, client: Client, data: dict[str, Any], options: dict[str, Any], error: str
    ) -> None:
        client.execute("CREATE TABLE t (v VARCHAR)")
        with pytest.raises(pa.ArrowException, match=error):
            load(client, "t", data, **options)
        assert rows(client, "SELECT count(*) FROM t") == [(0,)]

    def test_all_or_nothing(self, client: Client) -> None:
        client.execute("CREATE TABLE t (v INTEGER NOT NULL)")
        with pytest.raises(pa.ArrowInvalid, match="NOT NULL constraint failed"):
            load(client, "t", {"v": [1, None, 3]})
        assert rows(client, "SELECT count(*) FROM t") == [(0,)]

    def test_upsert_by_cursor(self, client: Client) -> None:
        options = {"primary_key": ["id"], "cursor_field": ["at"]}
        load(client, "t", {"id": [1, 2, 1], "at": [5, 5, 6], "v": ["a", "b", "c"]}, **options)
        assert rows(client, "SELECT * FROM t ORDER BY id") == [(1, 6, "c"), (2, 5, "b")]
        load(client, "t", {"id": [1, 2, 3, 2], "at": [6, 7, 1, 6], "v": list("defg")}, **options)
        assert rows(client, "SELECT * FROM t ORDER BY id") == [
            (1, 6, "c"),
            (2, 7, "e"),
            (3, 1, "f"),
        ]
        # A column that is left out keeps its value.
        load(client, "t", {"id": [1, 4], "at": [9, 9]}, **options)
        assert rows(client, "SELECT * FROM t ORDER BY id")[0] == (1, 9, "c")
        assert rows(client, "SELECT * FROM t ORDER BY id")[3] == (4, 9, None)

    def test_nothing_is_older_than_null_in_a_cursor_field(self, client: Client) -> None:
        """Within one load and against the table alike."""
        options = {"primary_key": ["id"], "cursor_field": ["a", "b"]}
        schema = {"id": pa.int64(), "a": pa.int64(), "b": pa.int64(), "v": pa.int64()}
        cursors = [(None, None), (None, 1), (None, 2), (1, None), (1, 1), (2, None), (2, 3)]
        pairs = [(old, new) for old in cursors for new in cursors if old != new]

        def columns(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
            return {
                name: pa.array([row[i] for row in rows], type_)
                for i, (name, type_) in enumerate(schema.items())
            }

        old = [(i, *pair[0], 0) for i, pair in enumerate(pairs)]
        new = [(i, *pair[1], 1) for i, pair in enumerate(pairs)]
        load(client, "within", columns(old + new), **options)
        load(client, "within_back", columns(new + old), **options)
        load(client, "against", columns(old), **options)
        load(client, "against", columns(new), **options)
        expected = [
            (i, int([x or 0 for x in b] > [x or 0 for x in a])) for i, (a, b) in enumerate(pairs)
        ]
        for table in ("within", "within_back", "against"):
            assert rows(client, f"SELECT id, v FROM {table} ORDER BY id") == expected, table

    @pytest.mark.parametrize("mode", [IngestTableMode.APPEND, IngestTableMode.CREATE_APPEND])
    def test_by_position(self, mode: IngestTableMode) -> None:
        with Server(ingest_by_position=True) as server, official(server) as client:
            client.execute("CREATE TABLE p (first VARCHAR, last VARCHAR)")
            load(client, "p", {"last": ["Curie"], "first": ["Marie"]}, mode=mode)
            load(client, "p", {"a": ["x"], "b": ["y"]}, mode=mode)
            assert rows(client, "FROM p") == [("Curie", "Marie"), ("x", "y")]
            with pytest.raises(pa.ArrowInvalid, match="2 columns but 1 value"):
                load(client, "p", {"first": ["x"]}, mode=mode)

    @pytest.mark.parametrize(
        ("other", "reason"),
        [
            ("INSERT INTO t VALUES (1, 'other')", "onstraint"),
            ("ALTER TABLE t ADD COLUMN z INTEGER", "onflict|altered"),
        ],
    )
    def test_a_commit_that_fails_says_why(
        self, server: Server, client: Client, other: str, reason: str
    ) -> None:
        client.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v VARCHAR)")
        batch = pa.record_batch({"id": pa.array([1], pa.int32()), "v": ["a"]})
        writer = client.ingest(table_name="t", schema=batch.schema, mode=IngestTableMode.APPEND)
        writer.write(batch)
        eventually(lambda: "INGEST local.main.t" in server.executed)
        with official(server) as second:
            second.execute(other)
        with pytest.raises(pa.ArrowException, match=reason) as caught:
            writer.close()
        assert "rollback" not in str(caught.value)

    @pytest.mark.parametrize("options", [{}, {"primary_key": ["i"]}])
    @pytest.mark.parametrize("table", ["t", "missing"])
    def test_a_catalog_that_is_read_only(
        self, tmp_path: Path, client: Client, table: str, options: dict[str, Any]
    ) -> None:
        path = tmp_path / "fixed.duckdb"
        with Server(path) as other, official(other) as writer:
            writer.execute("CREATE TABLE t (i INTEGER, v INTEGER)")
        client.execute(f"ATTACH '{path}' AS fixed (READ_ONLY)")
        kind = "CREATE" if table == "missing" else "MERGE_INTO" if options else "INSERT"
        with pytest.raises(pa.ArrowInvalid, match=f'type "{kind}" on database "fixed".*read-only'):
            load(client, table, {"i": [1], "v": [2]}, catalog_name="fixed", **options)

    def test_an_error_names_no_statement_of_the_server(self, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER)")
        with pytest.raises(pa.ArrowInvalid, match="Could not convert string 'x'") as caught:
            load(client, "t", {"i": ["x"]})
        assert "LINE" not in str(caught.value)
        assert "altertable_" not in str(caught.value)

    def test_upsert_without_cursor(self, client: Client) -> None:
        load(client, "t", {"id": [1, 1], "v": ["a", "b"]}, primary_key=["id"])
        assert rows(client, "SELECT * FROM t") == [(1, "b")]
        load(client, "t", {"id": [1], "v": ["c"]}, primary_key=["id"])
        assert rows(client, "SELECT * FROM t") == [(1, "c")]

    @pytest.mark.parametrize("value", ["[", '"id"', "[1]"])
    def test_malformed_options(self, client: Client, value: str) -> None:
        command = ingest_command(table="t", options={"primary_key": value})
        with pytest.raises(pa.ArrowInvalid, match="Malformed options"):
            put(client, command, pa.record_batch({"a": [1]}))


class TestStockDriver:
    def test_statements(self, adbc: stock.Connection) -> None:
        with adbc.cursor() as cursor:
            cursor.execute("CREATE TABLE t (i BIGINT, v VARCHAR)")
            assert cursor.fetchall() == []
            cursor.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
            assert cursor.fetchall() == [(2,)]
            cursor.execute("SELECT v FROM t WHERE i > ?", (1,))
            assert cursor.fetchall() == [("b",)]
            cursor.execute("INSERT INTO t VALUES (9, 'z') RETURNING *")
            assert cursor.fetchall() == [(9, "z")]
            cursor.execute("WITH x AS (SELECT 1 AS a) SELECT a, a + 1 AS b FROM x")
            assert cursor.fetchall() == [(1, 2)]

    def test_ingest(self, adbc: stock.Connection) -> None:
        with adbc.cursor() as cursor:
            assert cursor.adbc_ingest("t", pa.table({"a": [1, 2]}), "create") == 2
            assert cursor.adbc_ingest("t", pa.table({"a": [3]}), "append") == 1
            cursor.execute("SELECT sum(a)::BIGINT AS s FROM t")
            assert cursor.fetchone() == (6,)

    def test_objects(self, adbc: stock.Connection) -> None:
        with adbc.cursor() as cursor:
            cursor.execute("CREATE TABLE t (i BIGINT)")
            assert cursor.fetchall() == []
        found = adbc.adbc_get_objects(catalog_filter="local").read_all().to_pylist()
        tables = found[0]["catalog_db_schemas"][0]["db_schema_tables"]
        assert [column["column_name"] for column in tables[0]["table_columns"]] == ["i"]
        assert adbc.adbc_get_table_types() == ["BASE TABLE", "LOCAL TEMPORARY", "VIEW"]
        assert adbc.adbc_get_table_schema("t") == pa.schema([("i", pa.int64())])
        assert adbc.adbc_get_info()["vendor_name"] == "altertable-dbapi local server"

    def test_transactions(self, server: Server, client: Client) -> None:
        client.execute("CREATE TABLE t (i BIGINT)")
        settings = {"username": "local", "password": server._password}
        uri = f"grpc://{server.host}:{server.port}"
        with stock.connect(uri, db_kwargs=settings) as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
            assert cursor.fetchall() == [(1,)]
            connection.rollback()
            cursor.execute("INSERT INTO t VALUES (2)")
            assert cursor.fetchall() == [(1,)]
            connection.commit()
        assert rows(client, "SELECT i FROM t") == [(2,)]


def test_what_does_not_fit_into_memory_goes_to_the_systems_temporary_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with Server() as server, server.connect(autocommit=True) as connection:
        connection.execute("SET memory_limit = '40MB'")
        connection.execute("SET threads = 1")
        numbered = "SELECT row_number() OVER (ORDER BY hash(i)) AS n FROM range(2_000_000) AS r(i)"
        rows = connection.execute(f"SELECT sum(n) FROM ({numbered})").fetchall()
        assert rows == [(2_000_000 * 2_000_001 // 2,)]
        assert len(list(temporary.iterdir())) == 1
    assert list(temporary.iterdir()) == []
    assert list(here.iterdir()) == []
