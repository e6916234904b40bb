"""One statement's stream of batches: it holds the session, and stops when the client does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from .failures import from_engine, refusal, statement_text

# How often a running statement looks whether its client is still there.
_WATCH_SECONDS = 0.02


class Watch:
    """Interrupts DuckDB when the client of a running call has gone.

    DuckDB's calls do not return before their work is done, so one thread asks gRPC for every
    call that is inside DuckDB, and sleeps while there is none.

    Parameters
    ----------
    ignore : bool
        Let the call run to its end.
    """

    def __init__(self, *, ignore: bool = False) -> None:
        self._ignore = ignore
        self._wake = threading.Condition()
        self._running: dict[int, tuple[Any, duckdb.DuckDBPyConnection]] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="altertable-local", daemon=True)
        self._thread.start()

    def enter(self, context: Any, cursor: duckdb.DuckDBPyConnection) -> int:
        """Begin to watch one call into DuckDB; returns the key to give to `leave`."""
        entry = (context, cursor)
        with self._wake:
            self._running[id(entry)] = entry
            if len(self._running) == 1:
                self._wake.notify()
        return id(entry)

    def leave(self, key: int) -> None:
        """End it. After this neither the context nor the cursor is touched."""
        with self._wake:
            del self._running[key]

    def close(self) -> None:
        """Stop the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        with self._wake:
            while not self._closed:
                for context, cursor in self._running.values():
                    if not self._ignore and context.is_cancelled():
                        cursor.interrupt()
                # wait() lets the lock go, so calls come and go meanwhile.
                self._wake.wait(_WATCH_SECONDS if self._running else None)


class Batches:
    """The batches of a running statement, as an iterator for ``flight.GeneratorStream``.

    Parameters
    ----------
    reader : pyarrow.RecordBatchReader
        The result, computed while it is read.
    schema : pyarrow.Schema
        The schema that the stream announces: the reader's, with field metadata.
    read : callable
        Reads one batch from the reader under the watch.
    done : callable
        Called once, when the stream has ended, failed, or been dropped.
    break_after : int or None
        After how many batches to break the stream off (a fault for tests).
    """

    def __init__(
        self,
        reader: pa.RecordBatchReader,
        schema: pa.Schema,
        read: Callable[[pa.RecordBatchReader], pa.RecordBatch],
        done: Callable[[], None],
        cancelled: Callable[[], bool],
        break_after: int | None = None,
    ) -> None:
        self._reader: pa.RecordBatchReader | None = reader
        self._schema = schema
        self._annotated = schema is not reader.schema
        self._has_dictionaries = any(map(_has_dictionary, schema.types))
        self._read = read
        self._done: Callable[[], None] | None = done
        self._cancelled = cancelled
        self._left = break_after

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch | pa.Table:
        if self._reader is None:
            raise StopIteration
        try:
            if self._left is not None:
                if self._left == 0:
                    raise refusal("UNAVAILABLE", "the stream was broken off")
                self._left -= 1
            if self._cancelled():
                raise refusal("UNAVAILABLE", "the client has gone, or the server is closing")
            batch = self._read(self._reader)
        except BaseException:
            self.close()
            raise
        if self._annotated:
            batch = pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)
        # pyarrow sends the dictionaries of a table, but not those of a single batch.
        return pa.Table.from_batches([batch]) if self._has_dictionaries else batch

    def close(self) -> None:
        """Drop what is unread and let the session go. Idempotent."""
        reader, self._reader = self._reader, None
        done, self._done = self._done, None
        try:
            if reader is not None:
                reader.close()
        finally:
            if done is not None:
                done()

    # The stream's C++ side only drops its reference when the client goes away.
    __del__ = close


def _has_dictionary(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return True
    return any(_has_dictionary(kind.field(i).type) for i in range(kind.num_fields))


def engine_error(error: Exception, kind: str) -> Exception:
    """Turn what running a statement of a kind, or reading its result, raised into a refusal."""
    if "INTERRUPT Error" in str(error):
        # Inside a stream DuckDB's exceptions arrive as pyarrow's.
        return refusal("CANCELLED", "the statement was cancelled")
    text = statement_text(error, kind)
    return from_engine(error, "execute query", "INVALID_ARGUMENT", text)
