"""The command line: connection options, one statement, its result on standard output."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from . import connect, printing
from .config import COMPUTE_SIZES
from .connection import Connection
from .errors import Error, InterfaceError, ProgrammingError

_EPILOG = """\
What is not given comes from ALTERTABLE_HOST, _PORT, _TLS, _USERNAME, _PASSWORD, _CATALOG, _SCHEMA
and _COMPUTE_SIZE. A password is taken from there or from the URI, never from an option.

  python -m altertable_dbapi --local "SELECT 42 AS answer"
  python -m altertable_dbapi --param city=Lyon "SELECT * FROM trips WHERE city = $city"
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 after an error, 130 after Ctrl-C."""
    options = _parse(argv)
    try:
        with _connect(options) as connection:
            _run(connection, options)
    except (Error, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read the output has seen enough; keep Python from complaining at exit.
            sys.stderr.close()
            return 1
        # What comes after an empty line is the engine's picture of where in the text it happened.
        sentence = str(error).partition("\n\n")[0]
        print(f"error: {' '.join(sentence.split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m altertable_dbapi",
        description="Run one SQL statement on Altertable and print its result.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_argument_group("connection")
    where.add_argument("--uri", help="altertable://user:password@host:port/catalog/schema")
    where.add_argument(
        "--local",
        nargs="?",
        const="",
        metavar="FILE",
        help="a server in this process, on an empty database or on a DuckDB file",
    )
    where.add_argument("--host")
    where.add_argument("--port", type=int)
    where.add_argument("--username", "--user")
    where.add_argument("--catalog")
    where.add_argument("--schema")
    where.add_argument("--compute-size", metavar="|".join(COMPUTE_SIZES))
    where.add_argument("--no-tls", dest="tls", action="store_const", const=False)
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a value for $NAME; numbers, true, false and null are what they look like, "
        "anything else is text, and so is what stands in double quotes",
    )
    parser.add_argument("--format", choices=printing.FORMATS, default="table")
    parser.add_argument("sql", nargs="?", help="the statement; from standard input when absent")
    options = parser.parse_args(argv)
    if options.sql is None and options.local and not options.local.endswith((".duckdb", ".db")):
        # argparse takes the word after --local for its FILE, also when it is the statement.
        options.sql, options.local = options.local, ""
    if options.sql is None:
        if sys.stdin is None or sys.stdin.isatty():
            parser.error("no SQL given")
        options.sql = sys.stdin.read()
    return options


def _connect(options: argparse.Namespace) -> Connection[tuple[Any, ...]]:
    if options.local is not None and options.uri is not None:
        raise InterfaceError("--local and --uri name two servers; give one of them")
    uri = options.uri
    if options.local is not None:
        uri = f"local:{options.local}" if options.local else "local"
    return connect(
        uri,
        host=options.host,
        port=options.port,
        username=options.username,
        catalog=options.catalog,
        schema=options.schema,
        compute_size=options.compute_size,
        tls=options.tls,
    )


def _run(connection: Connection[tuple[Any, ...]], options: argparse.Namespace) -> None:
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(options.sql, dict(map(_parameter, options.param)))
        if cursor.description is None:
            count = max(cursor.rowcount, 0)
            done = f"{count:,} rows changed" if cursor.rowcount >= 0 else "done"
        else:
            count = printing.FORMATS[options.format](cursor, sys.stdout)
            done = f"{count:,} row{'' if count == 1 else 's'}"
    sys.stdout.flush()
    print(f"{done} in {time.perf_counter() - started:.3f} s", file=sys.stderr)


def _parameter(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise ProgrammingError(f"--param {text!r}: expected NAME=VALUE")
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    return name.removeprefix("$"), parsed
