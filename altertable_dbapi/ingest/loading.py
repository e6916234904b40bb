"""The loading side of a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import ProgrammingError
from ..statement.names import table_names
from .options import BATCH_BYTES, Progress

if TYPE_CHECKING:
    from ..arrow_input.loadable import ArrowType, Loadable
    from ..session.session import Session
    from ..settings.settings import Settings
    from .options import Mode
    from .upsert import UpsertSessions


class Loading:
    """The loading side of a connection."""

    #: What sends upserts, from the first of them on.
    _upserts: UpsertSessions | None = None

    if TYPE_CHECKING:
        _session: Session
        _settings: Settings

        def _check_open(self) -> None: ...

    def _end_upserts(self) -> None:
        if self._upserts is not None:
            self._upserts.close()

    def load(
        self,
        table: str,
        data: Loadable,
        *,
        mode: Mode = "append",
        catalog: str | None = None,
        schema: str | None = None,
        primary_key: str | Sequence[str] | None = None,
        cursor_field: str | Sequence[str] | None = None,
        on_progress: Progress | None = None,
        batch_bytes: int = BATCH_BYTES,
        delimiter: str | None = None,
        quote: str | None = None,
        header: bool | Sequence[str] | None = None,
        encoding: str | None = None,
        null_text: str | Sequence[str] | None = None,
        column_types: Mapping[str, ArrowType | str] | None = None,
    ) -> int:
        """Load data into a table, all of it or nothing.

        A load is a transaction of its own. With `primary_key` it is an upsert, which runs on a
        session of its own, kept for the next one and ended with the connection.

        Parameters
        ----------
        table : str
            ``table``, ``schema.table`` or ``catalog.schema.table``; a part with a dot or a quote
            in it stands in double quotes. What is not named is the session's current catalog and
            schema; in another catalog the schema is ``main``. A schema that does not exist is
            created by the server.
        data : object
            An Arrow table, record batch, reader, dataset, scanner, ``ParquetFile``, or any object
            with ``__arrow_c_stream__`` or ``__arrow_c_array__``; a pandas data frame, without its
            index; a polars data frame or lazy frame; a series, whose name is the column; a mapping
            of columns (lists, arrays, series), an iterable of mappings, which are its rows and held
            in memory, or a structured numpy array; an iterable of record batches; or a path: of a
            Parquet, CSV (``.csv``, ``.csv.gz``, ``.tsv``) or Arrow IPC file, of a directory of
            those, or a glob pattern; or a list of paths, which are one table. Files, readers and
            iterables are read as they are sent, in this thread. They must not use this connection.
        mode : str
            ``"append"``: the table must exist. ``"create"``: it must not. ``"create_append"``: it
            is created where it does not exist. ``"replace"``: it is dropped first.
        catalog, schema : str, optional
            The catalog and schema, instead of in `table`.
        primary_key : str or sequence of str, optional
            Update the rows that agree with a loaded one in these columns, and insert the others.
            Columns that the data lacks keep their values.
        cursor_field : str or sequence of str, optional
            With `primary_key`: a row replaces another only when it is larger in these columns.
        on_progress : callable, optional
            Called as ``on_progress(rows, bytes)`` with what has been handed over so far, after
            each batch. When it raises, the load is given up and nothing is loaded.
        batch_bytes : int
            Bytes in a message, at most; a larger row goes alone.
        delimiter, quote : str, optional
            Of a CSV: what separates its fields, a comma (in ``.tsv`` a tab) unless told; what
            surrounds text, a double quote.
        header : bool or sequence of str, optional
            Of a CSV: False where its first line is a row; the columns are those of the table then,
            in its order. Names stand for a header that is not there.
        encoding : str, optional
            Of a CSV: a codec of Python. UTF-8 unless told, and UTF-16 where it begins so.
        null_text : str or sequence of str, optional
            Of a CSV: what stands for NULL where it is not in quotes; an empty field unless told.
        column_types : mapping of str to pyarrow.DataType or str, optional
            Of a CSV: types of columns, as Arrow or SQL has them. Others have the type of the
            table's column, or where the table is made one that all of their text can be: the file
            is read twice then.

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
            of more than 38 digits, a zoned timestamp finer than microseconds; on a lake a time
            finer than microseconds, an interval finer than milliseconds or below zero. A key is
            NULL.

        Notes
        -----
        Columns go to those of the same name, as DuckDB compares names: without the case of A to Z.
        They are sent in the table's order, so that a server which goes by position does the same.
        A column that the table lacks is refused. One that the data lacks becomes NULL, and is
        refused where it has a default.

        Ctrl-C and any exception give the load up, and nothing is loaded. Only a load that is
        interrupted when all has been sent, while the server's answer is awaited, may be there
        nevertheless.

        Altertable's own catalogs have no keys. Two upserts of the same new keys at the same time
        both insert there, so that the rows are doubled without an error: let one program write,
        or run DELETE and INSERT in a transaction, where the second is refused as a conflict
        (`sqlstate` ``"40001"``).

        Arrow types that the server has not are sent as their plain equivalents; the table is in
        `altertable_dbapi.arrow_input.conversion.Conversion`.
        """
        self._check_open()
        if isinstance(batch_bytes, bool) or not isinstance(batch_bytes, int) or batch_bytes < 1:
            raise ProgrammingError(f"batch_bytes is {batch_bytes!r}; expected 1 or more")
        # Imported where it is used, since most programs do not.
        from ..arrow_input.csv_files import CsvOptions
        from .load import load
        from .upsert import Key, UpsertSessions

        key = None
        if primary_key is not None:
            key = Key(primary_key, cursor_field)
            if self._upserts is None:
                self._upserts = UpsertSessions(self._settings)
        elif cursor_field is not None:
            raise ProgrammingError("cursor_field is given without primary_key")
        names = table_names(table, catalog, schema)
        options = CsvOptions(delimiter, quote, header, encoding, null_text, column_types)
        return load(
            self._session, names, data, mode, key, self._upserts, on_progress, batch_bytes, options
        )
