"""The pages whose tools the driver's own tests do not install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_documentation import ELSEWHERE

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", sorted(ELSEWHERE))
def test_a_page_runs(page: str) -> None:
    # Warnings are those tools' own matter.
    result = subprocess.run(
        [sys.executable, "-m", "tests.support.run_page", f"docs/{page}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert result.returncode == 0, result.stdout + result.stderr
