"""The statements that a session has prepared, kept to be used again."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import adbc_driver_manager as adbc
import pyarrow as pa

from ..errors import Error
from ..protocol import _adbc
from ..settings.limits import Limits

if TYPE_CHECKING:
    from .handles import Handles

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
    handles : Handles
        Those of the session.
    """

    def __init__(self, handles: Handles) -> None:
        self._handles = handles
        self._kept: OrderedDict[str, Prepared] = OrderedDict()
        self._all: list[adbc.AdbcStatement] = []
        self._spare: list[adbc.AdbcStatement] = []

    def get(self, text: str, limits: Limits) -> Prepared:
        """The statement of this text, which is prepared unless it is kept."""
        in_transaction = self._handles.in_transaction
        prepared = self._kept.get(text)
        if prepared is not None:
            if prepared.in_transaction == in_transaction:
                self._kept.move_to_end(text)
                return prepared
            self._retire(text, limits)
        while len(self._kept) >= _MOST:
            self._retire(next(iter(self._kept)), limits)
        statement = self.take()
        try:
            statement.set_sql_query(text)
            self._handles.call(
                statement, statement.prepare, limits=limits, under=("query", "update"), text=text
            )
        except BaseException:
            self.give_back(statement)
            raise
        prepared = Prepared(statement, _parameter_schema(statement), in_transaction)
        self._kept[text] = prepared
        return prepared

    def end_transaction(self, limits: Limits) -> None:
        """Close those that were prepared in the transaction, which has ended."""
        for text in [text for text, prepared in self._kept.items() if prepared.in_transaction]:
            # It has ended, whatever comes of tidying up after it.
            with contextlib.suppress(Error):
                self._retire(text, limits)

    def take(self) -> adbc.AdbcStatement:
        """A statement handle for any use, to be given back."""
        if not self._spare:
            # All of it is C code: no KeyboardInterrupt comes between the making and the list.
            self._all.extend(map(adbc.AdbcStatement, (self._handles.connection,)))
            return self._all[-1]
        return self._spare.pop()

    def give_back(self, statement: adbc.AdbcStatement) -> None:
        """Keep a statement handle for the next use."""
        self._spare.append(statement)

    def all(self) -> list[adbc.AdbcStatement]:
        """All handles, to be closed with the session."""
        return list(self._all)

    def _retire(self, text: str, limits: Limits) -> None:
        """Close a prepared statement on the server and keep its handle for another."""
        statement = self._kept.pop(text).statement
        # The driver closes the server's statement when it is given another text.
        self._handles.call(statement, statement.set_sql_query, "", limits=limits)
        self.give_back(statement)


def _parameter_schema(statement: adbc.AdbcStatement) -> pa.Schema | None:
    try:
        handle = statement.get_parameter_schema()
    except adbc.NotSupportedError:
        return None
    return _adbc.import_schema(handle)
