"""The past of a lake: the snapshots that it keeps, one for each commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode

from ..errors import NotSupportedError, ProgrammingError
from .queries import LAKE, kind_of, literal

SNAPSHOTS = pa.schema(
    [
        ("snapshot_id", pa.int64()),
        ("snapshot_time", pa.timestamp("us", "UTC")),
        ("schema_version", pa.int64()),
        ("changes", pa.map_(pa.string(), pa.list_(pa.string()))),
        ("author", pa.string()),
        ("commit_message", pa.string()),
    ]
)
KIND = pa.schema([("catalog_type", pa.string())])
CURRENT = pa.schema([("snapshot_id", pa.int64())])


class Snapshots:
    """What a connection tells of a lake's past, which ``FROM t AT (VERSION => …)`` reads."""

    if TYPE_CHECKING:

        @property
        def catalog(self) -> str | None: ...

        def _look_up(self, query: str, schema: pa.Schema) -> pa.Table: ...

    def snapshots(self, catalog: str | None = None) -> pa.Table:
        """List the snapshots that a lake keeps, the oldest first.

        Parameters
        ----------
        catalog : str, optional
            One of Altertable's own catalogs; the current one unless given.

        Returns
        -------
        pyarrow.Table
            A row a commit: ``snapshot_id`` (int64), for ``AT (VERSION => …)``; ``snapshot_time``
            (timestamp[us, UTC]); ``schema_version`` (int64); ``changes``, what it did to which
            tables (map of string to list of string); ``author``, ``commit_message``.

        Raises
        ------
        ProgrammingError
            There is no such catalog.
        NotSupportedError
            The catalog is no lake.
        """
        names = ", ".join(SNAPSHOTS.names)
        return self._of_lake(
            catalog, "SELECT " + names + " FROM ducklake_snapshots({}) ORDER BY 1", SNAPSHOTS
        )

    def current_snapshot(self, catalog: str | None = None) -> int:
        """The number of a lake's newest snapshot.

        In a transaction it is the one that the transaction sees.

        Parameters
        ----------
        catalog : str, optional
            One of Altertable's own catalogs; the current one unless given.

        Raises
        ------
        ProgrammingError
            There is no such catalog.
        NotSupportedError
            The catalog is no lake.
        """
        found = self._of_lake(
            catalog, "SELECT id FROM ducklake_current_snapshot({}) AS s(id)", CURRENT
        )
        number: Any = found.column(0)[0].as_py()
        return int(number)

    def _of_lake(self, catalog: str | None, query: str, schema: pa.Schema) -> pa.Table:
        name = self.catalog if catalog is None else catalog
        text = None if name is None else literal(name)
        # Asked first, since the engine would look for an extension on a server without lakes.
        kinds = [] if text is None else self._look_up(kind_of(text), KIND).column(0).to_pylist()
        if not kinds:
            raise ProgrammingError(
                f"there is no catalog {name!r}; get_catalogs() lists those that there are",
                status_code=AdbcStatusCode.NOT_FOUND,
            )
        if kinds != [LAKE]:
            raise NotSupportedError(
                f"catalog {name!r} is of type {kinds[0]}, and only a lake ({LAKE}) keeps its past"
            )
        return self._look_up(query.format(text), schema)
