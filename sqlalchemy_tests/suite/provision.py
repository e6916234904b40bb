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


def empty(engine: Any, metadata: Any) -> None:
    """Delete each table's rows in a transaction of its own, those referred to by no other first.

    DuckDB's foreign keys still see rows that the same transaction has deleted.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in reversed(metadata.sorted_tables):
            delete = table.delete()
            for key in table.foreign_keys:
                if key.column.table is table:
                    others = table.alias()
                    column = others.c[key.parent.name]
                    referring = sa.select(column).where(column.is_not(None))
                    delete = delete.where(key.column.not_in(referring))
            while connection.execute(delete).rowcount:
                pass
