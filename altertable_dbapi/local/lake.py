"""Catalogs as Altertable keeps them: DuckLake, its extension and its files."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import duckdb

from .names import literal, quote

NAME = "lake"
"""The default catalog of a server on a lake."""

KIND = "lake"
"""What a catalog that is a lake is called among paths."""

# DuckDB itself waits minutes for a network that does not answer.
_INSTALL_SECONDS = 20


def load_extension(connection: duckdb.DuckDBPyConnection) -> None:
    """Load DuckLake: from the wheel of the extra, as it is installed, or from DuckDB's servers.

    Raises
    ------
    duckdb.IOException
        There is none for this version of DuckDB.
    """
    wheel = _wheel()
    if wheel is not None:
        connection.execute(f"LOAD {literal(str(wheel))}")
        return
    try:
        connection.execute("LOAD ducklake")
    except duckdb.Error:
        _install()
        connection.execute("LOAD ducklake")


def _wheel() -> Path | None:
    """The extension's file for this version of DuckDB, in the wheel that the extra installs."""
    try:
        wheel = importlib.import_module("duckdb_extension_ducklake")
    except ImportError:
        return None
    for place in wheel.__path__:
        file = Path(place, "extensions", f"v{duckdb.__version__}", "ducklake.duckdb_extension")
        if file.exists():
            return file
    return None


def _install() -> None:
    """Let DuckDB fetch its extension, in a process that can be stopped."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", "import duckdb; duckdb.execute('INSTALL ducklake')"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        installed = False
    else:
        installed = done.returncode == 0
    if not installed:
        raise duckdb.IOException(
            f"a lake needs DuckDB's extension ducklake, which DuckDB {duckdb.__version__} here has "
            "not and could not download: pip install 'altertable-dbapi[lake]' brings both"
        )


def attach(
    connection: duckdb.DuckDBPyConnection, name: str, directory: Path, *, read_only: bool
) -> None:
    """Attach a lake whose metadata and data are in a directory, where they are made if missing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    name : str
        The catalog's name. Its metadata are in ``NAME.ducklake``, its data in ``NAME/``.
    directory : Path
    read_only : bool
        Refuse whatever would change it.
    """
    metadata = directory / f"{name}.ducklake"
    source = f"ATTACH {literal(f'ducklake:{metadata}')} AS {quote(name)}"
    # The directory may have been moved since it was made.
    data = f"DATA_PATH {literal(str(directory / name))}, OVERRIDE_DATA_PATH true"
    if not read_only:
        connection.execute(f"{source} ({data})")
        return
    if not metadata.exists():
        connection.execute(f"{source} ({data})")
        connection.execute(f"DETACH {quote(name)}")
    connection.execute(f"{source} ({data}, READ_ONLY)")
