"""Settings from wherever they are given: arguments, the URI, the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..errors import InterfaceError, ProgrammingError
from . import tls
from .secret import conceal
from .settings import ENVIRONMENT, SETTINGS, Settings, checked, concealed, known_settings
from .uri import parse_uri


def resolve(
    uri: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    sources: Mapping[str, str] | None = None,
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
    sources : mapping, optional
        Where arguments were given under other names, for errors.

    Raises
    ------
    ProgrammingError
        A setting is unknown, malformed or missing; the message names it, what it was and what it
        may be. A password is never repeated.
    """
    uri, arguments = conceal(uri), concealed(arguments or {})
    return of_sources(given(uri, arguments, environ, sources))


def given(
    uri: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    sources: Mapping[str, str] | None = None,
) -> dict[str, tuple[Any, str]]:
    """Each setting that is given, not checked yet, and the source that it comes from.

    Takes what `resolve` does.

    Raises
    ------
    ProgrammingError
        A setting is unknown, or the URI malformed.
    """
    uri = conceal(uri)
    values: dict[str, tuple[Any, str]] = _of_environment(os.environ if environ is None else environ)
    del environ  # it has the password in it, which a traceback with local variables would show
    if uri is not None:
        for name, text in parse_uri(uri).items():
            values[name] = (text, "connection URI")
    for name, value in concealed(arguments or {}).items():
        if name not in SETTINGS:
            raise ProgrammingError(f"unknown connection setting {name!r}; {known_settings()}")
        if value is not None:
            values[name] = (value, (sources or {}).get(name, f"argument {name}"))
    return values


def of_sources(values: Mapping[str, tuple[Any, str]]) -> Settings:
    """The checked settings of what `given` gives; raises what `resolve` does."""
    settings = Settings(
        **{name: checked(name, value, source) for name, (value, source) in values.items()}
    )
    for name in ("username", "password"):
        if not getattr(settings, name):
            raise InterfaceError(
                f"no {name} given for {settings.address}; pass {name}=, put it in the URI or set "
                f"{ENVIRONMENT[name]}"
            )
    tls.check_together(settings, {name: source for name, (_, source) in values.items()})
    return settings


def _of_environment(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """What the environment says, each with the variable that says so."""
    given = {name: environ.get(variable) for name, variable in ENVIRONMENT.items()}
    return {
        name: (text, f"environment variable {ENVIRONMENT[name]}")
        for name, text in concealed(given).items()
        if text
    }
