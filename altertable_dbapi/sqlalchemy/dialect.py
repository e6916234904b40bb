"""The dialect: how SQLAlchemy connects, what it may expect, and how a transaction begins."""

from __future__ import annotations

from typing import Any

from adbc_driver_manager import AdbcStatusCode
from sqlalchemy import exc, pool
from sqlalchemy.engine import URL, Connection, default

from ..errors import Error, InterfaceError
from ..statement.scan import split
from .compiler import AltertableCompiler
from .ddl import AltertableDDLCompiler, AltertableTypeCompiler
from .names import AltertableIdentifierPreparer
from .reflection import Reflection
from .types import COLSPECS

#: The statuses of a connection that has gone.
_GONE = (AdbcStatusCode.IO, AdbcStatusCode.UNAUTHENTICATED)


class AltertableExecutionContext(default.DefaultExecutionContext):
    """Asks sequences, and asks for keys where nothing makes them."""

    def pre_exec(self) -> None:
        if not self.isinsert or not self.dialect.lake:
            return
        statement = self.compiled.statement
        if statement.select is not None or statement._multi_values:
            return
        table = statement.table
        key = getattr(table, "_autoincrement_column", None)
        given = {getattr(name, "key", name) for name in statement._values or ()}
        given.update(self.compiled.column_keys or ())
        if key is not None and key.default is None and key.key not in given:
            raise exc.CompileError(
                f"a row of {table.name} has no {key.name}, and a lake makes no ids: give the key "
                "with each row, such as mapped_column(default=uuid.uuid4)"
            )

    def fire_sequence(self, seq: Any, type_: Any) -> Any:
        name = self.identifier_preparer.format_sequence(seq).replace("'", "''")
        return self._execute_scalar(f"SELECT nextval('{name}')", type_)


class AltertableDialect(Reflection, default.DefaultDialect):
    """SQLAlchemy's dialect of Altertable, and of the embedded server."""

    name = "altertable"
    driver = "dbapi"

    statement_compiler = AltertableCompiler
    ddl_compiler = AltertableDDLCompiler
    type_compiler_cls = AltertableTypeCompiler
    preparer = AltertableIdentifierPreparer
    execution_ctx_cls = AltertableExecutionContext
    colspecs = COLSPECS

    supports_statement_cache = True
    max_identifier_length = 2**16

    supports_alter = True
    supports_comments = True
    supports_constraint_comments = False
    supports_default_values = True
    supports_default_metavalue = True
    supports_empty_insert = False
    supports_identity_columns = False
    supports_is_distinct_from = True
    supports_multivalues_insert = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_native_enum = True
    supports_native_uuid = True
    supports_sane_rowcount = True
    supports_sane_multi_rowcount = True
    supports_schemas = True
    supports_sequences = True
    supports_views = True

    #: Whether the current catalog is a lake, which is found as the engine first connects.
    lake = False

    insert_returning = True
    update_returning = True
    delete_returning = True
    # The driver's executemany gives the rows of RETURNING in the order of the sets.
    insert_executemany_returning = True
    insert_executemany_returning_sort_by_parameter_order = True
    preexecute_autoincrement_sequences = False
    postfetch_lastrowid = False
    favor_returning_over_lastrowid = True

    def __init__(
        self,
        paramstyle: Any = "numeric_dollar",
        json_serializer: Any = None,
        json_deserializer: Any = None,
        **kw: Any,
    ) -> None:
        # qmark would make another expression of the one in GROUP BY where it has a value.
        super().__init__(paramstyle=paramstyle, **kw)
        self._json_serializer = json_serializer
        self._json_deserializer = json_deserializer

    @classmethod
    def import_dbapi(cls) -> Any:
        import altertable_dbapi

        return altertable_dbapi

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        return pool.QueuePool

    # Connections

    def create_connect_args(self, url: URL) -> Any:
        """The driver's URI is SQLAlchemy's URL, with every setting of `connect`."""
        if url.drivername.partition("+")[2] == "local":
            place = url.database
            return ["local" if not place else f"local:{place}"], dict(url.query)
        if url.host is None and not url.query and url.username is None:
            return [], {}
        return [url.set(drivername="altertable").render_as_string(hide_password=False)], {}

    def is_disconnect(self, e: Exception, connection: Any, cursor: Any) -> bool:
        if isinstance(e, InterfaceError) and "closed" in str(e):
            return True
        return isinstance(e, Error) and getattr(e, "status_code", None) in _GONE

    def do_ping(self, dbapi_connection: Any) -> bool:
        return bool(dbapi_connection.is_usable())

    def initialize(self, connection: Connection) -> None:
        super().initialize(connection)
        if self.server_version_info and self.server_version_info >= (2,):
            self.generated = "generation_expression"
        kind = connection.exec_driver_sql(
            "SELECT type FROM duckdb_databases() WHERE database_name = current_catalog()"
        ).scalar()
        if kind == "ducklake":
            self._on_lake()

    def _on_lake(self) -> None:
        """Do without what a lake has not: keys, constraints, indexes, sequences, RETURNING."""
        self.lake = True
        self.supports_native_enum = False
        self.supports_sequences = False
        self.insert_returning = self.update_returning = self.delete_returning = False
        self.insert_executemany_returning = False
        self.insert_executemany_returning_sort_by_parameter_order = False
        self.favor_returning_over_lastrowid = False

    def _get_server_version_info(self, connection: Connection) -> tuple[int, ...]:
        text = str(connection.exec_driver_sql("SELECT version()").scalar()).lstrip("v")
        return tuple(int(part) for part in text.split("-")[0].split(".") if part.isdigit())

    def _get_default_schema_name(self, connection: Connection) -> str:
        return str(connection.exec_driver_sql("SELECT current_schema()").scalar())

    # Transactions

    def get_isolation_level_values(self, dbapi_conn: Any) -> Any:
        return ["SNAPSHOT", "AUTOCOMMIT"]

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        return self.get_isolation_level(dbapi_conn)

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        return "AUTOCOMMIT" if dbapi_connection.autocommit else "SNAPSHOT"

    def set_isolation_level(self, dbapi_connection: Any, level: str) -> None:
        dbapi_connection.autocommit = level == "AUTOCOMMIT"

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        return bool(dbapi_conn.autocommit)

    def do_savepoint(self, connection: Any, name: str) -> None:
        raise exc.InvalidRequestError(
            "DuckDB has no savepoints; leave begin_nested() out, or begin another transaction"
        )

    # Statements

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        self._begin(cursor)
        if context is not None and context.isddl and ";" in statement:
            for part in split(statement):
                cursor.execute(part)
        else:
            cursor.execute(statement, parameters or None)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        self._begin(cursor)
        cursor.execute(statement)

    def do_executemany(
        self, cursor: Any, statement: str, parameters: Any, context: Any = None
    ) -> None:
        self._begin(cursor)
        cursor.executemany(statement, parameters)

    def _begin(self, cursor: Any) -> None:
        """Begin a transaction with a query, too, so that a unit of work reads one state."""
        connection = cursor.connection
        if not connection.autocommit and not connection.in_transaction:
            cursor.execute("BEGIN")
