"""The PEP 249 cursor, with its Arrow, pandas and polars sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode
from adbc_driver_manager import dbapi as adbc_dbapi

from .errors import InterfaceError, NotSupportedError, ProgrammingError
from .execution.adbc_cursor import AdbcMethods
from .execution.execute import execute, report_column, scanned
from .logs import showing
from .parameters.bind import Parameters, bind
from .result.arrow_methods import ArrowMethods
from .result.frame_methods import FrameMethods
from .result.result import Result, Total
from .result.rows import Rows
from .rows.description import Column, describe
from .rows.factories import RowFactory, row_maker
from .settings.limits import Timeouts
from .statement.scan import Statement

if TYPE_CHECKING:
    from typing_extensions import Self

    from .connection import Connection
    from .settings.checks import Binding

Row = TypeVar("Row")
Frame = TypeVar("Frame")


class Cursor(AdbcMethods, ArrowMethods, FrameMethods, adbc_dbapi.Cursor, Generic[Row]):  # type: ignore[misc]
    """A PEP 249 cursor; made by `Connection.cursor`.

    A cursor costs nothing until it executes. Cursors of one connection share its session, one
    statement at a time: what one of them has not read yet is read into memory before another
    statement is sent.
    """

    # polars takes its Arrow path for classes whose module's name begins with "adbc_"; the bridge
    # package of that name makes it true.
    __module__ = "adbc_driver_altertable.dbapi"

    def __init__(
        self,
        connection: Connection[Any],
        row_factory: RowFactory[Row],
        binding: Binding = "auto",
        timeouts: Timeouts = Timeouts(),  # noqa: B008
    ) -> None:
        self._closed = False
        self._connection = connection
        self._binding = binding
        self._timeouts = timeouts
        self._result: Result | None = None
        self._rows: Rows | None = None
        self._schema: pa.Schema | None = None
        self._description: list[Any] | None = None
        self._rowcount = -1
        self._total: Total | None = None
        self._arraysize = 1
        self._row_factory = row_factory

    def __repr__(self) -> str:
        return f"<altertable_dbapi.Cursor {', '.join(self._facts())} on {self._connection!r}>"

    def _repr_html_(self) -> str:
        """What notebooks show: the columns of the last statement, and how many rows it had."""
        from .notebook.facts import table

        columns = [(str(column[0]), str(column[1])) for column in self.description or ()]
        return table(f"Cursor: {', '.join(self._facts())}", columns)

    def _facts(self) -> list[str]:
        from .notebook.facts import counted

        columns, rows = self.description, self.rowcount
        facts = ["closed"] if self.closed else []
        if columns is not None:
            facts.append(counted(len(columns), "column"))
            if rows >= 0:
                facts.append(counted(rows, "row"))
            elif self.rownumber is not None:
                facts.append(f"{counted(self.rownumber, 'row')} fetched so far")
        elif rows >= 0:
            facts.append(f"{counted(rows, 'row')} changed")
        return facts or ["idle"]

    @property
    def closed(self) -> bool:
        """Whether the cursor, or its connection, is closed."""
        return self._closed or self._connection.closed

    # PEP 249 attributes

    @property
    def connection(self) -> Connection[Any]:
        """The connection that made this cursor."""
        return self._connection

    @property  # type: ignore[override]
    def description(self) -> list[Column] | None:
        """A column each of the result, or None when the last statement returned no rows.

        It stays when the cursor is closed, and may be set until the next statement, which tools
        that rename columns do.
        """
        schema = self._schema
        if self._description is None and schema is not None:
            self._description = describe(schema)
        return self._description

    @description.setter
    def description(self, columns: Sequence[Any] | None) -> None:
        self._schema, self._description = None, None if columns is None else list(columns)

    @property
    def rowcount(self) -> int:
        """Rows that the last statement inserted, updated or deleted; -1 when not known.

        After a SELECT it is -1 until the result is read to its end, in whichever way, then its
        number of rows. It stays when the cursor is closed.
        """
        total = self._total
        return self._rowcount if total is None or self._rowcount >= 0 else total.rows

    @property
    def rownumber(self) -> int | None:
        """How many rows of the result have been fetched, or None without a result."""
        total, rows = self._total, self._rows
        if self._result is None:
            return None
        if total is not None and total.rows >= 0:
            return total.rows
        return 0 if rows is None else rows.rownumber

    @property
    def arraysize(self) -> int:
        """How many rows `fetchmany` returns by default."""
        return self._arraysize

    @arraysize.setter
    def arraysize(self, size: int) -> None:
        if not isinstance(size, int) or size < 1:
            raise ProgrammingError(f"arraysize is {size!r}; expected a number of rows, 1 or more")
        self._arraysize = size

    @property
    def row_factory(self) -> RowFactory[Row]:
        """What makes a row of each tuple of values, from the next statement on."""
        return self._row_factory

    @row_factory.setter
    def row_factory(self, factory: RowFactory[Row]) -> None:
        if not callable(factory):
            raise ProgrammingError(
                f"row_factory is {factory!r}; expected a function such as dict_row"
            )
        self._row_factory = factory

    # Execution

    def execute(self, operation: str, parameters: Parameters = None) -> Self:  # type: ignore[override]
        """Execute one statement.

        A statement that returns no rows is finished when this returns, and `rowcount` is set.

        Parameters
        ----------
        operation : str
            DuckDB SQL with ``$name``, ``?`` or ``$1`` placeholders, or a `Query` that carries its
            values.
        parameters : mapping, sequence or pyarrow.RecordBatch, optional
            A mapping for ``$name``; keys without a placeholder are ignored. A sequence for ``?``
            and ``$1``. None and whatever is empty mean no parameters.

        Returns
        -------
        Cursor
            This cursor.

        Raises
        ------
        ProgrammingError
            The statement is wrong, or the parameters do not suit it.
        DataError
            A value cannot be bound or converted.
        """
        self._check_open()
        statement, parameters = scanned(operation, parameters)
        bound = bind(statement, parameters)
        session = self._connection._session
        with session.lock, session.operations.under_way(self._timeouts.begin()), showing(operation):
            self._reset()
            self._finish(statement, execute(session, statement, bound, self._binding))
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Any]) -> None:  # type: ignore[override]
        """Execute one statement for each set of parameters.

        All sets take effect or none does: in autocommit they are one transaction; otherwise they
        belong to the open one, and roll back with it. `rowcount` is the total, -1 where the server
        does not tell how many rows a statement changed.

        The result is that of `execute` for each set, in their order. An ``INSERT … VALUES`` of
        one row goes to the server many rows at a time, and so do UPDATE and DELETE with ``column
        = ?`` where the text, the table and the values show that it is the same. Any other
        statement is prepared once and executed for each set.

        With RETURNING, the rows of all sets are what is fetched, in the order of the sets.
        A lake refuses it, and changes INTERVAL, TIMETZ and HUGEINT in its files (docs/types.md).

        Parameters
        ----------
        operation : str
            DuckDB SQL with placeholders.
        seq_of_parameters : iterable
            Mappings or sequences, as `execute` takes them, or Arrow data: a table, batch, reader
            or data frame, whose columns go to the placeholders by name (``$name``) or position.
            Read as it is sent, unless it is a list or tuple. Nothing happens when it is empty.

        Raises
        ------
        ProgrammingError
            As `execute` raises it, or the statement returns other rows than those of RETURNING.
        DataError, IntegrityError
            A value is wrong; names the row, counted from 1.
        """
        self._check_open()
        statement, _ = scanned(operation, None)
        self._reset()
        if statement.returns_rows and (statement.explain or not statement.returning):
            raise ProgrammingError(
                "executemany() is for statements that return no rows, or those of RETURNING; "
                f"{statement.verb or 'it'} returns others; use execute()"
            )
        # Imported where it is used, since most programs do not.
        from .executemany.execute_many import execute_many

        session = self._connection._session
        with session.lock, session.operations.under_way(self._timeouts.begin()), showing(operation):
            changed = execute_many(session, statement, seq_of_parameters, self._binding)
            self._rowcount = changed.count
            returned = changed.result(session.lock)
        if returned is not None:
            self._take(returned)

    def _finish(self, statement: Statement, result: Result | None) -> None:
        """Take the result of a statement; drain it when it is only a report of what was done."""
        if result is None:
            return
        session = self._connection._session
        report = None if statement.returns_rows else report_column(result.schema)
        if report is None:
            self._take(result)
            session.server.own.note(statement)
            return
        # Servers may run a statement only as its stream is read.
        table = result.read_table()
        session.server.own.note(statement)
        if report == "Count" and table.num_rows:
            counts = table.column(0).to_pylist()
            self._rowcount = -1 if None in counts else max(sum(counts), -1)

    def _take(self, result: Result) -> None:
        self._result, self._schema, self._total = result, result.schema, result.total

    def _drop(self) -> None:
        """Drop what is left of the result, of which what is known stays."""
        result, self._result, self._rows = self._result, None, None
        if result is not None:
            result.close()

    def _reset(self) -> None:
        self._drop()
        self._schema = self._description = self._total = None
        self._rowcount = -1

    # Rows

    def fetchone(self) -> Row | None:  # type: ignore[override]
        """The next row, or None when there is none left."""
        row: Row
        rows = self._rows
        if rows is not None:  # almost always, and then the row is at hand
            for row in rows.ready:
                return row
        for row in self._fetching():
            return row
        return None

    def fetchmany(self, size: int | None = None) -> list[Row]:  # type: ignore[override]
        """The next `size` rows (`arraysize` by default); fewer at the end, then none."""
        if size is None:
            size = self._arraysize
        if not isinstance(size, int) or size < 0:
            raise ProgrammingError(
                f"fetchmany(size) is {size!r}; expected a number of rows, 0 or more"
            )
        return self._fetching().fetchmany(size)

    def fetchall(self) -> list[Row]:  # type: ignore[override]
        """All rows that are left."""
        return self._fetching().fetchall()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Row:  # type: ignore[override]
        row: Row
        rows = self._rows
        if rows is not None:
            for row in rows.ready:
                return row
        for row in self._fetching():
            return row
        raise StopIteration

    def next(self) -> Row:  # type: ignore[override]
        """The next row; StopIteration when there is none left."""
        return self.__next__()

    def _fetching(self) -> Rows:
        rows = self._rows
        if rows is None:
            result = self._reading("rows")
            with self._connection._session.lock:
                rows = self._rows
                if rows is None:
                    rows = self._rows = Rows(result, row_maker(self._row_factory, self))
        return rows

    def _reading(self, what: str) -> Result:
        """The result to read from, or an error that says why there is none."""
        self._check_open()
        result = self._result
        if result is None:
            raise ProgrammingError(
                f"no {what} to fetch: execute a statement that returns rows first",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        return result

    def _unread(self, what: str) -> Result:
        """The result with what was converted to rows but not fetched put back."""
        result = self._reading(what)
        rows = self._rows
        if rows is not None:
            result.put_back(rows.give_back())
            self._rows = None
        return result

    # The rest of PEP 249

    def callproc(self, procname: str, parameters: Any = ()) -> NoReturn:
        """Not supported: the server has no stored procedures."""
        raise NotSupportedError(f"callproc({procname!r}): the server has no stored procedures")

    def nextset(self) -> None:  # type: ignore[override]
        """None: a statement has one result set."""
        self._check_open()

    def setinputsizes(self, sizes: Any) -> None:
        """Nothing to do: values are bound with their own types."""
        self._check_open()

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Nothing to do: columns have no size limit."""
        self._check_open()

    def close(self) -> None:
        """Close the cursor; what is left of its result is dropped. Idempotent."""
        if not self._closed:
            self._drop()
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # The base class's would be Python code, in which Ctrl-C is lost. There is nothing to free: the
    # session notices when a result is forgotten.
    __del__: Any = object

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Cursor cannot be copied or pickled; make one of the same connection")

    def _check_open(self) -> None:
        if self._closed:
            raise InterfaceError("the cursor is closed")
        self._connection._check_open()
