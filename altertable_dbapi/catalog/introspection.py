"""Introspection: what catalogs, schemas, tables and columns there are, found by SQL.

Flight SQL's own metadata calls carry no transaction and are refused inside one; SQL sees what a
transaction has not committed yet. Each method is one statement, whatever it lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode

from ..errors import InternalError, NotSupportedError, ProgrammingError, reworded
from ..protocol.errors import from_arrow
from ..statement.names import quote_identifier, table_names
from . import queries
from .queries import Scope, like, same
from .schemas import (
    CATALOGS,
    COLUMNS,
    COUNT,
    PRIMARY_KEYS,
    SCHEMAS,
    TABLE_COLUMNS,
    TABLE_TYPES,
    TABLES,
    TEXT,
)
from .snapshots import Snapshots

if TYPE_CHECKING:
    from ..session.session import Session


class Introspection(Snapshots):
    r"""What a connection tells of the catalogs that its session sees.

    Names given whole (``catalog``, ``table``) are compared as SQL compares identifiers, in any
    case. Patterns are those of SQL's LIKE, in any case too: ``%`` is any text, ``_`` any one
    character, and a backslash makes the next one stand for itself (``my\_table``).

    The engine's own objects are left out unless ``include_internal=True``: the catalogs ``system``
    and ``temp``, ``memory`` where it is not the current one, ``__ducklake_metadata_…``, and the
    schemas ``information_schema`` and ``pg_catalog``. Temporary tables are the session's own and
    are listed, in the catalog ``temp``.

    Nothing here begins a transaction; inside one, what it has not committed is seen.
    """

    if TYPE_CHECKING:
        _session: Session

        def _check_open(self) -> None: ...

    _server_version: str | None = None

    def get_catalogs(
        self, catalog_pattern: str | None = None, *, include_internal: bool = False
    ) -> pa.Table:
        """List the catalogs.

        Returns
        -------
        pyarrow.Table
            A row a catalog, by name: ``catalog_name``; ``catalog_type``, what stores it
            (``ducklake``, ``postgres``, …); ``read_only`` (bool); ``comment``.
        """
        scope = Scope(catalog=like(catalog_pattern), include_internal=include_internal)
        return self._look_up(queries.catalogs(scope), CATALOGS)

    def get_schemas(
        self,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        *,
        include_internal: bool = False,
    ) -> pa.Table:
        """List the schemas.

        Returns
        -------
        pyarrow.Table
            A row a schema, by catalog and name: ``catalog_name``, ``db_schema_name``, ``comment``.
        """
        scope = Scope(same(catalog), like(schema_pattern), include_internal=include_internal)
        return self._look_up(queries.schemas(scope), SCHEMAS)

    def get_tables(
        self,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        table_pattern: str | None = None,
        table_types: Sequence[str] | None = None,
        include_schema: bool = False,
        *,
        include_internal: bool = False,
    ) -> pa.Table:
        """List the tables and views.

        Parameters
        ----------
        table_types : sequence of str, optional
            Of ``BASE TABLE`` (or ``TABLE``), ``VIEW`` and ``LOCAL TEMPORARY``; all unless given.
        include_schema : bool
            Whether to give each table's Arrow schema; takes a second statement.

        Returns
        -------
        pyarrow.Table
            A row a table, by catalog, schema and name: ``catalog_name``, ``db_schema_name``,
            ``table_name``, ``table_type``, and ``table_schema`` (binary) if asked for: a schema as
            an Arrow IPC message, for ``pyarrow.ipc.read_schema``.
        """
        scope = Scope(
            same(catalog),
            like(schema_pattern),
            like(table_pattern),
            types=queries.table_types(table_types),
            include_internal=include_internal,
        )
        if not include_schema:
            return self._look_up(queries.tables(scope), TABLES)
        rows = self._look_up(queries.columns_of_tables(scope), TABLE_COLUMNS)
        return self._with_schemas(rows)

    def get_columns(
        self,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        table_pattern: str | None = None,
        column_pattern: str | None = None,
        *,
        include_internal: bool = False,
    ) -> pa.Table:
        """List the columns of tables and views.

        Returns
        -------
        pyarrow.Table
            A row a column, by catalog, schema, table and position: ``catalog_name``,
            ``db_schema_name``, ``table_name``, ``column_name``; ``ordinal_position`` (int32, from
            1); ``data_type``, in SQL; ``is_nullable`` (bool); ``column_default``, an SQL
            expression or null; ``comment``.
        """
        scope = Scope(
            same(catalog),
            like(schema_pattern),
            like(table_pattern),
            like(column_pattern),
            include_internal=include_internal,
        )
        return self._look_up(queries.columns(scope), COLUMNS)

    def get_primary_keys(
        self, table: str, catalog: str | None = None, schema: str | None = None
    ) -> pa.Table:
        """List the columns of the primary keys of the tables of one name.

        Tables of Altertable's own catalogs have none: the result has no rows for them.

        Parameters
        ----------
        table : str
            ``table``, ``schema.table`` or ``catalog.schema.table``, each part quoted where it has
            a dot or a quote in it: ``main."my.table"``.
        catalog, schema : str, optional
            These names, where `table` has none; any unless given.

        Returns
        -------
        pyarrow.Table
            A row a column: ``catalog_name``, ``db_schema_name``, ``table_name``, ``column_name``;
            ``key_sequence`` (int32), its place in the key, from 1; ``key_name``.
        """
        if table is None:
            raise ProgrammingError("no table is named; get_primary_keys() takes its name")
        catalog, schema, table = table_names(table, catalog, schema)
        scope = Scope(same(catalog), same(schema), same(table))
        return self._look_up(queries.primary_keys(scope), PRIMARY_KEYS)

    def get_table_schema(
        self, table_name: str, catalog: str | None = None, schema: str | None = None
    ) -> pa.Schema:
        """Give the Arrow schema that a SELECT of a whole table or view has.

        Parameters
        ----------
        table_name : str
            ``table``, ``schema.table`` or ``catalog.schema.table``, each part quoted where it has
            a dot or a quote in it: ``main."my.table"``.
        catalog, schema : str, optional
            These names, where `table_name` has none. What is not given is taken as SQL takes it:
            from where the session stands.

        Raises
        ------
        ProgrammingError
            There is no such table; ``status_code`` is ``NOT_FOUND``.
        """
        return self._table_schema(*table_names(table_name, catalog, schema))

    def _table_schema(self, catalog: str | None, schema: str | None, table: str) -> pa.Schema:
        self._check_open()
        parts = [part for part in (catalog, schema, table) if part is not None]
        query = f"SELECT * FROM {'.'.join(map(quote_identifier, parts))} LIMIT 0"
        asked = queries.table_exists(table, catalog, schema)
        # A statement that fails may abort the transaction that it is in, so a name is tried only
        # where there is none.
        if self._session.in_transaction:
            self._check_exists(asked, parts)
            return self._session.query(query).schema
        try:
            return self._session.query(query).schema
        except ProgrammingError as error:
            # The error may be another one: that of a view whose table is gone, or a refusal.
            self._check_exists(asked, parts)
            if error.status_code != AdbcStatusCode.NOT_FOUND:
                raise
            # By that status polars and others would take this very table for missing.
            status = AdbcStatusCode.INVALID_STATE
            raise reworded(error, str(error), ProgrammingError, status) from None

    def get_table_types(self) -> pa.Table:
        """List the types that tables have: one column, ``table_type``. Nothing is sent."""
        self._check_open()
        return pa.table([pa.array(queries.TABLE_TYPES)], schema=TABLE_TYPES)

    # ADBC's own

    def adbc_get_objects(
        self,
        *,
        depth: Literal["all", "catalogs", "db_schemas", "tables", "columns"] = "all",
        catalog_filter: str | None = None,
        db_schema_filter: str | None = None,
        table_name_filter: str | None = None,
        table_types_filter: list[str] | None = None,
        column_name_filter: str | None = None,
        include_internal: bool = False,
    ) -> pa.RecordBatchReader:
        """List catalogs with their schemas, tables, columns and constraints, as ADBC nests them.

        Parameters
        ----------
        depth : {"all", "catalogs", "db_schemas", "tables", "columns"}
            What to list; ``"columns"`` is ``"all"``. Lists below are null, lists above may be
            empty, but are not null.
        catalog_filter, db_schema_filter, table_name_filter, column_name_filter : str, optional
            Patterns, in any case; as ADBC has it, without an escape character.
        table_types_filter : list of str, optional
            Types that do not exist match nothing.

        Returns
        -------
        pyarrow.RecordBatchReader
            A row a catalog, in the schema of ADBC's ``GetObjects``. Of the ``xdbc_`` fields those
            are filled that DuckDB knows: type name (in SQL), size, digits, radix, nullable,
            default.
        """
        from . import objects  # which few need

        level = objects.depth_level(depth)
        scope = Scope(
            like(catalog_filter, escape=False),
            like(db_schema_filter, escape=False),
            like(table_name_filter, escape=False),
            like(column_name_filter, escape=False),
            queries.table_types(table_types_filter, strict=False),
            include_internal,
        )
        if level > queries.TABLE:
            flat = self._look_up(queries.objects(scope, level), objects.FLAT_SCHEMA)
        else:
            asked = queries.places(scope, level)
            places = self._look_up(asked, objects.PLACES_SCHEMA)
        try:
            if level <= queries.TABLE:
                flat = objects.flat_of(places, level, scope.types)
            return objects.nest(flat, level).to_reader()
        except (pa.ArrowException, LookupError, ValueError) as error:
            raise InternalError(
                f"the server's list of objects makes no tree of them: {error}"
            ) from None

    def adbc_get_table_schema(
        self,
        table_name: str,
        *,
        catalog_filter: str | None = None,
        db_schema_filter: str | None = None,
    ) -> pa.Schema:
        """Give a table's Arrow schema; as `get_table_schema`, but dots are part of the name.

        ADBC calls the others filters, but they are names.
        """
        return self._table_schema(catalog_filter, db_schema_filter, table_name)

    def adbc_get_table_types(self) -> list[str]:
        """List the types that tables have. Nothing is sent."""
        self._check_open()
        return list(queries.TABLE_TYPES)

    def adbc_get_info(self) -> dict[str | int, Any]:
        """Tell who made the server and the driver, and their versions.

        ``vendor_name`` is always ``"altertable"``: tools make names of it, such as polars that of
        a module. ``vendor_version`` is the engine's, asked for once; missing where it has none.
        """
        self._check_open()
        # It takes as long to import as a third of this package, and few ask.
        from importlib.metadata import version

        if self._server_version is None:
            try:
                self._server_version = self._look_up_one("SELECT version()", TEXT) or ""
            except (ProgrammingError, NotSupportedError):
                self._server_version = ""
        about: dict[str | int, Any] = {
            "vendor_name": "altertable",
            "vendor_version": self._server_version,
            "driver_name": "altertable-dbapi",
            "driver_version": version("altertable-dbapi"),
            "driver_arrow_version": pa.__version__,
            "driver_adbc_version": 1_001_000,
        }
        return {name: value for name, value in about.items() if value}

    def adbc_get_statistics(self, **_: Any) -> NoReturn:
        """Not supported: the server keeps no statistics that ADBC could give."""
        raise NotSupportedError("adbc_get_statistics(): the server gives no statistics of tables")

    def adbc_get_statistic_names(self) -> NoReturn:
        """Not supported: the server keeps no statistics that ADBC could give."""
        raise NotSupportedError("adbc_get_statistic_names(): the server gives no statistics")

    def _look_up(self, query: str, schema: pa.Schema) -> pa.Table:
        """Run a query outside of what begins transactions; its result with our names and types."""
        self._check_open()
        table = self._session.query(query)
        try:
            found = table.rename_columns(schema.names).cast(schema)
            found.validate(full=True)
            return found
        except (pa.ArrowException, ValueError) as error:
            raise from_arrow(error) from None

    def _look_up_one(self, query: str, schema: pa.Schema) -> Any:
        """The value that a query gives."""
        found = self._look_up(query, schema)
        if not found.num_rows:
            raise InternalError(f"the server answers {query!r} without a row")
        return found.column(0)[0].as_py()

    def _check_exists(self, asked: str, parts: Iterable[str]) -> None:
        if not self._look_up_one(asked, COUNT):
            name = ".".join(map(quote_identifier, parts))
            raise ProgrammingError(
                f"there is no table or view {name}; get_tables() lists those that there are",
                status_code=AdbcStatusCode.NOT_FOUND,
            ) from None

    def _with_schemas(self, rows: pa.Table) -> pa.Table:
        """The tables of the rows, each once, with the schema that their columns make."""
        types = [text for text in rows["data_type"].unique().to_pylist() if text is not None]
        arrow: dict[str, pa.DataType] = {}
        metadata: dict[str, Any] = {}
        if types:
            query = queries.null_of_each_type(types)
            nulls = self._session.query(query).schema
            if len(nulls) != len(types):
                raise InternalError(
                    f"the server gives {len(nulls)} columns for the types {', '.join(types)}"
                )
            arrow = {text: nulls.field(i).type for i, text in enumerate(types)}
            metadata = {text: nulls.field(i).metadata for i, text in enumerate(types)}
        tables: dict[tuple[Any, ...], list[pa.Field]] = {}
        for *table, column, text in zip(*(c.to_pylist() for c in rows.columns), strict=True):
            fields = tables.setdefault(tuple(table), [])
            if text is not None:
                fields.append(pa.field(column, arrow[text], metadata=metadata[text]))
        columns = list(zip(*tables, strict=True)) or [()] * len(TABLES)
        schemas = [pa.schema(fields).serialize().to_pybytes() for fields in tables.values()]
        return pa.table(
            [pa.array(column, pa.string()) for column in columns], schema=TABLES
        ).append_column("table_schema", pa.array(schemas, pa.binary()))
