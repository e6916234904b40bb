"""`connect`: settings from wherever they are given, a server in the process if asked for."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, overload

from .connection import Connection
from .errors import ProgrammingError, Warning
from .process import fork
from .rows.factories import RowFactory, tuple_row
from .settings.checks import Binding, ComputeSize
from .settings.resolve import resolve
from .settings.secret import conceal
from .settings.settings import ALIASES, SETTINGS
from .settings.stock import concealed_options, gathered

if TYPE_CHECKING:
    from typing_extensions import Unpack

Row = TypeVar("Row")

_ARGUMENTS = frozenset(("uri", "dsn", *SETTINGS, *ALIASES))


class ConnectionSettings(TypedDict, total=False):
    """The keyword arguments of `connect`, for type checkers."""

    dsn: str | None
    user: str | None
    database: str | None
    username: str | None
    password: str | None
    host: str | None
    port: int | None
    tls: bool | None
    catalog: str | None
    schema: str | None
    compute_size: ComputeSize | None
    autocommit: bool | None
    binding: Binding | None
    connect_timeout: float | None
    query_timeout: float | None
    fetch_timeout: float | None
    update_timeout: float | None
    statement_timeout: float | None
    keepalive: float | None
    keepalive_idle: bool | None
    tls_root_certs: str | os.PathLike[str] | None
    tls_client_cert: str | os.PathLike[str] | None
    tls_client_key: str | os.PathLike[str] | None
    tls_skip_verify: bool | None
    authority: str | None


@overload
def connect(
    uri: str | None = None,
    db_kwargs: Mapping[str, Any] | None = None,
    conn_kwargs: Mapping[str, Any] | None = None,
    **settings: Unpack[ConnectionSettings],
) -> Connection[tuple[Any, ...]]: ...


@overload
def connect(
    uri: str | None = None,
    db_kwargs: Mapping[str, Any] | None = None,
    conn_kwargs: Mapping[str, Any] | None = None,
    *,
    row_factory: RowFactory[Row],
    **settings: Unpack[ConnectionSettings],
) -> Connection[Row]: ...


def connect(
    uri: str | None = None,
    db_kwargs: Mapping[str, Any] | None = None,
    conn_kwargs: Mapping[str, Any] | None = None,
    *,
    row_factory: RowFactory[Any] | None = None,
    dsn: str | None = None,
    user: str | None = None,
    database: str | None = None,
    username: str | None = None,
    password: str | None = None,
    host: str | None = None,
    port: int | None = None,
    tls: bool | None = None,
    catalog: str | None = None,
    schema: str | None = None,
    compute_size: ComputeSize | None = None,
    autocommit: bool | None = None,
    binding: Binding | None = None,
    connect_timeout: float | None = None,
    query_timeout: float | None = None,
    fetch_timeout: float | None = None,
    update_timeout: float | None = None,
    statement_timeout: float | None = None,
    keepalive: float | None = None,
    keepalive_idle: bool | None = None,
    tls_root_certs: str | os.PathLike[str] | None = None,
    tls_client_cert: str | os.PathLike[str] | None = None,
    tls_client_key: str | os.PathLike[str] | None = None,
    tls_skip_verify: bool | None = None,
    authority: str | None = None,
) -> Connection[Any]:
    """Open a connection.

    What is not given comes from the URI, then from the environment (``ALTERTABLE_HOST``,
    ``_PORT``, ``_TLS``, ``_USERNAME``, ``_PASSWORD``, ``_CATALOG``, ``_SCHEMA``,
    ``_COMPUTE_SIZE``).

    Parameters
    ----------
    uri : str, optional
        ``altertable://user:password@host:port/catalog/schema?compute_size=L&autocommit=true``,
        with any parameter of this function as an option; or ``"local"`` for a server in this
        process on an empty database, ``"local:FILE"`` for one on a DuckDB file (extra ``local``),
        ``"local:lake"`` and ``"local:lake:DIRECTORY"`` for one on a temporary lake and on the lakes
        in a directory, which are Altertable's own kind of catalog (extra ``lake``).
    db_kwargs, conn_kwargs : mapping, optional
        Settings under the option names of ADBC's Flight SQL driver, for programs that come from
        it: ``{"username": …, "password": …}``.
    dsn, user, database : str, optional
        PEP 249's names for `uri`, `username` and `catalog`.
    username, password : str
        The lakehouse credentials.
    host, port : str, int
        ``flight.altertable.ai`` and 443.
    tls : bool
        On. Off is for servers on the same machine. The environment can turn it off for these and
        for the host that it names, but not for a host given here or in the URI.
    catalog, schema : str, optional
        What unqualified names refer to. Without a catalog the session sees every catalog that the
        user may use; with one it sees that one.
    compute_size : str, optional
        XS, S, M, L, XL, 2XL, 3XL or 4XL.
    autocommit : bool
        Off, as PEP 249 asks.
    binding : str
        Who puts the values into a statement. ``"server"``: they are bound. ``"client"``: they are
        written into the statement as literals, which saves round trips. ``"auto"``, the default:
        the server, if it binds every value as what it is; it is asked once in a process.
    row_factory : callable, optional
        What makes the rows of cursors; tuples unless given.
    connect_timeout : float
        Seconds to open the session in, 15.
    query_timeout, fetch_timeout, update_timeout : float, optional
        Seconds that the server may take to answer a statement, to send its result, and to take
        bound values or loaded rows. No limit.
    statement_timeout : float, optional
        Seconds for all of a statement, from its execution to the end of its result. No limit.
    keepalive : float
        Seconds between signs of life while a statement runs, a result is half read or a
        transaction is open, 30; 0 for none. A connection with none of these sends nothing: its
        session may expire, and the next statement opens another.
    keepalive_idle : bool
        Whether to send them always. Off, since a session may hold compute that someone pays for.
    tls_root_certs : str or path, optional
        The certificates to trust: a PEM file, or its text. The system's unless given.
    tls_client_cert, tls_client_key : str or path, optional
        The certificate to show to a server that asks for one, with those between it and its
        authority, and its private key, not encrypted: PEM files, or their text.
    tls_skip_verify : bool
        Whether to trust any certificate; for trials only, and with a `Warning`.
    authority : str, optional
        The name to expect in the server's certificate and to ask for, where it is not `host`:
        behind a tunnel, or at an address.

    Returns
    -------
    Connection

    Raises
    ------
    ProgrammingError, InterfaceError
        A setting is wrong, missing or unknown to the server.
    OperationalError
        The server cannot be reached or refuses the credentials.
    """
    # Tools that show local variables with a traceback show these.
    uri, dsn, password = conceal(uri), conceal(dsn), conceal(password)
    tls_client_key = conceal(tls_client_key, path=True)
    db_kwargs, conn_kwargs = concealed_options(db_kwargs), concealed_options(conn_kwargs)
    arguments = {name: value for name, value in locals().items() if name in _ARGUMENTS}
    arguments, sources = gathered(arguments, db_kwargs, conn_kwargs)
    uri = arguments.pop("uri", None)
    factory = tuple_row if row_factory is None else row_factory
    fork.check_use(fork.DRIVER, "connect")
    if isinstance(uri, str) and uri.partition(":")[0] == "local":
        from .local import shared_server

        for name, value in arguments.items():
            if SETTINGS[name].reaches and value is not None:
                kind, _, argument = sources[name].partition(" ")
                said = f"{argument}=" if kind == "argument" else f"the {sources[name]}"
                raise ProgrammingError(
                    f"{said} says where a server is or who connects, and connect({str(uri)!r}) "
                    "starts one in this process; leave it out, or give the URI of another server"
                )
        place = uri.partition(":")[2]
        in_lake = place == "lake" or place.startswith("lake:")
        database = place.partition(":")[2] if in_lake else place
        keep_open = partial(shared_server, database or ":memory:", lake=in_lake)
        with contextlib.ExitStack() as on_close:
            server = on_close.enter_context(keep_open())
            settings = resolve(server.uri, arguments, {}, sources)
            return Connection(settings, factory, keep_open, on_close.pop_all())
    resolved = resolve(uri, arguments, sources=sources)
    if resolved.tls_skip_verify:
        warnings.warn(
            f"tls_skip_verify: whoever answers as {resolved.address} is trusted, and is sent the "
            "password; pass tls_root_certs= instead",
            Warning,
            stacklevel=2,
        )
    return Connection(resolved, factory)
