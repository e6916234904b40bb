"""The command line: connection options, a statement or a command, its result on standard output."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from .. import connect
from ..arrow_input.files import count_rows
from ..arrow_input.sources import reading
from ..connection import Connection
from ..doctor.report import Doctor
from ..errors import Error, InterfaceError, ProgrammingError
from ..ingest.options import MODES
from ..settings.checks import COMPUTE_SIZES
from ..settings.secret import Secret
from . import output
from .progress import ProgressLine

_EPILOG = """\
What is not given comes from ALTERTABLE_HOST, _PORT, _TLS, _USERNAME, _PASSWORD, _CATALOG, _SCHEMA
and _COMPUTE_SIZE. A password is taken from there or from the URI, never from an option.

  python -m altertable_dbapi --local "SELECT 42 AS answer"
  python -m altertable_dbapi --param city=Lyon "SELECT * FROM trips WHERE city = $city"
  python -m altertable_dbapi tables 'sales.%'
  python -m altertable_dbapi load trips.parquet --into sales.trips --mode create

A PATTERN is a name with % for any text and _ for any character, in any case, and may have the names
around it before it: TABLE, SCHEMA.TABLE, CATALOG.SCHEMA.TABLE. A name that has dots is written in
double quotes.
"""

_CSV_OPTIONS = ("delimiter", "quote", "header", "encoding", "null_text", "column_types")
_LOAD_OPTIONS = ("into", "mode", "primary_key", "cursor_field", *_CSV_OPTIONS)


class Command(NamedTuple):
    """What a command word does.

    Attributes
    ----------
    run : callable
        Takes the connection and the options, writes to standard output, and says what was done.
    arguments, summary : str
        For ``--help``.
    """

    run: Callable[[Connection[tuple[Any, ...]], argparse.Namespace], str]
    arguments: str
    summary: str


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
        usage="%(prog)s [options] [SQL | COMMAND ...]",
        description="Run one SQL statement on Altertable and print its result, or a command.\n\n"
        "commands:\n"
        + "\n".join(f"  {name:9} {c.arguments:14} {c.summary}" for name, c in COMMANDS.items()),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_argument_group("connection")
    where.add_argument(
        "--uri", type=Secret, help="altertable://user:password@host:port/catalog/schema"
    )
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
    parser.add_argument("--format", choices=output.FORMATS, default="table")
    parser.add_argument(
        "--write", action="store_true", help="doctor: make a schema, load into it, and drop it"
    )
    load = parser.add_argument_group("load")
    load.add_argument("--into", metavar="TABLE", help="TABLE, SCHEMA.TABLE, CATALOG.SCHEMA.TABLE")
    load.add_argument("--mode", choices=MODES, help="what to do with the table; append by default")
    load.add_argument("--primary-key", metavar="A,B", help="update the rows that agree in these")
    load.add_argument("--cursor-field", metavar="C,D", help="but only where these are larger")
    csv = parser.add_argument_group("load of a CSV")
    csv.add_argument("--delimiter", metavar="CHAR", help="between fields; \\t is a tab")
    csv.add_argument("--quote", metavar="CHAR", help="around text")
    csv.add_argument("--header", metavar="A,B", help="names of the columns, where no line has them")
    csv.add_argument(
        "--no-header",
        dest="header",
        action="store_const",
        const=False,
        help="the first line is a row; the columns are the table's, in its order",
    )
    csv.add_argument("--encoding", metavar="CODEC", help="utf-8 unless told")
    csv.add_argument(
        "--null-text", metavar="TEXT", action="append", help="stands for NULL; may be repeated"
    )
    csv.add_argument(
        "--type",
        dest="column_types",
        metavar="NAME=TYPE",
        action="append",
        help="a column's type in SQL; may be repeated",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="SQL | COMMAND ...",
        help="the statement, from standard input when absent; or a command and its arguments",
    )
    # Options may stand between a command and its arguments.
    options = parser.parse_intermixed_args(argv)
    if options.local and _is_no_file(options.local, options.words):
        options.words.insert(0, options.local)
        options.local = ""
    options.command = None
    given = [name for name in _LOAD_OPTIONS if getattr(options, name) is not None]
    if given and options.words[:1] != ["load"]:
        name = {"column_types": "type"}.get(given[0], given[0].replace("_", "-"))
        parser.error(f"--{name} is for the command load")
    if options.write and options.words[:1] != ["doctor"]:
        parser.error("--write is for the command doctor")
    if options.words and options.words[0] in COMMANDS:
        options.command = options.words.pop(0)
        return options
    if len(options.words) > 1:
        parser.error(
            f"{len(options.words)} arguments, where the statement is one, in quotes; "
            f"commands are {', '.join(COMMANDS)}"
        )
    options.sql = options.words[0] if options.words else None
    if options.sql is None:
        if sys.stdin is None or sys.stdin.isatty():
            parser.error("no SQL given")
        options.sql = sys.stdin.read()
    return options


def _is_no_file(local: str, words: list[str]) -> bool:
    """Whether argparse took for --local's FILE what is the command or the statement after it."""
    return local in COMMANDS or (not words and not local.endswith((".duckdb", ".db")))


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
    run = _statement if options.command is None else COMMANDS[options.command].run
    done = run(connection, options)
    sys.stdout.flush()
    print(f"{done} in {time.perf_counter() - started:.3f} s", file=sys.stderr)


def _statement(connection: Connection[tuple[Any, ...]], options: argparse.Namespace) -> str:
    with connection.cursor() as cursor:
        cursor.execute(options.sql, dict(map(_parameter, options.param)))
        if cursor.description is None:
            return f"{cursor.rowcount:,} rows changed" if cursor.rowcount >= 0 else "done"
        return _print(cursor, options)


def _print(rows: output.Printable, options: argparse.Namespace) -> str:
    count = output.FORMATS[options.format](rows, sys.stdout)
    return f"{count:,} row{'' if count == 1 else 's'}"


def _load(connection: Connection[tuple[Any, ...]], options: argparse.Namespace) -> str:
    if len(options.words) != 1 or not options.into:
        raise ProgrammingError("load takes one FILE and --into TABLE")
    path = options.words[0]
    types = options.column_types
    line = None
    if sys.stderr is not None and sys.stderr.isatty():
        with reading():
            line = ProgressLine(sys.stderr, count_rows(path))
    try:
        rows = connection.load(
            options.into,
            path,
            mode=options.mode or "append",
            primary_key=_columns(options.primary_key),
            cursor_field=_columns(options.cursor_field),
            on_progress=line,
            delimiter="\t" if options.delimiter == "\\t" else options.delimiter,
            quote=options.quote,
            header=_columns(options.header) if options.header else options.header,
            encoding=options.encoding,
            null_text=options.null_text,
            column_types=None if types is None else dict(map(_column_type, types)),
        )
    finally:
        if line is not None:
            line.clear()
    return f"{rows:,} row{'' if rows == 1 else 's'} loaded"


def _doctor(connection: Connection[tuple[Any, ...]], options: argparse.Namespace) -> str:
    if options.words:
        raise ProgrammingError(f"doctor takes no argument, not {options.words[0]!r}")
    findings = 0
    for finding in Doctor(connection._settings, options.write).examine():
        print(f"{finding.subject:15} {finding.found}", flush=True)
        findings += bool(finding.subject)
    return f"{findings} findings"


def _column_type(text: str) -> tuple[str, str]:
    name, separator, kind = text.partition("=")
    if not separator or not name or not kind:
        raise ProgrammingError(f"--type {text!r}: expected NAME=TYPE")
    return name, kind


def _columns(names: str | None) -> list[str] | None:
    return None if names is None else [name.strip() for name in names.split(",")]


def _listing(
    get: Callable[..., pa.Table], names: Sequence[str]
) -> Callable[[Connection[tuple[Any, ...]], argparse.Namespace], str]:
    """A command that lists what `get` gives for patterns of as many names as it takes."""

    def run(connection: Connection[tuple[Any, ...]], options: argparse.Namespace) -> str:
        scopes = [_scope(pattern, names) for pattern in options.words] or [{}]
        found = pa.concat_tables([get(connection, **scope) for scope in scopes])
        if len(scopes) > 1:  # patterns may overlap
            found = found.group_by(found.schema.names, use_threads=False).aggregate([])
        return _print(output.PrintableTable(found), options)

    return run


def _scope(pattern: str, names: Sequence[str]) -> dict[str, str]:
    """The names that a dotted pattern gives, the last of them for the last of `names`."""
    parts = re.findall(r'"(?:[^"]|"")*"|[^."]+', pattern)
    if ".".join(parts) != pattern or len(parts) > len(names):
        wanted = ".".join(name.partition("_")[0].upper() for name in names)
        raise ProgrammingError(f"the pattern is {pattern!r}; expected the end of {wanted}")
    texts = [part[1:-1].replace('""', '"') if part[0] == '"' else part for part in parts]
    return dict(zip(names[-len(parts) :], texts, strict=True))


def _parameter(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise ProgrammingError(f"--param {text!r}: expected NAME=VALUE")
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    return name.removeprefix("$"), parsed


#: The words that are commands where they stand first; anything else is SQL.
COMMANDS = {
    "catalogs": Command(
        _listing(Connection.get_catalogs, ["catalog_pattern"]), "[PATTERN ...]", "list the catalogs"
    ),
    "schemas": Command(
        _listing(Connection.get_schemas, ["catalog", "schema_pattern"]),
        "[PATTERN ...]",
        "list the schemas",
    ),
    "tables": Command(
        _listing(Connection.get_tables, ["catalog", "schema_pattern", "table_pattern"]),
        "[PATTERN ...]",
        "list tables and views",
    ),
    "columns": Command(
        _listing(Connection.get_columns, ["catalog", "schema_pattern", "table_pattern"]),
        "[PATTERN ...]",
        "list the columns of tables and views",
    ),
    "load": Command(_load, "FILE", "load a Parquet, CSV or Arrow file (--into TABLE)"),
    "doctor": Command(_doctor, "[--write]", "examine a server, for a bug report or a first visit"),
}
