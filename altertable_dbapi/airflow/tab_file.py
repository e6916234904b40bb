"""Tab-delimited files without a header: text in double quotes, NULL as an empty field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from pyarrow import csv

from ..arrow_input.sources import reading

_DELIMITER = "\t"


def opened(path: str, schema: pa.Schema) -> Any:
    """A reader of a file whose columns are those of `schema`, in order.

    An empty field, or one that is ``\\N``, is NULL, unless it stands in double quotes.
    """
    with reading():
        return csv.open_csv(
            path,
            csv.ReadOptions(column_names=schema.names),
            csv.ParseOptions(delimiter=_DELIMITER, newlines_in_values=True),
            csv.ConvertOptions(
                column_types=schema,
                null_values=["", "\\N"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )


def write(path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Write batches to a file, as `opened` reads it."""
    options = csv.WriteOptions(include_header=False, delimiter=_DELIMITER)
    with reading(), csv.CSVWriter(path, schema, write_options=options) as file:
        for batch in batches:
            file.write_batch(batch)
