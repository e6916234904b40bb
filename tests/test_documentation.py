"""README.md and docs/: every page's Python runs, in the page's order, as one session."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import altertable_dbapi
from altertable_dbapi._connect import ConnectionSettings
from altertable_dbapi.settings.settings import ALIASES, SETTINGS
from altertable_dbapi.settings.uri import parse_uri

from .support import run_page

ROOT = Path(__file__).parent.parent

#: Their tools are in environments of their own: documentation_tests and sqlalchemy_tests run them.
ELSEWHERE = {"how-to/dask.md", "how-to/ibis.md", "how-to/ray.md", "sqlalchemy.md"}

#: These need the extra `lake`: tests/lake runs them.
ON_A_LAKE = {"how-to/lake-past.md", "how-to/pieces.md"}

DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *(
        page
        for page in sorted(DOCS.rglob("*.md"))
        if page.relative_to(DOCS).as_posix() not in ELSEWHERE | ON_A_LAKE and run_page.found(page)
    ),
]


def _run(page: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.run_page", str(page)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_runs(page: Path) -> None:
    result = _run(page)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```python\nx = 1\n```\n\n```python\nprint(x)  # 2\n```\n", "prints '1', not '2'"),
        ("```python\nfor x in (): pass\nprint('')  # 1\n```\n", "prints '', not '1'"),
        ("```python\nprint(3)\n```\n\n```text\n4\n```\n", "prints\n3\n"),
        ("```python\nraise ValueError('no')\n```\n", "ValueError: no"),
        ("```python\nimport warnings\nwarnings.warn('old')\n```\n", "UserWarning: old"),
        ("```python service\nprint(conn)\n```\n", "name 'conn' is not defined"),
    ],
)
def test_a_page_that_is_wrong_is_found(text: str, reason: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    result = _run(page)
    assert result.returncode == 1
    assert reason in result.stderr


def test_calls_in_the_tables_of_migrating_are_run(tmp_path: Path) -> None:
    page = tmp_path / "migrate" / "page.md"
    page.parent.mkdir()
    page.write_text(
        "```python\nx = [1]\n```\n\n| there | here |\n|---|---|\n| `y()` | `x[2](3)` |\n"
    )
    assert "IndexError" in _run(page).stderr


def test_every_block_of_python_is_one_that_runs() -> None:
    """No page has Python in a block that the tests would pass over."""
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        languages = set(re.findall(r"^ *```+([^\n]+)$", text, re.M))
        known = {"python", "python service", "python airflow", "text", "console", "bash"}
        known |= {"{toctree}", "{eval-rst}", "{include} ../CHANGELOG.md"}
        known |= {"{literalinclude} ../../examples/processes.py"}
        assert languages <= known, (page, languages - known)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*) \|$", page, re.M)
    table = {name: said for name, *said in lines}
    assert table.pop("row_factory") == ["`tuple_row`", "–", "–", "what a row is"]
    assert list(table) == list(SETTINGS)
    for name, (default, options, variable, doc) in table.items():
        setting = SETTINGS[name]
        assert variable == (f"`{setting.environment}`" if setting.environment else "–"), name
        assert default == (setting.unset or f"`{setting.default}`"), name
        # A link is for readers of the page.
        assert re.sub(r" \(\[.*\)|`", "", doc) == setting.doc, name

        said = {part.strip("`") for part in options.split(", ")}
        assert said - {f"or {setting.place}"} == {
            *([setting.place] if setting.place and f"or {setting.place}" not in said else []),
            *((name, *setting.aliases) if name not in ("host", "port") else ()),
        }, name
        for option in (name, *setting.aliases):
            assert parse_uri(f"altertable://host?{option}=x") == {"host": "host", name: "x"} or (
                name == "host"
            )


def test_the_arguments_of_connect_are_the_settings() -> None:
    hints = get_type_hints(altertable_dbapi.connect)
    for_checkers = get_type_hints(ConnectionSettings)
    described = inspect.getdoc(altertable_dbapi.connect) or ""
    arguments = inspect.signature(altertable_dbapi.connect).parameters
    stock = {"uri", "db_kwargs", "conn_kwargs"}
    assert set(arguments) == {*stock, "dsn", "row_factory", *SETTINGS, *ALIASES}
    assert set(for_checkers) == {"dsn", *SETTINGS, *ALIASES}
    assert all(hints[alias] == hints[name] for alias, name in ALIASES.items())
    for name, setting in SETTINGS.items():
        kind = setting.type | None
        if setting.also is not None:
            kind |= setting.also
        assert hints[name] == for_checkers[name] == kind, name
        assert arguments[name].default is None
        assert re.search(rf"^(\w+, )*{name}(, \w+)* :", described, re.M), name


def test_an_example_of_processes_runs() -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "examples/processes.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert (result.stdout, result.stderr) == ("[0, 1, 4, 9, 16]\n", "")


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_changelog_has_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.M)
    assert headings[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d", one) for one in headings[1:]]
    assert all(released), headings
    newest = [match[1] for match in released if match][:1]
    if newest != [altertable_dbapi.__version__]:
        assert f"To be {altertable_dbapi.__version__}" in text
    kinds = set(re.findall(r"^### (.*)$", text, re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_what_is_public_is_in_the_tree() -> None:
    page = (DOCS / "versioning.md").read_text(encoding="utf-8")
    listed = re.findall(r"`(altertable_dbapi[.\w]*|adbc_driver_altertable[.\w]*)`", page)
    assert set(listed) >= {"altertable_dbapi", "altertable_dbapi.local", "altertable_dbapi.airflow"}
    for name in listed:
        module = ROOT.joinpath(*name.split("."))
        source = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
        assert "__all__" in source.read_text(encoding="utf-8"), name
