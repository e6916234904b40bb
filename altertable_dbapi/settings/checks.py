"""What settings may be: functions that take a value as it is given, and give what is kept."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

from ..errors import ProgrammingError

Binding = Literal["auto", "server", "client"]
ComputeSize = Literal["XS", "S", "M", "L", "XL", "2XL", "3XL", "4XL"]
BINDINGS: tuple[Binding, ...] = get_args(Binding)
COMPUTE_SIZES: tuple[ComputeSize, ...] = get_args(ComputeSize)


_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


#: Takes a setting's name, its value and the source that an error names; gives what is kept.
Check: TypeAlias = Callable[[str, Any, str], Any]


def _refuse(
    name: str, value: Any, source: str, expected: str, secret: bool = False
) -> ProgrammingError:
    shown = "" if secret else f" is {value!r}"
    return ProgrammingError(f"{name}{shown} (from the {source}); expected {expected}")


def text(name: str, value: Any, source: str, secret: bool = False) -> str:
    """Text that is not empty."""
    if not isinstance(value, str):
        raise _refuse(name, value, source, "a string", secret)
    if not value or "\0" in value:
        expected = "a string that is not empty and has no NUL"
        raise _refuse(name, value, source, expected, secret)
    try:
        value.encode()
    except UnicodeEncodeError:
        expected = "a string that can be encoded as UTF-8"
        raise _refuse(name, value, source, expected, secret) from None
    return value


def secret_text(name: str, value: Any, source: str) -> str:
    """Text that is not empty and that no error repeats."""
    return text(name, value, source, secret=True)


def pem_or_path(name: str, value: Any, source: str) -> str:
    """PEM text or a path, which no error repeats: it may be a key."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or not value:
        raise _refuse(name, value, source, "PEM text, or the path of a PEM file", secret=True)
    return value


def host(name: str, value: Any, source: str) -> str:
    """A host name or an IP address."""
    host = text(name, value, source)
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


def port(name: str, value: Any, source: str) -> int:
    """The number of a port."""
    try:
        port = int(value) if not isinstance(value, (bool, float)) else -1
    except (TypeError, ValueError):
        port = -1
    if not 0 < port < 65536:
        raise _refuse(name, value, source, "a number from 1 to 65535")
    return port


def flag(name: str, value: Any, source: str) -> bool:
    """True or false, or a word for it."""
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _refuse(name, value, source, "true or false (1, 0, yes, no, on, off)")


def seconds(name: str, value: Any, source: str) -> float:
    """A number of seconds above 0."""
    try:
        seconds = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError, OverflowError):
        seconds = -1.0
    # The driver counts nanoseconds in 64 bits.
    if not 1e-9 <= seconds < 9e9:
        raise _refuse(name, value, source, "a number of seconds above 0 and below 285 years")
    return seconds


def seconds_or_never(name: str, value: Any, source: str) -> float:
    """A number of seconds; 0 for never."""
    if value in (0, "0") and not isinstance(value, bool):
        return 0.0
    return seconds(name, value, source)


def compute_size(name: str, value: Any, source: str) -> str:
    """One of the sizes, in capitals."""
    size = getattr(value, "value", value)
    if isinstance(size, str) and size.upper() in COMPUTE_SIZES:
        return size.upper()
    raise _refuse(name, value, source, "one of " + ", ".join(COMPUTE_SIZES))


def binding(name: str, value: Any, source: str) -> str:
    """Who binds."""
    if isinstance(value, str) and value.lower() in BINDINGS:
        return value.lower()
    raise _refuse(name, value, source, "one of " + ", ".join(BINDINGS))
