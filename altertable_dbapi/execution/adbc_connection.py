"""What a connection has of ADBC's own, beside PEP 249."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adbc_driver_manager import AdbcConnection, AdbcDatabase

from ..errors import InternalError
from ..rows.factories import tuple_row
from ..statement.names import quote_identifier

if TYPE_CHECKING:
    from ..session.session import Session


class AdbcMethods:
    """The methods of ADBC's connection."""

    if TYPE_CHECKING:
        _session: Session
        cursor: Any

        def _check_open(self) -> None: ...

    @property
    def adbc_connection(self) -> AdbcConnection:
        """The low-level ADBC connection."""
        self._check_open()
        return self._session.place.lend().connection

    @property
    def adbc_database(self) -> AdbcDatabase:
        """The low-level ADBC database."""
        self._check_open()
        return self._session.server.database

    def adbc_cancel(self) -> None:
        """Cancel the call that is under way on this connection, from another thread."""
        self._check_open()
        self._session.cancel()

    @property
    def adbc_current_catalog(self) -> str:
        """The session's current catalog."""
        return self._ask("SELECT current_catalog()")

    @adbc_current_catalog.setter
    def adbc_current_catalog(self, catalog: str) -> None:
        self._tell(f"USE {quote_identifier(catalog)}")

    @property
    def adbc_current_db_schema(self) -> str:
        """The session's current schema."""
        return self._ask("SELECT current_schema()")

    @adbc_current_db_schema.setter
    def adbc_current_db_schema(self, db_schema: str) -> None:
        catalog, schema = self.adbc_current_catalog, db_schema
        self._tell(f"USE {quote_identifier(catalog)}.{quote_identifier(schema)}")

    def _ask(self, query: str) -> str:
        with self.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query).fetchone()
        if not row:
            raise InternalError(f"the server answers {query!r} without a row")
        return str(row[0])

    def _tell(self, statement: str) -> None:
        with self.cursor() as cursor:
            cursor.execute(statement)
