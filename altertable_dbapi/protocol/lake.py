"""What a lake refuses, as its engine says it, and what to do in its place."""

from __future__ import annotations

import re

# DuckLake's texts have many shapes and prefixes, several of them those of a wrong statement. What
# is not listed here, as a missing key in ON CONFLICT, reads as on tables that could have one.
_REFUSED = (
    (
        r"PRIMARY KEY/UNIQUE constraints are not supported in DuckLake"
        r"|Adding indexes or constraints is not supported in DuckLake",
        "leave the key out: load(primary_key=…) and MERGE INTO find rows by any columns",
    ),
    (
        r"CHECK constraints are not supported in DuckLake",
        "leave the constraint out, and look at the rows with a query",
    ),
    (r"Collations are not supported in DuckLake", "write COLLATE into the query, or use lower()"),
    (
        r"DuckLake does not support generated columns",
        "compute the column in a view, or as rows are inserted",
    ),
    (r"DuckLake does not support sequences", "uuid() gives keys that nobody else has"),
    (r"DuckLake does not support user-defined types", "store an ENUM as VARCHAR"),
    (
        r"DuckLake does not support indexes",
        "ALTER TABLE … SET PARTITIONED BY or SET SORTED BY keep together what is read together",
    ),
    (
        r"Failed to convert DuckDB type to DuckLake - unsupported type ENUM",
        "store it as VARCHAR",
    ),
    (
        r"Failed to convert DuckDB type to DuckLake - unsupported type \S+\[\d+\]",
        "store it as a list, without a length",
    ),
    (
        r"Failed to convert DuckDB type to DuckLake - unsupported type BIT",
        "store it as VARCHAR or BLOB",
    ),
    (
        r"Failed to convert DuckDB type to DuckLake - unsupported type (?:BIGNUM|VARINT)",
        "store it as VARCHAR, or as DECIMAL of up to 38 digits",
    ),
    (
        r"Failed to convert DuckDB type to DuckLake - unsupported type UNION",
        "store it as a STRUCT with a field for each of its types",
    ),
    (r"Failed to convert DuckDB type to DuckLake - unsupported type", "store it as VARCHAR"),
    (
        r"RETURNING clause not yet supported for [\w ]+ DuckLake table"
        r"|RETURNING is not implemented for DuckLake",
        "read the rows with a SELECT in the same transaction",
    ),
    (
        r"MERGE INTO with DuckLake only supports a single UPDATE/DELETE action",
        "run one statement for each action, in a transaction",
    ),
    (
        r"only widening type promotions are allowed",
        "add a column of that type, UPDATE it, drop the old one and rename the new one",
    ),
    (r"not supported in DuckLake|DuckLake does not support|DuckLake only supports", ""),
)


def refused(text: str) -> str | None:
    """What to do in place of what a lake has refused; None where the text says nothing of it."""
    for pattern, way_out in _REFUSED:
        if re.search(pattern, text):
            return way_out
    return None
