"""Which column of the data goes into which column of the table, and in which order it is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from ..errors import ProgrammingError
from ..statement.names import folded


class Matching:
    """The columns of some data in the order of a table.

    A server may put the columns of a load into those of the table by name or by position; sent
    like this, both come to the same.

    Parameters
    ----------
    names : sequence of str
        The columns of the data.
    table : str
        The table's name, for errors.
    stored : pyarrow.Schema
        The table's columns.
    partial : bool
        Columns that the data lacks are not sent (an upsert leaves them as they are); otherwise
        they are in `lacking`.

    Attributes
    ----------
    types : dict of str to pyarrow.DataType
        The type of the table's column for each column of the data.
    lacking : list of str
        Columns of the table that the data lacks.

    Raises
    ------
    ProgrammingError
        The table lacks a column of the data; names it.
    """

    def __init__(self, names: Sequence[str], table: str, stored: pa.Schema, partial: bool) -> None:
        place = {folded(name): index for index, name in enumerate(names)}
        known = {folded(field.name): field.type for field in stored}
        unknown = [name for name in names if folded(name) not in known]
        if unknown:
            raise ProgrammingError(
                f"{table} has no column {', '.join(map(repr, unknown))}; it has "
                f"{', '.join(stored.names)}"
            )
        self.types = {name: known[folded(name)] for name in names}
        self.lacking = [name for name in stored.names if folded(name) not in place]
        self._sent = [
            (field, place.get(folded(field.name)))
            for field in stored
            if not partial or folded(field.name) in place
        ]

    def schema(self, given: pa.Schema) -> pa.Schema:
        """What is sent of data with the schema `given`."""
        return pa.schema(
            [
                # The server turns a NULL that is text into one of any type.
                pa.field(field.name, pa.string() if index is None else given.field(index).type)
                for field, index in self._sent
            ]
        )

    def arranged(
        self, batches: Iterable[pa.RecordBatch], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """The batches with the columns of `schema`, which `schema` has given."""
        for batch in batches:
            columns = [
                pa.nulls(batch.num_rows, pa.string()) if index is None else batch.column(index)
                for _, index in self._sent
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


def check_defaults(table: str, lacking: Collection[str], defaults: Mapping[str, str]) -> None:
    """Refuse a load that lacks columns which are more than NULL where nothing is given.

    Raises
    ------
    ProgrammingError
        One of `lacking` has a default; names it.
    """
    for name in lacking:
        if name in defaults:
            raise ProgrammingError(
                f"the data has no column {name!r}, which has a default in {table} "
                f"({defaults[name]}), and a load gives every column a value: add the column to the "
                f"data, or load into a table of its own and INSERT INTO {table} (…) SELECT …"
            )
