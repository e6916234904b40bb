"""Memory: of all rows at once, of iteration, and what the first row of many waits for."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from .measure import peak_bytes, progress, resident_bytes
from .options import Options
from .peers import Altertable, InProcess, Ours, Peer, Stock
from .report import Section
from .server import Address, ServerProcess, in_own_process
from .tables import BY_NAME

_MANY = 50_000_000
_KINDS: dict[str, Any] = {c.name: c for c in (Ours, Stock, Altertable, InProcess)}


def run(server: ServerProcess, options: Options) -> list[Section]:
    """Measure; the sections of the report."""
    return [_peaks(server, options), _iteration(server, options), _first(server, options)]


def _peaks(server: ServerProcess, options: Options) -> Section:
    rows = options.scaled(1_000_000)
    table = BY_NAME["seven_mixed"]
    server.create(table.create(rows), table.query)
    lines = []
    for name in (Ours.name, Altertable.name, InProcess.name):
        progress(f"peak memory of {name}")
        answer = in_own_process(
            "memory",
            server,
            task="all",
            peer=name,
            query=table.query,
            create=table.create(rows),
        )
        lines.append([name, f"{answer['peak'] / 1e6:,.0f}", f"{answer['left'] / 1e6:,.0f}"])
    note = (
        f"All {rows:,} rows of seven mixed columns in one list, each client in a process of its "
        "own: MB above the start at the highest, and with the rows held."
    )
    return Section("Memory", note, ["client", "peak MB", "held MB"], lines)


def _iteration(server: ServerProcess, options: Options) -> Section:
    rows = options.scaled(_MANY)
    query = f"SELECT i AS id, i * 1.5::DOUBLE AS amount FROM range({rows}) AS r(i)"
    progress(f"iterating {rows:,} rows")
    answer = in_own_process(
        "memory", server, task="iterate", peer=Ours.name, query=query, create=""
    )
    note = "`for row in cursor`, with the server computing the rows as they are read."
    line = [
        f"{answer['rows']:,}",
        f"{answer['seconds']:.1f}",
        f"{answer['rows'] / answer['seconds'] / 1e6:.2f}",
        f"{answer['peak'] / 1e6:,.0f}",
    ]
    header = ["rows", "seconds", "M rows/s", "MB above the start"]
    return Section("Iteration", note, header, [line])


def _first(server: ServerProcess, options: Options) -> Section:
    rows = options.scaled(10_000_000)
    table = BY_NAME["narrow_numeric"]._replace(name="narrow_first")
    server.create(table.create(rows), table.query, at_hand=False)
    ours = Ours(server)

    def first_row() -> Any:
        cursor = ours.connection.cursor().execute(table.query)
        row = cursor.fetchone()
        return row, cursor

    def first_batch() -> Any:
        cursor = ours.connection.cursor().execute(table.query)
        reader = cursor.fetch_record_batch()
        return reader.read_next_batch(), reader

    def closed(call: Any) -> Any:
        # A half-read stream is dropped before the next call, in nobody's time.
        start = time.perf_counter()
        _, open_one = call()
        seconds = time.perf_counter() - start
        open_one.close()
        return seconds

    took: dict[str, list[float]] = {"first batch": [], "fetchone()": []}
    for _ in range(options.rounds * 2 + 1):
        for name, call in (("first batch", first_batch), ("fetchone()", first_row)):
            took[name].append(closed(call))
            time.sleep(0.05)
    ours.close()
    batch, row = (sorted(times[1:])[len(times) // 2 - 1] for times in took.values())
    note = f"`execute()` and the first rows of a result of {rows:,}, in milliseconds."
    lines = [["first record batch", f"{batch * 1e3:.2f}"], ["fetchone()", f"{row * 1e3:.2f}"]]
    return Section("The first row of many", note, ["what", "ms"], lines)


def _measure(question: dict[str, Any]) -> dict[str, Any]:
    kind = _KINDS[question["peer"]]
    peer: Peer
    if kind is InProcess:
        peer = in_process = InProcess()
        in_process.create(question["create"])
    else:
        peer = kind(Address(*question["address"]))
        peer.one("SELECT 1")
    start = resident_bytes()
    if question["task"] == "all":
        rows = peer.rows(question["query"])
        left = resident_bytes() - start
        return {"rows": len(rows), "left": left, "peak": peak_bytes() - start}
    assert isinstance(peer, Ours)
    count, began = 0, time.perf_counter()
    highest = start
    with peer.connection.cursor() as cursor:
        for _ in cursor.execute(question["query"]):
            count += 1
            if not count % 1_000_000:
                highest = max(highest, resident_bytes())
    return {"rows": count, "seconds": time.perf_counter() - began, "peak": highest - start}


if __name__ == "__main__":
    print(json.dumps(_measure(json.load(sys.stdin))))
