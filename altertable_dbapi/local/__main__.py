"""The command line: ``python -m altertable_dbapi.local``."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa

from ..settings.secret import Secret
from ..settings.tls import is_loopback
from . import access
from .habits import LIKENESSES
from .server import Server

_EPILOG = f"""\
The password comes from the first line of --password-file, or from {access.PASSWORD_VARIABLE};
on a host that nobody else can reach it is {access.DEFAULT_PASSWORD!r} without these. Whoever knows
it can read and write the database, and with external access every file that this process can.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server until it is interrupted or terminated."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if ":" in given.user:
        parser.error(
            "--user takes a name alone, since a password there shows in the list of processes; "
            f"give --password-file, or set {access.PASSWORD_VARIABLE}"
        )
    if (given.tls_cert is None) != (given.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            server = Server(
                given.database,
                lake=given.lake is not None and (given.lake or True),
                read_only=given.read_only,
                username=given.user,
                password=_password(given.password_file),
                host=given.host,
                port=given.port,
                tls_cert=given.tls_cert,
                tls_key=given.tls_key,
                session_timeout=given.session_timeout,
                external_access=given.external_access,
                like=given.like,
            )
        except (OSError, ValueError, pa.ArrowException, duckdb.Error) as error:
            stored = given.database if given.lake is None else f"the lake {given.lake}".strip()
            where = f"{stored} on {given.host}:{given.port}"
            parser.exit(1, f"{parser.prog}: cannot serve {where}: {error}\n")
    for warning in warned:
        print(f"warning: {warning.message}", file=sys.stderr)
    if not warned and not is_loopback(given.host):
        print(server.access, file=sys.stderr)
    _serve(server)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m altertable_dbapi.local",
        description="A local Flight SQL server over DuckDB that behaves as Altertable's service.",
        epilog=_EPILOG,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=15002, help="0 takes a free one (%(default)s)")
    parser.add_argument(
        "--database", default=":memory:", metavar="FILE", help="DuckDB file (%(default)s)"
    )
    parser.add_argument(
        "--lake",
        nargs="?",
        const="",
        metavar="DIR",
        help="directory of a lake, Altertable's own kind of catalog; a temporary one without DIR",
    )
    parser.add_argument(
        "--read-only",
        action="append",
        default=[],
        metavar="CATALOG",
        help="a catalog that refuses what would change it; may be repeated",
    )
    parser.add_argument(
        "--user", default=access.DEFAULT_USER, metavar="NAME", help="user name (%(default)s)"
    )
    parser.add_argument("--password-file", metavar="FILE", help="its first line is the password")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain, PEM")
    parser.add_argument("--tls-key", metavar="FILE", help="private key, PEM")
    parser.add_argument(
        "--session-timeout",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="after which a session without a call expires (%(default)g)",
    )
    parser.add_argument(
        "--external-access",
        action=argparse.BooleanOptionalAction,
        help="whether SQL may reach files beside the database, and the network; on, unless others "
        "can reach the host",
    )
    parser.add_argument(
        "--like",
        choices=sorted(LIKENESSES),
        help="the server to have the habits of: mock is Altertable's public mock server",
    )
    return parser


def _password(file: str | None) -> Secret | None:
    if file is None:
        return None
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        raise ValueError(f"the first line of {file} is empty; it should be the password")
    return Secret(lines[0])


def _serve(server: Server) -> None:
    # A lock or a queue could miss a signal that comes just before the wait for it begins; what
    # is written to a socket stays there.
    stopped, stop = socket.socketpair()
    stop.setblocking(False)
    signal.set_wakeup_fd(stop.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with stopped, stop, server:
        print(_shown(server), flush=True)
        stopped.recv(1)
        signal.set_wakeup_fd(-1)


def _shown(server: Server) -> str:
    """The URI to connect to, with the password only where everyone knows it."""
    scheme, _, rest = server.uri.partition("://")
    user, _, where = rest.rpartition("@")
    if user != f"{access.DEFAULT_USER}:{access.DEFAULT_PASSWORD}":
        user = f"{quote(server.username, safe='')}:***"
    return f"{scheme}://{user}@{where}"


if __name__ == "__main__":
    sys.exit(main())
