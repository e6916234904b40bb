"""Many small statements: a burst on one connection, and threads with a connection each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

from .measure import interleaved
from .options import Options
from .peers import REMOTE, Ours, Peer, Stock
from .report import Section, spread
from .server import ServerProcess

_CREATE = "CREATE OR REPLACE TABLE numbers AS SELECT 8 AS id"
_STATEMENT = "SELECT id FROM numbers"

_BURST = 50
_THREADS = 32
_EACH = 20

#: Seconds of rest before a burst, in which a client may do what it has put off.
_REST = 0.1


def run(server: ServerProcess, options: Options) -> Section:
    """Measure; the section of the report."""
    server.create(_CREATE, _STATEMENT)
    lines: list[list[str]] = []
    with ExitStack() as stack:
        peers = [stack.enter_context(closing(connect(server, None))) for connect in REMOTE]
        bursts: dict[str, Callable[[], Any]] = {peer.name: partial(_burst, peer) for peer in peers}
        lines += _lines(f"burst of {_BURST}", bursts, _BURST, options)
        threads: dict[str, Callable[[], Any]] = {}
        for connect in REMOTE:
            many = [stack.enter_context(closing(connect(server, None))) for _ in range(_THREADS)]
            threads[many[0].name] = partial(_together, many)
        lines += _lines(f"{_THREADS} threads", threads, _THREADS * _EACH, options)
    note = (
        f"One-row statements, the server has the row. A burst of {_BURST} on one connection after "
        f"{_REST * 1e3:g} ms of rest; {_THREADS} threads with a connection each, {_EACH} "
        "statements in each. *ms*: for one statement."
    )
    header = ["", "client", "ms", "statements a second", "× stock"]
    return Section("Bursts and threads", note, header, lines)


def _burst(peer: Peer) -> None:
    for _ in range(_BURST):
        peer.one(_STATEMENT)


def _together(peers: list[Peer]) -> None:
    def work(peer: Peer) -> None:
        for _ in range(_EACH):
            peer.one(_STATEMENT)

    workers = [threading.Thread(target=work, args=(peer,)) for peer in peers]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _lines(
    what: str, calls: dict[str, Callable[[], Any]], count: int, options: Options
) -> list[list[str]]:
    timings = interleaved(calls, options.rounds, what, before=partial(time.sleep, _REST))
    stock = timings[Stock.name].seconds
    return [
        [
            what if name == Ours.name else "",
            name,
            f"{timing.seconds / count * 1e3:.2f} {spread(timing.spread)}",
            f"{count / timing.seconds:,.0f}",
            f"{timing.seconds / stock:.2f}",
        ]
        for name, timing in timings.items()
    ]
