"""The parts of a run, each of which can be run in a process of its own."""

from __future__ import annotations

from . import arrow, latency, load, memory, rows
from .options import Options
from .report import Bar, Section
from .server import ServerProcess

PARTS = ("rows", "arrow", "latency", "memory", "load")


def run(part: str, options: Options) -> tuple[list[Section], list[Bar]]:
    """Measure and print one part; its sections of the report and, of ``rows``, the chart's bars."""
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
