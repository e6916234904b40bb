"""A Flight SQL server in the process, over an embedded DuckDB (extra ``local``)."""

from __future__ import annotations

from ..errors import InterfaceError

try:
    import duckdb  # noqa: F401
    import google.protobuf  # noqa: F401
except ImportError as error:
    raise InterfaceError(
        f'the local server needs {error.name}: pip install "altertable-dbapi[local]"'
    ) from error

from .seen import Executed
from .server import Server
from .sharing import shared_server

__all__ = ["Executed", "Server", "shared_server"]
