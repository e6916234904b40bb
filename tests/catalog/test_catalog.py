"""Introspection: what is listed, under which names, in which shape, with how many calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import adbc_driver_flightsql.dbapi as stock
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from adbc_driver_manager import AdbcStatusCode
from hypothesis import given, settings
from hypothesis import strategies as st

import altertable_dbapi
from altertable_dbapi import InterfaceError, NotSupportedError, ProgrammingError
from altertable_dbapi.local import Server

from ..support.engines import examples

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

ONE_STATEMENT = ["GetFlightInfo:CommandStatementQuery", "DoGet:TicketStatementQuery"]
EXAMPLES = settings(max_examples=examples(25), deadline=None)
DEPTHS = ["catalogs", "db_schemas", "tables", "columns", "all"]


@pytest.fixture
def shop(auto: Connection) -> Connection:
    """A connection to a small shop."""
    for statement in [
        "CREATE TABLE customer (id INTEGER, country VARCHAR DEFAULT 'FR',"
        " PRIMARY KEY (country, id))",
        "CREATE TABLE orders (no BIGINT UNIQUE, buyer INTEGER, land VARCHAR, total DECIMAL(9,2)"
        " CHECK (total > 0), FOREIGN KEY (land, buyer) REFERENCES customer (country, id))",
        "CREATE SCHEMA archive",
        "CREATE VIEW archive.totals AS SELECT total FROM orders",
        "CREATE TEMP TABLE basket (item VARCHAR NOT NULL)",
        "COMMENT ON COLUMN orders.total IS 'without tax'",
    ]:
        auto.execute(statement)
    return auto


@pytest.fixture(scope="module")
def named() -> Iterator[Connection]:
    """A connection to a server that the examples of a property share."""
    with Server() as server, server.connect(autocommit=True) as connection:
        yield connection


def names(table: pa.Table, *columns: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table[column].to_pylist() for column in columns), strict=True))


def listed(connection: Connection, **filters: Any) -> list[str]:
    return list(connection.get_tables(**filters)["table_name"].to_pylist())


# Listings


def test_catalogs_with_their_kind(shop: Connection) -> None:
    found = shop.get_catalogs()
    assert found.schema.names == ["catalog_name", "catalog_type", "read_only", "comment"]
    assert found.to_pylist() == [
        {"catalog_name": "local", "catalog_type": "duckdb", "read_only": False, "comment": None}
    ]


def test_schemas(shop: Connection) -> None:
    assert shop.get_schemas().to_pylist() == [
        {"catalog_name": "local", "db_schema_name": "archive", "comment": None},
        {"catalog_name": "local", "db_schema_name": "main", "comment": None},
    ]
    assert shop.get_schemas("LOCAL", "arch%")["db_schema_name"].to_pylist() == ["archive"]
    assert shop.get_schemas("other").num_rows == 0


def test_tables_views_and_temporary_tables(shop: Connection) -> None:
    found = shop.get_tables()
    assert found.schema.names == ["catalog_name", "db_schema_name", "table_name", "table_type"]
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("local", "archive", "totals", "VIEW"),
        ("local", "main", "customer", "BASE TABLE"),
        ("local", "main", "orders", "BASE TABLE"),
        ("temp", "main", "basket", "LOCAL TEMPORARY"),
    ]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["VIEW"], ["totals"]),
        (["base table"], ["customer", "orders"]),
        (["TABLE", "VIEW"], ["totals", "customer", "orders"]),
        (["LOCAL TEMPORARY"], ["basket"]),
        ([], ["totals", "customer", "orders", "basket"]),
    ],
)
def test_tables_by_type(shop: Connection, types: list[str], expected: list[str]) -> None:
    assert listed(shop, table_types=types) == expected
    nested = shop.adbc_get_objects(depth="tables", table_types_filter=types).read_all()
    assert sorted(t["table_name"] for t in tables_of(nested)) == sorted(expected)


def test_columns(shop: Connection) -> None:
    found = shop.get_columns(table_pattern="orders")
    assert found.schema.names == [
        "catalog_name",
        "db_schema_name",
        "table_name",
        "column_name",
        "ordinal_position",
        "data_type",
        "is_nullable",
        "column_default",
        "comment",
    ]
    assert [tuple(row.values())[3:] for row in found.to_pylist()] == [
        ("no", 1, "BIGINT", True, None, None),
        ("buyer", 2, "INTEGER", True, None, None),
        ("land", 3, "VARCHAR", True, None, None),
        ("total", 4, "DECIMAL(9,2)", True, None, "without tax"),
    ]
    assert shop.get_columns(column_pattern="country").select(
        ["table_name", "is_nullable", "column_default"]
    ).to_pylist() == [{"table_name": "customer", "is_nullable": False, "column_default": "'FR'"}]
    assert shop.get_columns(schema_pattern="archive")["column_name"].to_pylist() == ["total"]


def test_a_view_without_its_table_is_listed(auto: Connection) -> None:
    auto.execute("CREATE TABLE t (x INTEGER)")
    auto.execute("CREATE VIEW v AS FROM t")
    auto.execute("DROP TABLE t")
    assert names(auto.get_tables(), "table_name", "table_type") == [("v", "VIEW")]


def test_primary_keys_in_the_order_of_the_key(shop: Connection) -> None:
    found = shop.get_primary_keys("CUSTOMER")
    assert names(found, "column_name", "key_sequence") == [("country", 1), ("id", 2)]
    assert set(found["key_name"].to_pylist()) == {"customer_country_id_pkey"}
    assert shop.get_primary_keys("orders").num_rows == 0
    assert shop.get_primary_keys("customer", schema="archive").num_rows == 0
    assert shop.get_primary_keys("customer", "local", "main").num_rows == 2
    assert shop.get_primary_keys("cust%").num_rows == 0


def test_table_types(auto: Connection) -> None:
    types = ["BASE TABLE", "LOCAL TEMPORARY", "VIEW"]
    assert auto.get_table_types().to_pydict() == {"table_type": types}
    assert auto.adbc_get_table_types() == types


def test_the_engines_own_objects_are_left_out() -> None:
    with (
        Server(catalogs=["lake", "__ducklake_metadata_lake"]) as server,
        server.connect(autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE __ducklake_metadata_lake.secret (id INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE memory.main.own (id INTEGER)")
        connection.execute("CREATE TABLE lake.main.t (id INTEGER)")
        assert connection.get_catalogs()["catalog_name"].to_pylist() == ["lake", "local"]
        assert names(connection.get_schemas(), "catalog_name", "db_schema_name") == [
            ("lake", "main"),
            ("local", "main"),
        ]
        assert listed(connection) == ["t"]
        assert connection.get_columns()["column_name"].to_pylist() == ["id"]
        assert connection.get_primary_keys("secret").num_rows == 0
        nested = connection.adbc_get_objects(depth="catalogs").read_all()
        assert nested["catalog_name"].to_pylist() == ["lake", "local"]

        everything = {"__ducklake_metadata_lake", "lake", "local", "memory", "system", "temp"}
        found = connection.get_catalogs(include_internal=True)
        assert set(found["catalog_name"].to_pylist()) == everything
        assert {"secret", "own", "t", "pg_class"} <= set(listed(connection, include_internal=True))
        assert (
            "information_schema"
            in connection.get_schemas(include_internal=True)["db_schema_name"].to_pylist()
        )
        assert connection.get_columns(table_pattern="own", include_internal=True).num_rows == 1
        nested = connection.adbc_get_objects(depth="catalogs", include_internal=True).read_all()
        assert set(nested["catalog_name"].to_pylist()) == everything

        # A server whose only catalog is `memory` keeps the user's tables there.
        connection.execute("USE memory")
        assert "memory" in connection.get_catalogs()["catalog_name"].to_pylist()
        assert "own" in listed(connection)


# Names


def test_patterns_and_names_in_any_case(auto: Connection) -> None:
    for name in ("my_table", "myXtable", "50%", "Größe", 'a"b', "a\\b"):
        auto.execute(f"CREATE TABLE {altertable_dbapi.quote_identifier(name)} (x INTEGER)")
    assert listed(auto, table_pattern="MY_TABLE") == ["myXtable", "my_table"]
    assert listed(auto, table_pattern=r"my\_table") == ["my_table"]
    assert listed(auto, table_pattern=r"%\%") == ["50%"]
    assert listed(auto, table_pattern=r"a\\b") == ["a\\b"]
    assert listed(auto, table_pattern='_"_') == ['a"b']
    assert listed(auto, table_pattern="GRÖSSE") == []
    assert listed(auto, table_pattern="GRÖß_") == ["Größe"]
    assert listed(auto, catalog="Local", schema_pattern="MAIN", table_pattern="50_") == ["50%"]
    assert listed(auto, catalog="loc%") == []
    # ADBC's filters have no escape character.
    nested = auto.adbc_get_objects(depth="tables", table_name_filter="A\\B").read_all()
    assert [t["table_name"] for t in tables_of(nested)] == ["a\\b"]


NAMES = st.one_of(
    st.sampled_from(
        ["'", '"', "a.b", "a;b", "--", "/*", "$1", "?", "x\u00a0y", "\u3000", "é", "%"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8),
)


@EXAMPLES
@given(name=NAMES)
def test_any_table_is_found_by_its_name(named: Connection, name: str) -> None:
    quoted = altertable_dbapi.quote_identifier(name)
    named.execute(f"CREATE TABLE IF NOT EXISTS {quoted} (x INTEGER)")
    pattern = re.sub(r"([\\%_])", r"\\\1", name)
    found = listed(named, catalog="local", schema_pattern="main", table_pattern=pattern)
    # Names that differ in case alone are one table, called as it was first.
    assert {other.lower() for other in found} == {name.lower()}
    assert named.get_table_schema(quoted).names == ["x"]
    assert named.adbc_get_table_schema(name).names == ["x"]
    nested = named.adbc_get_objects(depth="tables", table_name_filter=name).read_all()
    assert name.lower() in {table["table_name"].lower() for table in tables_of(nested)}


@EXAMPLES
@given(text=st.text(st.characters(exclude_categories=()), max_size=12))
def test_no_text_gets_out_of_its_filter(named: Connection, text: str) -> None:
    nested = named.adbc_get_objects(depth="tables", db_schema_filter=text).read_all()
    assert nested["catalog_name"].to_pylist() == ["local"]
    nested = named.adbc_get_objects(depth="tables", catalog_filter=text).read_all()
    assert nested.num_rows == int(matches("local", text))
    tables = tables_of(named.adbc_get_objects(depth="tables", table_name_filter=text).read_all())
    every = set(listed(named))
    assert {table["table_name"] for table in tables} <= every
    if "%" not in text and "_" not in text:
        assert {t["table_name"].lower() for t in tables} <= {text.lower()}
    assert named.get_columns(catalog=text).num_rows == (
        len(every) if text.lower() == "local" else 0
    )


def matches(name: str, pattern: str) -> bool:
    """SQL's ILIKE without an escape character."""
    parts = {"%": ".*", "_": "."}
    expression = "".join(parts.get(c, re.escape(c)) for c in pattern)
    return re.fullmatch(expression, name, re.DOTALL | re.IGNORECASE) is not None


# Arrow schemas


def test_a_tables_schema_is_that_of_its_select(auto: Connection) -> None:
    auto.execute(
        'CREATE TABLE t (i INTEGER, d DECIMAL(5,2), l VARCHAR[], s STRUCT(a INTEGER, "b c" DATE),'
        " m MAP(VARCHAR, INTEGER), e ENUM('x', 'it''s'), tz TIMESTAMPTZ, u UUID, j JSON,"
        " a INTEGER[3], iv INTERVAL, b BLOB, h HUGEINT, n UNION(x INTEGER, y VARCHAR))"
    )
    auto.execute("CREATE VIEW v AS SELECT i, l FROM t")
    for table in ("t", "v"):
        expected = auto.execute(f"FROM {table}").fetch_arrow_table().schema
        assert auto.get_table_schema(table).equals(expected, check_metadata=True)
        assert auto.adbc_get_table_schema(
            table, catalog_filter="local", db_schema_filter="main"
        ).equals(expected, check_metadata=True)
    found = auto.get_tables(include_schema=True)
    assert found.schema.names[-1] == "table_schema"
    for row in found.to_pylist():
        schema = pa.ipc.read_schema(pa.py_buffer(row["table_schema"]))
        assert schema.equals(auto.get_table_schema(row["table_name"]), check_metadata=True)


def test_schemas_of_no_tables(auto: Connection) -> None:
    found = auto.get_tables(include_schema=True)
    assert found.num_rows == 0
    assert found.schema.field("table_schema").type == pa.binary()


@pytest.mark.parametrize(
    "place",
    [
        {"table_name": "nothing"},
        {"table_name": "customer", "schema": "archive"},
        {"table_name": "customer", "schema": "nowhere"},
        {"table_name": "customer", "catalog": "nowhere", "schema": "main"},
        {"table_name": '"main.customer"'},
        {"table_name": "nowhere.customer"},
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_a_table_that_is_not_there_is_not_found(
    shop: Connection, place: dict[str, str], inside: bool
) -> None:
    if inside:
        shop.execute("BEGIN")
    with pytest.raises(ProgrammingError, match="no table or view") as caught:
        shop.get_table_schema(**place)
    assert caught.value.status_code == AdbcStatusCode.NOT_FOUND
    assert shop.execute("SELECT 1").fetchall() == [(1,)]
    assert shop.in_transaction is inside


def test_a_table_that_cannot_be_read_is_there(auto: Connection) -> None:
    auto.execute("CREATE TABLE t (x INTEGER)")
    auto.execute("CREATE VIEW v AS FROM t")
    auto.execute("DROP TABLE t")
    with pytest.raises(ProgrammingError) as caught:
        auto.get_table_schema("v")
    assert caught.value.status_code != AdbcStatusCode.NOT_FOUND


def test_a_temporary_table_is_found_without_its_catalog(shop: Connection) -> None:
    with shop.transaction():
        assert shop.get_table_schema("basket").names == ["item"]
        assert shop.get_table_schema("customer", schema="main").names == ["id", "country"]


FILTERS = [
    {},
    {"table_types_filter": ["VIEW"]},
    {"table_types_filter": ["BASE TABLE"]},
    {"table_types_filter": ["LOCAL TEMPORARY"]},
    {"table_types_filter": ["none"]},
    {"table_name_filter": "c%"},
    {"db_schema_filter": "MAIN"},
    {"catalog_filter": "temp"},
    {"include_internal": True},
]


@pytest.mark.parametrize("given", FILTERS, ids=str)
def test_the_upper_levels_are_those_of_the_whole(auto: Connection, given: dict[str, Any]) -> None:
    """They are asked for by a query of their own, which is planned faster."""
    for statement in (
        "CREATE TABLE city (a INTEGER)",
        "CREATE SCHEMA empty_one",
        "CREATE SCHEMA other",
        "CREATE TABLE other.city (a INTEGER)",
        "CREATE VIEW cities AS SELECT a FROM city",
        "CREATE TEMP TABLE passing (a INTEGER)",
        "CREATE TEMP VIEW seen AS SELECT 1 AS a",
        'CREATE TABLE "É" (a INTEGER)',
    ):
        auto.execute(statement)
    whole = auto.adbc_get_objects(depth="all", **given).read_all().to_pylist()
    for catalog in whole:
        for schema in catalog["catalog_db_schemas"]:
            for table in schema["db_schema_tables"]:
                table["table_columns"] = table["table_constraints"] = None
    assert auto.adbc_get_objects(depth="tables", **given).read_all().to_pylist() == whole


# Transactions and calls


def test_a_transaction_sees_what_it_has_not_committed(server: Server, conn: Connection) -> None:
    conn.execute("CREATE TABLE mine (x INTEGER PRIMARY KEY)")
    assert conn.in_transaction
    assert listed(conn) == ["mine"]
    assert conn.get_columns()["column_name"].to_pylist() == ["x"]
    assert conn.get_primary_keys("mine").num_rows == 1
    assert conn.get_table_schema("mine").names == ["x"]
    (table,) = tables_of(conn.adbc_get_objects().read_all())
    assert table["table_name"] == "mine"
    with server.connect() as other:
        assert listed(other) == []
    conn.rollback()
    assert listed(conn) == []


@pytest.mark.parametrize(
    "look",
    [
        lambda c: c.get_catalogs(),
        lambda c: c.get_schemas(),
        lambda c: c.get_tables(),
        lambda c: c.get_columns(),
        lambda c: c.get_primary_keys("t1"),
        lambda c: c.get_table_schema("t1"),
        lambda c: c.adbc_get_table_schema("t1"),
        lambda c: c.adbc_get_info(),
        *(lambda c, depth=depth: c.adbc_get_objects(depth=depth).read_all() for depth in DEPTHS),
    ],
)
def test_one_statement_and_no_transaction(server: Server, conn: Connection, look: Any) -> None:
    for number in range(5):
        conn.execute(f"CREATE TABLE t{number} (x INTEGER)")
    conn.commit()
    server.clear()
    look(conn)
    assert server.calls == ONE_STATEMENT
    assert not conn.in_transaction


def test_schemas_take_two_statements_whatever_the_tables(server: Server, auto: Connection) -> None:
    for number in range(20):
        auto.execute(f"CREATE TABLE t{number} (x INTEGER, y DECIMAL({number + 1}))")
    server.clear()
    assert auto.get_tables(include_schema=True).num_rows == 20
    assert server.calls == ONE_STATEMENT * 2


def test_a_result_half_read_is_kept(auto: Connection) -> None:
    cursor = auto.execute("FROM range(200000)")
    assert cursor.fetchone() == (0,)
    assert auto.get_catalogs().num_rows == 1
    assert len(cursor.fetchall()) == 199_999


# ADBC's nested table


def tables_of(nested: pa.Table) -> list[dict[str, Any]]:
    return [
        table
        for catalog in nested.to_pylist()
        for schema in catalog["catalog_db_schemas"] or ()
        for table in schema["db_schema_tables"] or ()
    ]


@pytest.mark.parametrize("depth", DEPTHS)
def test_objects_have_the_schema_of_the_stock_driver(
    server: Server, shop: Connection, depth: Any
) -> None:
    uri = f"grpc://{server.host}:{server.port}"
    credentials = {"username": "local", "password": server._password}
    with stock.connect(uri, db_kwargs=credentials, autocommit=True) as connection:
        expected = connection.adbc_get_objects(depth=depth).schema
    reader = shop.adbc_get_objects(depth=depth)
    assert isinstance(reader, pa.RecordBatchReader)
    assert reader.schema.equals(expected, check_metadata=True)
    reader.read_all().validate(full=True)


def test_objects_down_to_each_depth(shop: Connection) -> None:
    def nested(depth: Any, **filters: Any) -> Any:
        return shop.adbc_get_objects(depth=depth, **filters).read_all().to_pylist()

    assert nested("catalogs") == [{"catalog_name": "local", "catalog_db_schemas": None}]
    assert nested("db_schemas") == [
        {
            "catalog_name": "local",
            "catalog_db_schemas": [
                {"db_schema_name": "archive", "db_schema_tables": None},
                {"db_schema_name": "main", "db_schema_tables": None},
            ],
        }
    ]
    local, temp = nested("tables")
    assert [len(schema["db_schema_tables"]) for schema in local["catalog_db_schemas"]] == [1, 2]
    assert temp["catalog_name"] == "temp"
    assert {table["table_columns"] for table in tables_of(pa.Table.from_pylist([local, temp]))} == {
        None
    }
    nothing = [
        {"db_schema_name": "archive", "db_schema_tables": []},
        {"db_schema_name": "main", "db_schema_tables": []},
    ]
    for depth in ("tables", "all"):
        assert nested(depth, table_name_filter="SELECT * FROM orders") == [
            {"catalog_name": "local", "catalog_db_schemas": nothing}
        ]
    assert nested("all", db_schema_filter="nowhere") == [
        {"catalog_name": "local", "catalog_db_schemas": []}
    ]
    assert nested("all", catalog_filter="nowhere") == []
    (orders,) = (
        schema["db_schema_tables"][0]
        for schema in nested("all", table_name_filter="orders", column_name_filter="t%")[0][
            "catalog_db_schemas"
        ]
        if schema["db_schema_tables"]
    )
    assert [column["column_name"] for column in orders["table_columns"]] == ["total"]
    assert nested("columns") == nested("all")


def test_columns_and_constraints_of_objects(shop: Connection) -> None:
    found = {t["table_name"]: t for t in tables_of(shop.adbc_get_objects().read_all())}
    known = {
        key: value
        for key, value in found["orders"]["table_columns"][3].items()
        if value is not None
    }
    assert known == {
        "column_name": "total",
        "ordinal_position": 4,
        "remarks": "without tax",
        "xdbc_type_name": "DECIMAL(9,2)",
        "xdbc_column_size": 9,
        "xdbc_decimal_digits": 2,
        "xdbc_num_prec_radix": 10,
        "xdbc_nullable": 1,
        "xdbc_is_nullable": "YES",
    }
    country = found["customer"]["table_columns"][1]
    assert (country["xdbc_column_def"], country["xdbc_nullable"]) == ("'FR'", 0)
    assert country["xdbc_is_nullable"] == "NO"
    (key,) = found["customer"]["table_constraints"]
    assert (key["constraint_type"], key["constraint_column_names"]) == (
        "PRIMARY KEY",
        ["country", "id"],
    )
    assert key["constraint_column_usage"] is None
    constraints = {c["constraint_type"]: c for c in found["orders"]["table_constraints"]}
    assert {kind: c["constraint_column_names"] for kind, c in constraints.items()} == {
        "UNIQUE": ["no"],
        "CHECK": ["total"],
        "FOREIGN KEY": ["land", "buyer"],
    }
    assert [
        kind for kind, c in constraints.items() if c["constraint_column_usage"] is not None
    ] == ["FOREIGN KEY"]
    refers = {"fk_catalog": "local", "fk_db_schema": "main", "fk_table": "customer"}
    assert constraints["FOREIGN KEY"]["constraint_column_usage"] == [
        {**refers, "fk_column_name": "country"},
        {**refers, "fk_column_name": "id"},
    ]
    assert found["basket"]["table_constraints"] == []
    assert found["totals"]["table_columns"][0]["xdbc_type_name"] == "DECIMAL(9,2)"


def test_objects_agree_with_the_flat_listings() -> None:
    random = np.random.default_rng(7)
    with (
        Server(catalogs=["empty", "lake"]) as server,
        server.connect(autocommit=True) as connection,
    ):
        for number in range(6):
            connection.execute(f"CREATE SCHEMA lake.s{number}")
        for number in range(30):
            columns = ", ".join(f"c{i} INTEGER" for i in range(random.integers(1, 6)))
            schema = random.choice(["lake.s1", "lake.s4", "local.main"])
            connection.execute(f"CREATE TABLE {schema}.t{number} ({columns}, UNIQUE (c0))")
        nested = connection.adbc_get_objects().read_all().to_pylist()
        assert [catalog["catalog_name"] for catalog in nested] == ["empty", "lake", "local"]
        assert [
            (
                catalog["catalog_name"],
                schema["db_schema_name"],
                table["table_name"],
                c["column_name"],
            )
            for catalog in nested
            for schema in catalog["catalog_db_schemas"]
            for table in schema["db_schema_tables"]
            for c in table["table_columns"]
        ] == names(
            connection.get_columns(),
            "catalog_name",
            "db_schema_name",
            "table_name",
            "column_name",
        )
        assert [
            (catalog["catalog_name"], schema["db_schema_name"])
            for catalog in nested
            for schema in catalog["catalog_db_schemas"]
        ] == names(connection.get_schemas(), "catalog_name", "db_schema_name")
        for table in tables_of(connection.adbc_get_objects().read_all()):
            (unique,) = table["table_constraints"]
            assert unique["constraint_column_names"] == ["c0"]


# What tools do


def test_pandas_asks_whether_a_text_is_a_table(server: Server, shop: Connection) -> None:
    shop.execute("CREATE TABLE \"SELECT 1\" AS SELECT 'a table' AS what")
    if int(pd.__version__.split(".")[0]) >= 3:  # pandas 2 does not quote the table's name
        assert pd.read_sql("SELECT 1", shop).to_dict("list") == {"what": ["a table"]}
    server.clear()
    assert pd.read_sql("SELECT 2 AS two", shop).to_dict("list") == {"two": [2]}
    assert server.calls == ONE_STATEMENT * 2


def test_info_names_the_vendor_and_asks_once(server: Server, auto: Connection) -> None:
    server.clear()
    about = auto.adbc_get_info()
    assert about["vendor_name"] == "altertable"
    assert re.fullmatch(r"v\d+\.\d+\.\d+", about["vendor_version"])
    assert about["driver_name"] == "altertable-dbapi"
    assert about["driver_version"] == altertable_dbapi.__version__
    assert about["driver_arrow_version"] == pa.__version__
    assert auto.adbc_get_info() == about
    assert server.calls == ONE_STATEMENT


def test_info_of_a_server_that_has_no_version(server: Server, auto: Connection) -> None:
    server.fail_next("GetFlightInfo", "UNIMPLEMENTED", "no such function")
    about = auto.adbc_get_info()
    assert about["vendor_name"] == "altertable"
    assert "vendor_version" not in about


def test_statistics_are_refused(auto: Connection) -> None:
    with pytest.raises(NotSupportedError, match="statistics"):
        auto.adbc_get_statistics(table_name_filter="t")
    with pytest.raises(NotSupportedError, match="statistics"):
        auto.adbc_get_statistic_names()


# Errors


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda c: c.get_tables(table_pattern="a\\"), r"ends in the escape character"),
        (lambda c: c.get_tables(table_types=["SYNONYM"]), "BASE TABLE, LOCAL TEMPORARY, VIEW"),
        (lambda c: c.get_tables(table_types="VIEW"), r"pass a list, such as \['VIEW'\]"),
        (lambda c: c.get_tables(table_pattern=5), "must be a str"),
        (lambda c: c.get_primary_keys(None), "no table is named"),
        (lambda c: c.get_table_schema(""), "expected a name"),
        (lambda c: c.get_table_schema("a.b.c.d"), "cannot read the table name"),
        (lambda c: c.get_table_schema("a.t", schema="b"), "names one as well"),
        (lambda c: c.get_primary_keys("a..t"), "cannot read the table name"),
        (lambda c: c.adbc_get_objects(depth="rows"), "catalogs, db_schemas, tables, columns"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    server: Server, auto: Connection, wrong: Any, message: str
) -> None:
    server.clear()
    with pytest.raises(ProgrammingError, match=message):
        wrong(auto)
    assert server.calls == []


def test_a_type_of_table_that_adbc_filters_by_need_not_exist(shop: Connection) -> None:
    nested = shop.adbc_get_objects(depth="tables", table_types_filter=["SYNONYM"]).read_all()
    assert tables_of(nested) == []


def test_a_closed_connection_lists_nothing(server: Server) -> None:
    connection = server.connect()
    connection.close()
    for look in (
        connection.get_catalogs,
        connection.get_table_types,
        connection.adbc_get_table_types,
        connection.adbc_get_info,
        connection.adbc_get_objects,
    ):
        with pytest.raises(InterfaceError, match="closed"):
            look()


def test_dotted_names(auto: Connection) -> None:
    auto.execute("CREATE SCHEMA side")
    auto.execute('CREATE TABLE side."my.table" (a INTEGER PRIMARY KEY)')
    auto.execute('CREATE TABLE "say ""t""" (b INTEGER PRIMARY KEY)')
    auto.execute('CREATE TABLE "my.table" (c INTEGER PRIMARY KEY)')
    names = {
        'side."my.table"': "a",
        'local.side."my.table"': "a",
        '"local"."side"."my.table"': "a",
        '"say ""t"""': "b",
        'main."say ""t"""': "b",
        '"my.table"': "c",
    }
    for name, column in names.items():
        assert auto.get_table_schema(name).names == [column]
        keys = auto.get_primary_keys(name)
        assert column in keys["column_name"].to_pylist()
        assert keys.num_rows == (2 if name == '"my.table"' else 1)
    assert auto.get_table_schema('side."my.table"', catalog="local").names == ["a"]
    assert auto.get_table_schema('"my.table"', schema="side").names == ["a"]
    assert auto.get_primary_keys('"my.table"', "local", "side").num_rows == 1
    # ADBC's own takes a name as it is.
    assert auto.adbc_get_table_schema("my.table", db_schema_filter="side").names == ["a"]
