"""Rows as Python values: every kind of table, growing results, row factories."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import adbc_driver_manager

from altertable_dbapi import class_row, dict_row, namedtuple_row, scalar_row, tuple_row

from .measure import Timing, interleaved
from .options import Options
from .peers import Altertable, InProcess, Ours, Peer, Stock
from .report import Bar, Section, spread
from .server import ServerProcess
from .tables import BY_NAME, TABLES, Table

# The stock cursor, which is slow, reads fewer rows; rates are compared.
_MOST = {Stock.name: 20_000}


def run(server: ServerProcess, options: Options) -> tuple[list[Section], list[Bar]]:
    """Measure; the sections of the report and the chart's bars."""
    duck = InProcess()
    remote: list[Peer] = [Ours(server), Stock(server), Altertable(server)]
    try:
        tables, bars = _tables(server, remote, duck, options)
        factories = _factories(server, remote[0], options)
        return [tables, _growth(server, remote, duck, options), factories], bars
    finally:
        for peer in (*remote, duck):
            peer.close()


def _tables(
    server: ServerProcess, remote: list[Peer], duck: InProcess, options: Options
) -> tuple[Section, list[Bar]]:
    lines, bars = [], []
    for table in TABLES:
        rows = {
            peer.name: min(options.scaled(table.rows), _MOST.get(peer.name, 10**9))
            for peer in (*remote, duck)
        }
        calls, refused = {}, []
        for peer in (*remote, duck):
            if _reads(server, peer, table):
                calls[peer.name] = _reading(server, peer, table, rows[peer.name])
            else:
                refused.append(peer.name)
        timings = interleaved(calls, options.rounds, table.name)
        each = {name: timing.seconds / rows[name] for name, timing in timings.items()}
        lines.append(_line(table.name, rows[Ours.name], timings, each, refused))
        names = [peer.name for peer in (*remote, duck)]
        bars.append(Bar(table.name, {n: 1e-6 / each[n] if n in each else 0 for n in names}))
    others = [Stock.name, Altertable.name, InProcess.name]
    note = (
        "`fetchall()`; of Altertable's client, which has Arrow only, `read_all()`, each column "
        "`to_pylist()`, and `zip`; in millions of rows a second. The server has the rows at hand. "
        f"The stock cursor reads at most {_MOST[Stock.name]:,} rows: it is slow, and its rate does "
        "not depend on it. "
        "*Refused*: the client fails with an error where the server runs the statement. "
        "DuckDB in process has no wire to cross."
    )
    header = ["table", "rows", Ours.name]
    for name in others:
        header += [name, "×"]
    return Section("Rows", note, header, lines), bars


def _line(
    name: str,
    rows: int,
    timings: dict[str, Timing],
    each: dict[str, float],
    refused: list[str],
) -> list[str]:
    line = [name, f"{rows:,}", _rate(each[Ours.name], timings[Ours.name])]
    for other in (Stock.name, Altertable.name, InProcess.name):
        if other in refused:
            line += ["refused", ""]
        else:
            line += [
                _rate(each[other], timings[other]),
                f"{each[other] / each[Ours.name]:.2f}",
            ]
    return line


def _rate(seconds: float, timing: Timing) -> str:
    return f"{1e-6 / seconds:.3g} {spread(timing.spread)}"


def _reading(server: ServerProcess, peer: Peer, table: Table, rows: int) -> Callable[[], Any]:
    sized = table._replace(name=f"{table.name}_{rows}")
    if isinstance(peer, InProcess):
        peer.create(sized.create(rows))
    else:
        server.create(sized.create(rows), sized.query)
    return partial(peer.rows, sized.query)


def _reads(server: ServerProcess, peer: Peer, table: Table) -> bool:
    """Whether a client reads the table when the server runs the statement.

    The server announces other types than it sends for some, as Altertable does.
    """
    if isinstance(peer, InProcess):
        return True
    sample = table._replace(name=f"{table.name}_sample")
    server.create(sample.create(10), sample.query, at_hand=False)
    try:
        peer.rows(sample.query)
    except adbc_driver_manager.Error:
        return False
    return True


def _growth(
    server: ServerProcess, remote: list[Peer], duck: InProcess, options: Options
) -> Section:
    table = BY_NAME["narrow_numeric"]
    lines = []
    most = {Stock.name: 100_000, Altertable.name: 10**9}
    size = 1
    while size <= (1_000_000 if options.quick else 10_000_000):
        calls = {
            peer.name: _reading(server, peer, table, size)
            for peer in (*remote, duck)
            if size <= most.get(peer.name, 10**9)
        }
        repeat = 20 if size < 1000 else 1
        rounds = options.rounds if size < 1_000_000 else max(options.rounds // 3, 3)
        timings = interleaved(calls, rounds, f"{size:,} rows", repeat)
        cells = [
            f"{timings[name].seconds * 1e3:,.2f} {spread(timings[name].spread)}"
            if name in timings
            else "–"
            for name in (Ours.name, Stock.name, Altertable.name, InProcess.name)
        ]
        lines.append([f"{size:,}", *cells])
        size *= 10
    note = "Rows of the narrow numeric table (BIGINT, DOUBLE), in milliseconds for all of them."
    header = ["rows", Ours.name, Stock.name, Altertable.name, InProcess.name]
    return Section("Growing results", note, header, lines)


class _Mixed:
    def __init__(self, **columns: Any) -> None:
        self.__dict__.update(columns)


def _factories(server: ServerProcess, peer: Peer, options: Options) -> Section:
    assert isinstance(peer, Ours)
    table = BY_NAME["seven_mixed"]
    rows = options.scaled(200_000)
    sized = table._replace(name=f"{table.name}_{rows}")
    server.create(sized.create(rows), sized.query)
    factories: dict[str, Any] = {
        "tuple (default)": tuple_row,
        "dict_row": dict_row,
        "namedtuple_row": namedtuple_row,
        "class_row": class_row(_Mixed),
        "scalar_row": scalar_row,
    }

    def read(factory: Any) -> Any:
        with peer.connection.cursor(row_factory=factory) as cursor:
            return cursor.execute(sized.query).fetchall()

    calls = {name: partial(read, factory) for name, factory in factories.items()}
    timings = interleaved(calls, options.rounds, "row factories")
    plain = timings["tuple (default)"].seconds
    lines = [
        [
            name,
            f"{timing.seconds / rows * 1e9:,.0f} {spread(timing.spread)}",
            f"{(timing.seconds - plain) / rows * 1e9:+,.0f}",
        ]
        for name, timing in timings.items()
    ]
    note = f"`fetchall()` of {rows:,} rows of seven mixed columns, in nanoseconds a row."
    return Section("Row factories", note, ["factory", "ns a row", "more than tuples"], lines)
