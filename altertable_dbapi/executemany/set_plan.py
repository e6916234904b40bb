"""How a statement is joined to its sets of parameters, where that is the same as one for each.

It is the same where a set reaches rows by a key that no other set of the statement has, where
values are compared and stored as the ones of a single statement are, and where nothing looks
beyond its row. Whatever is not known to be so is executed for each set.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

from ..parameters.bind import Slots
from ..session.session import Session
from ..statement.names import quote_identifier
from ..statement.row_expressions import Expression, plain_name
from .parameter_runs import FREE, INSIDE, Use, assigned_to, compared_with
from .set_statements import Key, KeyedChange, KeyedInsert
from .table_facts import Column, TableFacts, are_collated, are_functions_of_rows, table_facts


class Plan(NamedTuple):
    """How a statement is joined to its sets.

    Attributes
    ----------
    statement : KeyedChange or KeyedInsert
    facts : TableFacts
    uses : list of Use
        For each number what its values may share a run with.
    groups : list of list of Key
        Keys that no two sets of a round may have in common.
    keyed : list of str
        The columns by which returned rows are put in order; none where they are in order.
    """

    statement: KeyedChange | KeyedInsert
    facts: TableFacts
    uses: list[Use]
    groups: list[list[Key]]
    keyed: list[str]


def planned(session: Session, slots: Slots, statement: KeyedChange | KeyedInsert) -> Plan | None:
    """How to join a statement to its sets; None where it has to be executed for each."""
    facts = table_facts(session, statement.table)
    if facts.closed or any(name.startswith("__") for name in facts.columns):
        return None
    targets = assigned_columns(statement, facts)
    if targets is None or not _looks_at_its_row(session, statement, facts):
        return None
    groups = _groups(statement, facts)
    if groups is None:
        return None
    numbers = [key.number for group in groups for key in group if key.number is not None]
    if isinstance(statement, KeyedChange) and len(set(numbers)) < len(numbers):
        return None
    texts = {key.column for group in groups for key in group if type_of(facts, key) == "VARCHAR"}
    if texts and are_collated(session, statement.table, sorted(texts)):
        return None
    keyed: list[str] = []
    # DuckDB returns inserted rows in their order, unless it looks for conflicts.
    if statement.returning is not None and (groups or isinstance(statement, KeyedChange)):
        one = frozenset(plain_name(key.column) for key in groups[0]) if groups else frozenset()
        if len(groups) != 1 or not any(unique <= one for unique in facts.unique):
            return None
        keyed = [key.column for key in groups[0] if key.number is not None]
    uses = [FREE] * len(slots.names)
    for target, (_, expression) in zip(targets, statement.assigned, strict=True):
        use = assigned_to(expression.cast_to or target.type) if expression.alone else INSIDE
        for number in expression.numbers:
            uses[number - 1] &= use
    for key in chain.from_iterable(groups):
        if key.number is not None:
            uses[key.number - 1] &= compared_with(type_of(facts, key))
    return Plan(statement, facts, uses, groups, keyed)


def type_of(facts: TableFacts, key: Key) -> str:
    return facts.columns[plain_name(key.column)].type


def assigned_columns(
    statement: KeyedChange | KeyedInsert, facts: TableFacts
) -> list[Column] | None:
    """The column that each value goes to; None where a name is no column's."""
    names = [None if name is None else plain_name(name) for name, _ in statement.assigned]
    if None in names:
        names = list(facts.columns)
    known = all(name in facts.columns for name in names) and len(set(names)) == len(names)
    if not known or len(names) != len(statement.assigned):
        return None
    return [facts.columns[name] for name in names if name is not None]


def _looks_at_its_row(
    session: Session, statement: KeyedChange | KeyedInsert, facts: TableFacts
) -> bool:
    """Whether no expression depends on more than its own row."""
    own = facts.columns if isinstance(statement, KeyedChange) else ()
    called = set[str]()
    expressions = [(expression, own) for _, expression in statement.assigned]
    expressions += [(expression, facts.columns) for expression in statement.others]
    if statement.returning is not None and [t.kind for t in statement.returning.tokens] != ["*"]:
        expressions.append((statement.returning, facts.columns))
    for expression, columns in expressions:
        found = expression.functions(columns, statement.qualifiers)
        if found is None:
            return False
        called |= found
    return are_functions_of_rows(session, called)


def _groups(statement: KeyedChange | KeyedInsert, facts: TableFacts) -> list[list[Key]] | None:
    """The keys that no two sets may have in common; None where one of them cannot be told."""
    if facts.self_referring:
        return None
    if isinstance(statement, KeyedChange):
        changed = {plain_name(name) for name, _ in statement.assigned if name is not None}
        keys = {plain_name(key.column) for key in statement.keys}
        if changed & (facts.bound | keys) or not keys <= facts.columns.keys():
            return None
        return [statement.keys]
    if not statement.action:
        return []
    if statement.action != "NOTHING":
        if len(facts.unique) != 1:
            return None
        if {plain_name(name) for name in statement.changed} & facts.bound:
            return None
        if statement.action == "REPLACE" and facts.bound - facts.unique[0]:
            return None
    values = inserted(statement, facts)
    groups = []
    for unique in facts.unique:
        group = []
        for name in unique:
            expression = values.get(name)
            if expression is None:
                # The column gets its default.
                if name not in facts.columns or facts.columns[name].default not in (None, "NULL"):
                    return None
                break
            if expression.constant:
                continue
            if not expression.alone or expression.cast_to:
                return None
            group.append(Key(quote_identifier(name), expression.numbers[0]))
        else:
            if not group:
                return None
            groups.append(group)
    return groups


def inserted(statement: KeyedInsert, facts: TableFacts) -> dict[str, Expression]:
    """For each column, by its name in lower case, what it gets."""
    columns = assigned_columns(statement, facts) or []
    return {
        column.name.lower(): expression
        for column, (_, expression) in zip(columns, statement.assigned, strict=True)
    }
