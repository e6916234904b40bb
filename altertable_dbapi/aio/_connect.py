"""`connect` for asyncio."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .. import _connect as synchronous
from ..rows.factories import RowFactory
from ..settings.secret import conceal
from ..settings.stock import concealed_options
from .connection import AsyncConnection, opened

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._connect import ConnectionSettings

Row = TypeVar("Row")


@overload
async def connect(
    uri: str | None = None,
    db_kwargs: Mapping[str, Any] | None = None,
    conn_kwargs: Mapping[str, Any] | None = None,
    **settings: Unpack[ConnectionSettings],
) -> AsyncConnection[tuple[Any, ...]]: ...


@overload
async def connect(
    uri: str | None = None,
    db_kwargs: Mapping[str, Any] | None = None,
    conn_kwargs: Mapping[str, Any] | None = None,
    *,
    row_factory: RowFactory[Row],
    **settings: Unpack[ConnectionSettings],
) -> AsyncConnection[Row]: ...


@functools.wraps(synchronous.connect, assigned=())
async def connect(
    uri: str | None = None,
    db_kwargs: Mapping[str, Any] | None = None,
    conn_kwargs: Mapping[str, Any] | None = None,
    *,
    row_factory: RowFactory[Any] | None = None,
    **settings: Any,
) -> AsyncConnection[Any]:
    """Open a connection; the arguments are those of `altertable_dbapi.connect`.

    A task that is cancelled meanwhile goes on at once; what is opened then is closed.
    """
    for name in ("password", "dsn", "tls_client_key"):
        if name in settings:
            settings[name] = conceal(settings[name], path=name == "tls_client_key")
    return await opened(
        functools.partial(
            synchronous.connect,
            conceal(uri),
            concealed_options(db_kwargs),
            concealed_options(conn_kwargs),
            row_factory=row_factory,
            **settings,
        )
    )
