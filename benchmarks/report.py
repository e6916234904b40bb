"""The tables of a run: printed, and kept in ``RESULTS.md`` with a chart."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Section(NamedTuple):
    """One table of the report, with what to know about it."""

    title: str
    note: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """The section as Markdown."""
        lines = [f"## {self.title}", "", self.note, ""]
        cells = [list(self.header), *map(list, self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.header))]
        for number, row in enumerate(cells):
            padded = [
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("| " + " | ".join(padded) + " |")
            if not number:
                rule = ["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
                lines.append("| " + " | ".join(rule) + " |")
        return "\n".join(lines) + "\n"


class Bar(NamedTuple):
    """One table's rate in the chart, in millions of rows a second, by client."""

    table: str
    rates: dict[str, float]


def write(sections: Sequence[Section], bars: Sequence[Bar]) -> None:
    """Write ``RESULTS.md`` and ``rows.svg`` beside this file."""
    head = [
        "# Benchmarks",
        "",
        "`python -m benchmarks` on " + _where() + ".",
        "",
        "Every client reads the same data from the same server, which is a process of its own on "
        "the same machine. Each part is measured in a process of its own: what one leaves of its "
        "memory makes another faster or slower. The rounds are interleaved, each in an order drawn "
        "anew; a figure is the median of the rounds, and ± is half the distance between the "
        "quartiles. × is how many times as fast this driver is.",
        "",
        "![Millions of rows a second, by table and client](rows.svg)",
        "",
    ]
    text = "\n".join(head) + "\n" + "\n".join(section.text() for section in sections)
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    if bars:
        chart(bars, HERE / "rows.svg")


def chart(bars: Sequence[Bar], path: Path) -> None:
    """Draw the rates as grouped bars; needs matplotlib."""
    import matplotlib

    matplotlib.use("svg")
    # The same chart for the same figures, byte for byte.
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"
    from matplotlib import pyplot as plt

    clients = list(bars[0].rates)
    colours = ["#0b6e4f", "#b8bcc2", "#8da9c4", "#f2c14e"]
    figure, axes = plt.subplots(figsize=(9, 4.2))
    width = 0.8 / len(clients)
    for number, client in enumerate(clients):
        places = [place + (number - (len(clients) - 1) / 2) * width for place in range(len(bars))]
        drawn = axes.bar(
            places,
            [bar.rates[client] for bar in bars],
            width,
            label=client,
            color=colours[number % len(colours)],
        )
        for label in axes.bar_label(drawn, fmt=_short, fontsize=6.5, padding=1):
            if len(label.get_text()) > 4:  # wider than its bar
                label.set_rotation(90)
                label.set_position((0, 2))
    axes.set_xticks(range(len(bars)), [bar.table.replace("_", " ") for bar in bars])
    axes.set_ylabel("million rows a second")
    axes.set_title("All rows of a query as Python values (higher is better)", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _short(rate: float) -> str:
    return f"{rate:.2g}" if rate else "refused"


def _where() -> str:
    packages = ("pyarrow", "adbc-driver-flightsql", "altertable-flightsql", "duckdb")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{platform.system()} {platform.machine()}, {_cores()} cores, Python "
        f"{platform.python_version()}, {versions}"
    )


def _cores() -> int:
    import os

    return os.cpu_count() or 1


def ratio(theirs: float, ours: float) -> str:
    """How many times as fast we are, from two times or two inverse rates."""
    return f"{theirs / ours:.2f}×"


def spread(share: float) -> str:
    """A spread for a cell."""
    return f"±{share:.0%}"
