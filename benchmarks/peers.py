"""The clients that are compared, each as its users write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import duckdb
import pyarrow as pa
from adbc_driver_flightsql import dbapi as stock_dbapi
from altertable_flightsql.client import Client

import altertable_dbapi

from .server import ServerProcess

Address = tuple[str, int]


class Peer(Protocol):
    """What every client is asked to do."""

    name: str

    def rows(self, query: str) -> Any:
        """All rows of a query, as the client's users get them."""

    def table(self, query: str) -> pa.Table:
        """All rows of a query as an Arrow table."""

    def one(self, query: str) -> Any:
        """The one row of a query, with all that a statement costs."""

    def named(self, query: str, values: dict[str, Any]) -> Any:
        """The one row of a query with parameters."""

    def close(self) -> None: ...


class Ours:
    """This driver."""

    name = "altertable-dbapi"

    def __init__(self, server: ServerProcess, address: Address | None = None) -> None:
        host, port = address or (server.host, server.port)
        self.connection = altertable_dbapi.connect(
            host=host,
            port=port,
            tls=False,
            username=server.username,
            password=server.password,
            autocommit=True,
        )

    def rows(self, query: str) -> Any:
        with self.connection.cursor() as cursor:
            return cursor.execute(query).fetchall()

    def table(self, query: str) -> pa.Table:
        with self.connection.cursor() as cursor:
            return cursor.execute(query).fetch_arrow_table()

    def one(self, query: str) -> Any:
        with self.connection.cursor() as cursor:
            return cursor.execute(query).fetchone()

    def named(self, query: str, values: dict[str, Any]) -> Any:
        with self.connection.cursor() as cursor:
            return cursor.execute(query, values).fetchone()

    def close(self) -> None:
        self.connection.close()


class Stock:
    """The stock ADBC cursor, ``adbc_driver_flightsql.dbapi``."""

    name = "stock ADBC"

    def __init__(self, server: ServerProcess, address: Address | None = None) -> None:
        host, port = address or (server.host, server.port)
        self.connection = stock_dbapi.connect(
            f"grpc+tcp://{host}:{port}",
            db_kwargs={
                "username": server.username,
                "password": server.password,
                "adbc.flight.sql.client_option.with_max_msg_size": str(512 * 1024 * 1024),
            },
            autocommit=True,
        )

    def rows(self, query: str) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def table(self, query: str) -> pa.Table:
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_arrow_table()

    def one(self, query: str) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()

    def named(self, query: str, values: dict[str, Any]) -> Any:
        # It has no named parameters; its users number them.
        for number, name in enumerate(values, start=1):
            query = query.replace(f"${name}", f"${number}")
        with self.connection.cursor() as cursor:
            cursor.execute(query, list(values.values()))
            return cursor.fetchone()

    def close(self) -> None:
        self.connection.close()


class Altertable:
    """Altertable's own client, which gives Arrow; its users make rows of columns."""

    name = "altertable-flightsql"

    def __init__(self, server: ServerProcess, address: Address | None = None) -> None:
        host, port = address or (server.host, server.port)
        self.client = Client(server.username, server.password, host=host, port=port, tls=False)

    def rows(self, query: str) -> Any:
        table = self.table(query)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def table(self, query: str) -> pa.Table:
        return self.client.query(query).read_all()

    def one(self, query: str) -> Any:
        return self.client.query(query).read_all().to_pylist()[0]

    def named(self, query: str, values: dict[str, Any]) -> Any:
        with self.client.prepare(query) as statement:
            return statement.query(parameters=values).read_all().to_pylist()[0]

    def close(self) -> None:
        self.client.close()


class InProcess:
    """DuckDB in this process: the same tables without a wire."""

    name = "DuckDB in process"

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        # It would be printed among the results.
        self.connection.execute("SET enable_progress_bar = false")

    def create(self, statement: str) -> None:
        self.connection.execute(statement)

    def rows(self, query: str) -> Any:
        return self.connection.execute(query).fetchall()

    def table(self, query: str) -> pa.Table:
        return self.connection.execute(query).to_arrow_table()

    def one(self, query: str) -> Any:
        return self.connection.execute(query).fetchone()

    def named(self, query: str, values: dict[str, Any]) -> Any:
        return self.connection.execute(query, values).fetchone()

    def close(self) -> None:
        self.connection.close()


#: The clients that read over the wire.
REMOTE: tuple[Callable[..., Peer], ...] = (Ours, Stock, Altertable)
