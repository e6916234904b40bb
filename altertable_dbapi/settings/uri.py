"""The connection URI: taken apart, and put together."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..errors import ProgrammingError
from .secret import conceal
from .settings import ALIASES, SETTINGS, Settings, concealed, known_settings

_SCHEMES = {"altertable": None, "grpc+tls": True, "grpc+tcp": False, "grpc": False}
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*"


def parse_uri(uri: str) -> dict[str, str]:
    """The settings that a connection URI gives, as text.

    Raises
    ------
    ProgrammingError
        The URI is malformed or has an unknown option. It is not repeated in the message, since
        it may hold a password.
    """
    uri = conceal(uri)
    if not isinstance(uri, str):
        raise ProgrammingError(f"the connection URI is {uri!r}; expected a string")
    # Raised here, where no local variable has a piece of the URI, and where no error of the
    # standard library's parser, whose words may repeat a password, stays as its context.
    found = _parsed(uri)
    if isinstance(found, str):
        raise ProgrammingError(found)
    return found


def _parsed(uri: str) -> dict[str, str] | str:
    """The settings of a URI, or what is wrong with it."""
    scheme, separator, _ = uri.partition("://")
    if not separator or scheme not in _SCHEMES:
        # Without "://" the text may be anything, a pasted password too.
        shown = f" with scheme {scheme!r}" if separator and re.fullmatch(_SCHEME, scheme) else ""
        return (
            f"not a connection URI{shown}; write "
            'altertable://user:password@host:port/catalog/schema?option=value, or "local"'
        )
    try:
        parts = urlsplit(uri)
        port = parts.port
        host = parts.hostname
    except ValueError:
        return (
            "malformed connection URI: the part after the last @ is not host:port with a port of "
            "0 to 65535 (characters such as / ? # in a password are written %2F %3F %23)"
        )
    if parts.fragment:
        return "malformed connection URI: it has a #; write %23 for a # in a user name or password"
    if "@" in parts.path or "@" in parts.query:
        # It is rather a password with a / or ? in it, so nothing of it is used or shown.
        return (
            "malformed connection URI: it has an @ after its host; write %40 for an @ in a name "
            "(characters such as / ? # in a password are written %2F %3F %23)"
        )
    values: dict[str, str] = {}
    if host:
        values["host"] = unquote(host)
    if port is not None:
        values["port"] = str(port)
    if parts.username:
        values["username"] = unquote(parts.username)
    if parts.password:
        values["password"] = unquote(parts.password)
    tls = _SCHEMES[scheme]
    if tls is not None:
        values["tls"] = str(tls).lower()
    path = [unquote(part) for part in parts.path.split("/")[1:]]
    while path and not path[-1]:
        path.pop()
    if len(path) > 2 or "" in path:
        return (
            f"malformed connection URI: its path is {parts.path!r}, not /catalog or /catalog/schema"
        )
    values.update(zip(("catalog", "schema"), path, strict=False))
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        name = ALIASES.get(key, key)
        if name not in SETTINGS:
            return f"unknown option {key!r} in the connection URI; {known_settings()}"
        values[name] = value
    return concealed(values)


def build_uri(settings: Settings) -> str:
    """The ``altertable://`` URI of settings, for tools that take only a URI.

    It has every setting that is not the default, so passwords and keys, too.
    """
    values = settings._asdict()
    user = ":".join(_quoted(values.pop(name)) for name in ("username", "password"))
    del values["host"], values["port"]
    path = ""
    # A schema alone would be read as a catalog.
    if settings.catalog is not None:
        names = [values.pop("catalog"), values.pop("schema")]
        path = "".join(f"/{_quoted(name)}" for name in names if name is not None)
    options = "&".join(
        f"{name}={_quoted(value)}"
        for name, value in values.items()
        if value != SETTINGS[name].default
    )
    return f"altertable://{user}@{settings.address}{path}{'?' if options else ''}{options}"


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else repr(value)
    return quote(value, safe="")
