"""A cursor's results as Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from .arrow_stream import ArrowStream

if TYPE_CHECKING:
    from .result import Result
    from .rows import Rows


class ArrowMethods:
    """What a cursor has for Arrow data."""

    if TYPE_CHECKING:
        _result: Result | None
        _rows: Rows | None

        def _reading(self, what: str) -> Result: ...
        def _unread(self, what: str) -> Result: ...

    def fetch_arrow_table(self) -> pa.Table:
        """All that is left of the result, as a table in the server's own types."""
        return self._unread("table").read_table()

    fetchallarrow = fetch_arrow_table

    def fetch_record_batch(self) -> pa.RecordBatchReader:
        """What is left of the result, as a reader that may outlive this cursor.

        It holds one record batch at a time, until another statement of the connection makes it
        hold the rest.
        """
        return self._take_result("record batches").reader()

    def _take_result(self, what: str) -> Result:
        """What is left of the result, which is the caller's from now on."""
        result = self._unread(what)
        self._result, self._rows = None, None
        return result

    def fetch_arrow(self) -> ArrowStream:
        """What is left of the result, as an object with ``__arrow_c_stream__`` and no more.

        `fetch_record_batch` gives what can be iterated.
        """
        return ArrowStream(self.fetch_record_batch())

    def __arrow_c_schema__(self) -> object:
        return self._reading("schema").schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.fetch_record_batch().__arrow_c_stream__(requested_schema)
