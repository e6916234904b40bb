"""Queries and changes as DuckDB's SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import cast, exc
from sqlalchemy import types as sqltypes
from sqlalchemy.sql import coercions, compiler, elements, roles

#: EXTRACT's names that DuckDB spells otherwise.
_EXTRACT = dict(compiler.EXTRACT_MAP, dow="dow", doy="doy", milliseconds="millisecond")


class AltertableCompiler(compiler.SQLCompiler):
    """Compiles what DuckDB says otherwise than standard SQL."""

    extract_map = _EXTRACT

    # SELECT

    def get_select_precolumns(self, select: Any, **kw: Any) -> str:
        if select._distinct_on:
            columns = ", ".join(self.process(column, **kw) for column in select._distinct_on)
            return f"DISTINCT ON ({columns}) "
        return "DISTINCT " if select._distinct else ""

    def limit_clause(self, select: Any, **kw: Any) -> str:
        return self._limited(select._limit_clause, select._offset_clause, **kw)

    def _limited(self, limit: Any, offset: Any, *, percent: bool = False, **kw: Any) -> str:
        text = ""
        if limit is not None:
            number = self.process(limit, **kw)
            text += f"\n LIMIT ({number})%" if percent else f"\n LIMIT {number}"
        if offset is not None:
            text += f"\n OFFSET {self.process(offset, **kw)}"
        return text

    def fetch_clause(
        self,
        select: Any,
        fetch_clause: Any = None,
        require_offset: bool = False,
        use_literal_execute_for_simple_int: bool = False,
        **kw: Any,
    ) -> str:
        options = select._fetch_clause_options
        if options["with_ties"]:
            raise exc.CompileError("DuckDB has no FETCH WITH TIES; use limit(), or qualify rank()")
        return self._limited(
            select._fetch_clause, select._offset_clause, percent=options["percent"], **kw
        )

    def for_update_clause(self, select: Any, **kw: Any) -> str:
        """Nothing: DuckDB has no locks of rows; a transaction that meets another's change fails."""
        return ""

    def visit_empty_set_expr(self, element_types: Any, **kw: Any) -> str:
        columns = (
            f"CAST(NULL AS {self.dialect.type_compiler_instance.process(_typed(type_))})"
            for type_ in element_types or [sqltypes.INTEGER()]
        )
        return f"SELECT {', '.join(columns)} WHERE 1 != 1"

    def visit_tablesample(self, tablesample: Any, asfrom: bool = False, **kw: Any) -> str:
        sampled = tablesample.element._compiler_dispatch(self, asfrom=True, **kw)
        method = tablesample._get_method()
        text = f"{sampled} TABLESAMPLE {self._percent(method, **kw)}"
        if tablesample.seed is not None:
            text += f" REPEATABLE ({self.process(tablesample.seed, **kw)})"
        alias = tablesample.name
        if isinstance(alias, elements._truncated_label):
            alias = self._truncated_identifier("alias", alias)
        # DuckDB wants the alias before TABLESAMPLE.
        table, _, rest = text.partition(" TABLESAMPLE ")
        return f"{table} AS {self.preparer.quote(alias)} TABLESAMPLE {rest}"

    def _percent(self, method: Any, **kw: Any) -> str:
        value = self.process(method.clause_expr.element, **kw)
        return f"{method.name}({value} PERCENT)"

    # Operators

    def visit_is_distinct_from_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return self._operator(binary, "IS DISTINCT FROM", **kw)

    def visit_is_not_distinct_from_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return self._operator(binary, "IS NOT DISTINCT FROM", **kw)

    def visit_bitwise_xor_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return f"xor({self.process(binary.left, **kw)}, {self.process(binary.right, **kw)})"

    def visit_floordiv_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        # DuckDB's // cuts towards zero.
        left, right = self.process(binary.left, **kw), self.process(binary.right, **kw)
        whole = binary.left.type._type_affinity, binary.right.type._type_affinity
        if whole == (sqltypes.Integer, sqltypes.Integer):
            return f"CAST(FLOOR({left} / {right}) AS BIGINT)"
        return f"FLOOR({left} / {right})"

    def visit_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return self._like(binary, "ILIKE", **kw)

    def visit_not_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return self._like(binary, "NOT ILIKE", **kw)

    def _like(self, binary: Any, word: str, **kw: Any) -> str:
        escape = binary.modifiers.get("escape")
        text = self._operator(binary, word, **kw)
        if escape is None:
            return text
        return f"{text} ESCAPE {self.render_literal_value(escape, sqltypes.STRINGTYPE)}"

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        # The operator ~ matches all of a text with DuckDB 1, and a part with DuckDB 2.
        text, pattern = self.process(binary.left, **kw), self.process(binary.right, **kw)
        flags = binary.modifiers["flags"]
        if flags is None:
            return f"regexp_matches({text}, {pattern})"
        return f"regexp_matches({text}, {pattern}, {self._flags(flags)})"

    def visit_not_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return f"NOT {self.visit_regexp_match_op_binary(binary, operator, **kw)}"

    def visit_regexp_replace_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        text = self.process(binary.left, **kw)
        pattern, replacement = (self.process(part, **kw) for part in binary.right.clauses)
        flags = binary.modifiers["flags"]
        if flags is None:
            return f"regexp_replace({text}, {pattern}, {replacement})"
        return f"regexp_replace({text}, {pattern}, {replacement}, {self._flags(flags)})"

    def _flags(self, flags: str) -> str:
        return self.render_literal_value(flags, sqltypes.STRINGTYPE)

    def _operator(self, binary: Any, word: str, **kw: Any) -> str:
        return f"{self.process(binary.left, **kw)} {word} {self.process(binary.right, **kw)}"

    def visit_json_getitem_op_binary(
        self, binary: Any, operator: Any, _cast_applied: bool = False, **kw: Any
    ) -> str:
        affinity = binary.type._type_affinity
        if affinity is sqltypes.JSON:
            return f"({self._operator(binary, '->', **kw)})"
        if not _cast_applied and affinity is not sqltypes.String:
            return self.process(cast(binary, binary.type), _cast_applied=True, **kw)
        return f"({self._operator(binary, '->>', **kw)})"

    def visit_json_path_getitem_op_binary(
        self, binary: Any, operator: Any, _cast_applied: bool = False, **kw: Any
    ) -> str:
        return self.visit_json_getitem_op_binary(binary, operator, _cast_applied, **kw)

    # Functions

    def visit_now_func(self, function: Any, **kw: Any) -> str:
        return "now()"

    def visit_sequence(self, sequence: Any, **kw: Any) -> str:
        name = self.preparer.format_sequence(sequence)
        return f"nextval({self.render_literal_value(name, sqltypes.STRINGTYPE)})"

    def visit_char_length_func(self, function: Any, **kw: Any) -> str:
        return f"length{self.function_argspec(function, **kw)}"

    def visit_aggregate_strings_func(self, function: Any, **kw: Any) -> str:
        return self.visit_function(function, name="string_agg", **kw)

    # INSERT, UPDATE, DELETE

    def update_from_clause(
        self, update_stmt: Any, from_table: Any, extra_froms: Any, from_hints: Any, **kw: Any
    ) -> str:
        return f"FROM {self._tables(extra_froms, from_hints, **kw)}"

    def delete_extra_from_clause(
        self, delete_stmt: Any, from_table: Any, extra_froms: Any, from_hints: Any, **kw: Any
    ) -> str:
        return f"USING {self._tables(extra_froms, from_hints, **kw)}"

    def _tables(self, tables: Any, hints: Any, **kw: Any) -> str:
        kw["asfrom"] = True
        return ", ".join(each._compiler_dispatch(self, fromhints=hints, **kw) for each in tables)

    def visit_on_conflict_do_nothing(self, clause: Any, **kw: Any) -> str:
        return f"ON CONFLICT{self._conflict_target(clause, **kw)} DO NOTHING"

    def visit_on_conflict_do_update(self, clause: Any, **kw: Any) -> str:
        target = self._conflict_target(clause, **kw)
        columns = {column.key: column for column in self.stack[-1]["selectable"].table.c}
        assignments = []
        for key, value in clause.update_values_to_set.items():
            column = columns.get(key if isinstance(key, str) else key.key)
            name = key if column is None else column.name
            if not isinstance(name, str):
                name = name.name
            if (
                isinstance(value, elements.BindParameter)
                and value.type._isnull
                and column is not None
            ):
                value = value._with_binary_element_type(column.type)
            value = coercions.expect(roles.ExpressionElementRole, value)
            text = self.process(value.self_group(), is_upsert_set=True, use_schema=False, **kw)
            assignments.append(f"{self.preparer.quote(name)} = {text}")
        text = f"ON CONFLICT{target} DO UPDATE SET {', '.join(assignments)}"
        if clause.update_whereclause is not None:
            where = dict(kw, include_table=True, use_schema=False)
            text += f" WHERE {self.process(clause.update_whereclause, **where)}"
        return text

    def _conflict_target(self, clause: Any, **kw: Any) -> str:
        if clause.constraint_target is not None:
            raise exc.CompileError(
                f"ON CONSTRAINT {clause.constraint_target}: DuckDB knows no constraint by its "
                "name; give index_elements=[...]"
            )
        if clause.inferred_target_elements is None:
            return ""
        plain = dict(kw, include_table=False, use_schema=False)
        columns = ", ".join(
            self.preparer.quote(column)
            if isinstance(column, str)
            else self.process(column, **plain)
            for column in clause.inferred_target_elements
        )
        if clause.inferred_target_whereclause is None:
            return f" ({columns})"
        where = self.process(clause.inferred_target_whereclause, **plain)
        return f" ({columns}) WHERE {where}"


def _typed(type_: Any) -> Any:
    return sqltypes.INTEGER() if type_._isnull else type_
