"""``python -m benchmarks [PART] [--quick] [--rows N] [--rounds N] [--minutes N]``"""

from __future__ import annotations

import argparse
import sys
from multiprocessing import get_context

from . import arrow, latency, load, memory, placeholders, rows, soak
from .options import Options
from .report import Bar, Section, write
from .server import ServerProcess

_PARTS = ("rows", "arrow", "latency", "memory", "load")


def main() -> None:
    """Run what is asked for and print it; a whole run that is not quick writes RESULTS.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "part", nargs="?", choices=(*_PARTS, "placeholders", "soak"), help="all unless given"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, fewer rounds")
    parser.add_argument("--rows", type=int, help="rows of every table")
    parser.add_argument("--rounds", type=int, help="rounds to take the median of")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to soak")
    given = parser.parse_args()
    if given.part == "placeholders":
        placeholders.main()
        return
    if given.part == "soak":
        sys.exit(1 if soak.run(given.minutes) else 0)
    options = Options(given.quick, given.rows, given.rounds or (3 if given.quick else 7))
    if given.part is not None:
        _run(given.part, options)
        return
    sections: list[Section] = []
    bars: list[Bar] = []
    # What one part leaves of its process's memory makes another one up to twice as fast or slow.
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for part in _PARTS:
            more, its_bars = pool.apply(_run, (part, options))
            sections += more
            bars += its_bars
    if not given.quick and given.rows is None:
        write(sections, bars)


def _run(part: str, options: Options) -> tuple[list[Section], list[Bar]]:
    bars: list[Bar] = []
    with ServerProcess() as server:
        if part == "rows":
            sections, bars = rows.run(server, options)
        else:
            module = {"arrow": arrow, "latency": latency, "memory": memory, "load": load}[part]
            sections = module.run(server, options)
    for section in sections:
        print(section.text(), flush=True)
    return sections, bars


if __name__ == "__main__":
    main()
