"""A lake without DuckDB's extension for it: one sentence that says what to do, and soon."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import altertable_dbapi

PROGRAM = """
import altertable_dbapi, sys
from altertable_dbapi.local import lake
sys.modules["duckdb_extension_ducklake"] = None  # as if it were not installed
lake._INSTALL_SECONDS = 0.01  # as if nothing answered
altertable_dbapi.connect("local:lake")
"""


def test_it_is_said_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(altertable_dbapi.__file__).parent.parent,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "OperationalError: cannot open the local lake: a lake needs" in done.stderr
    assert "pip install 'altertable-dbapi[lake]'" in done.stderr.splitlines()[-1]
