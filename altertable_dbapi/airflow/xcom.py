"""Results that pass through XCom, whose serialisation knows fewer types than the driver."""

from __future__ import annotations

import datetime
from typing import Any

from ..interval import Interval

_AS_IT_IS = frozenset((type(None), bool, int, float, str, datetime.date))


def storable(value: Any) -> Any:
    """A result of a handler, with what XCom refuses written in another way.

    Parameters
    ----------
    value : object
        Lists, tuples and dicts are looked through; anything else that is not named below stays.

    Returns
    -------
    object
        With intervals and times of day as their SQL text, which DuckDB and other engines take
        back as INTERVAL and TIME, and a timestamp with a fixed offset as the same instant in UTC.
    """
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is list:
        return [storable(item) for item in value]
    if kind is tuple:
        return tuple([storable(item) for item in value])
    if kind is dict:
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, (Interval, datetime.time)):
        return str(value)
    if isinstance(value, datetime.datetime) and isinstance(value.tzinfo, datetime.timezone):
        return value.astimezone(datetime.timezone.utc)
    return value
