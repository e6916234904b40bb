"""What a statement did for its sets of parameters: the rows that it changed and returned."""

from __future__ import annotations

import threading

import pyarrow as pa

from ..errors import DataError
from ..result.result import NoStreams, Result


class Changed:
    """The sum of the results of statements that were sent one after the other.

    Parameters
    ----------
    returning : bool
        Whether the statements return rows.

    Attributes
    ----------
    count : int
        The rows they changed; -1 where one of them does not say.
    schema : pyarrow.Schema or None
        Of the rows returned.
    batches : list of pyarrow.RecordBatch
        The rows returned, in the order of the sets.
    """

    def __init__(self, returning: bool) -> None:
        self._returning = returning
        self.count = 0
        self.schema: pa.Schema | None = None
        self.batches: list[pa.RecordBatch] = []

    def take(self, result: Result | None) -> None:
        """Add the result of one statement, to its end: servers may run it only as it is read."""
        table = None if result is None else result.read_table()
        if self._returning and table is not None:
            self.add(table)
        elif table is None or table.column_names != ["Count"]:
            self.count = -1
        elif self.count >= 0:
            counts = table.column(0).to_pylist()
            self.count = -1 if None in counts else self.count + sum(counts)

    def add(self, table: pa.Table) -> None:
        """Add rows that were returned.

        Raises
        ------
        DataError
            They are of other types than those before, as where a type follows from a parameter.
        """
        if self.schema is None:
            self.schema = table.schema
        if not table.schema.equals(self.schema):
            raise DataError(
                f"the sets of parameters return rows of different types, {table.schema.types} "
                f"after {self.schema.types}; CAST what RETURNING lists"
            )
        self.count += table.num_rows
        self.batches += table.to_batches()

    def result(self, lock: threading.RLock) -> Result | None:
        """The rows returned as one result; None where no statement has returned any.

        Parameters
        ----------
        lock : RLock
            The session's.
        """
        if self.schema is None:
            return None
        result = Result(iter(()), self.schema, lock, NoStreams())
        result.put_back(self.batches)
        return result
