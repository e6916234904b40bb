"""Arrow fields -> PEP 249 columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from altertable_dbapi.dbapi20 import NUMBER, STRING
from altertable_dbapi.rows.description import Column, describe


def test_seven_items_each() -> None:
    schema = pa.schema(
        [
            pa.field("a", pa.int64(), nullable=False),
            ("a", pa.decimal128(18, 2)),
            ("h", pa.decimal128(38, 0)),
            ("", pa.string()),
        ]
    )
    assert describe(schema) == [
        ("a", pa.int64(), None, None, None, None, False),
        ("a", pa.decimal128(18, 2), None, None, 18, 2, True),
        ("h", pa.decimal128(38, 0), None, None, 38, 0, True),
        ("", pa.string(), None, None, None, None, True),
    ]
    assert [len(column) for column in describe(schema)] == [7] * 4


def test_names_of_the_items_are_pep_249s() -> None:
    assert Column._fields == (
        "name", "type_code", "display_size", "internal_size", "precision", "scale", "null_ok",
    )  # fmt: skip


def test_type_code_compares_to_type_objects() -> None:
    number, text = describe(pa.schema([("n", pa.int64()), ("t", pa.string())]))
    assert number.type_code == NUMBER
    assert number.type_code != STRING
    assert text.type_code == STRING


@pytest.mark.skipif(not hasattr(pa, "decimal32"), reason="pyarrow 18 has no decimal32")
def test_every_width_of_decimal() -> None:
    for kind in (pa.decimal32(5, 1), pa.decimal64(5, 1), pa.decimal128(5, 1), pa.decimal256(5, 1)):
        column = Column.from_field(pa.field("d", kind))
        assert (column.precision, column.scale) == (5, 1)
