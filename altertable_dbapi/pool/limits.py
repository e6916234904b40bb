"""How many connections a pool has, and for how long: given by the program, and checked."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from .._connect import connect
from ..errors import ProgrammingError
from ..settings.secret import conceal
from ..settings.stock import concealed_options


class PoolLimits(NamedTuple):
    """The numbers of a pool; seconds, where they are times."""

    min_size: int
    max_size: int
    timeout: float
    max_waiting: int
    max_lifetime: float
    max_idle: float
    check_after: float


def checked(given: Mapping[str, Any]) -> PoolLimits:
    """The limits that a program gives.

    Raises
    ------
    ProgrammingError
        One is wrong.
    """
    for name in ("min_size", "max_size", "max_waiting"):
        value = given[name]
        least = 1 if name == "max_size" else 0
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ProgrammingError(f"{name} is {value!r}; expected a whole number from {least} on")
    limits = PoolLimits(
        given["min_size"],
        given["max_size"],
        seconds("timeout", given["timeout"]),
        given["max_waiting"],
        seconds("max_lifetime", given["max_lifetime"]),
        seconds("max_idle", given["max_idle"]),
        seconds("check_after", given["check_after"]),
    )
    if limits.min_size > limits.max_size:
        raise ProgrammingError(
            f"min_size is {limits.min_size}, which is more than max_size, {limits.max_size}"
        )
    return limits


def seconds(name: str, value: Any) -> float:
    """A number of seconds that a program gives.

    Raises
    ------
    ProgrammingError
        It is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise ProgrammingError(f"{name} is {value!r}; expected seconds, 0 or more")
    return min(float(value), threading.TIMEOUT_MAX) if math.isfinite(value) else math.inf


def concealed(uri: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `connect`, with what is secret kept from tracebacks.

    Raises
    ------
    TypeError
        `connect` has no such argument.
    """
    known = {"db_kwargs", "conn_kwargs", *(connect.__kwdefaults__ or {})}
    for name in settings:
        if name not in known:
            raise TypeError(f"neither the pool nor connect() has an argument {name!r}")
    for name in ("password", "dsn", "tls_client_key"):
        if name in settings:
            settings[name] = conceal(settings[name], path=name == "tls_client_key")
    for name in ("db_kwargs", "conn_kwargs"):
        if name in settings:
            settings[name] = concealed_options(settings[name])
    return {"uri": conceal(uri), **settings}
