"""A pytest plugin that runs pandas' own tests of its SQL functions over this driver.

``python -m pytest -p tests.support.pandas_suite --pyargs pandas.tests.io.test_sql`` runs the
installed module as it is. Only two of its fixtures are replaced: the connection that it makes to
PostgreSQL over ADBC, since PostgreSQL's SQL is the nearest to DuckDB's that pandas has tests for,
and a file that pandas does not install. The tables of the tests are made by pandas' own fixtures,
over the connection. Tests of other connections are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi.local import Server

#: Tests that replace the rows of a table. pandas drops or empties the table in a statement and
#: loads the new rows after it: a load is a transaction of its own, so the statement must be one.
AUTOCOMMIT = (
    "test_to_sql_exist[replace-1]",
    "test_to_sql_exist[delete_rows-1]",
    "test_api_to_sql_replace",
    "test_api_table_name_quoted",
)

# The first rows of Fisher's iris data; pandas' tests know no others.
_IRIS = """SepalLength,SepalWidth,PetalLength,PetalWidth,Name
5.1,3.5,1.4,0.2,Iris-setosa
4.9,3.0,1.4,0.2,Iris-setosa
4.7,3.2,1.3,0.2,Iris-setosa
4.6,3.1,1.5,0.2,Iris-setosa
5.0,3.6,1.4,0.2,Iris-setosa
5.4,3.9,1.7,0.4,Iris-setosa
4.6,3.4,1.4,0.3,Iris-setosa
5.0,3.4,1.5,0.2,Iris-setosa
"""

_OUTCOMES = pytest.StashKey[dict[str, tuple[str, str]]]()


def test_name(item: pytest.Item) -> str:
    """A test's name without the name of the connection, which is the same for all."""
    return re.sub(r"-?postgresql_adbc_\w+", "", item.name).replace("[]", "")


@pytest.fixture(scope="session")
def altertable_server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def postgresql_adbc_conn(
    request: pytest.FixtureRequest, altertable_server: Server
) -> Iterator[altertable_dbapi.Connection[Any]]:
    with altertable_server.connect(autocommit=True) as conn:
        # PostgreSQL's name for where tables are unless a statement says something else.
        conn.execute("DROP SCHEMA IF EXISTS public CASCADE")
        conn.execute("CREATE SCHEMA public")
    autocommit = test_name(request.node) in AUTOCOMMIT
    with altertable_server.connect(schema="public", autocommit=autocommit) as conn:
        yield conn


@pytest.fixture
def iris_path(tmp_path: Path) -> Path:
    path = tmp_path / "iris.csv"
    path.write_text(_IRIS, encoding="utf-8")
    return path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcomes", type=Path, help="a JSON file for what became of each test")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_OUTCOMES] = {}


def pytest_collectstart(collector: pytest.Collector) -> None:
    # Before the module's fixtures are looked at.
    if isinstance(collector, pytest.Module):
        for fixture in (postgresql_adbc_conn, iris_path):
            name = fixture.__name__
            assert hasattr(collector.obj, name), f"pandas has no fixture {name}"
            setattr(collector.obj, name, fixture)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if "postgresql_adbc" in item.name]
    config.hook.pytest_deselected(items=[item for item in items if item not in ours])
    items[:] = ours


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    outcomes = item.config.stash[_OUTCOMES]
    if report.when == "call" or report.outcome != "passed":
        detail = str(report.longrepr or "")
        if call.excinfo is not None:
            detail = f"{call.excinfo.type.__module__}.{call.excinfo.exconly()}"
        outcome: str = report.outcome
        if detail.startswith("[XPASS(strict)]"):
            outcome = "passed"  # where pandas expects PostgreSQL's driver to fail
        elif outcome == "skipped" and hasattr(report, "wasxfail"):
            outcome = "xfailed"
        outcomes[test_name(item)] = outcome, detail
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    path: Path | None = session.config.getoption("--outcomes")
    if path is not None:
        path.write_text(json.dumps(session.config.stash[_OUTCOMES]), encoding="utf-8")
