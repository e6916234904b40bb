"""``python -m benchmarks [PART] [--quick] [--rows N] [--rounds N] [--minutes N]``"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from . import parts, placeholders, soak
from .options import Options
from .report import Bar, Section, write


def main() -> None:
    """Run what is asked for and print it; a whole run that is not quick writes RESULTS.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "part", nargs="?", choices=(*parts.PARTS, "placeholders", "soak"), help="all unless given"
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
        parts.run(given.part, options)
        return
    sections: list[Section] = []
    bars: list[Bar] = []
    # What one part leaves of its process's memory makes another one up to twice as fast or slow.
    for part in parts.PARTS:
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            more, its_bars = process.submit(parts.run, part, options).result()
        sections += more
        bars += its_bars
    if not given.quick and given.rows is None:
        write(sections, bars)


if __name__ == "__main__":
    main()
