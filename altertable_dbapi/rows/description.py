"""Arrow fields -> PEP 249 column descriptions."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa


class Column(NamedTuple):
    """One item of ``Cursor.description``, the seven of PEP 249.

    Attributes
    ----------
    name : str
        The column's name; names may repeat in a result.
    type_code : pyarrow.DataType
        Compares equal to the type object that covers it: ``column.type_code == NUMBER``.
    display_size, internal_size : None
        Not known.
    precision, scale : int or None
        Digits in all, and digits after the point, of a decimal column.
    null_ok : bool
        Whether the column may hold NULL. DuckDB says so of every column.
    """

    name: str
    type_code: pa.DataType
    display_size: None
    internal_size: None
    precision: int | None
    scale: int | None
    null_ok: bool

    @classmethod
    def from_field(cls, field: pa.Field) -> Column:
        """Describe one field of a result's schema."""
        kind = field.type
        decimal = pa.types.is_decimal(kind)
        return cls(
            field.name,
            kind,
            None,
            None,
            kind.precision if decimal else None,
            kind.scale if decimal else None,
            field.nullable,
        )


def describe(schema: pa.Schema) -> list[Column]:
    """Describe every column of a result, in order."""
    return [Column.from_field(field) for field in schema]
