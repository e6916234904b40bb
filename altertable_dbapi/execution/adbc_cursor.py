"""What a cursor has of ADBC's own, beside PEP 249."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from adbc_driver_manager import AdbcStatement

from ..errors import NotSupportedError
from ..logs import showing
from ..parameters.bind import bind
from ..statement.names import quote_identifier, table_names
from ..statement.scan import split
from .execute import partitions, scanned

if TYPE_CHECKING:
    from ..arrow_input.loadable import Loadable
    from ..connection import Connection
    from ..ingest.options import Mode
    from ..result.result import Result
    from ..settings.checks import Binding
    from ..settings.limits import Timeouts


class AdbcMethods:
    """The methods of ADBC's cursor."""

    if TYPE_CHECKING:
        _connection: Connection[Any]
        _binding: Binding
        _timeouts: Timeouts
        _rowcount: int

        def execute(self, operation: str) -> Any: ...
        def _check_open(self) -> None: ...
        def _reset(self) -> None: ...
        def _take(self, result: Result) -> None: ...

    @property
    def adbc_statement(self) -> AdbcStatement:
        """The session's ADBC statement, which all cursors share."""
        self._check_open()
        return self._connection._session.place.lend().statement

    def cancel(self) -> None:
        """Cancel the statement that is running, from another thread.

        It ends with an OperationalError where it runs. A server may go on with it for a while;
        outside a transaction the next statement then gets a new session, with the same options,
        ``USE`` and ``SET``, if the old one does not answer.
        """
        self._connection.adbc_cancel()

    def adbc_cancel(self) -> None:
        """Cancel the statement that is running, from another thread."""
        self._connection.adbc_cancel()

    def executescript(self, operation: str) -> None:
        """Execute the statements of a script, one after the other; results are dropped."""
        for statement in split(operation):
            self.execute(statement)
        self._reset()

    def adbc_ingest(
        self,
        table_name: str,
        data: Loadable,
        mode: Mode = "create",
        *,
        catalog_name: str | None = None,
        db_schema_name: str | None = None,
        temporary: bool = False,
    ) -> int:
        """Load Arrow data into a table, all of it or nothing; `Connection.load` tells more.

        Parameters
        ----------
        table_name : str
            The table's name as it is, dots and all.
        data : object
            What `Connection.load` takes.
        mode : str
            ``"create"``, ``"append"``, ``"create_append"`` or ``"replace"``.
        catalog_name, db_schema_name : str, optional
            Where the table is; the session's current catalog and schema unless given.
        temporary : bool
            Not supported: the server loads on a connection of its own, so a temporary table would
            be gone.

        Returns
        -------
        int
            The number of rows loaded.
        """
        self._check_open()
        self._reset()
        if temporary:
            raise NotSupportedError(
                "temporary=True: a bulk load cannot fill a temporary table; CREATE TEMP TABLE and "
                "executemany can, or load into a table and drop it"
            )
        # Imported where it is used, since most programs do not.
        from ..ingest.load import load

        names = table_names(quote_identifier(table_name), catalog_name, db_schema_name)
        session = self._connection._session
        with session.lock, session.operations.under_way(self._timeouts.begin()):
            self._rowcount = load(session, names, data, mode)
        return self._rowcount

    def adbc_prepare(self, operation: str) -> pa.Schema | None:
        """Prepare a statement; the schema of its parameters, in number order, where known."""
        self._check_open()
        statement, _ = scanned(operation, None)
        return self._connection._session.prepare(statement, self._timeouts.begin())

    def adbc_execute_schema(self, operation: str, parameters: Any = None) -> pa.Schema:
        """The schema of a statement's result, without executing it.

        A query is sent with LIMIT 0, since only its stream tells the types for sure; where it has
        a LIMIT of its own, a name that stands twice gets a number. Of any other statement, and of
        a query whose values are not given, it is the server's announcement, which may differ from
        the stream's. It has no fields where the statement returns no rows.

        Raises
        ------
        NotSupportedError
            The server announces nothing.
        """
        self._check_open()
        statement, parameters = scanned(operation, parameters)
        if statement.transaction is not None:
            return pa.schema([])
        # Imported where it is used, since most programs do not.
        from ..statement.shape import without_rows

        limited = without_rows(statement)
        if limited is not None and (parameters or not statement.placeholders):
            with self._connection.cursor(binding=self._binding) as cursor:
                cursor.execute(limited, parameters)
                return cursor._reading("schema").schema
        with showing(operation):
            session = self._connection._session
            announced = session.announced_schema(statement, self._timeouts.begin())
        if not statement.returns_rows:
            return pa.schema([])
        if not announced.names:
            raise NotSupportedError(
                f"the server does not announce what {statement.verb} returns; execute it to see"
            )
        return announced

    def adbc_execute_partitions(
        self, operation: str, parameters: Any = None
    ) -> tuple[list[bytes], pa.Schema | None]:
        """Send one statement without reading it; what `adbc_read_partition` takes, and a schema.

        The schema is the server's announcement, which may differ from the stream's. A partition
        can be read on this connection alone.
        """
        self._check_open()
        statement, parameters = scanned(operation, parameters)
        bound = bind(statement, parameters)
        self._reset()
        with showing(operation):
            return partitions(
                self._connection._session,
                statement,
                bound,
                self._binding,
                self._timeouts.begin(),
            )

    def adbc_read_partition(self, partition: bytes) -> None:
        """Make one partition the result of this cursor."""
        self._check_open()
        self._reset()
        session = self._connection._session
        self._take(session.read_partition(partition, self._timeouts.begin()))
