"""The parts of ``adbc_driver_manager`` that are not public API, each with the reason it is used.

Everything else goes through the public ``AdbcDatabase``, ``AdbcConnection`` and ``AdbcStatement``.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, TypeVar

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager import _lib, _reader

from . import errors

T = TypeVar("T")


def call(cancel: Callable[[], Any], function: Callable[..., T], *args: Any) -> T:
    """Run a blocking call of the driver, with its errors as ours.

    ``_lib._blocking_call`` is what the stock cursor wraps its calls in: it makes Ctrl-C call
    `cancel` while the driver holds the main thread, which would otherwise notice the signal only
    when the call returns. It takes the signal for itself, so it is raised again afterwards, for
    whoever handles it: KeyboardInterrupt, where nobody else does.
    """
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        cancel()

    try:
        result = _lib._blocking_call(function, args, {}, interrupt)
    except adbc.Error as error:
        if interrupted:
            signal.raise_signal(signal.SIGINT)
        raise errors.from_adbc(error) from None
    except pa.ArrowException as error:
        if interrupted:
            signal.raise_signal(signal.SIGINT)
        raise errors.from_arrow(error) from None
    if interrupted:
        signal.raise_signal(signal.SIGINT)
    return result


def import_stream(handle: adbc.ArrowArrayStreamHandle) -> pa.RecordBatchReader:
    """A reader of an ADBC stream.

    ``AdbcRecordBatchReader`` keeps the ADBC status of an error in the middle of a stream; the
    public ``RecordBatchReader.from_stream`` knows only its text.
    """
    try:
        return _reader.AdbcRecordBatchReader._import_from_c(handle.address)
    except adbc.Error as error:
        raise errors.from_adbc(error) from None


def import_schema(handle: adbc.ArrowSchemaHandle) -> pa.Schema:
    """The schema behind an ADBC handle, which is released."""
    return pa.schema(handle)
