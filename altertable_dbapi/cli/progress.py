"""How far a load is, in one line of a terminal that is written over and over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_WIDTH = 24
_SECONDS = 0.1


class ProgressLine:
    """Shows rows, bytes and speed, and a bar where the number of rows is known.

    Parameters
    ----------
    out : file
        A terminal.
    total : int, optional
        Rows to load.
    clock : callable
        Seconds from some start.
    """

    def __init__(
        self,
        out: TextIO,
        total: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out
        self._total = total
        self._clock = clock
        self._started = clock()
        self._shown_at: float | None = None
        self._length = 0

    def __call__(self, rows: int, size: int) -> None:
        """Show a state, unless one was shown a moment ago."""
        now = self._clock()
        done = self._total is not None and rows >= self._total
        if self._shown_at is not None and now - self._shown_at < _SECONDS and not done:
            return
        self._shown_at = now
        seconds = max(now - self._started, 1e-3)
        parts = [f"{rows:,} rows", f"{size / 1e6:,.1f} MB", f"{size / 1e6 / seconds:,.1f} MB/s"]
        if self._total:
            share = min(rows / self._total, 1.0)
            full = int(share * _WIDTH)
            parts.insert(0, f"[{'#' * full}{'-' * (_WIDTH - full)}] {share:4.0%}")
        self._write("  ".join(parts))

    def clear(self) -> None:
        """Leave an empty line."""
        self._write("")
        self._out.write("\r")
        self._out.flush()

    def _write(self, text: str) -> None:
        self._out.write("\r" + text.ljust(self._length))
        self._out.flush()
        self._length = len(text)
