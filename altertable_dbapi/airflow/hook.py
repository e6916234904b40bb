"""The hook: Airflow's connections, statements and loads on this driver."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow.providers.common.sql.hooks.lineage import send_sql_hook_lineage
from airflow.providers.common.sql.hooks.sql import DbApiHook

import altertable_airflow_provider as provider

from .._connect import connect
from ..airflow import tab_file
from ..result.frame_methods import require_extra
from ..settings import settings
from ..settings.resolve import resolve
from ..settings.uri import build_uri
from ..statement.query import Query
from ..statement.scan import split
from .chunks import Parameters, chunks, run_all_but_last
from .connection_form import ConnectionForm
from .dialect import RESERVED_WORDS
from .insertion import Insertion
from .table import arrow_schema, described, located
from .xcom import storable

if TYPE_CHECKING:
    import pandas
    import polars
    from sqlalchemy.engine import URL

    from ..connection import Connection
    from ..ingest.options import Mode


class AltertableHook(ConnectionForm, DbApiHook):
    """A hook for connections of type ``altertable``.

    The connection gives host, port, login, password and schema, and in its extra what else
    `altertable_dbapi.connect` takes: ``catalog``, ``compute_size``, ``tls``, ``tls_root_certs``,
    ``binding`` and timeouts. What it leaves open comes from ``ALTERTABLE_…`` in the environment.

    Parameters
    ----------
    altertable_conn_id : str
        The connection, ``altertable_default``; also as the only positional argument.
    catalog, schema, compute_size, binding, query_timeout, ... : optional
        Any setting of `altertable_dbapi.connect`, instead of the connection's.
    log_sql : bool
        Whether statements and their parameters go to the log; they do.
    """

    conn_name_attr = "altertable_conn_id"
    default_conn_name = "altertable_default"
    conn_type = provider.CONNECTION_TYPE
    hook_name = provider.HOOK_NAME

    supports_autocommit = True
    supports_executemany = True
    strip_semicolon = True
    _placeholder = "?"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # DuckDB has no REPLACE INTO.
        kwargs.setdefault("replace_statement_format", "INSERT OR REPLACE INTO {} {} VALUES ({})")
        super().__init__(*args, **kwargs)
        #: The schema; operators put their ``database`` argument here.
        self.schema: str | None = kwargs.get("schema")
        # Operators hand every key of the connection's extra over as an argument, so unknown ones
        # are no mistake.
        self._settings = {
            name: value
            for name, value in kwargs.items()
            if name in settings.SETTING_NAMES and name != "schema"
        }

    # Connecting

    def _connect_arguments(self) -> dict[str, Any]:
        connection = self.connection
        extra = connection.extra_dejson
        given = {
            **{name: extra[name] for name in settings.SETTING_NAMES if name in extra},
            "host": connection.host,
            "port": connection.port,
            "username": connection.login,
            "password": connection.password,
        }
        if connection.schema:
            given["schema"] = connection.schema
        over = {**self._settings, "schema": self.schema}
        given.update((name, value) for name, value in over.items() if value not in (None, ""))
        # Forms leave empty fields as empty text.
        return settings.concealed(
            {name: value for name, value in given.items() if value not in (None, "")}
        )

    def get_conn(self) -> Connection[tuple[Any, ...]]:
        """Open a connection, without autocommit unless the settings say so.

        Not in a process that was forked after its parent had connected; see ``docs/airflow.md``.
        """
        return connect(**self._connect_arguments())

    def get_uri(self) -> str:
        """The ``altertable://`` URI of the connection, password included."""
        return build_uri(resolve(arguments=self._connect_arguments()))

    @property
    def sqlalchemy_url(self) -> URL:
        """The same for SQLAlchemy."""
        from sqlalchemy.engine import make_url

        return make_url(self.get_uri())

    # Statements

    def run(
        self,
        sql: str | Iterable[str],
        autocommit: bool = False,
        parameters: Any = None,
        handler: Callable[[Any], Any] | None = None,
        split_statements: bool = True,
        return_last: bool = True,
    ) -> Any:
        """Run statements, all of them in one transaction unless `autocommit` is set.

        Parameters
        ----------
        sql : str or iterable of str
            One statement or several, with semicolons between them.
        autocommit : bool
            Whether each statement is committed by itself.
        parameters : mapping or sequence, optional
            A mapping for ``$name``, each statement taking what it names; a sequence for ``?``.
        handler : callable, optional
            Called with the cursor after each statement.
        split_statements : bool
            Whether `sql` is taken apart at semicolons; a text that is not holds one statement.
        return_last : bool
            Whether to return what the handler gave for the last statement, or a list.

        Returns
        -------
        object
            What the handler gave, with intervals and times as text, so that XCom can keep it.
            Nothing without a handler.
        """
        return super().run(sql, autocommit, parameters, handler, split_statements, return_last)

    def _make_common_data_structure(self, result: Any) -> Any:
        return storable(result)

    @staticmethod
    def split_sql_string(sql: str, strip_semicolon: bool = False) -> list[str]:
        """The statements of a text, without semicolons; DuckDB's strings and comments are known."""
        return split(sql)

    # Data frames

    def _get_pandas_df(
        self, sql: str | list[str], parameters: Parameters = None, **kwargs: Any
    ) -> pandas.DataFrame:
        require_extra("pandas")
        import pandas

        with closing(self._autocommit_connection()) as conn:
            last = run_all_but_last(conn, sql, parameters)
            # pandas refuses params= for ADBC connections and hands the text over untouched.
            query = Query(last, parameters)  # type: ignore[arg-type]
            frame: pandas.DataFrame = pandas.read_sql_query(query, conn, **kwargs)
            return frame

    def _get_polars_df(
        self, sql: str | list[str], parameters: Parameters = None, **kwargs: Any
    ) -> polars.DataFrame:
        require_extra("polars")
        import polars

        with closing(self._autocommit_connection()) as conn:
            last = run_all_but_last(conn, sql, parameters)
            options = {"parameters": parameters, **kwargs.pop("execute_options", {})}
            frame: polars.DataFrame = polars.read_database(
                last, conn, execute_options=options, **kwargs
            )
            return frame

    def _get_pandas_df_by_chunks(
        self,
        sql: str | list[str],
        parameters: Parameters = None,
        *,
        chunksize: int,
        **kwargs: Any,
    ) -> Generator[pandas.DataFrame, None, None]:
        require_extra("pandas")
        with closing(self._autocommit_connection()) as conn:
            for table in chunks(conn, sql, parameters, chunksize):
                yield table.to_pandas(**kwargs)

    def _get_polars_df_by_chunks(
        self,
        sql: str | list[str],
        parameters: Parameters = None,
        *,
        chunksize: int,
        **kwargs: Any,
    ) -> Generator[polars.DataFrame, None, None]:
        require_extra("polars")
        import polars

        with closing(self._autocommit_connection()) as conn:
            for table in chunks(conn, sql, parameters, chunksize):
                frame = polars.from_arrow(table, **kwargs)
                assert isinstance(frame, polars.DataFrame)
                yield frame

    def _autocommit_connection(self) -> Connection[tuple[Any, ...]]:
        conn = self.get_conn()
        conn.autocommit = True
        return conn

    # Loading

    def load(
        self,
        table: str,
        data: Any,
        *,
        mode: Mode = "append",
        primary_key: str | Sequence[str] | None = None,
        cursor_field: str | Sequence[str] | None = None,
    ) -> int:
        """Load data into a table, all of it or nothing; as `altertable_dbapi.Connection.load`.

        Parameters
        ----------
        table : str
            ``table``, ``schema.table`` or ``catalog.schema.table``.
        data : object
            Arrow data, a pandas or polars data frame, or a path.
        mode : str
            ``"append"``, ``"create"``, ``"create_append"`` or ``"replace"``.
        primary_key, cursor_field : str or sequence of str, optional
            Update the rows that agree in the key, where the cursor field is larger.

        Returns
        -------
        int
            The number of rows; -1 when the server does not say.
        """
        with closing(self.get_conn()) as conn:
            loaded = conn.load(
                table, data, mode=mode, primary_key=primary_key, cursor_field=cursor_field
            )
        self.log.info("Loaded %s rows into %s", loaded, table)
        return loaded

    def load_file(self, table: str, path: str | os.PathLike[str], **options: Any) -> int:
        """Load a Parquet, CSV or Arrow file, a directory of them or a glob pattern, as `load`."""
        return self.load(table, os.fspath(path), **options)

    def bulk_load(self, table: str, tmp_file: str) -> None:
        """Load a tab-delimited file without a header, in the order of the table's columns.

        An empty field, or one that is ``\\N``, is NULL, unless it stands in double quotes.
        """
        with closing(self._autocommit_connection()) as conn:
            place = located(conn, table)
            with tab_file.opened(tmp_file, arrow_schema(conn, table)) as data:
                loaded = conn.load(place, data)
        self.log.info("Loaded %s rows into %s", loaded, table)

    def bulk_dump(self, table: str, tmp_file: str) -> None:
        """Write a table to a tab-delimited file, as `bulk_load` reads it."""
        with closing(self._autocommit_connection()) as conn, conn.cursor() as cursor:
            batches = cursor.execute(f"SELECT * FROM {table}").fetch_record_batch()
            tab_file.write(tmp_file, batches.schema, batches)

    def insert_rows(
        self,
        table: str,
        rows: Iterable[Any],
        target_fields: Sequence[str] | None = None,
        commit_every: int = 0,
        replace: bool = False,
        *,
        executemany: bool = False,
        fast_executemany: bool = False,
        autocommit: bool = False,
        **kwargs: Any,
    ) -> None:
        """Insert rows, all of them or none unless `commit_every` is given.

        Where they have a value of its own type for each column of the table they are bulk loaded;
        otherwise they are inserted, with the conversions and defaults of INSERT.

        Parameters
        ----------
        table : str
            The table as it stands in SQL.
        rows : iterable
            Sequences, or mappings by column.
        target_fields : sequence of str, optional
            The columns; those of the table, in order, or of the first mapping unless given.
        commit_every : int
            Rows in a transaction, at most; 0 for all in one. Every transaction leaves files in
            the lakehouse, so few large ones are better. It also is how many rows are in memory.
        replace : bool
            Update the rows that agree with a given one in `replace_index`, and insert the others.
        executemany, fast_executemany, autocommit : bool
            For callers of other hooks; nothing depends on them here.
        **kwargs
            ``replace_index``, a column or several; the table's primary key unless given.

        Raises
        ------
        ProgrammingError
            A row has not one value for each column; `replace` without a key.
        """
        loaded = 0
        # A load is a transaction of its own, and so is executemany() in autocommit.
        with closing(self._autocommit_connection()) as conn:
            key = kwargs.get("replace_index")
            insertion = Insertion(conn, self.dialect, table, target_fields, replace, key)
            source = iter(rows)
            while piece := list(islice(source, commit_every or None)):
                insertion.add(piece)
                loaded += len(piece)
                self.log.info("Loaded %s rows into %s so far", loaded, table)
        if insertion.sql:
            send_sql_hook_lineage(context=self, sql=insertion.sql, row_count=loaded)
        self.log.info("Done loading. Loaded a total of %s rows into %s", loaded, table)

    @staticmethod
    def _serialize_cell(cell: Any, conn: Any = None) -> Any:
        """The value as it is: values are bound, not written as text."""
        return cell

    # The dialect

    @property
    def dialect_name(self) -> str:
        """The key of the SQL dialect among those of all providers."""
        return provider.CONNECTION_TYPE

    @property
    def reserved_words(self) -> set[str]:
        """The words that are quoted as names of columns, in lower case."""
        return set(RESERVED_WORDS)

    def get_table_schema(self, table_name: str, schema: str | None = None) -> list[dict[str, Any]]:
        """The columns of a table or view, in order.

        Parameters
        ----------
        table_name : str
            The table as it stands in SQL.
        schema : str, optional
            The schema, where `table_name` does not name it.

        Returns
        -------
        list of dict
            ``name``; ``type``, in SQL; ``nullable``; ``default``, an SQL expression or None;
            ``primary_key``, whether the column is in it.
        """
        table = f"{schema}.{table_name}" if schema else table_name
        with closing(self._autocommit_connection()) as conn:
            return described(conn, table)
