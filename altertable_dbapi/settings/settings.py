"""Where a connection's settings come from, what they may be, and how ADBC is told of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..errors import InterfaceError, ProgrammingError
from . import tls
from .checks import Binding, checked
from .secret import conceal

DEFAULT_HOST = "flight.altertable.ai"
DEFAULT_PORT = 443


#: The largest gRPC message that is accepted, in bytes. ADBC's own default of 16 MiB is less than
#: one record batch of wide rows.
MAX_MESSAGE_BYTES = 512 * 1024 * 1024

ENVIRONMENT = {
    "host": "ALTERTABLE_HOST",
    "port": "ALTERTABLE_PORT",
    "tls": "ALTERTABLE_TLS",
    "username": "ALTERTABLE_USERNAME",
    "password": "ALTERTABLE_PASSWORD",
    "catalog": "ALTERTABLE_CATALOG",
    "schema": "ALTERTABLE_SCHEMA",
    "compute_size": "ALTERTABLE_COMPUTE_SIZE",
}

_SCHEMES = {"altertable": None, "grpc+tls": True, "grpc+tcp": False, "grpc": False}
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*"


class Settings(NamedTuple):
    """The checked settings of one connection; its repr holds no secret."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    tls: bool = True
    username: str = ""
    password: str = ""
    catalog: str | None = None
    schema: str | None = None
    compute_size: str | None = None
    autocommit: bool = False
    binding: Binding = "auto"
    connect_timeout: float = 15.0
    query_timeout: float | None = None
    fetch_timeout: float | None = None
    update_timeout: float | None = None
    statement_timeout: float | None = None
    keepalive: float = 30.0
    keepalive_idle: bool = False
    tls_root_certs: str | None = None
    tls_client_cert: str | None = None
    tls_client_key: str | None = None
    tls_skip_verify: bool = False
    authority: str | None = None

    def __repr__(self) -> str:
        return f"<Settings {self.where}>"

    @property
    def where(self) -> str:
        """User, host, port and catalog, for messages: ``ana@flight.altertable.ai:443/sales``."""
        path = "".join(f"/{part}" for part in (self.catalog, self.schema) if part)
        return f"{self.username}@{self.address}{path}"

    @property
    def address(self) -> str:
        """Host and port as one writes them, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def uri(self) -> str:
        """The address as ADBC's Flight SQL driver takes it."""
        return f"{'grpc+tls' if self.tls else 'grpc+tcp'}://{self.address}"

    @property
    def session_options(self) -> dict[str, str]:
        """The Flight session options to set when a session opens, by their names."""
        given = {
            "catalog": self.catalog,
            "schema": self.schema,
            "compute_size": self.compute_size,
        }
        return {name: value for name, value in given.items() if value is not None}


SETTING_NAMES = frozenset(Settings._fields)

#: Settings that are never shown. The key may be a path as well.
SECRETS = frozenset({"password", "tls_client_key"})


def resolve(
    uri: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from arguments, URI and environment, the first of these that gives each.

    Parameters
    ----------
    uri : str, optional
        ``altertable://user:password@host:port/catalog/schema?option=value``.
    arguments : mapping, optional
        Settings by name; None means not given.
    environ : mapping, optional
        The environment, ``os.environ`` unless given.

    Raises
    ------
    ProgrammingError
        A setting is unknown, malformed or missing; the message names it, what it was and what it
        may be. A password is never repeated.
    """
    uri = conceal(uri)
    values: dict[str, Any] = _of_environment(os.environ if environ is None else environ)
    del environ  # it has the password in it, which a traceback with local variables would show
    if uri is not None:
        for name, text in parse_uri(uri).items():
            values[name] = (text, "connection URI")
    for name, value in concealed(arguments or {}).items():
        if name not in SETTING_NAMES:
            raise ProgrammingError(f"unknown connection setting {name!r}; {_known()}")
        if value is not None:
            values[name] = (value, f"argument {name}")
    settings = Settings(
        **{name: checked(name, value, source) for name, (value, source) in values.items()}
    )
    for name in ("username", "password"):
        if not getattr(settings, name):
            raise InterfaceError(
                f"no {name} given for {settings.address}; pass {name}=, put it in the URI or set "
                f"{ENVIRONMENT[name]}"
            )
    tls.check(settings, {name: source for name, (_, source) in values.items()})
    return settings


def _of_environment(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """What the environment says, each with the variable that says so."""
    given = {name: environ.get(variable) for name, variable in ENVIRONMENT.items()}
    return {
        name: (text, f"environment variable {ENVIRONMENT[name]}")
        for name, text in concealed(given).items()
        if text
    }


def concealed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the secrets among them concealed."""
    return {
        name: conceal(value, path=name != "password") if name in SECRETS else value
        for name, value in given.items()
    }


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
    aliases = {"user": "username", "database": "catalog"}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        name = aliases.get(key, key)
        if name not in SETTING_NAMES:
            return f"unknown option {key!r} in the connection URI; {_known()}"
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
        if value != Settings._field_defaults[name]
    )
    return f"altertable://{user}@{settings.address}{path}{'?' if options else ''}{options}"


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else repr(value)
    return quote(value, safe="")


def _known() -> str:
    return "known are " + ", ".join(sorted(SETTING_NAMES))


def adbc_database_options(settings: Settings) -> dict[str, str]:
    """The options of ``AdbcDatabase`` for these settings."""
    prefix = "adbc.flight.sql."
    options = {
        "username": settings.username,
        "password": settings.password,
        f"{prefix}client_option.with_max_msg_size": str(MAX_MESSAGE_BYTES),
    }
    timeouts = {
        "query": settings.query_timeout,
        "fetch": settings.fetch_timeout,
        "update": settings.update_timeout,
    }
    for call, seconds in timeouts.items():
        if seconds is not None:
            options[f"{prefix}rpc.timeout_seconds.{call}"] = str(seconds)
    return options | tls.adbc_options(settings)
