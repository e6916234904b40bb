"""What importing a client takes, each time in an interpreter of its own."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
from tempfile import TemporaryDirectory

from .measure import progress
from .options import Options
from .peers import Altertable, Ours, Stock
from .report import Section

_MODULES = {
    Ours.name: "altertable_dbapi",
    Stock.name: "adbc_driver_flightsql.dbapi",
    Altertable.name: "altertable_flightsql",
}
# ADBC's module imports these where they are installed, and they take longer than all else.
_FRAMES = ("pandas", "polars")
_SCRIPT = """
import sys, time
module, *missing = sys.argv[1:]

class Missing:
    def find_spec(name, path, target=None):
        if name in missing:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing)
start = time.perf_counter()
__import__(module)
print(time.perf_counter() - start)
"""


def run(options: Options) -> Section:
    """Measure; the section of the report."""
    places = {"without": _FRAMES, "with": ()}
    kinds = [(name, place) for name in _MODULES for place in places]
    seconds: dict[tuple[str, str], list[float]] = {kind: [] for kind in kinds}
    rounds = options.rounds * 4
    with TemporaryDirectory() as cache:
        # Compiled once, as an installed package is, whatever the caller's settings.
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(rounds + 1):
            progress(f"import: round {number} of {rounds}")
            for name, place in random.Random(number).sample(kinds, len(kinds)):
                command = [sys.executable, "-c", _SCRIPT, _MODULES[name], *places[place]]
                done = subprocess.run(
                    command, env=environ, capture_output=True, text=True, check=True
                )
                if number:
                    seconds[name, place].append(float(done.stdout))
    progress("")
    medians = {kind: statistics.median(found) for kind, found in seconds.items()}
    lines = []
    for name, module in _MODULES.items():
        line = [name, module]
        for place in places:
            median = medians[name, place]
            line += [f"{median * 1e3:.0f}", f"{median / medians[Stock.name, place]:.2f}"]
        lines.append(line)
    note = (
        "The `import` statement alone, in an interpreter that has just started, in milliseconds: "
        "where pandas and polars are not installed, and where they are, since ADBC's module then "
        "imports them."
    )
    header = ["client", "module", "ms without", "× stock", "ms with", "× stock"]
    return Section("Import", note, header, lines)
