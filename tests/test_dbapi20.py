"""PEP 249's constants, constructors and type objects."""

from __future__ import annotations

import time
from datetime import date, datetime

import pyarrow as pa
import pytest

from altertable_dbapi import dbapi20
from altertable_dbapi.dbapi20 import BINARY, DATETIME, NUMBER, ROWID, STRING, TypeObject

GROUPS = (STRING, BINARY, NUMBER, DATETIME, ROWID)


def opaque(name: str, storage: pa.DataType) -> pa.DataType:
    return pa.opaque(storage, name, "DuckDB")


COVERED = [
    (NUMBER, pa.bool_()),
    *((NUMBER, pa.type_for_alias(f"{sign}int{n}")) for sign in ("", "u") for n in (8, 16, 32, 64)),
    (NUMBER, pa.float16()),
    (NUMBER, pa.float32()),
    (NUMBER, pa.float64()),
    (NUMBER, pa.decimal128(18, 2)),
    (NUMBER, pa.decimal256(50, 2)),
    (NUMBER, pa.bool8()),
    (NUMBER, opaque("hugeint", pa.binary(16))),
    (NUMBER, opaque("uhugeint", pa.binary(16))),
    (NUMBER, opaque("bignum", pa.binary())),
    (STRING, pa.string()),
    (STRING, pa.large_string()),
    (STRING, pa.string_view()),
    (STRING, pa.null()),
    (STRING, pa.uuid()),
    (STRING, opaque("bit", pa.binary())),
    (STRING, pa.dictionary(pa.uint8(), pa.string())),
    (STRING, pa.run_end_encoded(pa.int32(), pa.string())),
    (NUMBER, pa.dictionary(pa.uint8(), pa.int64())),
    (BINARY, pa.binary()),
    (BINARY, pa.large_binary()),
    (BINARY, pa.binary_view()),
    (BINARY, pa.binary(16)),
    (BINARY, pa.opaque(pa.binary(), "bit", "Somebody")),
    (DATETIME, pa.date32()),
    (DATETIME, pa.date64()),
    (DATETIME, pa.time32("s")),
    (DATETIME, pa.time64("us")),
    (DATETIME, pa.timestamp("us")),
    (DATETIME, pa.timestamp("ns", "UTC")),
    (DATETIME, pa.duration("us")),
    (DATETIME, pa.month_day_nano_interval()),
    (DATETIME, opaque("time_tz", pa.binary(8))),
]


@pytest.mark.parametrize(("group", "kind"), COVERED, ids=str)
def test_a_type_equals_its_group_and_no_other(group: TypeObject, kind: pa.DataType) -> None:
    for other in GROUPS:
        assert (kind == other) == (other is group)
        assert (other == kind) == (other is group)
        assert (kind != other) == (other is not group)
        assert (other != kind) == (other is not group)


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int64()),
        pa.list_(pa.int64(), 2),
        pa.struct([("a", pa.string())]),
        pa.map_(pa.string(), pa.int64()),
        pa.sparse_union([pa.field("a", pa.int64())]),
    ],
    ids=str,
)
def test_nested_types_are_in_no_group(kind: pa.DataType) -> None:
    assert not any(kind == group or group == kind for group in GROUPS)


def test_groups_are_themselves_and_hashable() -> None:
    assert len(set(GROUPS)) == 5
    for group in GROUPS:
        assert group == group
        assert group != "STRING"
        assert group != 1
        assert group != ()
    assert repr(NUMBER) == "NUMBER"
    assert {NUMBER: 1}[NUMBER] == 1
    assert STRING != NUMBER


def test_constants() -> None:
    assert (dbapi20.apilevel, dbapi20.threadsafety, dbapi20.paramstyle) == ("2.0", 1, "qmark")


def test_constructors() -> None:
    assert dbapi20.Date(2024, 2, 29) == date(2024, 2, 29)
    assert dbapi20.Time(1, 2, 3).isoformat() == "01:02:03"
    assert dbapi20.Timestamp(2024, 2, 29, 1, 2, 3) == datetime(2024, 2, 29, 1, 2, 3)
    moment = datetime(2024, 2, 29, 1, 2, 3, 500_000)
    ticks = time.mktime(moment.timetuple()) + 0.5
    assert dbapi20.DateFromTicks(ticks) == moment.date()
    assert dbapi20.TimeFromTicks(ticks) == moment.time()
    assert dbapi20.TimestampFromTicks(ticks) == moment


def test_binary() -> None:
    assert dbapi20.Binary(b"a") == dbapi20.Binary("a") == dbapi20.Binary(bytearray(b"a")) == b"a"
    assert dbapi20.Binary(memoryview(b"a")) == b"a"
    assert dbapi20.Binary("é") == "é".encode()
    assert type(dbapi20.Binary(bytearray())) is bytes
