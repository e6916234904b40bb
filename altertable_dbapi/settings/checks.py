"""What each setting may be."""

from __future__ import annotations

import os
import re
from typing import Any, Literal, get_args

from ..errors import ProgrammingError
from . import tls

Binding = Literal["auto", "server", "client"]


ComputeSize = Literal["XS", "S", "M", "L", "XL", "2XL", "3XL", "4XL"]


BINDINGS: tuple[Binding, ...] = get_args(Binding)


COMPUTE_SIZES: tuple[ComputeSize, ...] = get_args(ComputeSize)


_TRUE = frozenset({"1", "true", "yes", "on"})


_FALSE = frozenset({"0", "false", "no", "off"})


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
    checker = _CHECKERS.get(name, _text)
    return checker(name, value, source)


def _refuse(name: str, value: Any, source: str, expected: str) -> ProgrammingError:
    secret = name == "password" or name in tls.PEM_SETTINGS
    shown = "" if secret else f" is {value!r}"
    return ProgrammingError(f"{name}{shown} (from the {source}); expected {expected}")


def _text(name: str, value: Any, source: str) -> str:
    if not isinstance(value, str):
        raise _refuse(name, value, source, "a string")
    if not value or "\0" in value:
        raise _refuse(name, value, source, "a string that is not empty and has no NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _refuse(name, value, source, "a string that can be encoded as UTF-8") from None
    return value


def _pem_or_path(name: str, value: Any, source: str) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or not value:
        raise _refuse(name, value, source, "PEM text, or the path of a PEM file")
    return value


def _host(name: str, value: Any, source: str) -> str:
    host = _text(name, value, source)
    if host[0] == "[" and host[-1] == "]":  # as an IPv6 address stands in a URI
        host = host[1:-1]
    name_and_port = re.fullmatch(r"([^:]+|\[.*\]):(\d+)", value)
    if name_and_port:
        raise ProgrammingError(
            f"host is {value!r} (from the {source}), with a port; pass port={name_and_port[2]}"
        )
    if not host or any(c in "/@?#[]" or c.isspace() for c in host):
        raise _refuse(name, value, source, "a host name or an IP address, without scheme or port")
    return host


def _port(name: str, value: Any, source: str) -> int:
    try:
        port = int(value) if not isinstance(value, (bool, float)) else -1
    except (TypeError, ValueError):
        port = -1
    if not 0 < port < 65536:
        raise _refuse(name, value, source, "a number from 1 to 65535")
    return port


def _flag(name: str, value: Any, source: str) -> bool:
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _refuse(name, value, source, "true or false (1, 0, yes, no, on, off)")


def _seconds(name: str, value: Any, source: str) -> float:
    try:
        seconds = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError, OverflowError):
        seconds = -1.0
    # The driver counts nanoseconds in 64 bits.
    if not 1e-9 <= seconds < 9e9:
        raise _refuse(name, value, source, "a number of seconds above 0 and below 285 years")
    return seconds


def _seconds_or_never(name: str, value: Any, source: str) -> float:
    if value in (0, "0") and not isinstance(value, bool):
        return 0.0
    return _seconds(name, value, source)


def _compute_size(name: str, value: Any, source: str) -> str:
    size = getattr(value, "value", value)
    if isinstance(size, str) and size.upper() in COMPUTE_SIZES:
        return size.upper()
    raise _refuse(name, value, source, "one of " + ", ".join(COMPUTE_SIZES))


def _binding(name: str, value: Any, source: str) -> str:
    if isinstance(value, str) and value.lower() in BINDINGS:
        return value.lower()
    raise _refuse(name, value, source, "one of " + ", ".join(BINDINGS))


_CHECKERS = {
    "host": _host,
    "port": _port,
    "tls": _flag,
    "compute_size": _compute_size,
    "autocommit": _flag,
    "binding": _binding,
    "connect_timeout": _seconds,
    "query_timeout": _seconds,
    "fetch_timeout": _seconds,
    "update_timeout": _seconds,
    "statement_timeout": _seconds,
    "keepalive": _seconds_or_never,
    "keepalive_idle": _flag,
    **dict.fromkeys(tls.PEM_SETTINGS, _pem_or_path),
    "tls_skip_verify": _flag,
}
