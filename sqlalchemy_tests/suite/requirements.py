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
window_range_non_numeric fetch_offset_with_options fetch_percent legacy_unconditional_json_extract
order_by_collation precision_numerics_many_significant_digits skip_autocommit_rollback
"""

#: What DuckDB has not, the reasons first. docs/reference/sqlalchemy.md shows each in DuckDB.
CLOSED = {
    "DuckDB does not keep the names of constraints": """
        implicitly_named_constraints named_constraints foreign_key_constraint_name_reflection
        inline_check_constraint_reflection reflects_pk_names""",
    "DuckDB's catalog does not tell an index's order": """
        indexes_with_ascdesc reflect_indexes_with_ascdesc
        reflect_indexes_with_ascdesc_as_expression""",
    "the offset of a TIMETZ is not on the wire": "time_timezone",
    "their tests expect an order of rows without an ORDER BY": "window_range window_range_numeric",
    "DuckDB has no actions of foreign keys": """
        foreign_key_constraint_option_reflection_ondelete
        foreign_key_constraint_option_reflection_onupdate""",
    "DuckDB takes RESTRICT and NO ACTION of a foreign key, and forgets them": """
        fk_constraint_option_reflection_ondelete_noaction
        fk_constraint_option_reflection_ondelete_restrict
        fk_constraint_option_reflection_onupdate_restrict""",
    "DuckDB has no id of the last row; RETURNING gives it": """
        implements_get_lastrowid dbapi_lastrowid""",
    "DuckDB has no stored generated columns": """
        computed_columns_stored computed_columns_default_persisted
        computed_columns_reflect_persisted""",
    "DuckDB's catalog does not tell a column's collation": "column_collation_reflection",
    "DuckDB has no comments of constraints": "constraint_comment_reflection",
    "DuckDB has no foreign keys to another schema": "cross_schema_fk_reflection",
    "DuckDB has no FETCH WITH TIES": "fetch_ties",
    "DuckDB lists no index for a constraint": """
        foreign_keys_reflect_as_index unique_constraints_reflect_as_index""",
    "DuckDB lists no constraint for a unique index": "unique_index_reflect_as_unique_constraints",
    "DuckDB has no identity columns": "identity_columns identity_columns_standard",
    "DuckDB's indexes include no other columns": "index_reflects_included_columns",
    "DuckDB has no materialized views": "materialized_views materialized_views_reflect_pk",
    "DuckDB's tables have no options": "reflect_table_options",
    "DuckDB has no tables without columns": "reflect_tables_no_columns",
    "DuckDB has no foreign key that names a column twice": "repeated_column_foreign_keys",
    "DuckDB has no foreign key to a column twice": "repeated_remote_col_foreign_keys",
    "JSON is text, not bytes": "json_deserializer_binary",
    "a number in JSON is a DOUBLE to DuckDB": "cast_precision_numerics_many_significant_digits",
    "a key without a sequence is not numbered": "sequences_optional",
    "DuckDB has no cursors on the server": "server_side_cursors",
    "DuckDB keeps names as they are written": "denormalized_names",
}

#: Tests that no requirement of the suite tells apart, the reasons first.
EXCLUDED = {
    "DuckDB does not keep the names of constraints": """
        ComponentReflectionTest.test_get_temp_table_unique_constraints
        ComponentReflectionTest.test_get_unique_constraints
        ComponentReflectionTest.test_get_unique_constraints_quoted_name
        ComponentReflectionTestExtra.test_check_constraint_parenthesized_expressions
        ComponentReflectionTestExtra.test_check_constraint_standalone""",
    "DuckDB forgets the length of VARCHAR(n) and CHAR(n)": """
        ComponentReflectionTestExtra.test_string_length_reflection
        ComponentReflectionTest.test_reflect_table_temp_table""",
    "DuckDB divides DECIMALs as DOUBLEs": "TrueDivTest.test_truediv_divisor",
    "it wants a third isolation level; there are two": (
        "IsolationLevelTest.test_dialect_user_setting_is_restored"
    ),
}


class Requirements(SuiteRequirements):
    """The requirements of the suite, for DuckDB."""

    def get_isolation_levels(self, config: Any) -> dict[str, Any]:
        return {"default": "SNAPSHOT", "supported": ["SNAPSHOT", "AUTOCOMMIT"]}

    def get_order_by_collation(self, config: Any) -> str:
        return "NOCASE"


def _requirement(rule: Any) -> Any:
    return property(lambda self: rule)


for _name in OPEN.split():
    setattr(Requirements, _name, _requirement(exclusions.open()))
for _reason, _names in CLOSED.items():
    for _name in _names.split():
        setattr(Requirements, _name, _requirement(exclusions.skip_if(lambda: True, _reason)))
