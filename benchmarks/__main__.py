"""``python -m benchmarks [PART] [--quick] [--rows N] [--rounds N] [--minutes N]``"""

from __future__ import annotations

import argparse
import sys

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
    sections: list[Section] = []
    bars: list[Bar] = []
    with ServerProcess() as server:
        for part in _PARTS if given.part is None else (given.part,):
            if part == "rows":
                more, bars = rows.run(server, options)
            else:
                more = {"arrow": arrow, "latency": latency, "memory": memory, "load": load}[
                    part
                ].run(server, options)
            sections += more
            for section in more:
                print(section.text(), flush=True)
    if given.part is None and not given.quick and given.rows is None:
        write(sections, bars)


if __name__ == "__main__":
    main()
