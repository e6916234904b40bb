"""Who may reach a server and what they can do there: passwords, files, and what is said of both."""

from __future__ import annotations

import os

from ..settings.secret import Secret
from ..settings.tls import is_loopback
from ..statement.lexer import next_token
from .failures import refusal

PASSWORD_VARIABLE = "ALTERTABLE_LOCAL_PASSWORD"

DEFAULT_USER = DEFAULT_PASSWORD = "local"

_ANYWHERE = frozenset({"0.0.0.0", "::", ""})

# These settings are refused with external access off. DuckDB's own switch does not cover them:
# some let 1.4 write a file anywhere, the others make every later statement fail.
_SETTINGS = frozenset(
    {
        "PROFILE_OUTPUT",
        "PROFILING_OUTPUT",
        "PROFILING_RENDERER_SETTINGS",
        "HTTP_LOGGING_OUTPUT",
        "LOG_QUERY_PATH",
        "SECRET_DIRECTORY",
        "ALLOW_PERSISTENT_SECRETS",
        "DEFAULT_SECRET_STORAGE",
        "HOME_DIRECTORY",
        "EXTENSION_DIRECTORY",
        "EXTENSION_DIRECTORIES",
        "EXTENSION_REPOSITORY_DIRECTORY",
        "ENABLE_LOGGING",
        "LOGGING_STORAGE",
        "LOGGING_SINK",
    }
)
_SETTING_KINDS = frozenset({"SET", "PRAGMA", "EXPLAIN", "MULTI"})
_LOGGING = "ENABLE_LOGGING"


def password_for(host: str, given: Secret | None) -> Secret:
    """The password of a server that listens on a host.

    Parameters
    ----------
    host : str
    given : Secret or None
        What the caller says it is; else the environment says it.

    Raises
    ------
    ValueError
        There is none, or others can reach the host and it is the default that everyone knows.
    """
    if given is None:
        given = Secret(os.environ.get(PASSWORD_VARIABLE) or DEFAULT_PASSWORD)
    if not is_loopback(host) and given in ("", DEFAULT_PASSWORD):
        raise ValueError(
            f"others can reach host {host!r}, so the server needs a password of its own; set "
            f"{PASSWORD_VARIABLE}, or give password= (on the command line, --password-file)"
        )
    return given


def described(
    host: str, username: str, database: str, *, lake: str | None = None, external: bool
) -> str:
    """What whoever connects can do, as one sentence."""
    who = "Whoever" if host in _ANYWHERE or not is_loopback(host) else "Whoever on this machine"
    stored = "the database in memory" if database == ":memory:" else f"the database {database}"
    if lake is not None:
        lakes = f"the lakes in {lake}" if lake else "a temporary lake"
        stored = lakes if database == ":memory:" else f"{lakes} and {stored}"
    files = (
        "and, as the user that runs the server, every file and address that its process can reach "
        "(read_csv, COPY, ATTACH, INSTALL)"
        if external
        else "and no other file, nor the network (enable_external_access is off)"
    )
    return f"{who} knows the password of {username!r} can read and write {stored}, {files}."


def check(sql: str, kind: str) -> None:
    """Refuse what DuckDB lets touch files although its external access is off.

    Parameters
    ----------
    sql : str
        One statement.
    kind : str
        DuckDB's type of it.

    Raises
    ------
    Exception
        A refusal.
    """
    lowered = sql.lower()
    if kind not in _SETTING_KINDS and _LOGGING.lower() not in lowered:
        return
    forbidden = _SETTINGS if kind in _SETTING_KINDS else frozenset({_LOGGING})
    token = next_token(sql, 0)
    while token.kind:
        word = token.kind if token.kind != '"' else sql[token.start + 1 : token.stop - 1].upper()
        if word in forbidden:
            raise refusal(
                "INVALID_ARGUMENT",
                f"Permission Error: {word.lower()} is refused, since external access is off",
            )
        token = next_token(sql, token.stop)
