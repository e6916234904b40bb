"""What a command line asks for: its command, its statement and its options."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Mapping, Sequence

from .. import __version__
from ..settings.settings import ENVIRONMENT
from .forms import (
    CONNECTION,
    CSV,
    DOCTOR,
    FORMS,
    LOAD,
    OUTPUT,
    PARAMETERS,
    STATEMENT,
    Form,
    Group,
    Option,
)

_VARIABLES = textwrap.fill(
    f"What is not given comes from {', '.join(ENVIRONMENT.values())}.", 100, break_long_words=False
)
_ABOUT_SETTINGS = f"""\
{_VARIABLES}
A password comes from there, from the URI or from --password-file, never from an option of its own;
on a terminal it is asked for.
"""

_EXAMPLES = """
  {prog} --local "SELECT 42 AS answer"
  {prog} --param city=Lyon "SELECT * FROM trips WHERE city = $city"
  {prog} tables 'sales.%'
  {prog} load trips.parquet --into sales.trips --mode create
"""

#: Files of these endings are databases for --local, also where nothing else is given.
_DATABASES = (".duckdb", ".db")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of a command line; `command` is None for a statement, which is `sql`.

    Raises
    ------
    SystemExit
        With status 2 after a usage error, 0 after ``--help``, ``--version`` or no argument.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    command, arguments, used = _split(arguments)
    form = FORMS.get(command or "", STATEMENT)
    parser = _parser(command, form)
    own = {name for group in form.groups for name in _named(group)}
    for name in used:
        if name in _OWNERS and name not in own:
            parser.error(f"{name} is for {_OWNERS[name]}")
    # Options may stand between a command and its arguments.
    options = parser.parse_intermixed_args(arguments)
    options.command = command
    if command is None:
        options.sql = _statement(options.words, parser, bool(arguments))
    return options


def _statement(words: list[str], parser: argparse.ArgumentParser, options_given: bool) -> str:
    if len(words) > 1:
        parser.error(
            f"{len(words)} arguments, where the statement is one, in quotes; "
            f"commands are {', '.join(FORMS)}"
        )
    if words:
        return words[0]
    if sys.stdin is None or sys.stdin.isatty():
        if options_given:
            parser.error("no statement and no command is given")
        parser.print_help()
        parser.exit(0)
    text = sys.stdin.read()
    if not text.strip():
        parser.error("no statement is given, and standard input is empty")
    return text


def _program() -> str:
    name = os.path.basename(sys.argv[0])
    return name if name.startswith("altertable-dbapi") else "python -m altertable_dbapi"


def _parser(command: str | None, form: Form) -> argparse.ArgumentParser:
    prog = _program()
    usage, description, epilog = f"{prog} [options] [SQL | COMMAND ...]", form.summary, form.epilog
    if command is None:
        description = "Run one SQL statement on Altertable and print its result, or a command.\n\n"
        description += f"commands ({prog} COMMAND --help says more):\n"
        description += "\n".join(f"  {n:9} {f.arguments:21} {f.summary}" for n, f in FORMS.items())
        epilog = _EXAMPLES.format(prog=prog)
    else:
        usage = f"{prog} {command} [options] {form.arguments}"
        description = form.summary[0].upper() + form.summary[1:] + "."
    parser = argparse.ArgumentParser(
        prog=prog,
        usage=usage,
        description=description,
        epilog=_ABOUT_SETTINGS + epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"altertable-dbapi {__version__}")
    for group in form.groups:
        added = parser.add_argument_group(group.title)
        for names, kind in group.options:
            added.add_argument(*names, **kind)
    if form.positional is not None:
        parser.add_argument("words", **{"metavar": "SQL", **form.positional})
    return parser


def _named(group: Group) -> dict[str, Option]:
    """The options of a group by their names."""
    return {name: option for option in group.options for name in option.names}


_ALL: Mapping[str, Option] = {
    name: option
    for group in (CONNECTION, OUTPUT, PARAMETERS, LOAD, CSV, DOCTOR)
    for name, option in _named(group).items()
}
_OWNERS: Mapping[str, str] = {
    name: group.owner for group in (OUTPUT, PARAMETERS, LOAD, CSV, DOCTOR) for name in _named(group)
}


def _split(arguments: list[str]) -> tuple[str | None, list[str], list[str]]:
    """The command, the arguments without its word, and the options among them.

    What follows --local is its FILE, unless it is the command or the statement.
    """
    words: list[int] = []
    used: list[str] = []
    local = None
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        if argument == "--":
            words += range(index + 1, len(arguments))
            break
        name, equals, _ = argument.partition("=")
        if argument[:1] != "-" or argument == "-" or (" " in argument and name not in _ALL):
            words.append(index)
        else:
            used.append(name)
            if name == "--local":
                local = index if not equals else None
            elif name in _ALL and _ALL[name].takes_value and not equals:
                index += 1
        index += 1
    words, arguments = _settle_local(local, words, arguments)
    if not words or arguments[words[0]] not in FORMS:
        return None, arguments, used
    command = arguments.pop(words[0])
    return command, arguments, used


def _settle_local(
    local: int | None, words: list[int], arguments: list[str]
) -> tuple[list[int], list[str]]:
    """The words and the arguments once it is clear whether a FILE follows --local."""
    if local is None:
        return words, arguments
    file = ""
    if local + 1 in words:
        text = arguments[local + 1]
        if text not in FORMS and (len(words) > 1 or text.endswith(_DATABASES)):
            file = text
            del arguments[local + 1]
            words = [w if w <= local else w - 1 for w in words if w != local + 1]
    arguments[local] = f"--local={file}"
    return words, arguments
