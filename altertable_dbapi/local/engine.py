"""The embedded DuckDB: its instance and catalogs, and the calls that changed with 2.0."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

_VERSION_2 = int(duckdb.__version__.split(".")[0]) >= 2

DESCRIBES_ALL_QUERIES = _VERSION_2
"""DESCRIBE takes SHOW and SUMMARIZE too; and ``sql()`` runs a query at once if it has effects."""

HIDDEN_CATALOGS = ("memory", "system", "temp")
HIDDEN_SCHEMAS = ("information_schema", "pg_catalog")


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string."""
    return "'" + text.replace("'", "''") + "'"


class Engine:
    """One DuckDB instance with the server's catalogs attached.

    The instance itself is always in memory, so that its own catalog, ``memory``, is an internal
    one as on the service; the user's database is attached beside it.

    Parameters
    ----------
    database : str
        A path, or ``":memory:"`` for the catalog ``local``.
    catalogs : sequence of str
        More catalogs to attach, each in memory.
    external : bool
        Whether statements may reach other files, and the network.
    """

    def __init__(
        self, database: str, catalogs: Sequence[str] = (), *, external: bool = True
    ) -> None:
        self.catalog = "local" if database == ":memory:" else Path(database).stem
        self._root = duckdb.connect(":memory:")
        try:
            # Otherwise DuckDB would resolve a table name to a variable of the server's own frames.
            self._root.execute("SET GLOBAL python_enable_replacements = false")
            # What does not fit into memory would go to .tmp in the working directory. DuckDB makes
            # the directory when it needs it, and removes it.
            spill = Path(tempfile.gettempdir()) / f"altertable-local-{uuid.uuid4().hex}"
            self._root.execute(f"SET GLOBAL temp_directory = {literal(str(spill))}")
            for name, path in ((self.catalog, database), *((c, ":memory:") for c in catalogs)):
                self._root.execute(f"ATTACH {literal(path)} AS {quote(name)}")
            self.external = external
            if not external:
                self._root.execute("SET GLOBAL allow_persistent_secrets = false")
                self._root.execute("SET GLOBAL enable_external_access = false")
        except BaseException:
            self._root.close()
            raise

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
