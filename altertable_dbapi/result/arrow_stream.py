"""What is left of a result as an Arrow stream alone, which no tool takes for an iterator."""

from __future__ import annotations

import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode

from ..errors import ProgrammingError


class ArrowStream:
    """An object with ``__arrow_c_stream__``, which can be read once.

    polars takes whatever can be iterated for a sequence of frames and reads the first one alone,
    so this is no reader: ``pyarrow.RecordBatchReader.from_stream(stream)`` makes one.

    Parameters
    ----------
    reader : pyarrow.RecordBatchReader
    """

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader: pa.RecordBatchReader | None = reader
        self._schema: pa.Schema = reader.schema

    def __repr__(self) -> str:
        state = "read" if self._reader is None else "unread"
        return f"<altertable_dbapi.ArrowStream {state}>"

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader, self._reader = self._reader, None
        if reader is None:
            raise ProgrammingError(
                "this stream has been read already; execute the statement again",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        return reader.__arrow_c_stream__(requested_schema)
