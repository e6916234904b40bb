"""What a run is asked to do."""

from __future__ import annotations

from typing import NamedTuple


class Options(NamedTuple):
    """How much to measure.

    Attributes
    ----------
    quick : bool
        A tenth of the rows.
    rows : int or None
        Rows of the large tables, instead of each table's own number.
    rounds : int
    """

    quick: bool
    rows: int | None
    rounds: int

    def scaled(self, rows: int) -> int:
        """A table's number of rows in this run."""
        if self.rows is not None:
            return self.rows
        return max(rows // 10, 1) if self.quick else rows
