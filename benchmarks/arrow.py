"""Arrow tables: how fast they cross the wire, and what they cost the client."""

from __future__ import annotations

from functools import partial

from .measure import interleaved
from .options import Options
from .peers import REMOTE, Altertable, Ours, Stock
from .report import Section, ratio, spread
from .server import ServerProcess
from .tables import BY_NAME

_ROWS = 4_000_000


def run(server: ServerProcess, options: Options) -> list[Section]:
    """Measure; the sections of the report."""
    peers = [connect(server) for connect in REMOTE]
    lines = []
    for name in ("narrow_numeric", "seven_mixed", "strings"):
        rows = options.scaled(_ROWS)
        table = BY_NAME[name]._replace(name=f"{name}_arrow")
        server.create(table.create(rows), table.query)
        calls = {peer.name: partial(peer.table, table.query) for peer in peers}
        timings = interleaved(calls, options.rounds * 3, f"{name} as Arrow")
        size = peers[0].table(table.query).nbytes
        ours = timings[Ours.name]
        line = [name, f"{rows:,}", f"{size / 1e6:,.0f}"]
        for client in (Ours.name, Stock.name, Altertable.name):
            timing = timings[client]
            line.append(f"{size / timing.seconds / 1e9:.2f} {spread(timing.spread)}")
            if client != Ours.name:
                line.append(ratio(timing.seconds, ours.seconds))
            line.append(f"{timing.cpu * 1e3:,.0f}")
        lines.append(line)
    for peer in peers:
        peer.close()
    note = (
        "`fetch_arrow_table()`, and `read_all()` of Altertable's client, in GB/s (10⁹ bytes of "
        "Arrow buffers a second), and the client process's own CPU time in milliseconds. The "
        "server has the rows at hand: where it computes them, it is the limit for every client. "
        "Much of the time goes into new memory from the system. Where the C library is told to "
        "keep what was freed (`MALLOC_MMAP_THRESHOLD_` and `MALLOC_TRIM_THRESHOLD_` set high), "
        "Altertable's client, which is C++, is spared that and can be the fastest; Go, in which "
        "the others are written, has memory of its own."
    )
    header = ["table", "rows", "MB", Ours.name, "CPU"]
    for name in (Stock.name, Altertable.name):
        header += [name, "×", "CPU"]
    return [Section("Arrow", note, header, lines)]
