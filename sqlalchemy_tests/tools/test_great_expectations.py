"""Great Expectations with a source of SQL."""

from __future__ import annotations

from typing import Any

import pytest

from altertable_dbapi.local import Server


@pytest.mark.filterwarnings("default")
def test_expectations(server: Server, engine: Any) -> None:
    import great_expectations as gx

    rows = "SELECT range AS id, 'x' || range AS name FROM range(100)"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE orders AS {rows}")
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_sql("altertable", connection_string=server.uri)
    asset = source.add_table_asset("orders", table_name="orders")
    batch = asset.add_batch_definition_whole_table("all").get_batch()
    e = gx.expectations
    for expected in (
        e.ExpectColumnValuesToNotBeNull(column="id"),
        e.ExpectColumnValuesToBeUnique(column="id"),
        e.ExpectColumnMeanToBeBetween(column="id", min_value=49.5, max_value=49.5),
        e.ExpectColumnMedianToBeBetween(column="id", min_value=49, max_value=50),
        e.ExpectColumnStdevToBeBetween(column="id", min_value=29, max_value=30),
        e.ExpectColumnValuesToBeOfType(column="id", type_="BIGINT"),
        e.ExpectColumnValueLengthsToBeBetween(column="name", min_value=2, max_value=3),
        e.ExpectTableColumnsToMatchSet(column_set=["id", "name"]),
        e.ExpectTableRowCountToEqual(value=100),
    ):
        result = batch.validate(expected)
        assert result.success, result
    failed = batch.validate(e.ExpectColumnValuesToBeBetween(column="id", max_value=98))
    assert not failed.success
    assert failed.result["partial_unexpected_list"] == [99]
