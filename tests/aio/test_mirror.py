"""The asynchronous classes have what the synchronous ones have, with the same parameters."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import aio

#: What stays behind, and why.
LEFT_OUT = {
    "Connection": {
        # The driver's handles are for one thread at a time.
        "adbc_connection",
        "adbc_database",
        # A property would have to ask the server: `get_place` does.
        "adbc_current_catalog",
        "adbc_current_db_schema",
        "catalog",
        "schema",
        # Not supported by the synchronous one either.
        "adbc_get_statistic_names",
        "adbc_get_statistics",
        # Exceptions are the module's.
        *(name for name in altertable_dbapi.Connection.__dict__ if name.endswith("Error")),
        "Warning",
    },
    "Cursor": {
        "adbc_statement",
        # Read in the caller's thread: fetch_record_batch and fetch_arrow_table are not.
        "fetch_arrow",
        "next",
    },
}
ADDED = {"Connection": {"get_place"}, "Cursor": set[str]()}
#: What is not awaited since nothing is sent.
PLAIN = {"cursor", "cancel", "adbc_cancel", "transaction", "setinputsizes", "setoutputsize"}
PAIRS = [
    (altertable_dbapi.Connection, aio.AsyncConnection),
    (altertable_dbapi.Cursor, aio.AsyncCursor),
]


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize(("kind", "mirror"), PAIRS)
def test_every_public_name_is_mirrored(kind: type, mirror: type) -> None:
    name = kind.__name__
    assert public(mirror) - ADDED[name] == public(kind) - LEFT_OUT[name]


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in found]


@pytest.mark.parametrize(("kind", "mirror"), PAIRS)
def test_signatures_agree(kind: type, mirror: type) -> None:
    for name in public(kind) & public(mirror):
        here, there = getattr(mirror, name), getattr(kind, name)
        assert isinstance(here, property) == isinstance(there, property), name
        if isinstance(here, property):
            assert (here.fset is None) == (there.fset is None), name
            continue
        assert parameters(here) == parameters(there), name
        assert inspect.iscoroutinefunction(here) == (name not in PLAIN), name


def test_connect_takes_the_same() -> None:
    assert parameters(aio.connect) == parameters(altertable_dbapi.connect)
    assert inspect.iscoroutinefunction(aio.connect)
