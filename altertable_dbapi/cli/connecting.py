"""The connection that the command line's options ask for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .. import connect
from ..connection import Connection
from ..errors import InterfaceError
from ..settings.resolve import given
from ..settings.secret import Secret
from ..settings.settings import SETTINGS

Given = dict[str, tuple[Any, str]]


def open_connection(options: argparse.Namespace) -> Connection[tuple[Any, ...]]:
    """Connect; on a terminal the password is asked for where no source has it."""
    uri, arguments = asked_for(options)
    return connect(uri, **arguments)


def asked_for(options: argparse.Namespace) -> tuple[str | None, dict[str, Any]]:
    """The URI and the arguments for `connect`, the password among them where it had to be asked.

    Raises
    ------
    InterfaceError
        Two servers are named, or the file of the password has none.
    """
    named = [name for name in ("local", "lake", "uri") if getattr(options, name) is not None]
    if len(named) > 1:
        raise InterfaceError(f"--{named[0]} and --{named[1]} name two servers; give one of them")
    arguments = {
        name: value for name in SETTINGS if (value := getattr(options, name, None)) is not None
    }
    if options.password_file is not None:
        arguments["password"] = _first_line(options.password_file)
    if options.local is not None:
        return (f"local:{options.local}" if options.local else "local"), arguments
    if options.lake is not None:
        return f"local:lake:{options.lake}", arguments
    password = _asked(given(options.uri, arguments))
    if password:
        arguments["password"] = password
    return options.uri, arguments


def _first_line(path: str) -> Secret:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except ValueError:
        raise InterfaceError(f"{path} is not UTF-8 text; expected a password there") from None
    if not lines or not lines[0]:
        raise InterfaceError(f"the first line of {path} is empty; it should be the password")
    return Secret(lines[0])


def _asked(known: Given) -> Secret | None:
    """The password, from whoever sits at the terminal, if a user is named and it is missing."""
    if "username" not in known or "password" in known:
        return None
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    import getpass

    user, host, port = (
        known[name][0] if name in known else SETTINGS[name].default
        for name in ("username", "host", "port")
    )
    try:
        return Secret(getpass.getpass(f"password of {user} at {host}:{port}: "))
    except EOFError:
        raise InterfaceError("no password is given") from None
