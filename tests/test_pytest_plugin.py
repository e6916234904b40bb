"""The pytest plugin `pytest_altertable`, and the page for testers, which is a test file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from .support import run_page

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how-to" / "testing.md"


def _pytest(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests in a directory of their own, as an application's are run."""
    (directory / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", "-p", "pytest_altertable", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *options],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_the_page_of_testers(tmp_path: Path) -> None:
    code = "\n".join(block.code for block in run_page.found(PAGE))
    (tmp_path / "test_page.py").write_text(code, encoding="utf-8")
    result = _pytest(tmp_path, "-n", "0")
    tests = len(re.findall(r"^def test_", code, re.M))
    assert tests > 8
    assert f"{tests} passed" in result.stdout, result.stdout + result.stderr


def test_workers_of_xdist_have_a_server_each(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', range(4))\n"
        "def test_port(n, altertable_server, worker_id):\n"
        "    with open(f'port-{worker_id}-{altertable_server.port}', 'w'): pass\n"
    )
    result = _pytest(tmp_path, "-n", "2", "--dist", "load")
    assert "4 passed" in result.stdout, result.stdout + result.stderr
    workers = [file.name.split("-") for file in tmp_path.glob("port-*")]
    assert len({port for _, _, port in workers}) == len({worker for _, worker, _ in workers})
    assert len(workers) == 2


def test_a_connection_is_rolled_back_and_closed_after_the_test(tmp_path: Path) -> None:
    (tmp_path / "test_order.py").write_text(
        "def test_first(altertable_server, altertable_connection):\n"
        "    altertable_connection.execute('CREATE TABLE t (n INTEGER)')\n"
        "    altertable_connection.commit()\n"
        "    altertable_connection.execute('INSERT INTO t VALUES (1)')\n"
        "    assert altertable_server.open_sessions == 1\n"
        "def test_second(altertable_server, altertable_connection):\n"
        "    assert altertable_server.open_sessions == 1\n"
        "    assert altertable_connection.execute('FROM t').fetchall() == []\n"
        "    altertable_connection.close()\n"
    )
    result = _pytest(tmp_path, "-n", "0", "-p", "no:randomly")
    assert "2 passed" in result.stdout, result.stdout + result.stderr


def test_nothing_is_imported_for_those_who_do_not_use_it(tmp_path: Path) -> None:
    (tmp_path / "test_modules.py").write_text(
        "import sys\n"
        "def test_modules():\n"
        "    assert 'pytest_altertable' in sys.modules\n"
        "    heavy = {'altertable_dbapi', 'adbc_driver_manager', 'pyarrow', 'numpy', 'duckdb'}\n"
        "    assert not heavy & set(sys.modules)\n"
    )
    # Plugins of others import what they like.
    others = ["-p", "no:hypothesispytest", "-p", "no:randomly", "-p", "no:xdist"]
    result = _pytest(tmp_path, *others)
    assert "1 passed" in result.stdout, result.stdout + result.stderr


def test_pytest_finds_it_by_its_entry_point() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("\n[project.entry-points.pytest11]\n")[2].partition("\n[")[0]
    # One name for both, so that pytest -p pytest_altertable is the same plugin.
    assert section.strip() == 'pytest_altertable = "pytest_altertable"'
    assert '"pytest_altertable"' in text.partition("\npackages = [")[2].partition("]")[0]
