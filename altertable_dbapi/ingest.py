"""Bulk load: Arrow data into a table as one atomic call, with or without upsert."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import StatementOptions

from . import _adbc, sql, upsert, wire
from .arrow_input import open_source, reading
from .batches import Conversion, merged
from .errors import DataError, NotSupportedError, ProgrammingError
from .transfer import Transfer

if TYPE_CHECKING:
    from .session import Session

MODES = ("create", "append", "create_append", "replace")

#: Bytes of a record batch, about. Servers commonly refuse gRPC messages above 4 MiB.
BATCH_BYTES = 2 * 1024 * 1024

Progress = Callable[[int, int], object]


class Target(NamedTuple):
    """A table, by the names that the server is told."""

    catalog: str
    schema: str
    table: str

    def __str__(self) -> str:
        return ".".join(map(sql.quote_identifier, self))


class Loading:
    """The loading side of a connection."""

    _session: Session

    def _check_open(self) -> None:
        raise NotImplementedError

    def load(
        self,
        table: str,
        data: Any | str | PathLike[str],
        *,
        mode: str = "append",
        catalog: str | None = None,
        schema: str | None = None,
        primary_key: str | Sequence[str] | None = None,
        cursor_field: str | Sequence[str] | None = None,
        on_progress: Progress | None = None,
        batch_bytes: int = BATCH_BYTES,
    ) -> int:
        """Load data into a table, all of it or nothing.

        A load is a transaction of its own. With `primary_key` it is an upsert, which runs on a
        session of its own.

        Parameters
        ----------
        table : str
            ``table``, ``schema.table`` or ``catalog.schema.table``; a part with a dot or a quote
            in it stands in double quotes. What is not named is the session's current catalog and
            schema; in another catalog the schema is ``main``. A schema that does not exist is
            created by the server.
        data : object
            An Arrow table, record batch, reader, dataset, or any object with
            ``__arrow_c_stream__`` or ``__arrow_c_array__``; a pandas data frame, without its index;
            a polars data frame or lazy frame; an iterable of record batches; or a path: of a
            Parquet, CSV (``.csv``, ``.csv.gz``, ``.tsv``) or Arrow IPC file, of a directory of
            those, or a glob pattern. Files, readers and iterables are read as they are sent, in
            this thread. They must not use this connection.
        mode : str
            ``"append"``: the table must exist. ``"create"``: it must not. ``"create_append"``: it
            is created where it does not exist. ``"replace"``: it is dropped first.
        catalog, schema : str, optional
            The catalog and schema, instead of in `table`.
        primary_key : str or sequence of str, optional
            Update the rows that agree with a loaded one in these columns, and insert the others.
            Columns that the data has not keep their values.
        cursor_field : str or sequence of str, optional
            With `primary_key`: a row replaces another only when it is larger in these columns.
        on_progress : callable, optional
            Called as ``on_progress(rows, bytes)`` with what has been handed over so far, after
            each batch. When it raises, the load is given up and nothing is loaded.
        batch_bytes : int
            Bytes in a message, at most; a larger row goes alone.

        Returns
        -------
        int
            The number of rows loaded; of an upsert those inserted or updated. -1 when the server
            does not say.

        Raises
        ------
        ProgrammingError
            A transaction is open, the table is missing or exists against `mode`, a name or a
            column is wrong.
        DataError
            The server has no type for a column, or a value would lose part of itself: a decimal
            of more than 38 digits, a zoned timestamp finer than microseconds. A key is NULL.

        Notes
        -----
        Ctrl-C and any exception give the load up and nothing is loaded; only when all has been
        sent and the server's answer is awaited may it be loaded nevertheless.

        `docs` list how Arrow types are sent: see `altertable_dbapi.batches.Conversion`.
        """
        self._check_open()
        if isinstance(batch_bytes, bool) or not isinstance(batch_bytes, int) or batch_bytes < 1:
            raise ProgrammingError(f"batch_bytes is {batch_bytes!r}; expected 1 or more")
        key = None
        if primary_key is not None:
            key = upsert.Key(primary_key, cursor_field)
        elif cursor_field is not None:
            raise ProgrammingError("cursor_field is given without primary_key")
        names = table_names(table, catalog, schema)
        return load(self._session, names, data, mode, key, on_progress, batch_bytes)


def table_names(
    table: str, catalog: str | None = None, schema: str | None = None
) -> tuple[str | None, str | None, str]:
    """The catalog, schema and table of a dotted name, and of names given beside it.

    Raises
    ------
    ProgrammingError
        The name cannot be read, or names one of them again.
    """
    parts = _dotted(table)
    given = [catalog, schema][: 3 - len(parts)]
    for name, value, taken in (("catalog", catalog, 3), ("schema", schema, 2)):
        if value is not None and len(parts) >= taken:
            raise ProgrammingError(f"{name}={value!r} is given, and {table!r} names one as well")
        if value is not None and (not isinstance(value, str) or not value or "\0" in value):
            raise ProgrammingError(f"{name} is {value!r}; expected a name")
    found = [*given, *parts]
    return found[0], found[1], parts[-1]


def _dotted(name: str) -> list[str]:
    if not isinstance(name, str) or not name or "\0" in name:
        raise ProgrammingError(f"the table is {name!r}; expected a name")
    parts, rest = [], name
    while True:
        if rest.startswith('"'):
            end = 1
            while (end := rest.find('"', end)) >= 0 and rest[end : end + 2] == '""':
                end += 2
            part, rest = (rest[1:end].replace('""', '"'), rest[end + 1 :]) if end > 0 else ("", "")
        else:
            end = rest.find(".")
            part, rest = (rest, "") if end < 0 else (rest[:end], rest[end:])
        parts.append(part)
        if not part or '"' in part and not name.count('""') or rest and rest[0] != ".":
            raise _unreadable(name)
        if not rest:
            break
        rest = rest[1:]
    if len(parts) > 3:
        raise _unreadable(name)
    return parts


def _unreadable(name: str) -> ProgrammingError:
    return ProgrammingError(
        f"cannot read the table name {name!r}: write table, schema.table or catalog.schema.table, "
        'a part with a dot or a quote in it as "my.table"'
    )
