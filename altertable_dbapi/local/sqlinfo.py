"""The answers to GetSqlInfo."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from ..local import schemas

_STRING, _BOOL, _BIGINT, _BITMASK = 0, 1, 2, 3

# Codes of the SqlInfo enumeration in FlightSql.proto. TRANSACTION (1) means transactions without
# savepoints; 8 is the bit of snapshot-like serializable isolation, as Altertable's mock says.
_INFO: dict[int, tuple[int, str | bool | int]] = {
    0: (_STRING, "altertable-dbapi local server"),
    1: (_STRING, "1.0.0"),
    2: (_STRING, pa.__version__),
    3: (_BOOL, False),  # read only
    4: (_BOOL, True),  # SQL
    5: (_BOOL, False),  # Substrait
    8: (_BITMASK, 1),  # transactions; the Go driver reads it as int32
    9: (_BOOL, False),  # CancelQuery
    10: (_BOOL, True),  # bulk ingestion
    11: (_BOOL, False),  # bulk ingestion inside a transaction
    100: (_BIGINT, 0),  # statement timeout
    101: (_BIGINT, 0),  # transaction timeout
    500: (_BOOL, True),  # DDL of catalogs
    501: (_BOOL, True),  # DDL of schemas
    502: (_BOOL, True),  # DDL of tables
    503: (_BIGINT, 1),  # identifiers are case-insensitive
    504: (_STRING, '"'),
}


def table(requested: Iterable[int]) -> pa.Table:
    """Answer a GetSqlInfo request.

    Parameters
    ----------
    requested : iterable of int
        The codes asked for; none asks for all. An unknown code is left out.
    """
    codes = [code for code in (list(requested) or _INFO) if code in _INFO]
    children: list[list[str | bool | int]] = [[] for _ in range(6)]
    types: list[int] = []
    offsets: list[int] = []
    for code in codes:
        kind, value = _INFO[code]
        types.append(kind)
        offsets.append(len(children[kind]))
        children[kind].append(value)
    union = schemas.SQL_INFO_VALUE
    arrays = [pa.array(child, union.field(i).type) for i, child in enumerate(children)]
    values = pa.UnionArray.from_dense(
        pa.array(types, pa.int8()),
        pa.array(offsets, pa.int32()),
        arrays,
        [union.field(i).name for i in range(len(arrays))],
    )
    columns = [pa.array(codes, pa.uint32()), values]
    return pa.Table.from_arrays(columns, schema=schemas.SQL_INFO)
