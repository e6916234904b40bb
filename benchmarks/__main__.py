"""``python -m benchmarks [PART] [--quick] [--rows N] [--rounds N]``"""

from __future__ import annotations

import argparse

from . import arrow, latency, memory, placeholders, rows
from .options import Options
from .report import Bar, Section, write
from .server import ServerProcess

_PARTS = ("rows", "arrow", "latency", "memory")


def main() -> None:
    """Run what is asked for and print it; a whole run that is not quick writes RESULTS.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "part", nargs="?", choices=(*_PARTS, "placeholders"), help="all unless given"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, fewer rounds")
    parser.add_argument("--rows", type=int, help="rows of every table")
    parser.add_argument("--rounds", type=int, help="rounds to take the median of")
    given = parser.parse_args()
    if given.part == "placeholders":
        placeholders.main()
        return
    options = Options(given.quick, given.rows, given.rounds or (3 if given.quick else 7))
    sections: list[Section] = []
    bars: list[Bar] = []
    with ServerProcess() as server:
        for part in _PARTS if given.part is None else (given.part,):
            if part == "rows":
                more, bars = rows.run(server, options)
            else:
                more = {"arrow": arrow, "latency": latency, "memory": memory}[part].run(
                    server, options
                )
            sections += more
            for section in more:
                print(section.text(), flush=True)
    if given.part is None and not given.quick and given.rows is None:
        write(sections, bars)


if __name__ == "__main__":
    main()
