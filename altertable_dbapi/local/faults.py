"""The faults that a server is told to show next."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .failures import refusal


@dataclass
class _Refuse:
    prefix: str
    error: Exception
    times: int


class Faults:
    """Faults in waiting. Each method of the public `Server` that sets one describes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refusals: list[_Refuse] = []
        self._delays: list[tuple[str, float]] = []
        self._break_after: int | None = None
        self.closing = threading.Event()

    def fail_next(self, prefix: str, code: str, message: str, times: int) -> None:
        """Refuse the next calls whose name begins with `prefix`."""
        with self._lock:
            self._refusals.append(_Refuse(prefix, refusal(code, message), times))

    def delay_next(self, prefix: str, seconds: float) -> None:
        """Delay the next call whose name begins with `prefix`."""
        with self._lock:
            self._delays.append((prefix, seconds))

    def break_stream_after(self, batches: int) -> None:
        """Break the next stream off after so many batches."""
        with self._lock:
            self._break_after = batches

    def take_break(self) -> int | None:
        """Take the break that waits for the next stream."""
        with self._lock:
            after, self._break_after = self._break_after, None
            return after

    def meet(self, call: str) -> None:
        """Apply what waits for this call: wait, then refuse."""
        seconds, error = 0.0, None
        with self._lock:
            for delay in self._delays:
                if call.startswith(delay[0]):
                    self._delays.remove(delay)
                    seconds = delay[1]
                    break
            for refuse in self._refusals:
                if call.startswith(refuse.prefix):
                    refuse.times -= 1
                    error = refuse.error
                    if refuse.times <= 0:
                        self._refusals.remove(refuse)
                    break
        if seconds:
            # Ends early when the server closes.
            self.closing.wait(seconds)
        if error is not None:
            raise error
