"""What a terminal shows while one waits: how far a load is, how long a statement runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

from .width import terminal_columns

_WIDTH = 24
_SECONDS = 0.1


class Line:
    """One line of a terminal that is written over and over.

    Parameters
    ----------
    out : file
        A terminal.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._length = 0

    def write(self, text: str) -> None:
        """Show this instead of what was there; what the terminal has no room for is left out."""
        text = text[: (terminal_columns(self._out) or len(text) + 1) - 1]
        self._out.write("\r" + text.ljust(self._length))
        self._out.flush()
        self._length = len(text)

    def clear(self) -> None:
        """Leave an empty line."""
        if self._length:
            self.write("")
            self._out.write("\r")
            self._out.flush()


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
        self._line = Line(out)
        self._total = total
        self._clock = clock
        self._started = clock()
        self._shown_at: float | None = None

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
        self._line.write("  ".join(parts))

    def clear(self) -> None:
        """Leave an empty line."""
        self._line.clear()


class Elapsed:
    """For the block, or until it is cleared, shows each second how long it has taken.

    Parameters
    ----------
    out : file or None
        Nothing is shown unless it is a terminal.
    every : float
        Seconds from one line to the next, and to the first.
    """

    def __init__(self, out: TextIO | None, every: float = 1.0) -> None:
        self._line = Line(out) if out is not None and out.isatty() else None
        self._every = every
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Elapsed:
        if self._line is not None:
            self._thread = threading.Thread(
                target=self._run, args=(self._line,), name="altertable-elapsed", daemon=True
            )
            self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Show nothing more, and leave an empty line."""
        self._done.set()
        if self._thread is not None and self._line is not None:
            self._thread.join()
            self._thread = None
            self._line.clear()

    def _run(self, line: Line) -> None:
        started = time.monotonic()
        while not self._done.wait(self._every):
            line.write(f"running, {time.monotonic() - started:.0f} s; Ctrl-C cancels")
