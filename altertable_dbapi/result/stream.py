"""The record batches of one partition, as the server sends them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..settings.limits import Limits

if TYPE_CHECKING:
    from ..session.handles import Handles

#: What reading on to the end of a stream may take, in seconds.
_MOMENT_SECONDS = 0.5


class Stream:
    """A stream of record batches; every read goes through the door of its session's handles.

    Parameters
    ----------
    handles : Handles
    reader : pyarrow.RecordBatchReader
    limits : Limits
    since : float
        When it was opened, by ``time.monotonic()``; its time limit counts from there.
    text : str
        The statement.

    Attributes
    ----------
    schema : pyarrow.Schema
        What the server sends, which may differ from what it has announced.
    size : int
        Values read so far.
    """

    __slots__ = ("_handles", "_limits", "_reader", "_since", "_text", "schema", "size")

    def __init__(
        self,
        handles: Handles,
        reader: pa.RecordBatchReader,
        limits: Limits,
        since: float,
        text: str,
    ) -> None:
        self._handles = handles
        self._reader = reader
        self._limits = limits
        self._since = since
        self._text = text
        self.schema: pa.Schema = reader.schema
        self.size = 0

    def read(self) -> pa.RecordBatch:
        """The next batch; StopIteration at the end."""
        return self._call(self._reader.read_next_batch)

    def read_all(self) -> pa.Table:
        """All batches that are left, as a table."""
        return self._call(self._reader.read_all)

    def _call(self, function: Callable[[], Any]) -> Any:
        handles = self._handles
        read = handles.call(
            handles.connection,
            function,
            limits=self._limits,
            under=("fetch",),
            since=self._since,
            trips=0,
            text=self._text,
        )
        # Not its bytes, which are counted by following offsets that are not checked yet.
        self.size += read.num_rows * read.num_columns
        return read

    @property
    def in_transaction(self) -> bool:
        """Whether its statement belongs to an open transaction."""
        return self._handles.in_transaction

    def cancel(self) -> None:
        """Cancel the call that reads, from any thread."""
        self._handles.cancel(True)

    def stop(self) -> None:
        """Have the server stop what it has not sent yet.

        A server may abort the transaction of a statement that it is told to stop, as DuckDB does.
        Most often nothing but the end of the stream is left, so in a transaction it is read on for
        a moment before that.
        """
        # Releasing the stream of a partition does not cancel its call: the server would wait for
        # ever to send the rest, and the session's next statement for the server.
        if self._handles.in_transaction:
            if self._ends():
                return
            self._handles.note_failure(self._text, "its result was left before its end")
        self._handles.connection.cancel()

    def _ends(self) -> bool:
        timer = threading.Timer(_MOMENT_SECONDS, self._handles.connection.cancel)
        try:
            timer.start()
            while True:
                self._reader.read_next_batch()
        except StopIteration:
            return True
        except Exception:
            # It has failed, was cancelled, or the interpreter starts no thread any more.
            return False
        finally:
            timer.cancel()
            if timer.ident is not None:
                timer.join()

    def close(self) -> None:
        """Release the stream, which makes the driver collect its garbage: about a millisecond."""
        self._reader.close()
