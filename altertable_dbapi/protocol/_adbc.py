"""The parts of ``adbc_driver_manager`` that are not public API, each with the reason it is used.

Everything else goes through the public ``AdbcDatabase``, ``AdbcConnection`` and ``AdbcStatement``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import _reader

from ..process.interrupts import interruptible
from . import errors

T = TypeVar("T")


def call(cancel: Callable[[], Any], function: Callable[..., T], *args: Any) -> T:
    """Run a blocking call of the driver, with its errors as ours; Ctrl-C calls `cancel`."""
    try:
        return interruptible(cancel, function, *args)
    except adbc.Error as error:
        raise errors.from_adbc(error) from None
    except pa.ArrowException as error:
        raise errors.from_arrow(error) from None


def import_stream(handle: adbc.ArrowArrayStreamHandle) -> pa.RecordBatchReader:
    """A reader of an ADBC stream.

    ``AdbcRecordBatchReader`` keeps the ADBC status of an error in the middle of a stream; the
    public ``RecordBatchReader.from_stream`` knows only its text.
    """
    try:
        return _reader.AdbcRecordBatchReader._import_from_c(handle.address)
    except adbc.Error as error:
        raise errors.from_adbc(error) from None
    except pa.ArrowException as error:
        raise errors.unreadable_schema(error) from None


def import_schema(handle: adbc.ArrowSchemaHandle) -> pa.Schema:
    """The schema behind an ADBC handle, which is released."""
    try:
        return pa.schema(handle)
    except pa.ArrowException as error:
        raise errors.unreadable_schema(error) from None
