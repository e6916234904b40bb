"""What is known before a server is asked: versions, and the settings with where they come from."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from ..settings.settings import SECRETS, Settings


def where_from(settings: Settings, sources: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    """A line for each setting that is given, with its source, and one for the defaults.

    Parameters
    ----------
    settings : Settings
    sources : mapping or None
        By the names of the settings; None where they are not known.
    """
    if sources is None:
        return
    values = settings._asdict()
    for name, source in sources.items():
        yield "setting", f"{name} {_shown(name, values.pop(name))}, {source}"
    defaults = (f"{n} {_shown(n, v)}" for n, v in values.items() if v is not None)
    yield "default settings", ", ".join(defaults)


def _shown(name: str, value: Any) -> str:
    """A setting's value, if it may be shown."""
    if name in SECRETS:
        return "***"
    if isinstance(value, str) and "-----BEGIN" in value:
        return "as PEM text"
    return repr(value)


def versions() -> str:
    """Versions of the driver and of what it stands on."""
    names = ("altertable-dbapi", "adbc-driver-flightsql", "adbc-driver-manager", "pyarrow")
    shown = [f"{name} {version(name)}" for name in names]
    return ", ".join([*shown, f"Python {platform.python_version()}", platform.platform()])


def where(settings: Settings) -> str:
    """Which server, how, and with which options of the session."""
    security = "TLS" if settings.tls else "no TLS"
    if settings.tls_skip_verify:
        security += " without a check of the certificate"
    options = "".join(f", {name} {value!r}" for name, value in settings.session_options.items())
    return f"{settings.address}, {security}{options}"
