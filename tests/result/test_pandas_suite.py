"""pandas' own tests of `read_sql` and `to_sql`, as they are installed, over this driver."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

_ROOT = Path(__file__).parents[2]

# Newer versions of pyarrow count an interval's time in nanoseconds alone.
_MICROSECONDS = "microseconds" in pa.array([pa.MonthDayNano([0, 0, 1000])]).to_pandas().iloc[0].kwds

#: What pandas does with no ADBC connection, whatever the driver: tests, and why they fail.
#: pandas itself expects each of them to fail.
NOT_WITH_ADBC = {
    "test_to_sql[multi]": "pandas has no method= for ADBC",
    "test_read_iris_query_chunksize": "pandas has no chunksize= for ADBC",
    "test_api_read_sql_with_chunksize_no_result": "pandas has no chunksize= for ADBC",
    "test_api_roundtrip_chunksize": "pandas has no chunksize= for ADBC",
    "test_api_chunksize_read": "pandas has no chunksize= for ADBC",
    "test_chunksize_empty_dtypes": "pandas has no chunksize= for ADBC",
    "test_read_sql_dtype_backend": "pandas has no chunksize= for ADBC; the test begins without it",
    "test_read_iris_query_string_with_parameter": "pandas has no params= for ADBC",
    "test_read_sql_iris_parameter": "pandas has no params= for ADBC",
    "test_read_sql_iris_named_parameter": "pandas has no params= for ADBC",
    "test_api_to_sql_index_label": "pandas has no index_label= for ADBC",
    "test_api_to_sql_index_label_multiindex": "pandas has no index_label= for ADBC",
    "test_to_sql_save_index": "pandas makes no index on a table over ADBC",
    "test_api_get_schema": "pandas has no get_schema() for ADBC",
    "test_api_get_schema_with_schema": "pandas has no get_schema() for ADBC",
    "test_api_get_schema_dtypes": "pandas has no get_schema() for ADBC",
    "test_api_get_schema_keys": "pandas has no get_schema() for ADBC",
    "test_warning_case_insensitive_table_name": "the warning is one of pandas with SQLAlchemy",
    "test_invalid_engine": "pandas looks at engine= only with SQLAlchemy",
}

#: Tests that pandas skips, and why.
SKIPPED: dict[str, str] = {}
if int(pd.__version__.split(".")[0]) >= 3:
    SKIPPED["test_dataframe_to_sql_arrow_dtypes_missing[Decimal]"] = (
        "pandas makes no timestamp of a Decimal"
    )
if importlib.util.find_spec("sqlalchemy") is None:
    # With it they pass.
    SKIPPED |= {
        "test_database_uri_string": "needs SQLAlchemy",
        "test_pg8000_sqlalchemy_passthrough_error": "needs SQLAlchemy",
        "test_delete_rows_is_atomic": "needs SQLAlchemy",
    }

#: Tests that fail, and why.
FAILING: dict[str, str] = {}
if not _MICROSECONDS:
    FAILING["test_api_timedelta"] = (
        "pyarrow makes a DateOffset of an INTERVAL, in nanoseconds; the test wants microseconds"
    )


@pytest.mark.timeout(300)
def test_everything_else_passes(tmp_path: Path) -> None:
    outcomes = run(tmp_path / "outcomes.json")
    assert len(outcomes) > 100
    found: dict[str, set[str]] = {"xfailed": set(), "skipped": set(), "failed": set()}
    for name, (outcome, _) in outcomes.items():
        if outcome != "passed":
            found[outcome].add(name)
    assert found == {
        "xfailed": chosen(outcomes, NOT_WITH_ADBC),
        "skipped": chosen(outcomes, SKIPPED),
        "failed": chosen(outcomes, FAILING),
    }, [outcomes[name] for names in found.values() for name in names]
    # What pandas refuses does not reach the driver.
    for name in found["xfailed"]:
        assert not outcomes[name][1].startswith(("altertable_dbapi.", "pandas.errors.")), name


def run(report: Path) -> dict[str, tuple[str, str]]:
    """Run the module in a process of its own; outcome and detail by test."""
    package = Path(pd.__file__).parent
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.pandas_suite"]
    command += ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"]
    # pandas' own settings, but for what it writes into the current directory.
    command += ["-c", str(package / "pyproject.toml"), "--rootdir", str(package), "-o", "addopts="]
    command += ["--pyargs", "pandas.tests.io.test_sql", "--outcomes", str(report)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    outcomes: dict[str, tuple[str, str]] = json.loads(report.read_text(encoding="utf-8"))
    return outcomes


def chosen(outcomes: dict[str, tuple[str, str]], listed: dict[str, str]) -> set[str]:
    """The tests that a list names: one, or all of a function."""
    return {name for name in outcomes if name in listed or name.partition("[")[0] in listed}
