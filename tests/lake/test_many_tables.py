"""A lake of 10,000 tables: what lists them asks once, and not once a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pytest
from adbc_driver_flightsql import dbapi as stock

import altertable_dbapi
from altertable_dbapi.local import Server

Connection = altertable_dbapi.Connection[tuple[Any, ...]]

COUNT = 10_000


@pytest.fixture(scope="module")
def crowded() -> Iterator[Server]:
    """A lake whose tables are written into its metadata, as copies of a first one."""
    metadata = "__ducklake_metadata_lake.main"
    copies = f"range({COUNT - 1}) AS r(n)"
    with Server(lake=True) as server, server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE seed (i INTEGER NOT NULL, s VARCHAR, d DECIMAL(9, 2))")
        connection.execute(
            f"INSERT INTO {metadata}.ducklake_table SELECT t.* REPLACE (100000 + n AS table_id, "
            "uuid() AS table_uuid, 't' || n AS table_name, 't' || n || '/' AS path) "
            f"FROM {metadata}.ducklake_table AS t, {copies}"
        )
        connection.execute(
            f"INSERT INTO {metadata}.ducklake_column "
            "SELECT t.* REPLACE (100000 + n AS table_id) "
            f"FROM {metadata}.ducklake_column AS t, {copies}"
        )
        # A commit, after which the lake reads its metadata again.
        connection.execute("CREATE VIEW v AS SELECT i FROM seed")
        yield server


#: What is asked, the rows of its answer, and how many statements it may take.
ASKED: list[tuple[str, Callable[[Connection], Any], int, int]] = [
    ("get_tables", lambda c: c.get_tables(), COUNT + 1, 1),
    ("get_tables, schemas", lambda c: c.get_tables(include_schema=True), COUNT + 1, 2),
    ("get_tables, one", lambda c: c.get_tables(table_pattern="t77"), 1, 1),
    ("get_columns", lambda c: c.get_columns(), 3 * COUNT + 1, 1),
    ("get_columns, one", lambda c: c.get_columns(table_pattern="t77"), 3, 1),
    ("get_primary_keys", lambda c: c.get_primary_keys("t77"), 0, 1),
    ("adbc_get_table_schema", lambda c: c.adbc_get_table_schema("t77"), 3, 1),
    ("adbc_get_objects, tables", lambda c: c.adbc_get_objects(depth="tables").read_all(), 1, 1),
    ("adbc_get_objects, all", lambda c: c.adbc_get_objects(depth="all").read_all(), 1, 1),
]


def test_each_listing_asks_once(crowded: Server) -> None:
    with crowded.connect(autocommit=True) as connection:
        for name, ask, rows, most in ASKED:
            crowded.clear()
            found = ask(connection)
            assert (len(found) if isinstance(found, pa.Schema) else found.num_rows) == rows, name
            assert len(crowded.executed) <= most, name


def test_what_the_flight_calls_list(crowded: Server) -> None:
    """The stock driver's, which the local server answers by itself."""
    address = f"grpc+tcp://127.0.0.1:{crowded.port}"
    login = {
        "username": crowded.username,
        "password": unquote(urlsplit(crowded.uri).password or ""),
    }
    with stock.connect(address, login, autocommit=True) as connection:
        for depth in ("tables", "all"):
            (catalog,) = connection.adbc_get_objects(depth=depth).read_all().to_pylist()
            (schema,) = catalog["catalog_db_schemas"]
            kinds = {table["table_name"]: table for table in schema["db_schema_tables"]}
            assert len(kinds) == COUNT + 1
            assert (kinds["t77"]["table_type"], kinds["v"]["table_type"]) == ("BASE TABLE", "VIEW")
        columns = kinds["t77"]["table_columns"]
        assert [column["column_name"] for column in columns] == ["i", "s", "d"]


def test_a_lake_has_no_keys_and_a_wrong_name_is_no_error(crowded: Server) -> None:
    with crowded.connect(autocommit=True) as connection:
        for name in ("seed", "lake.main.t77", "nowhere"):
            keys = connection.get_primary_keys(name)
            assert keys.num_rows == 0
            assert keys.column_names[-2:] == ["key_sequence", "key_name"]
