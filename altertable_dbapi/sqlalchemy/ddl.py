"""Tables, views, sequences and types as DuckDB's SQL."""

from __future__ import annotations

import warnings
from typing import Any

from sqlalchemy import exc, schema
from sqlalchemy import types as sqltypes
from sqlalchemy.sql import compiler


class AltertableDDLCompiler(compiler.DDLCompiler):
    """Compiles tables as DuckDB and its catalogs take them."""

    def visit_create_table(self, create: Any, **kw: Any) -> str:
        text = super().visit_create_table(create, **kw)
        numbers = self._own_sequence(create.element)
        if numbers is None:
            return text
        name, options = numbers
        temporary = "TEMPORARY " if _is_temporary(create.element) else ""
        return f"CREATE {temporary}SEQUENCE IF NOT EXISTS {name}{options};\n{text}"

    def visit_drop_table(self, drop: Any, **kw: Any) -> str:
        text = super().visit_drop_table(drop, **kw)
        numbers = self._own_sequence(drop.element)
        return text if numbers is None else f"{text};\nDROP SEQUENCE IF EXISTS {numbers[0]}"

    def _own_sequence(self, table: Any) -> tuple[str, str] | None:
        """The name and options of the sequence that numbers a table's rows, if it is ours."""
        if self.dialect.lake:
            return None
        column = table._autoincrement_column
        for each in table.columns:
            if each.identity is not None:
                column = each
        if column is None or (column.default is not None and column.identity is None):
            return None
        if column.server_default is not None and column.identity is None:
            return None
        if not isinstance(column.type, sqltypes.Integer):
            return None
        options = ""
        if column.identity is not None:
            options = " " + self.get_identity_options(column.identity)
        return self._sequence_name(table, column), options.rstrip()

    def _sequence_name(self, table: Any, column: Any) -> str:
        name = schema.Sequence(f"{table.name}_{column.name}_seq", schema=table.schema)
        return self.preparer.format_sequence(name)

    def create_table_constraints(self, table: Any, **kw: Any) -> str:
        if not self.dialect.lake:
            return super().create_table_constraints(table, **kw)
        kinds = (schema.UniqueConstraint, schema.CheckConstraint, schema.ForeignKeyConstraint)
        if len(table.primary_key) or any(isinstance(each, kinds) for each in table.constraints):
            warnings.warn(
                f"the keys and constraints of the table {table.name} are left out: a lake has none",
                exc.SAWarning,
                stacklevel=2,
            )
        return ""

    def get_column_specification(self, column: Any, **kw: Any) -> str:
        text = f"{self.preparer.format_column(column)} {self._column_type(column)}"
        if column.computed is not None:
            return f"{text} {self.process(column.computed)}"
        default = self.get_column_default_string(column)
        numbers = self._own_sequence(column.table) if column.table is not None else None
        if numbers is not None and numbers[0] == self._sequence_name(column.table, column):
            default = f"nextval({self._literal(numbers[0])})"
        if default is not None:
            text += f" DEFAULT {default}"
        if not column.nullable:
            text += " NOT NULL"
        return text

    def _column_type(self, column: Any) -> str:
        return self.dialect.type_compiler_instance.process(column.type, type_expression=column)

    def _literal(self, text: str) -> str:
        return self.sql_compiler.render_literal_value(text, sqltypes.STRINGTYPE)

    def get_column_default_string(self, column: Any) -> str | None:
        default = super().get_column_default_string(column)
        if default is None or isinstance(column.server_default.arg, str):
            return default
        return f"({default})"

    def visit_computed_column(self, generated: Any, **kw: Any) -> str:
        if generated.persisted is True:
            raise exc.CompileError(
                "DuckDB has no stored generated columns; leave persisted= out for a virtual one"
            )
        text = self.sql_compiler.process(generated.sqltext, include_table=False, literal_binds=True)
        return f"GENERATED ALWAYS AS ({text}) VIRTUAL"

    def visit_identity_column(self, identity: Any, **kw: Any) -> str:
        return ""

    def define_constraint_cascades(self, constraint: Any) -> str:
        for word in ("ondelete", "onupdate"):
            action = getattr(constraint, word)
            if action is not None and action.upper() not in ("NO ACTION", "RESTRICT"):
                warnings.warn(
                    f"{word}={action!r} of a foreign key is left out: DuckDB's foreign keys refuse "
                    "a change of rows that are referred to",
                    exc.SAWarning,
                    stacklevel=2,
                )
        return ""

    def define_constraint_deferrability(self, constraint: Any) -> str:
        return ""

    def visit_add_constraint(self, create: Any, **kw: Any) -> str:
        constraint = create.element
        if isinstance(constraint, schema.ForeignKeyConstraint):
            raise exc.CompileError(
                f"a foreign key cannot be added to the table {constraint.table.name}: DuckDB takes "
                "one with CREATE TABLE only"
            )
        return super().visit_add_constraint(create, **kw)

    def visit_drop_constraint(self, drop: Any, **kw: Any) -> str:
        raise exc.CompileError(
            f"the constraint {drop.element.name} cannot be dropped: DuckDB keeps constraints as "
            "long as their table"
        )

    def visit_create_index(
        self,
        create: Any,
        include_schema: bool = False,
        include_table_schema: bool = True,
        **kw: Any,
    ) -> str:
        index = create.element
        if self.dialect.lake:
            raise exc.CompileError(f"the index {index.name} cannot be made: a lake has no indexes")
        if index.table is None or not index.expressions:
            raise exc.CompileError(f"the index {index.name} has no table or no columns")
        columns = ", ".join(
            self.sql_compiler.process(each, include_table=False, literal_binds=True)
            for each in index.expressions
        )
        unique = "UNIQUE " if index.unique else ""
        exists = "IF NOT EXISTS " if create.if_not_exists else ""
        name = self._prepared_index_name(index, include_schema=False)
        table = self.preparer.format_table(index.table, use_schema=include_table_schema)
        return f"CREATE {unique}INDEX {exists}{name} ON {table} ({columns})"

    def visit_drop_index(self, drop: Any, **kw: Any) -> str:
        name = self._prepared_index_name(drop.element, include_schema=True)
        return f"DROP INDEX {'IF EXISTS ' if drop.if_exists else ''}{name}"

    def visit_set_constraint_comment(self, create: Any, **kw: Any) -> str:
        raise exc.CompileError("DuckDB has no comments on constraints")

    visit_drop_constraint_comment = visit_set_constraint_comment

    def visit_drop_table_comment(self, drop: Any, **kw: Any) -> str:
        return f"COMMENT ON TABLE {self.preparer.format_table(drop.element)} IS NULL"


def _is_temporary(table: Any) -> bool:
    return any(prefix.upper() in ("TEMP", "TEMPORARY") for prefix in table._prefixes)


class AltertableTypeCompiler(compiler.GenericTypeCompiler):
    """Compiles types under DuckDB's names."""

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:
        precision = type_.precision
        return "REAL" if precision is not None and precision <= 24 else "DOUBLE"

    def visit_DOUBLE(self, type_: Any, **kw: Any) -> str:
        return "DOUBLE"

    visit_DOUBLE_PRECISION = visit_DOUBLE

    def visit_REAL(self, type_: Any, **kw: Any) -> str:
        return "REAL"

    def visit_NUMERIC(self, type_: Any, **kw: Any) -> str:
        # A bare DECIMAL would be DuckDB's (18, 3).
        if type_.precision is None:
            return "DECIMAL(38, 10)" if type_.scale is None else f"DECIMAL(38, {type_.scale})"
        return f"DECIMAL({type_.precision}, {type_.scale or 0})"

    visit_DECIMAL = visit_NUMERIC

    def visit_TEXT(self, type_: Any, **kw: Any) -> str:
        return "VARCHAR"

    visit_CLOB = visit_NCHAR = visit_NVARCHAR = visit_CHAR = visit_TEXT

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:
        return f"VARCHAR({type_.length})" if type_.length else "VARCHAR"

    def visit_BLOB(self, type_: Any, **kw: Any) -> str:
        return "BLOB"

    visit_large_binary = visit_BINARY = visit_VARBINARY = visit_BLOB

    def visit_DATETIME(self, type_: Any, **kw: Any) -> str:
        return self.visit_TIMESTAMP(type_, **kw)

    def visit_TIMESTAMP(self, type_: Any, **kw: Any) -> str:
        return "TIMESTAMP WITH TIME ZONE" if type_.timezone else "TIMESTAMP"

    def visit_TIME(self, type_: Any, **kw: Any) -> str:
        return "TIME WITH TIME ZONE" if type_.timezone else "TIME"

    def visit_interval(self, type_: Any, **kw: Any) -> str:
        return "INTERVAL"

    def visit_uuid(self, type_: Any, **kw: Any) -> str:
        return "UUID"

    visit_UUID = visit_uuid

    def visit_JSON(self, type_: Any, **kw: Any) -> str:
        return "JSON"

    def visit_enum(self, type_: Any, **kw: Any) -> str:
        if not type_.native_enum or self.dialect.lake:
            return super().visit_enum(type_, **kw)
        return self.visit_ENUM(type_, **kw)

    def visit_ENUM(self, type_: Any, **kw: Any) -> str:
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in type_.enums)
        return f"ENUM({values})"

    def visit_ARRAY(self, type_: Any, **kw: Any) -> str:
        return self.process(type_.item_type, **kw) + "[]" * (type_.dimensions or 1)

    def visit_STRUCT(self, type_: Any, **kw: Any) -> str:
        return f"STRUCT({self._members(type_, **kw)})"

    def visit_UNION(self, type_: Any, **kw: Any) -> str:
        return f"UNION({self._members(type_, **kw)})"

    def visit_MAP(self, type_: Any, **kw: Any) -> str:
        return f"MAP({self.process(type_.key, **kw)}, {self.process(type_.value, **kw)})"

    def _members(self, type_: Any, **kw: Any) -> str:
        quote = self.dialect.identifier_preparer.quote_identifier
        return ", ".join(
            f"{quote(name)} {self.process(member, **kw)}" for name, member in type_.members.items()
        )


def _named(name: str) -> Any:
    def visit(self: AltertableTypeCompiler, type_: Any, **kw: Any) -> str:
        return name

    return visit


for _name in (
    *("TINYINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM"),
    *("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIME_NS"),
    *("BIT", "GEOMETRY", "VARIANT", "INTERVAL"),
):
    setattr(AltertableTypeCompiler, f"visit_{_name}", _named(_name))
