"""What DuckDB can and cannot do, in the words of SQLAlchemy's suite."""

from __future__ import annotations

from typing import Any

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

#: What the suite takes for missing unless told, and is there.
OPEN = """
aggregate_order_by array_type autocommit boolean_col_expressions
check_constraint_reflection comment_reflection
comment_reflection_full_unicode computed_columns computed_columns_virtual create_or_replace_view
create_table_as create_temp_table_as ctes ctes_with_update_delete ctes_with_values date_historic
datetime_historic datetime_interval datetime_literals datetime_timezone datetime_timezone_historic
default_schema_name_switch delete_from except_ expression_server_defaults fetch_expression
fetch_first fetch_no_order_by float_or_double_precision_behaves_generically has_temp_table
implicit_default_schema index_ddl_if_exists indexes_check_column_order indexes_with_expressions
infinity_floats intersect isolation_level json_type mod_operator_as_percent_sign nullsordering
nvarchar_types order_by_label_with_expression percent_schema_names
precision_numerics_enotation_small precision_numerics_retains_significant_digits
reflect_indexes_with_expressions regexp_match regexp_replace schema_create_delete server_defaults
supports_bitwise_and supports_bitwise_not supports_bitwise_or supports_bitwise_shift
supports_bitwise_xor supports_distinct_on supports_is_distinct_from table_ddl_if_exists
table_value_constructor temp_table_comment_reflection temp_table_names temporary_views
timestamp_microseconds tuple_in unicode_ddl update_from uuid_data_type views window_functions
window_range_non_numeric
"""

#: What the suite takes for there unless told, and DuckDB has not.
CLOSED = {
    "implicitly_named_constraints": "DuckDB does not keep the names of constraints",
    "named_constraints": "DuckDB does not keep the names of constraints",
    "indexes_with_ascdesc": "DuckDB's catalog does not tell an index's order",
    "reflect_indexes_with_ascdesc": "DuckDB's catalog does not tell an index's order",
    "time_timezone": "the offset of a TIMETZ is not on the wire",
    "window_range": "its test expects an order of rows without an ORDER BY",
    "window_range_numeric": "its test expects an order of rows without an ORDER BY",
    "on_update_cascade": "DuckDB has no actions of foreign keys",
    "recursive_fk_cascade": "DuckDB has no actions of foreign keys",
    "implements_get_lastrowid": "DuckDB has no id of the last row; RETURNING gives it",
}


class Requirements(SuiteRequirements):
    """The requirements of the suite, for DuckDB."""

    def get_isolation_levels(self, config: Any) -> dict[str, Any]:
        return {"default": "SNAPSHOT", "supported": ["SNAPSHOT", "AUTOCOMMIT"]}


def _requirement(rule: Any) -> Any:
    return property(lambda self: rule)


for _name in OPEN.split():
    setattr(Requirements, _name, _requirement(exclusions.open()))
for _name, _reason in CLOSED.items():
    setattr(Requirements, _name, _requirement(exclusions.skip_if(lambda: True, _reason)))
