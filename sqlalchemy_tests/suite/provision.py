"""How SQLAlchemy's suite makes what no dialect does alike."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.testing import provision

from altertable_dbapi.sqlalchemy import insert


@provision.temp_table_keyword_args.for_db("altertable")
def temporary(cfg: Any, eng: Any) -> dict[str, Any]:
    return {"prefixes": ["TEMPORARY"]}


@provision.set_default_schema_on_connection.for_db("altertable")
def use_schema(cfg: Any, dbapi_connection: Any, schema_name: str) -> None:
    with dbapi_connection.cursor() as cursor:
        cursor.execute(f"USE {schema_name}")


@provision.upsert.for_db("altertable")
def upsert(
    cfg: Any,
    table: Any,
    returning: Any,
    *,
    set_lambda: Any = None,
    sort_by_parameter_order: bool = False,
    index_elements: Any = None,
) -> Any:
    statement = insert(table)
    elements = index_elements or table.primary_key.columns
    if set_lambda is None:
        statement = statement.on_conflict_do_nothing()
    else:
        statement = statement.on_conflict_do_update(
            index_elements=elements, set_=set_lambda(statement.excluded)
        )
    return statement.returning(*returning, sort_by_parameter_order=sort_by_parameter_order)


@provision.delete_from_all_tables.for_db("altertable")
def delete_from_all_tables(connection: Any, cfg: Any, metadata: Any) -> None:
    """Delete each table's rows in a transaction: DuckDB's foreign keys see those deleted in one."""
    connection.commit()
    with connection.engine.connect() as apart:
        apart = apart.execution_options(isolation_level="AUTOCOMMIT")
        for table in reversed(metadata.sorted_tables):
            own = [
                (key.parent, key.column) for key in table.foreign_keys if key.column.table is table
            ]
            left = 1
            while left:
                delete = table.delete()
                for column, referred in own:
                    others = table.alias()
                    referring = sa.select(others.c[column.name]).where(
                        others.c[column.name].is_not(None)
                    )
                    delete = delete.where(referred.not_in(referring))
                left = apart.execute(delete).rowcount if own else apart.execute(delete) and 0
