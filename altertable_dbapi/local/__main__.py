"""The command line: ``python -m altertable_dbapi.local``."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from .server import Server


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server until it is interrupted or terminated."""
    parser = argparse.ArgumentParser(
        prog="python -m altertable_dbapi.local",
        description="A local Flight SQL server over DuckDB that behaves as Altertable's service.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=15002, help="0 takes a free one (%(default)s)")
    parser.add_argument(
        "--database", default=":memory:", metavar="FILE", help="DuckDB file (%(default)s)"
    )
    parser.add_argument(
        "--user", default="local:local", metavar="NAME:PASSWORD", help="credentials (%(default)s)"
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain, PEM")
    parser.add_argument("--tls-key", metavar="FILE", help="private key, PEM")
    given = parser.parse_args(arguments)
    username, separator, password = given.user.partition(":")
    if not separator:
        parser.error("--user takes NAME:PASSWORD")
    if (given.tls_cert is None) != (given.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")

    try:
        server = Server(
            given.database,
            username=username,
            password=password,
            host=given.host,
            port=given.port,
            tls_cert=given.tls_cert,
            tls_key=given.tls_key,
        )
    except (OSError, ValueError, pa.ArrowException, duckdb.Error) as error:
        where = f"{given.database} on {given.host}:{given.port}"
        parser.exit(1, f"{parser.prog}: cannot serve {where}: {error}\n")
    # A lock or a queue could miss a signal that comes just before the wait for it begins; what
    # is written to a socket stays there.
    stopped, stop = socket.socketpair()
    stop.setblocking(False)
    signal.set_wakeup_fd(stop.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with stopped, stop, server:
        uri = server.uri
        if given.user != parser.get_default("user"):
            uri = uri.replace(uri.partition("//")[2].partition("@")[0], f"{username}:***", 1)
        print(uri, flush=True)
        stopped.recv(1)
        signal.set_wakeup_fd(-1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
