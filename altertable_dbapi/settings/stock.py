"""Settings as ADBC's own Flight SQL driver takes them: ``db_kwargs`` and ``conn_kwargs``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import ProgrammingError
from . import checks
from .adbc import MAX_MESSAGE_BYTES
from .secret import Secret, Unshown, conceal
from .settings import ALIASES, SECRETS, checked

_FLIGHT = "adbc.flight.sql."
_CLIENT = f"{_FLIGHT}client_option."
_TIMEOUT = f"{_FLIGHT}rpc.timeout_seconds."
_SESSION = f"{_FLIGHT}session.option."

#: ADBC's options, and the settings that they are here.
OPTIONS: Mapping[str, str] = {
    "uri": "uri",
    "username": "username",
    "password": "password",
    "adbc.connection.autocommit": "autocommit",
    "adbc.connection.catalog": "catalog",
    "adbc.connection.db_schema": "schema",
    f"{_SESSION}catalog": "catalog",
    f"{_SESSION}schema": "schema",
    f"{_SESSION}compute_size": "compute_size",
    f"{_TIMEOUT}connect": "connect_timeout",
    f"{_TIMEOUT}query": "query_timeout",
    f"{_TIMEOUT}fetch": "fetch_timeout",
    f"{_TIMEOUT}update": "update_timeout",
    f"{_CLIENT}authority": "authority",
    f"{_CLIENT}tls_override_hostname": "authority",
    f"{_CLIENT}tls_root_certs": "tls_root_certs",
    f"{_CLIENT}tls_skip_verify": "tls_skip_verify",
    f"{_CLIENT}mtls_cert_chain": "tls_client_cert",
    f"{_CLIENT}mtls_private_key": "tls_client_key",
}

_AUTHORIZATION = f"{_FLIGHT}authorization_header"

#: Options that mean nothing here, by what they begin with, and why.
_REFUSED = {
    f"{_FLIGHT}rpc.call_header.": "headers of your own are not sent",
    f"{_FLIGHT}rpc.with_cookie_middleware": (
        "cookies are not kept, since a session goes by its token"
    ),
    f"{_FLIGHT}oauth.": "Altertable takes a user name and a password",
    _SESSION: "the session options are catalog, schema and compute_size",
    f"{_FLIGHT}session.": "session options are given as catalog=, schema= and compute_size=",
    "adbc.connection.transaction.": "there is one isolation level",
    "adbc.connection.readonly": "a transaction is read-only by BEGIN TRANSACTION READ ONLY",
    "driver": "the driver is ADBC's Flight SQL driver",
    "entrypoint": "the driver is ADBC's Flight SQL driver",
}


class Given(NamedTuple):
    """A setting, its value, and where it was given, in words."""

    name: str
    value: Any
    source: str


def concealed_options(options: Any) -> Any:
    """Options whose values do not show themselves; what is no mapping is not shown either."""
    if options is None or not isinstance(options, Mapping):
        return conceal(options)
    return {
        getattr(name, "value", name): _concealed(getattr(name, "value", name), value)
        for name, value in options.items()
    }


def _concealed(option: Any, value: Any) -> Any:
    name = OPTIONS.get(option)
    if name in SECRETS or name == "uri":
        return conceal(value, path=name == "tls_client_key")
    # Text may be a secret of an option that is not known; numbers and paths are none.
    return value if isinstance(value, (int, float, os.PathLike)) else conceal(value)


def gathered(
    arguments: Mapping[str, Any], db_kwargs: Any, conn_kwargs: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings by name from arguments, under PEP 249's names too, and from ADBC's options.

    Returns
    -------
    values : dict
        The URI among them, if it is given.
    sources : dict
        Where each was given, for errors.

    Raises
    ------
    ProgrammingError
        An option means nothing here. One thing is given twice, with different values.
    """
    found: dict[str, Given] = {}
    names = ALIASES | {"dsn": "uri"}
    given = [
        Given(names.get(name, name), value, f"argument {name}") for name, value in arguments.items()
    ]
    for argument, options in (("db_kwargs", db_kwargs), ("conn_kwargs", conn_kwargs)):
        given += _of_options(argument, concealed_options(options))
    for one in given:
        if one.value is None:
            continue
        other = found.setdefault(one.name, one)
        if other is not one and _kept(other) != _kept(one):
            raise ProgrammingError(
                f"{one.name} is given twice with different values: the {other.source} and the "
                f"{one.source}; leave one of them out"
            )
    values = {name: one.value for name, one in found.items()}
    return values, {name: one.source for name, one in found.items()}


def _kept(given: Given) -> Any:
    return given.value if given.name == "uri" else checked(*given)


def _of_options(argument: str, options: Any) -> Iterator[Given]:
    if options is None:
        return
    if not isinstance(options, Mapping):
        kind = options.kind if isinstance(options, Unshown) else str
        raise ProgrammingError(
            f"{argument} is a {kind.__name__}; expected a mapping of option names to values"
        )
    for option, value in options.items():
        source = f"option {option!r} of {argument}"
        name = OPTIONS.get(option)
        if option == _AUTHORIZATION:
            yield from _of_header(value, source)
        elif name is None:
            _check_served(option, value, source)
        elif name.endswith("_timeout") and _is_zero(value):
            pass  # no limit, as with ADBC
        else:
            yield Given(name, _shown(name, value), source)


def _shown(name: str, value: Any) -> Any:
    """A value as its setting is kept: an error says what it is, unless it is a secret."""
    if name == "uri" or name in SECRETS or not isinstance(value, Secret):
        return value.kind if isinstance(value, Unshown) else value
    return str.__str__(value)


def _is_zero(value: Any) -> bool:
    try:
        return float(value) == 0
    except (TypeError, ValueError):
        return False


def _of_header(value: Any, source: str) -> Iterator[Given]:
    """User and password of ``Basic …``, the header's one form that opens a session here."""
    import base64

    scheme, _, encoded = value.partition(" ") if isinstance(value, str) else ("", "", "")
    del value
    encoded = conceal(encoded)
    try:
        decoded = Secret(base64.b64decode(encoded, validate=True).decode("utf-8", "replace"))
    except ValueError:
        decoded = Secret()
    username, separator, password = map(Secret, decoded.partition(":"))
    if scheme.lower() != "basic" or not separator:
        raise ProgrammingError(
            f"the {source} is no 'Basic' header of a user name and a password; pass username= and "
            "password=, for which the driver opens a session with a token"
        )
    yield Given("username", str.__str__(username), source)
    yield Given("password", password, source)


def _check_served(option: Any, value: Any, source: str) -> None:
    """Accept an option that asks for what is done anyway, refuse another."""
    if option == f"{_CLIENT}with_block":
        return  # connect() returns when the session is open
    if option == f"{_CLIENT}with_max_msg_size":
        if str(value).isdecimal() and int(value) <= MAX_MESSAGE_BYTES:
            return
        why = f"messages of up to {MAX_MESSAGE_BYTES} bytes are taken, and no larger ones"
    elif option == f"{_FLIGHT}rpc.with_cookie_middleware" and not checks.flag(
        option, value, source
    ):
        return
    else:
        why = next(
            (why for start, why in _REFUSED.items() if str(option).startswith(start)),
            "known are " + ", ".join(OPTIONS),
        )
    raise ProgrammingError(f"the {source} means nothing here: {why}; leave it out")
