"""The site of the documentation: it builds without a warning, and the reference is complete."""

from __future__ import annotations

import inspect
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from adbc_driver_manager import dbapi as adbc_dbapi

import altertable_dbapi
from altertable_dbapi import local

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", str(directory)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert result.returncode == 0, result.stderr
    return directory


@pytest.fixture(scope="module")
def documented(site: Path) -> set[str]:
    """The Python names that the site has an entry for."""
    # Four lines that say what it is, and then "name py:kind priority place title", compressed.
    packed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    entries = (line.split(" ") for line in zlib.decompress(packed).decode().splitlines())
    return {name for name, kind, *_ in entries if kind.startswith("py:")}


def test_every_page_is_there(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix("") for page in ROOT.glob("docs/**/*.md")}
    assert len(pages) > 30
    assert all((site / page).with_suffix(".html").stat().st_size for page in pages)


def test_every_public_name_is_in_the_reference(documented: set[str]) -> None:
    public = {f"altertable_dbapi.{name}" for name in altertable_dbapi.__all__}
    public |= {f"altertable_dbapi.local.{name}" for name in local.__all__}
    public |= {
        "altertable_dbapi.airflow.AltertableHook",
        "altertable_dbapi.airflow.AltertableDialect",
    }
    assert public - documented == set()


@pytest.mark.parametrize(
    ("owner", "base"),
    [
        (altertable_dbapi.Connection, adbc_dbapi.Connection),
        (altertable_dbapi.Cursor, adbc_dbapi.Cursor),
        (altertable_dbapi.Interval, object),
        (altertable_dbapi.Query, str),
        (local.Server, object),
    ],
    ids=lambda owner: owner.__name__,
)
def test_every_method_is_in_the_reference(
    owner: type[Any], base: type[Any], documented: set[str]
) -> None:
    own = owner.__mro__[: owner.__mro__.index(base)]
    names = {
        name
        for cls in own
        for name, value in vars(cls).items()
        if not name.startswith("_") and (callable(value) or inspect.isdatadescriptor(value))
        if not (isinstance(value, type) and issubclass(value, Exception))
    }
    where = "altertable_dbapi.local" if owner is local.Server else "altertable_dbapi"
    missing = {name for name in names if f"{where}.{owner.__name__}.{name}" not in documented}
    assert names and missing == set()


def test_public_names_have_docstrings(documented: set[str]) -> None:
    for name in altertable_dbapi.__all__:
        value = getattr(altertable_dbapi, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (value.__doc__ or "").strip(), name
