"""Random damage to what a server sends, in a process of its own each."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altertable_dbapi import DataError, Error
from altertable_dbapi.parameters.bind import bind
from altertable_dbapi.result.bounds import Bounds
from altertable_dbapi.rows.convert import RowConverter
from altertable_dbapi.rows.variant import decode
from altertable_dbapi.settings.adbc import adbc_database_options
from altertable_dbapi.settings.resolve import resolve
from altertable_dbapi.settings.settings import SETTING_NAMES
from altertable_dbapi.statement.scan import scan

from ..support.odd_values import ODD
from ..support.random_bytes import columns

MORE = settings(max_examples=500, deadline=None)


@pytest.mark.parametrize(
    ("kind", "count"), [("body", 1000), ("cut", 500), ("order", 500), ("info", 300)]
)
def test_answers(kind: str, count: int) -> None:
    """PEP 249's errors, or rows that can be right; no crash, no hang."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.support.random_bytes"]
    done = subprocess.run(
        [*command, kind, "0", str(count)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, f"{done.stdout[-200:]}\n{done.stderr[-5000:]}"
    assert "'rows': " in done.stdout
    assert "Error': " in done.stdout


@pytest.mark.parametrize("name", columns())
def test_a_right_column_of_every_layout_passes(name: str) -> None:
    batch = pa.record_batch([columns()[name]], names=[name])
    Bounds(batch.schema).check(batch)
    assert len(RowConverter(batch.schema).rows(batch)) == batch.num_rows


# Where a value lies under a NULL, there may be anything.


@given(st.binary(min_size=16, max_size=16))
def test_a_view_under_a_null(view: bytes) -> None:
    array = pa.array(["a" * 12, None, "b"], pa.string_view())
    validity, views = array.buffers()[:2]
    broken = pa.py_buffer(views.to_pybytes()[:16] + view + views.to_pybytes()[32:])
    batch = pa.record_batch([pa.Array.from_buffers(array.type, 3, [validity, broken])], names=["a"])
    Bounds(batch.schema).check(batch)
    assert RowConverter(batch.schema).rows(batch) == [("a" * 12,), (None,), ("b",)]


@MORE
@given(st.binary(max_size=12), st.binary(max_size=60))
def test_variants(metadata: bytes, value: bytes) -> None:
    for head in (b"", b"\x01\0\0", b"\x01\x01\0\x01a"):
        with contextlib.suppress(ValueError, OverflowError):
            decode(head + metadata, value)


def test_a_variant_that_holds_itself_many_times() -> None:
    """Of 60 bytes a value of 16 to the 16th; none of them has a byte of its own."""
    level = bytes((3, 16, *[0] * 17))
    with pytest.raises(ValueError, match="more values than bytes"):
        decode(b"\x01\0\0", level * 16 + b"\0")


# What the program gives

PIECES = [
    "altertable://", "grpc://", "u:p@", "h", "[::1]", "[", "]", ":8", ":99999", ":", "/", "//",
    "?", "#", "@", "%", "%2F", "%00", "%ff", "&", "=", "tls=", "port=", "compute_size=L",
    "query_timeout=", "1", "-1", "nan", "inf", "1e999", "true", "local", "\0", "\n", " ", "é",
    "\ud800", "٣", "1_0", "keepalive=", "tls_root_certs=", "-----BEGIN", "catalog=", "user=",
]  # fmt: skip
URIS = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=12).map("".join)


@MORE
@given(st.sampled_from(["", "altertable://", "altertable://u:p@h"]), URIS)
@example("altertable://", "[::1]u:p@]")
def test_uris(head: str, rest: str) -> None:
    try:
        found = resolve(head + rest, {"username": "u", "password": "p"}, {})
        adbc_database_options(found)
    except Error:
        return
    assert 0 < found.port < 65536
    assert found.host
    assert "\0" not in found.uri


VALUES = st.one_of(
    st.integers(), st.floats(), st.text(), st.binary(), st.booleans(), st.just(10**400),
    st.just("9" * 5000), st.lists(st.integers()), st.just(1j), st.just(object()),
)  # fmt: skip


@MORE
@given(st.dictionaries(st.sampled_from(sorted(SETTING_NAMES)), VALUES, max_size=4))
def test_settings(given_: dict[str, object]) -> None:
    with contextlib.suppress(Error):
        adbc_database_options(resolve(None, {"username": "u", "password": "p"} | given_, {}))


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.decimals(),
    st.dates(), st.datetimes(), st.times(), st.timedeltas(), st.uuids(),
    st.integers(0, len(ODD) - 1).map(lambda i: ODD[i]),
)  # fmt: skip
NESTED = st.recursive(
    SCALARS,
    lambda some: (
        st.lists(some, max_size=3)
        | st.dictionaries(st.text(max_size=3), some, max_size=3)
        | st.tuples(some, some)
    ),
    max_leaves=6,
)


@MORE
@given(NESTED)
def test_values(value: object) -> None:
    with contextlib.suppress(DataError):
        bound = bind(scan("SELECT ?"), [value])
        assert bound is not None
        # None is a NULL of the text.
        assert bound.record_batch(None).num_columns == (value is not None)
    with contextlib.suppress(DataError):
        bound = bind(scan("SELECT ?"), [value])
        assert bound is not None
        assert bound.literal_text().startswith("SELECT ")
