"""What the commands do."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from .. import connect
from ..arrow_input.files import count_rows
from ..arrow_input.sources import reading
from ..connection import Connection
from ..errors import OperationalError, ProgrammingError
from ..settings.resolve import given, of_sources
from .connecting import asked_for, open_connection
from .destination import Destination
from .forms import READ_AS
from .progress import Elapsed, ProgressLine
from .values import FirstRows, PrintableTable

#: Takes the options, writes to standard output, and says what was done.
Run = Callable[[argparse.Namespace], str]


def statement(options: argparse.Namespace) -> str:
    """Run a statement and print its result."""
    parameters = dict(map(_parameter, options.param))
    destination = Destination(options.output, options.format)
    with (
        open_connection(options) as connection,
        connection.cursor() as cursor,
        Elapsed(sys.stderr) as elapsed,
    ):
        cursor.execute(options.sql, parameters)
        if cursor.description is None:
            return f"{_rows(cursor.rowcount)} changed" if cursor.rowcount >= 0 else "done"
        if destination.is_terminal:
            return _rows(destination.write(FirstRows(cursor, elapsed.clear)))
        return _rows(destination.write(cursor))


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def load(options: argparse.Namespace) -> str:
    """Load files into a table."""
    types = options.column_types
    column_types = None if types is None else dict(map(_column_type, types))
    with contextlib.ExitStack() as after:
        paths = [_path(word, options.read_as, after) for word in options.words]
        connection = after.enter_context(open_connection(options))
        line = None
        if sys.stderr is not None and sys.stderr.isatty():
            with reading():
                line = ProgressLine(sys.stderr, count_rows(paths))
        try:
            rows = connection.load(
                options.into,
                paths,
                mode=options.mode,
                primary_key=_columns(options.primary_key),
                cursor_field=_columns(options.cursor_field),
                on_progress=line,
                delimiter="\t" if options.delimiter == "\\t" else options.delimiter,
                quote=options.quote,
                header=_columns(options.header) if options.header else options.header,
                encoding=options.encoding,
                null_text=options.null_text,
                column_types=column_types,
            )
        finally:
            if line is not None:
                line.clear()
    return f"{_rows(rows)} loaded"


def _path(word: str, kind: str | None, after: contextlib.ExitStack) -> str:
    """The path of a file to load, for ``-`` of one with what is read from standard input."""
    if word != "-":
        return word
    if kind is None:
        raise ProgrammingError(
            f"standard input has no name that tells its format; --from {'|'.join(READ_AS)} does"
        )
    # A CSV is read twice, and a Parquet file from its end.
    directory = after.enter_context(tempfile.TemporaryDirectory(prefix="altertable-"))
    path = os.path.join(directory, f"standard-input.{kind}")
    with open(path, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def doctor(options: argparse.Namespace) -> str:
    """Examine a server."""
    # It imports what a statement has no use for.
    from ..doctor.report import Doctor

    uri, arguments = asked_for(options)
    with contextlib.ExitStack() as after:
        if options.local is None:
            known = given(uri, arguments)
            sources = {name: source for name, (_, source) in known.items()}
            report = Doctor(of_sources(known), options.write, sources)
        else:
            connection = after.enter_context(connect(uri, **arguments))
            report = Doctor(connection._settings, options.write)
        findings = 0
        for finding in report.examine():
            print(f"{finding.subject:16} {finding.found}", flush=True)
            findings += bool(finding.subject)
        if report.stopped is not None:
            raise OperationalError(f"stopped at: {report.stopped.subject}")
    return f"{findings} findings"


def _column_type(text: str) -> tuple[str, str]:
    name, separator, kind = text.partition("=")
    if not separator or not name or not kind:
        raise ProgrammingError(f"--type {text!r}: expected NAME=TYPE")
    return name, kind


def _columns(names: str | None) -> list[str] | None:
    return None if names is None else [name.strip() for name in names.split(",")]


def _listing(get: Callable[..., pa.Table], names: Sequence[str]) -> Run:
    """A command that lists what `get` gives for patterns of as many names as it takes."""

    def run(options: argparse.Namespace) -> str:
        destination = Destination(options.output, options.format)
        scopes = [_scope(pattern, names) for pattern in options.words] or [{}]
        with open_connection(options) as connection:
            found = pa.concat_tables([get(connection, **scope) for scope in scopes])
        if len(scopes) > 1:  # patterns may overlap
            found = found.group_by(found.schema.names, use_threads=False).aggregate([])
        return _rows(destination.write(PrintableTable(found)))

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


#: By their words, which `forms.FORMS` has as well.
COMMANDS: dict[str, Run] = {
    "catalogs": _listing(Connection.get_catalogs, ["catalog_pattern"]),
    "schemas": _listing(Connection.get_schemas, ["catalog", "schema_pattern"]),
    "tables": _listing(Connection.get_tables, ["catalog", "schema_pattern", "table_pattern"]),
    "columns": _listing(Connection.get_columns, ["catalog", "schema_pattern", "table_pattern"]),
    "load": load,
    "doctor": doctor,
}
