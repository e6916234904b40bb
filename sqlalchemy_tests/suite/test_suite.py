"""SQLAlchemy's suite as it ships, but for what DuckDB cannot do."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.testing import fixtures
from sqlalchemy.testing import suite as shipped
from sqlalchemy.testing.suite import *

from .provision import empty
from .requirements import EXCLUDED


class ComponentReflectionTest(shipped.ComponentReflectionTest):
    """The suite's, with no names of unique and check constraints, which DuckDB forgets."""

    def exp_ucs(self, **kw: Any) -> Any:
        return _unnamed(super().exp_ucs(**kw))

    # SQLAlchemy 2.0 does not ask this.
    if hasattr(shipped.ComponentReflectionTest, "exp_ccs"):

        def exp_ccs(self, **kw: Any) -> Any:
            return _unnamed(super().exp_ccs(**kw))


def _unnamed(expected: Any) -> Any:
    for constraints in expected.values():
        for constraint in constraints:
            constraint["name"] = None
    return expected


_teardown_each_tables = fixtures.TablesTest._teardown_each_tables


def _empty_each_table(test: Any) -> None:
    if test.run_deletes == "each" and test.run_define_tables != "each":
        empty(test.bind, test._tables_metadata)
    _teardown_each_tables(test)


fixtures.TablesTest._teardown_each_tables = _empty_each_table

for _reason, _names in EXCLUDED.items():
    for _name in _names.split():
        _class, _, _test = _name.partition(".")
        _found = getattr(globals()[_class], _test, None)
        if _found is not None:  # SQLAlchemy 2.0 has not all of them
            setattr(globals()[_class], _test, pytest.mark.skip(_reason)(_found))
