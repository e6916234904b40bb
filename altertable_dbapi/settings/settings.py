"""The settings of a connection, each declared once: what it is, may be, and where it is given."""

# No annotations as text: those of `Settings` are read when this is imported.

import os
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, get_args

from . import checks
from .checks import Binding, Check, ComputeSize
from .secret import conceal


class Setting(NamedTuple):
    """What is known of one setting.

    Attributes
    ----------
    doc : str
        What it is, in a line.
    check : callable
        Checks a value, and gives what is kept.
    environment : str or None
        The variable that gives it.
    unset : str
        What its absence means, in words, where it has no default.
    place : str
        Where a URI has it beside its options.
    aliases : tuple of str
        Other names of its option in a URI.
    secret : bool
        Whether it is never shown.
    reaches : bool
        Whether it says where a server is or who connects.
    also : type or None
        What an argument may be beside `type`.
    name, type, default
        As the field of `Settings` has them.
    """

    doc: str
    check: Check = checks.text
    environment: str | None = None
    unset: str = ""
    place: str = ""
    aliases: tuple[str, ...] = ()
    secret: bool = False
    reaches: bool = False
    also: Any = None
    name: str = ""
    type: Any = str
    default: Any = None

    @property
    def is_pem(self) -> bool:
        """Whether it is PEM text or the path of a PEM file."""
        return self.check is checks.pem_or_path


class Settings(NamedTuple):
    """The checked settings of one connection; its repr holds no secret."""

    host: Annotated[
        str,
        Setting(
            "the server",
            checks.host,
            environment="ALTERTABLE_HOST",
            place="before the path",
            reaches=True,
        ),
    ] = "flight.altertable.ai"
    port: Annotated[
        int,
        Setting(
            "the server's port",
            checks.port,
            environment="ALTERTABLE_PORT",
            place="before the path",
            reaches=True,
        ),
    ] = 443
    tls: Annotated[
        bool,
        Setting(
            "off only for the host that says so",
            checks.flag,
            environment="ALTERTABLE_TLS",
            place="the scheme",
            reaches=True,
        ),
    ] = True
    username: Annotated[
        str,
        Setting(
            "the lakehouse user",
            environment="ALTERTABLE_USERNAME",
            unset="needed",
            place="before the host",
            aliases=("user",),
            reaches=True,
        ),
    ] = ""
    password: Annotated[
        str,
        Setting(
            "the lakehouse user's password",
            checks.secret_text,
            environment="ALTERTABLE_PASSWORD",
            unset="needed",
            place="before the host",
            secret=True,
            reaches=True,
        ),
    ] = ""
    catalog: Annotated[
        str | None,
        Setting(
            "what unqualified names refer to; the session sees that one",
            environment="ALTERTABLE_CATALOG",
            unset="every catalog that you may use",
            place="first part of the path",
            aliases=("database",),
        ),
    ] = None
    schema: Annotated[
        str | None,
        Setting(
            "what unqualified names refer to",
            environment="ALTERTABLE_SCHEMA",
            unset="the server's",
            place="second part of the path",
        ),
    ] = None
    compute_size: Annotated[
        ComputeSize | None,
        Setting(
            ", ".join(checks.COMPUTE_SIZES),
            checks.compute_size,
            environment="ALTERTABLE_COMPUTE_SIZE",
            unset="the server's",
        ),
    ] = None
    autocommit: Annotated[
        bool, Setting("whether each statement is committed by itself", checks.flag)
    ] = False
    binding: Annotated[
        Binding,
        Setting(f"who puts values into statements: {', '.join(checks.BINDINGS)}", checks.binding),
    ] = "auto"
    connect_timeout: Annotated[float, Setting("seconds to open the session in", checks.seconds)] = (
        15.0
    )
    query_timeout: Annotated[
        float | None,
        Setting("seconds until a statement is answered", checks.seconds, unset="no limit"),
    ] = None
    fetch_timeout: Annotated[
        float | None, Setting("seconds to send a result", checks.seconds, unset="no limit")
    ] = None
    update_timeout: Annotated[
        float | None,
        Setting("seconds to take bound values or loaded rows", checks.seconds, unset="no limit"),
    ] = None
    statement_timeout: Annotated[
        float | None,
        Setting(
            "seconds for all of a statement, to the end of its result",
            checks.seconds,
            unset="no limit",
        ),
    ] = None
    keepalive: Annotated[
        float,
        Setting(
            "seconds between signs of life while something is under way; 0 for none",
            checks.seconds_or_never,
        ),
    ] = 30.0
    keepalive_idle: Annotated[bool, Setting("signs of life always", checks.flag)] = False
    tls_root_certs: Annotated[
        str | None,
        Setting(
            "certificates to trust: a PEM file, or its text",
            checks.pem_or_path,
            unset="the system's",
            reaches=True,
            also=os.PathLike[str],
        ),
    ] = None
    tls_client_cert: Annotated[
        str | None,
        Setting(
            "the certificate to show: a PEM file, or its text",
            checks.pem_or_path,
            unset="none",
            reaches=True,
            also=os.PathLike[str],
        ),
    ] = None
    tls_client_key: Annotated[
        str | None,
        Setting(
            "its private key, not encrypted: a PEM file, or its text",
            checks.pem_or_path,
            unset="none",
            secret=True,
            reaches=True,
            also=os.PathLike[str],
        ),
    ] = None
    tls_skip_verify: Annotated[
        bool, Setting("trust any certificate; for trials, and with a Warning", checks.flag)
    ] = False
    authority: Annotated[
        str | None,
        Setting(
            "the name to expect in the certificate, where it is not the host",
            unset="the host",
            reaches=True,
        ),
    ] = None

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


def _declared(name: str, annotation: Any) -> Setting:
    kind, setting = get_args(annotation)
    found: Setting = setting
    return found._replace(name=name, type=kind, default=Settings._field_defaults[name])


#: All settings by their names, in the order of `connect`'s documentation.
SETTINGS: Mapping[str, Setting] = {
    name: _declared(name, annotation) for name, annotation in Settings.__annotations__.items()
}

SETTING_NAMES = frozenset(SETTINGS)

#: The variables of the environment, by the settings that they give.
ENVIRONMENT = {s.name: s.environment for s in SETTINGS.values() if s.environment is not None}

#: Settings by the other names that a URI may have for them.
ALIASES = {alias: s.name for s in SETTINGS.values() for alias in s.aliases}

#: Settings that are never shown. The key may be a path as well.
SECRETS = frozenset(s.name for s in SETTINGS.values() if s.secret)

#: Settings whose text may be PEM itself, so they are never repeated.
PEM_SETTINGS = tuple(s.name for s in SETTINGS.values() if s.is_pem)


def check(name: str, value: Any) -> Any:
    """Check one setting that is given on its own.

    Raises
    ------
    ProgrammingError
        It is wrong; says what it may be.
    """
    return checked(name, value, f"argument {name}")


def checked(name: str, value: Any, source: str) -> Any:
    """A setting as it is kept, from the source that an error names."""
    return SETTINGS[name].check(name, value, source)


def known_settings() -> str:
    """The names of all settings, for an error that has met another one."""
    return "known are " + ", ".join(sorted(SETTINGS))


def concealed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the secrets among them concealed."""
    return {
        name: conceal(value, path=SETTINGS[name].is_pem) if name in SECRETS else value
        for name, value in given.items()
    }
