"""The embedded DuckDB: its instance and catalogs, and the calls that changed with 2.0."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from . import lake as lakes
from .names import literal, quote

_VERSION_2 = int(duckdb.__version__.split(".")[0]) >= 2

DESCRIBES_ALL_QUERIES = _VERSION_2
"""DESCRIBE takes SHOW and SUMMARIZE too; and ``sql()`` runs a query at once if it has effects."""

HIDDEN_CATALOGS = ("memory", "system", "temp")
HIDDEN_SCHEMAS = ("information_schema", "pg_catalog")


class Engine:
    """One DuckDB instance with the server's catalogs attached.

    The instance itself is always in memory, so that its own catalog, ``memory``, is an internal
    one as on the service; the user's database is attached beside it.

    Parameters
    ----------
    database : str
        A path, or ``":memory:"`` for the catalog ``local``.
    catalogs : mapping of str to str, or sequence of str
        More catalogs: ``"lake"``, ``":memory:"`` or a path for each; names alone are lakes
        on a server with `lake`, else in memory.
    lake : str, optional
        The directory of the server's lakes, the first of which is its default catalog then;
        ``""`` for one that goes with the server.
    read_only : sequence of str
        Catalogs that nothing may change.
    external : bool
        Whether statements may reach other files, and the network.
    """

    def __init__(
        self,
        database: str = ":memory:",
        catalogs: Mapping[str, str | os.PathLike[str]] | Sequence[str] = (),
        *,
        lake: str | None = None,
        read_only: Sequence[str] = (),
        external: bool = True,
    ) -> None:
        attached = _attached(database, catalogs, lake)
        self.catalog = next(iter(attached))
        _check(attached, read_only)
        self._temporary: Path | None = None
        self._lakes = Path(lake).resolve() if lake else None
        self._has_ducklake = False
        self._root = duckdb.connect(":memory:")
        try:
            # Otherwise DuckDB would resolve a table name to a variable of the server's own frames.
            self._root.execute("SET GLOBAL python_enable_replacements = false")
            # What does not fit into memory would go to .tmp in the working directory. DuckDB makes
            # the directory when it needs it, and removes it.
            spill = Path(tempfile.gettempdir()) / f"altertable-local-{uuid.uuid4().hex}"
            self._root.execute(f"SET GLOBAL temp_directory = {literal(str(spill))}")
            if not external:
                # Not any more once a lake has asked for secrets.
                self._root.execute("SET GLOBAL allow_persistent_secrets = false")
            for name, path in attached.items():
                self._attach(name, path, read_only=name in read_only)
            self.external = external
            if not external:
                if self._lakes is not None:
                    # DuckDB writes a lake's files in the name of the statement.
                    self._root.execute(
                        f"SET GLOBAL allowed_directories = [{literal(str(self._lakes))}]"
                    )
                self._root.execute("SET GLOBAL enable_external_access = false")
        except BaseException:
            self.close()
            raise

    def _attach(self, name: str, path: str, *, read_only: bool) -> None:
        if path != lakes.KIND:
            options = " (READ_ONLY)" if read_only else ""
            self._root.execute(f"ATTACH {literal(path)} AS {quote(name)}{options}")
            return
        if not self._has_ducklake:
            lakes.load_extension(self._root)
            self._has_ducklake = True
        if self._lakes is None:
            self._temporary = self._lakes = Path(tempfile.mkdtemp(prefix="altertable-lake-"))
        self._lakes.mkdir(parents=True, exist_ok=True)
        lakes.attach(self._root, name, self._lakes, read_only=read_only)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Open a DuckDB connection that stands in the default catalog and its schema ``main``."""
        cursor = self._root.cursor()
        cursor.execute(f"USE {quote(self.catalog)}.main")
        return cursor

    def close(self) -> None:
        """Close the instance."""
        self._root.close()
        # pyarrow's server keeps itself, and so this object, alive for ever; DuckDB complains at
        # exit about a connection object that outlives it.
        del self._root
        if self._temporary is not None:
            shutil.rmtree(self._temporary)


def _attached(
    database: str, catalogs: Mapping[str, str | os.PathLike[str]] | Sequence[str], lake: str | None
) -> dict[str, str]:
    """What each catalog is, the default one first."""
    attached = {}
    if lake is not None:
        attached[lakes.NAME] = lakes.KIND
    if database != ":memory:":
        attached[Path(database).stem] = database
    elif lake is None:
        attached["local"] = database
    if not isinstance(catalogs, Mapping):
        kind = ":memory:" if lake is None else lakes.KIND
        catalogs = dict.fromkeys(catalogs, kind)
    return attached | {name: os.fspath(path) for name, path in catalogs.items()}


def _check(attached: Mapping[str, str], read_only: Sequence[str]) -> None:
    for name, kind in attached.items():
        if kind == lakes.KIND and Path(name).name != name:
            raise ValueError(f"{name!r} cannot be a lake, since its files cannot have that name")
    for name in read_only:
        if name not in attached:
            raise ValueError(f"read_only names {name!r}; the catalogs are {', '.join(attached)}")
        if attached[name] == ":memory:":
            raise ValueError(f"{name!r} is in memory and cannot be read-only: it would stay empty")


def run(
    cursor: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any] | None, batch_rows: int
) -> pa.RecordBatchReader:
    """Execute one statement and give its result as a stream, computed as it is read.

    DuckDB 2 streams from a relation only and warns about the rest; DuckDB 1 runs a statement
    without rows inside ``sql()`` and loses its count, but streams from ``execute()``.
    """
    result: Any
    if _VERSION_2:
        result = cursor.sql(sql, params=values) if values else cursor.sql(sql)
    else:
        result = cursor.execute(sql, values) if values else cursor.execute(sql)
    if hasattr(result, "to_arrow_reader"):
        return result.to_arrow_reader(batch_rows)
    return result.fetch_record_batch(batch_rows)  # before DuckDB 1.5
