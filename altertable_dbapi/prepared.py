"""The statements that a session has prepared, kept to be used again."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import adbc_driver_manager as adbc
import pyarrow as pa

from . import _adbc
from .errors import Error
from .logs import SessionLog

#: How many are kept.
_MOST = 32


class Prepared(NamedTuple):
    """A statement, the schema of its parameters where the server tells, and where it is good."""

    statement: adbc.AdbcStatement
    parameter_schema: pa.Schema | None
    in_transaction: bool


class PreparedStatements:
    """Prepares statements, each text once for as long as it is good.

    A server accepts a statement only where it was prepared: in the same transaction, or outside
    any. Handles of the driver are kept for good, since releasing one makes the driver collect its
    garbage, which takes about a millisecond.

    Parameters
    ----------
    log : SessionLog
        Counts the round trips.
    """

    def __init__(self, log: SessionLog) -> None:
        self._log = log
        self._kept: OrderedDict[str, Prepared] = OrderedDict()
        self._spare: list[adbc.AdbcStatement] = []
        # The one that a call is being made for, and which is not kept yet, or no more.
        self._under_way: adbc.AdbcStatement | None = None

    def get(self, connection: adbc.AdbcConnection, text: str, in_transaction: bool) -> Prepared:
        """The statement of this text, which is prepared unless it is kept."""
        prepared = self._kept.get(text)
        if prepared is not None:
            if prepared.in_transaction == in_transaction:
                self._kept.move_to_end(text)
                return prepared
            self._retire(text)
        while len(self._kept) >= _MOST:
            self._retire(next(iter(self._kept)))
        statement = self.take(connection)
        try:
            statement.set_sql_query(text)
            self._call(statement, statement.prepare)
        except BaseException:
            self.give_back(statement)
            raise
        prepared = Prepared(statement, _parameter_schema(statement), in_transaction)
        self._kept[text] = prepared
        return prepared

    def end_transaction(self) -> None:
        """Close those that were prepared in the transaction, which has ended."""
        for text in [text for text, prepared in self._kept.items() if prepared.in_transaction]:
            # It has ended, whatever comes of tidying up after it.
            with contextlib.suppress(Error):
                self._retire(text)

    def take(self, connection: adbc.AdbcConnection) -> adbc.AdbcStatement:
        """A statement handle for any use, to be given back."""
        return self._spare.pop() if self._spare else adbc.AdbcStatement(connection)

    def give_back(self, statement: adbc.AdbcStatement) -> None:
        """Keep a statement handle for the next use."""
        self._spare.append(statement)

    def give_up(self) -> list[adbc.AdbcStatement]:
        """All handles, to be closed with the session."""
        handles = [*self._spare, *(prepared.statement for prepared in self._kept.values())]
        self._spare.clear()
        self._kept.clear()
        return handles

    def cancel(self) -> None:
        """Cancel what one of them is doing, from any thread."""
        for prepared in list(self._kept.values()):
            prepared.statement.cancel()
        under_way = self._under_way
        if under_way is not None:
            under_way.cancel()

    def _retire(self, text: str) -> None:
        """Close a prepared statement on the server and keep its handle for another."""
        statement = self._kept.pop(text).statement
        # The driver closes the server's statement when it is given another text.
        self._call(statement, statement.set_sql_query, "")
        self.give_back(statement)

    def _call(
        self, statement: adbc.AdbcStatement, function: Callable[..., Any], *args: Any
    ) -> None:
        self._log.round_trips += 1
        self._under_way = statement
        try:
            _adbc.call(statement.cancel, function, *args)
        finally:
            self._under_way = None


def _parameter_schema(statement: adbc.AdbcStatement) -> pa.Schema | None:
    try:
        handle = statement.get_parameter_schema()
    except adbc.NotSupportedError:
        return None
    return _adbc.import_schema(handle)
