"""Interleaved rounds, their medians and their spread."""

from __future__ import annotations

import gc
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Timing(NamedTuple):
    """What the rounds of one call took.

    Attributes
    ----------
    seconds : float
        The median.
    spread : float
        Half the distance between the quartiles, as a share of the median.
    cpu : float
        The median of this process's processor time, in seconds, with what it does afterwards.
    rounds : int
    """

    seconds: float
    spread: float
    cpu: float
    rounds: int


#: Seconds between two calls. What one of them leaves for later, such as the release of a stream
#: or the collection of garbage, is done by then and slows no other one.
_SETTLE = 0.01


def interleaved(
    calls: Mapping[str, Callable[[], Any]],
    rounds: int,
    what: str,
    repeat: int = 1,
    before: Callable[[], Any] | None = None,
) -> dict[str, Timing]:
    """Time the calls one after another, round by round, each round in an order drawn anew.

    What the machine does meanwhile so meets all of them alike, and so does what another call has
    left behind: two clients share the memory that Go keeps, the others free theirs to the system.
    The orders are the same in every run. One round before is not counted.

    Parameters
    ----------
    calls : mapping
        Name to call.
    rounds : int
    what : str
        What the progress line says.
    repeat : int
        How often to call in each round; times are for one call.
    before : callable, optional
        What to do before each of them, in nobody's time.
    """
    names = list(calls)
    took: dict[str, list[float]] = {name: [] for name in names}
    used: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in random.Random(number).sample(names, len(names)):
            progress(f"{what}: round {number} of {rounds}, {name}")
            call = calls[name]
            if before is not None:
                before()
            gc.collect()
            time.sleep(_SETTLE)
            cpu, start = time.process_time(), time.perf_counter()
            for _ in range(repeat):
                result = call()
            seconds = time.perf_counter() - start
            # Freeing what was read is part of nobody's time.
            time.sleep(_SETTLE)
            cpu = time.process_time() - cpu
            del result
            if number:
                took[name].append(seconds / repeat)
                used[name].append(cpu / repeat)
    progress("")
    return {name: _timing(took[name], used[name]) for name in names}


def _timing(seconds: list[float], cpu: list[float]) -> Timing:
    median = statistics.median(seconds)
    if len(seconds) == 1:
        return Timing(median, 0.0, cpu[0], 1)
    quarters = statistics.quantiles(seconds, n=4)
    return Timing(
        median, (quarters[2] - quarters[0]) / 2 / median, statistics.median(cpu), len(seconds)
    )


def progress(text: str) -> None:
    """Show one line on the standard error, in place of the one before."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{text}")
    elif text:
        sys.stderr.write(text + "\n")
    sys.stderr.flush()


def resident_bytes() -> int:
    """What of this process is in memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    """The most of this process that was ever in memory.

    ``getrusage`` would begin with the peak of the process that started this one.
    """
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
