"""How each command is written: its arguments and options, with the settings of `connect`."""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

from ..ingest.options import MODES
from ..settings.secret import Secret
from ..settings.settings import SETTINGS, Setting
from .formats import FORMATS

_PATTERNS = """\
A PATTERN is a name with % for any text and _ for any character, in any case, and may have the names
around it before it: TABLE, SCHEMA.TABLE, CATALOG.SCHEMA.TABLE. A name that has dots is written in
double quotes.
"""


class Option(NamedTuple):
    """An option, as argparse takes it."""

    names: tuple[str, ...]
    kind: dict[str, Any]

    @property
    def takes_value(self) -> bool:
        """Whether the argument after it belongs to it."""
        return "action" not in self.kind or self.kind["action"] == "append"


class Group(NamedTuple):
    """Options that belong together, and whose they are, for the error about one elsewhere."""

    title: str
    owner: str
    options: list[Option]


class Form(NamedTuple):
    """How a command is written.

    Attributes
    ----------
    arguments : str
    positional : dict or None
        What comes after the command, as argparse takes it.
    summary : str
    groups : tuple of Group
    epilog : str
    """

    arguments: str
    positional: dict[str, Any] | None
    summary: str
    groups: tuple[Group, ...]
    epilog: str = ""


def option(*names: str, **kind: Any) -> Option:
    """An option."""
    return Option(names, kind)


def _settings() -> list[Option]:
    """Every setting of `connect` as an option, but for the password."""
    made = []
    for setting in SETTINGS.values():
        if setting.name == "password":
            continue
        names = (setting.name, *(a for a in setting.aliases if a != "database"))
        kind: dict[str, Any] = {"dest": setting.name, "help": _said(setting)}
        if setting.type is bool:
            kind["action"] = argparse.BooleanOptionalAction
        elif setting.is_pem:
            kind["metavar"] = "FILE"
        elif setting.type in (float, float | None):
            kind["metavar"] = "SECONDS"
        if setting.secret:
            kind["type"] = Secret
        made.append(Option(tuple("--" + name.replace("_", "-") for name in names), kind))
    return made


def _said(setting: Setting) -> str:
    default = setting.default
    if isinstance(default, bool):
        default = "on" if default else "off"
    elif isinstance(default, float):
        default = f"{default:g}"
    return f"{setting.doc} ({setting.unset or default})".replace("%", "%%")


CONNECTION = Group(
    "connection",
    "every command",
    [
        option("--uri", type=Secret, help="altertable://user:password@host:port/catalog/schema"),
        option(
            "--local",
            nargs="?",
            const="",
            metavar="FILE",
            help="a server in this process, on an empty database or on a DuckDB file",
        ),
        option(
            "--lake",
            metavar="DIR",
            help="the same on the lakes in a directory, Altertable's own kind of catalog",
        ),
        *_settings(),
        option("--password-file", metavar="FILE", help="its first line is the password"),
    ],
)

OUTPUT = Group(
    "output",
    "statements and listings",
    [
        option(
            "--format",
            choices=FORMATS,
            metavar="|".join(FORMATS),
            help="table, unless the name of --output says otherwise",
        ),
        option("--output", "-o", metavar="FILE", help="where it goes, instead of standard output"),
    ],
)

PARAMETERS = Group(
    "parameters",
    "statements",
    [
        option(
            "--param",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a value for $NAME; numbers, true, false and null are what they look like, "
            "anything else is text, and so is what stands in double quotes",
        )
    ],
)

#: What standard input may be, by the ending of a file that is the same.
READ_AS = ("csv", "tsv", "parquet", "arrow")

LOAD = Group(
    "load",
    "the command load",
    [
        option(
            "--into",
            required=True,
            metavar="TABLE",
            help="TABLE, SCHEMA.TABLE or CATALOG.SCHEMA.TABLE",
        ),
        option("--mode", choices=MODES, default="append", help="what to do with the table: append"),
        option("--primary-key", metavar="A,B", help="update the rows that agree in these"),
        option("--cursor-field", metavar="C,D", help="but only where these are larger"),
        option("--from", dest="read_as", choices=READ_AS, help="what standard input (-) is"),
    ],
)

CSV = Group(
    "load of a CSV",
    "the command load",
    [
        option("--delimiter", metavar="CHAR", help="between fields; \\t is a tab"),
        option("--quote", metavar="CHAR", help="around text"),
        option("--header", metavar="A,B", help="names of the columns, where no line has them"),
        option(
            "--no-header",
            dest="header",
            action="store_const",
            const=False,
            help="the first line is a row; the columns are the table's, in its order",
        ),
        option("--encoding", metavar="CODEC", help="utf-8 unless told"),
        option(
            "--null-text", metavar="TEXT", action="append", help="stands for NULL; may be repeated"
        ),
        option(
            "--type",
            dest="column_types",
            metavar="NAME=TYPE",
            action="append",
            help="a column's type in SQL; may be repeated",
        ),
    ],
)

DOCTOR = Group(
    "doctor",
    "the command doctor",
    [option("--write", action="store_true", help="make a schema, load into it, and drop it")],
)

STATEMENT = Form(
    "[SQL]",
    {"nargs": "*", "help": "the statement; read from standard input when absent"},
    "run one SQL statement and print its result",
    (CONNECTION, PARAMETERS, OUTPUT),
)

_LISTING = {"nargs": "*", "metavar": "PATTERN", "help": "names to list; all unless given"}


def listing(summary: str) -> Form:
    """The form of a command that lists what patterns match."""
    return Form("[PATTERN ...]", _LISTING, summary, (CONNECTION, OUTPUT), _PATTERNS)


#: The words that are commands where they stand first; anything else is SQL.
FORMS = {
    "catalogs": listing("list the catalogs"),
    "schemas": listing("list the schemas"),
    "tables": listing("list tables and views"),
    "columns": listing("list the columns of tables and views"),
    "load": Form(
        "FILE ... --into TABLE",
        {
            "nargs": "+",
            "metavar": "FILE",
            "help": "Parquet, CSV or Arrow files of the same columns; - is standard input",
        },
        "load Parquet, CSV or Arrow files",
        (LOAD, CSV, CONNECTION),
    ),
    "doctor": Form(
        "[--write]",
        None,
        "examine a server, for a bug report or a first visit",
        (DOCTOR, CONNECTION),
    ),
}
