"""Bulk load: Arrow data into a table as one atomic call, with or without upsert."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode, StatementOptions

from . import _adbc, upsert, wire
from .arrow_input import open_source, reading
from .batches import Conversion, merged
from .errors import DataError, OperationalError, ProgrammingError
from .limits import has_expired
from .loading import BATCH_BYTES, MODES, Progress
from .table_names import Target
from .transfer import Transfer

if TYPE_CHECKING:
    from .session import Session

#: Bytes of the first pieces, which are kept until there are more.
_KEPT_BYTES = 8 * 1024 * 1024


def load(
    session: Session,
    names: tuple[str | None, str | None, str],
    data: Any,
    mode: str,
    key: upsert.Key | None = None,
    on_progress: Progress | None = None,
    batch_bytes: int = BATCH_BYTES,
) -> int:
    """Load `data` into the table that `names` (catalog, schema, table) say, as `Loading.load`."""
    if mode not in MODES:
        raise ProgrammingError(f"mode is {mode!r}; expected one of {', '.join(MODES)}")
    if session.in_transaction:
        raise ProgrammingError(
            "a transaction is open, and a bulk load is a transaction of its own that would not see "
            "it: commit() or rollback() first, or connect with autocommit=True",
            status_code=AdbcStatusCode.INVALID_STATE,
        )
    target = _locate(session, names)
    stored = _Stored(session, target) if mode in ("append", "create_append") else None
    source = open_source(data, None if stored is None else stored.types)
    if source.schema is None:
        if mode == "append":
            return 0
        raise ProgrammingError(
            f"the data has not one batch, so mode={mode!r} has no columns to make the table of; "
            "an empty table or a RecordBatchReader has"
        )
    conversion = Conversion(source.schema)
    if key is not None:
        key = key.resolved(conversion.schema)
        if stored is not None:
            stored.check(conversion.schema)
    pieces = _pieces(source.batches, conversion, batch_bytes)
    try:
        if key is not None:
            command = wire.ingest_command(
                target.table,
                mode,
                catalog=target.catalog,
                schema=target.schema,
                options=key.options,
            )
            send = partial(upsert.send, session.settings, command, conversion.schema)
            return _pump(session, Transfer(send), _keyed(pieces, key), on_progress)
        kept = _Kept(pieces)
        if on_progress is not None:
            on_progress = _rising(on_progress)
        put = partial(_put, session, mode=mode, schema=conversion.schema, on_progress=on_progress)
        try:
            return put(target, kept)
        except OperationalError as error:
            again = kept.again() if has_expired(error) else None
            if again is None:
                raise
        # A new session: it stands in the catalog and schema of its options.
        return put(_locate(session, names), again)
    except ProgrammingError as error:
        raise _advised(error, mode) from None


def _put(
    session: Session,
    target: Target,
    pieces: Iterator[pa.RecordBatch],
    mode: str,
    schema: pa.Schema,
    on_progress: Progress | None,
) -> int:
    with session.loading() as statement:
        transfer = Transfer(partial(_send, statement, target, mode, schema), statement.cancel)
        return _pump(session, transfer, pieces, on_progress)


class _Kept:
    """The pieces of a load, the first of which are kept to be sent once more.

    An expired session is refused when the load begins, and nothing of it has been loaded.
    """

    def __init__(self, pieces: Iterator[pa.RecordBatch]) -> None:
        self._pieces = pieces
        self._given: list[pa.RecordBatch] | None = []
        self._size = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        piece = next(self._pieces)
        self._size += piece.nbytes
        if self._size > _KEPT_BYTES:
            self._given = None
        elif self._given is not None:
            self._given.append(piece)
        return piece

    def again(self) -> Iterator[pa.RecordBatch] | None:
        """All pieces from the first one, or None when they are gone."""
        return None if self._given is None else chain(self._given, self._pieces)


def _locate(session: Session, names: tuple[str | None, str | None, str]) -> Target:
    """The target with what is not named taken from the session, which alone knows after a USE.

    The server's own defaults need not be the session's.
    """
    catalog, schema, table = names
    if catalog is None or schema is None:
        current_catalog, current_schema = session.current()
        if catalog is None:
            catalog = current_catalog
        if schema is None:
            schema = current_schema if catalog.lower() == current_catalog.lower() else "main"
    return Target(catalog, schema, table)


class _Stored:
    """The columns that the table has, asked for at most once."""

    def __init__(self, session: Session, target: Target) -> None:
        self._session = session
        self._target = target

    @cached_property
    def _schema(self) -> pa.Schema | None:
        try:
            return (
                self._session.execute(f"SELECT * FROM {self._target} LIMIT 0").read_table().schema
            )
        except ProgrammingError:
            # There is no such table; the load itself says so where that is an error.
            return None

    def types(self) -> Mapping[str, pa.DataType]:
        """Arrow types by column name."""
        return {} if self._schema is None else {f.name: f.type for f in self._schema}

    def check(self, schema: pa.Schema) -> None:
        """Refuse columns that the table has not."""
        known = {name.lower() for name in self.types()}
        unknown = [name for name in schema.names if name.lower() not in known]
        if known and unknown:
            raise ProgrammingError(
                f"{self._target} has no column {', '.join(map(repr, unknown))}; it has "
                f"{', '.join(self.types())}"
            )


def _pieces(
    batches: Iterator[pa.RecordBatch], conversion: Conversion, limit: int
) -> Iterator[pa.RecordBatch]:
    def converted() -> Iterator[pa.RecordBatch]:
        with reading():
            for batch in batches:
                yield from conversion.pieces(batch, limit)

    first = True
    for piece in merged(converted(), limit):
        first = False
        yield piece
    if first:
        # The schema goes with the first batch.
        schema = conversion.schema
        yield pa.RecordBatch.from_arrays([pa.nulls(0, t) for t in schema.types], schema=schema)


def _keyed(pieces: Iterator[pa.RecordBatch], key: upsert.Key) -> Iterator[pa.RecordBatch]:
    rows = 0
    for piece in pieces:
        key.check(piece, rows)
        # Some room for what surrounds the values in a message.
        if piece.nbytes > upsert.MAX_SENT_BYTES - (1 << 20):
            raise DataError(
                f"row {rows} has {piece.nbytes:,} bytes; an upsert takes rows of up to "
                f"{upsert.MAX_SENT_BYTES >> 20} MiB"
            )
        rows += piece.num_rows
        yield piece


def _send(
    statement: adbc.AdbcStatement,
    target: Target,
    mode: str,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
) -> int:
    options = {
        StatementOptions.INGEST_TARGET_TABLE.value: target.table,
        StatementOptions.INGEST_TARGET_CATALOG.value: target.catalog,
        StatementOptions.INGEST_TARGET_DB_SCHEMA.value: target.schema,
        StatementOptions.INGEST_MODE.value: f"adbc.ingest.mode.{mode}",
    }
    reader = pa.RecordBatchReader.from_batches(schema, batches)

    def run() -> int:
        statement.set_options(**options)
        statement.bind_stream(reader)
        try:
            return int(statement.execute_update())
        except BaseException:
            # The driver leaves the call open when reading the batches fails, and the server then
            # waits for more of them for ever, in a transaction.
            statement.cancel()
            raise

    return _adbc.call(statement.cancel, run)


def _rising(on_progress: Progress) -> Progress:
    """Tell of each row once, also when it is sent once more."""
    highest = 0

    def tell(rows: int, size: int) -> None:
        nonlocal highest
        if rows > highest:
            highest = rows
            on_progress(rows, size)

    return tell


def _pump(
    session: Session,
    transfer: Transfer,
    pieces: Iterator[pa.RecordBatch],
    on_progress: Progress | None,
) -> int:
    rows = size = 0
    started = time.perf_counter()
    session.cancel_load = transfer.cancel
    try:
        for piece in pieces:
            if not transfer.put(piece):
                transfer.finish()
                raise OperationalError(f"the server ended the load after about {rows} rows")
            rows += piece.num_rows
            size += piece.nbytes
            if on_progress is not None:
                on_progress(rows, size)
        loaded = max(transfer.finish(), -1)
        session.log.loaded(rows, size, time.perf_counter() - started)
        return loaded
    except BaseException:
        transfer.abort()
        raise
    finally:
        session.cancel_load = None


def _advised(error: ProgrammingError, mode: str) -> ProgrammingError:
    """The server's refusal of a mode, with the mode that does it."""
    text = str(error)
    if mode == "append" and "does not exist" in text and text.startswith("Table "):
        text += "; mode='create_append' or 'create' makes it"
    elif mode == "create" and "already exists" in text:
        text += "; mode='append' adds to it, 'replace' replaces it"
    else:
        return error
    return ProgrammingError(text, status_code=error.status_code, vendor_code=error.vendor_code)
