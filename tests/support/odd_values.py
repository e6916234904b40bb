"""Values that a program may pass by mistake, or at the edge of what there is a type for."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import pathlib
from typing import Any

import numpy as np
import pyarrow as pa

ODD: list[Any] = [
    object(), object, len, 1j, float("nan"), float("-inf"), 10**40, -(10**400), 2**63,
    -(2**63) - 1, *map(decimal.Decimal, ("NaN", "sNaN", "-Infinity", "1e400", "1e-400")),
    dt.datetime.max, dt.datetime.min, dt.date.max, dt.timedelta.max, dt.timedelta.min,
    dt.time(1, tzinfo=dt.timezone.utc),
    dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-23))),
    dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=23))),
    fractions.Fraction(1, 3), ipaddress.ip_address("::1"), pathlib.Path("x"),
    bytearray(b"x"), memoryview(b"abc"), np.zeros((2, 2)).data, "\ud800", "\0",
    np.float16(1), np.datetime64("NaT", "s"), np.datetime64("9999999-01-01"),
    np.timedelta64(1, "Y"),
    np.array([1, 2]), np.array([[1], [2]]), np.array(3), np.array(["a", None], object),
    np.str_("x"), np.bytes_(b"x"), np.void(b"x"), np.complex64(1), np.longdouble(1),
    pa.scalar(1), pa.scalar(None), pa.scalar([1, None]), pa.scalar({"a": 1}), pa.array([1, 2]),
    pa.chunked_array([[1]]), pa.table({"a": [1]}), range(3), {1}, frozenset([1]), {}, [], (),
    {"": 1}, {1: 2}, {"a": 1, "A": 2}, {"a\0": 1}, enum.Enum("E", "a").a, Ellipsis,  # type: ignore[attr-defined]
    NotImplemented,
]  # fmt: skip
