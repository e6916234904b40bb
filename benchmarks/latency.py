"""What one small statement takes, nearby and from far away, and the calls it makes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from . import bursts, imports
from .measure import interleaved
from .options import Options
from .peers import REMOTE, Ours, Peer, Stock
from .proxy import DelayProxy
from .report import Section, spread
from .server import ServerProcess

_ROUND_TRIP = 0.04
_CREATE = (
    "CREATE OR REPLACE TABLE orders AS SELECT i AS id, 'order ' || i AS note FROM range(100) r(i)"
)
_AT_HAND = "SELECT id, note FROM orders WHERE id = 8"
_PLAIN = "SELECT id, note FROM orders WHERE id = 7"
_NAMED = "SELECT id, note FROM orders WHERE id = $id"


def run(server: ServerProcess, options: Options) -> list[Section]:
    """Measure; the sections of the report."""
    server.create(_CREATE, _AT_HAND)
    lines: list[list[str]] = []
    with ExitStack() as stack:
        for place, round_trip in (("loopback", 0.0), ("40 ms away", _ROUND_TRIP)):
            address = None
            if round_trip:
                proxy = stack.enter_context(DelayProxy(server.host, server.port, round_trip))
                address = proxy.address
            peers = [connect(server, address) for connect in REMOTE]
            for what, call in _STATEMENTS.items():
                lines += _measure(server, peers, place, what, call, options)
            for peer in peers:
                peer.close()
    note = (
        "One row of two columns: milliseconds for `cursor()`, `execute()`, `fetchone()` and "
        "`close()`; for Altertable's client `query()` and `read_all().to_pylist()`. *at hand*: the "
        "server has the row; otherwise DuckDB plans and runs the statement in it, which takes "
        "about 2.5 ms with every client. *in a row*: twenty without a pause between, the time for "
        "one. *parameters*: the same text each time with other values, `$id` (the stock cursor has "
        "no names: `$1`), on a new cursor each; Altertable's client prepares a statement each "
        "time. *calls*: what the server counts for one statement, when its text was sent before. "
        "*CPU*: of the client process, with what it does after answering."
    )
    header = ["statement", "client", "ms", "× stock", "calls", "CPU ms"]
    latency = Section("Latency", note, header, lines)
    return [latency, bursts.run(server, options), imports.run(options)]


def _at_hand(peer: Peer) -> Any:
    return peer.one(_AT_HAND)


def _plain(peer: Peer) -> Any:
    return peer.one(_PLAIN)


def _in_a_row(peer: Peer) -> Any:
    for _ in range(20):
        peer.one(_AT_HAND)


_ids = iter(range(10**9))


def _named(peer: Peer) -> Any:
    return peer.named(_NAMED, {"id": next(_ids) % 100})


_STATEMENTS: dict[str, tuple[Callable[[Peer], Any], int]] = {
    "at hand": (_at_hand, 1),
    "at hand, in a row": (_in_a_row, 20),
    "run by DuckDB": (_plain, 1),
    "parameters": (_named, 1),
}


def _measure(
    server: ServerProcess,
    peers: list[Peer],
    place: str,
    what: str,
    call: tuple[Callable[[Peer], Any], int],
    options: Options,
) -> list[list[str]]:
    function, count = call
    if count > 1 and place != "loopback":
        return []
    calls = {peer.name: partial(function, peer) for peer in peers}
    timings = interleaved(calls, options.rounds * 8 // count + 5, f"{what}, {place}")
    lines = []
    for peer in peers:
        server.calls()
        function(peer)
        number = sum(server.calls().values()) / count
        timing, stock = timings[peer.name], timings[Stock.name]
        lines.append(
            [
                f"{what}, {place}" if peer.name == Ours.name else "",
                peer.name,
                f"{timing.seconds / count * 1e3:.2f} {spread(timing.spread)}",
                f"{timing.seconds / stock.seconds:.2f}",
                f"{number:g}",
                f"{timing.cpu / count * 1e3:.2f}",
            ]
        )
    return lines
