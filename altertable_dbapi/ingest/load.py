"""Bulk load: Arrow data into a table as one atomic call, with or without upsert."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode, StatementOptions

from ..arrow_input.conversion import (
    Conversion,
    check_names,
    finest_columns,
    holds,
    is_nanoseconds,
    merged,
)
from ..arrow_input.csv_files import CsvOptions
from ..arrow_input.sources import Source, open_source, reading
from ..errors import (
    DatabaseError,
    DataError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    reworded,
)
from ..protocol import messages
from ..session.handles import Handles
from ..settings.limits import Limits, has_expired
from ..statement.names import Target
from . import lake, upsert
from .matching import Matching, check_defaults
from .options import BATCH_BYTES, MODES, Progress
from .transfer import Transfer

if TYPE_CHECKING:
    from ..session.session import Session

#: Bytes of the first pieces, which are kept until there are more.
_KEPT_BYTES = 8 * 1024 * 1024


def load(
    session: Session,
    names: tuple[str | None, str | None, str],
    data: Any,
    mode: str,
    key: upsert.Key | None = None,
    upserts: upsert.UpsertSessions | None = None,
    on_progress: Progress | None = None,
    batch_bytes: int = BATCH_BYTES,
    csv: CsvOptions | None = None,
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
    ask = cache(partial(_stored, session, target, mode))
    source = open_source(data, ask, _typed(session, csv))
    if source.schema is None:
        if mode == "append":
            return 0
        raise ProgrammingError(
            f"the data has no record batch, so mode={mode!r} has no columns to make the table of; "
            "an empty table or a RecordBatchReader has"
        )
    check_names(source.schema.names)
    matching = None
    stored = ask()
    # Asked where it matters: it takes a round trip.
    may_change = lake.may_change(source.schema if stored is None else stored)
    in_lake = may_change and lake.is_lake(session, target)
    if stored is None:
        # A lake takes times of nanoseconds, and fails when it writes them to its files.
        targets = {} if in_lake else _finest(session, source)
    else:
        matching = Matching(source.schema.names, ".".join(target), stored, partial=key is not None)
        targets = matching.types
        if matching.lacking and key is None:
            check_defaults(".".join(target), matching.lacking, _defaults(session, target))
    conversion = Conversion(source.schema, targets)
    schema = conversion.schema if matching is None else matching.schema(conversion.schema)
    if key is not None:
        key = key.resolved(schema)
    pieces = _pieces(source.batches, conversion, batch_bytes)
    if in_lake:
        types = {} if stored is None else lake.types_of(session, target)
        lake.check_types(source.schema, types)
        pieces = lake.checked(pieces, types)
    if matching is not None:
        pieces = matching.arranged(pieces, schema)
    try:
        if on_progress is not None:
            on_progress = _rising(on_progress)
        put: Callable[[Target, Iterator[pa.RecordBatch]], int]
        if key is None:
            put = partial(_put, session, mode=mode, schema=schema, on_progress=on_progress)
        else:
            pieces = _keyed(pieces, key)
            put = partial(
                _merge, session, upserts, mode=mode, key=key, schema=schema, on_progress=on_progress
            )
        kept = _Kept(pieces)
        try:
            return put(target, kept)
        except OperationalError as error:
            again = kept.again() if has_expired(error) else None
            if again is None:
                raise
        # A new session: it stands in the catalog and schema of its options.
        return put(_locate(session, names), again)
    except DatabaseError as error:
        advised = _advised(error, mode)
        if advised is None:
            raise
        raise advised from None


def _put(
    session: Session,
    target: Target,
    pieces: Iterator[pa.RecordBatch],
    mode: str,
    schema: pa.Schema,
    on_progress: Progress | None,
) -> int:
    with session.lock, session.loading() as (handles, statement):
        limits = session.operations.limits()
        send = partial(_send, handles, statement, limits, target, mode, schema)
        return _pump(session, Transfer(send, statement.cancel), pieces, on_progress)


def _merge(
    session: Session,
    upserts: upsert.UpsertSessions | None,
    target: Target,
    pieces: Iterator[pa.RecordBatch],
    mode: str,
    key: upsert.Key,
    schema: pa.Schema,
    on_progress: Progress | None,
) -> int:
    command = messages.ingest_command(
        target.table, mode, catalog=target.catalog, schema=target.schema, options=key.options
    )
    assert upserts is not None
    return _pump(session, Transfer(partial(upserts.send, command, schema)), pieces, on_progress)


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
        current_catalog, current_schema = session.place.current()
        if catalog is None:
            catalog = current_catalog
        if schema is None:
            schema = current_schema if catalog.lower() == current_catalog.lower() else "main"
    return Target(catalog, schema, table)


def _stored(session: Session, target: Target, mode: str) -> pa.Schema | None:
    """The columns that the table has before the load, or None where it makes the table.

    Raises
    ------
    ProgrammingError
        There is no table to append to.
    """
    if mode not in ("append", "create_append"):
        return None
    try:
        return session.query(f"SELECT * FROM {target} LIMIT 0").schema
    except ProgrammingError as error:
        if not _says_missing(error):
            raise
        if mode == "append":
            raise _missing(f"Table {'.'.join(target)} does not exist") from None
        return None


def _typed(session: Session, csv: CsvOptions | None) -> CsvOptions | None:
    """The options with the Arrow types that the server has for those of SQL."""
    if csv is None or not isinstance(csv.column_types, Mapping):
        return csv
    types = dict(csv.column_types)
    for name, kind in types.items():
        if isinstance(kind, str):
            answer = session.query(f"SELECT CAST(NULL AS {kind}) AS a")
            types[name] = answer.schema.field(0).type
    return csv._replace(column_types=types)


def _defaults(session: Session, target: Target) -> dict[str, str]:
    """The defaults of the table's columns that have one."""
    rows = session.query(f"DESCRIBE {target}").to_pylist()
    return {row["column_name"]: row["default"] for row in rows if row["default"] is not None}


#: The types that keep nanoseconds, where the server has them.
_FINEST = (("TIME_NS", pa.time64("ns").id), ("TIMESTAMPTZ_NS", pa.timestamp("ns", "UTC").id))


def _finest(session: Session, source: Source) -> dict[str, pa.DataType]:
    """The columns that are made in nanoseconds, since the data at hand has some.

    Others of the same types are made in microseconds, which every server has.
    """
    assert source.schema is not None
    found = finest_columns(source.schema, source.sample)
    for name, kind in _FINEST:
        if any(holds(each, kind) for each in found.values()) and not _has_type(session, name):
            found = {column: each for column, each in found.items() if not holds(each, kind)}
    return found


def _has_type(session: Session, name: str) -> bool:
    """Whether the server has a type of nanoseconds, and gives it as such."""
    try:
        answer = session.query(f"SELECT CAST(NULL AS {name}) AS a")
    except (ProgrammingError, NotSupportedError, InternalError):
        return False
    return is_nanoseconds(answer.schema.field(0).type)


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
    handles: Handles,
    statement: adbc.AdbcStatement,
    limits: Limits,
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

    return handles.call(statement, run, limits=limits, text=f"load into {target}")


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
    session.server.cancellation.cancel_load = transfer.cancel
    try:
        transfer.start()
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
        session.server.cancellation.cancel_load = None


def _advised(error: DatabaseError, mode: str) -> ProgrammingError | None:
    """The server's refusal of a mode, whatever its code, with the mode that does it."""
    text = str(error)
    if mode == "append" and _says_missing(error):
        return _missing(text, error.vendor_code)
    if mode == "create" and re.search(r"(?i)\bTable\b.* already exists", text):
        said = f"{text}; mode='append' adds to it, 'replace' replaces it"
        return reworded(error, said, ProgrammingError, AdbcStatusCode.ALREADY_EXISTS)
    return None


def _says_missing(error: DatabaseError) -> bool:
    return re.search(r"(?i)\bTable\b.* does not exist", str(error)) is not None


def _missing(text: str, vendor_code: int | None = None) -> ProgrammingError:
    return ProgrammingError(
        f"{text}; mode='create_append' or 'create' makes it",
        status_code=AdbcStatusCode.NOT_FOUND,
        vendor_code=vendor_code,
    )
