"""Rows that are Python values on their way to the server: `executemany` and what it is beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from adbc_driver_manager import Error as AdbcError

from .measure import interleaved
from .options import Options
from .peers import Altertable, Ours, Stock
from .report import Section, spread
from .server import ServerProcess

Peers = tuple[Ours, Stock, Altertable]
Rows = list[dict[str, Any]]

#: Rows that a statement a row is given; its rate does not depend on them.
_LOOPED = 100

_PLACES = "INSERT INTO loaded VALUES ({}, {}, {})"
INSERT = _PLACES.format("$id", "$name", "$amount")
TABLE = "CREATE OR REPLACE TABLE loaded (id BIGINT, name VARCHAR, amount DOUBLE)"


def section(
    server: ServerProcess, text_server: ServerProcess, peers: Peers, options: Options
) -> Section:
    """Measure: one line for each way to insert rows that are Python values."""
    ours, stock, altertable = peers
    on_text = Ours(text_server)

    def looped(peer: Ours, rows: Rows) -> None:
        with peer.connection.transaction(), peer.connection.cursor() as cursor:
            for row in rows:
                cursor.execute(INSERT, row)

    def prepared(rows: Rows) -> None:
        with altertable.client.prepare(INSERT) as statement:
            for row in rows:
                statement.query(parameters=row).read_all()

    loops: dict[str, Callable[[Rows], Any]] = {
        "a loop of execute": partial(looped, ours),
        "a loop of execute, text-binding server": partial(looped, on_text),
        f"{Altertable.name}: a loop of a prepared statement": prepared,
    }
    methods: dict[str, Callable[[Rows], Any]] = {
        "executemany": partial(execute, ours.connection, INSERT),
        "executemany, text-binding server": partial(execute, on_text.connection, INSERT),
        f"{Stock.name}: executemany": lambda rows: execute(
            stock.connection, _PLACES.format(*"???"), [tuple(row.values()) for row in rows]
        ),
        "adbc_ingest of a table of them": lambda rows: ingest(
            ours.connection, "loaded", pa.Table.from_pylist(rows), "append"
        ),
        **loops,
    }
    sizes = [1, options.scaled(1_000), options.scaled(100_000)]
    cells: dict[str, list[str]] = {name: [] for name in methods}
    rates: dict[str, float] = {}
    refused: dict[str, str] = {}

    def empty() -> None:
        for process in (server, text_server):
            process.create(TABLE, "", at_hand=False)

    for number, size in enumerate(sizes):
        calls: dict[str, Callable[[], Any]] = {}
        for name, method in methods.items():
            if name in loops and number == 2:
                cells[name].append(cells[name][1])  # measured already
                continue
            call = partial(method, made(min(size, _LOOPED) if name in loops else size))
            empty()
            if said := refusal(call):
                refused[name] = said
                cells[name].append("n/a")
            else:
                calls[name] = call
        what = f"executemany of {size:,} rows"
        for name, timing in interleaved(calls, options.rounds, what, before=empty).items():
            rates[name] = (min(size, _LOOPED) if name in loops else size) / timing.seconds
            shown = f"{timing.seconds * 1e3:.2f}" if size == 1 else f"{rates[name]:,.0f}"
            cells[name].append(f"{shown} {spread(timing.spread)}")
    on_text.close()
    lines = []
    for name in methods:
        loop = "a loop of execute" + (", text-binding server" if "text-binding" in name else "")
        ratio = "" if cells[name][-1] == "n/a" else f"{rates[name] / rates[loop]:,.1f}"
        lines.append([name, *cells[name], ratio])
    note = (
        f"`{INSERT}`, dicts of an int, a str and a float (the stock cursor: tuples and `?`), each "
        f"call a transaction. The loops are given {_LOOPED} rows, and their rates do not depend on "
        "it; × is how many times as fast as this driver's loop on the same server. *text-binding*: "
        "a server that binds every value as text, so that the rows go as literals."
    ) + "".join(f" *n/a*: {name} fails with “{said}”." for name, said in refused.items())
    header = ["what", "1 row, ms", *(f"{size:,} rows, rows/s" for size in sizes[1:]), "× the loop"]
    return Section("executemany", note, header, lines)


#: Statements by key, and what makes the parameters of the i-th set.
_BY_KEY: dict[str, tuple[str, Callable[[int], tuple[Any, ...]]]] = {
    "UPDATE": (
        "UPDATE keyed SET name = ?, amount = amount + ? WHERE id = ?",
        lambda i: (f"changed {i % 1000}", 0.5, i),
    ),
    "DELETE": ("DELETE FROM keyed WHERE id = ?", lambda i: (i,)),
    "INSERT … ON CONFLICT DO UPDATE": (
        "INSERT INTO keyed VALUES (?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET amount = keyed.amount + excluded.amount",
        lambda i: (i * 2, f"customer {i % 1000}", 1.5),
    ),
    "INSERT OR REPLACE": (
        "INSERT OR REPLACE INTO keyed VALUES (?, ?, ?)",
        lambda i: (i * 2, f"customer {i % 1000}", 1.5),
    ),
    "INSERT … RETURNING": (
        "INSERT INTO keyed VALUES (?, ?, ?) RETURNING id, name",
        lambda i: (i + 1_000_000, f"customer {i % 1000}", 1.5),
    ),
}
_KEYED = "CREATE OR REPLACE TABLE keyed (id BIGINT PRIMARY KEY, name VARCHAR, amount DOUBLE)"
_SETS = 10_000


def by_key_section(server: ServerProcess, peers: Peers, options: Options) -> Section:
    """Measure: one line for each kind of statement that is joined to its sets."""
    connection = peers[0].connection
    count = options.scaled(_SETS)

    def fill() -> None:
        server.create(_KEYED, "", at_hand=False)
        rows = f"SELECT range, 'customer ' || range, 1.0 FROM range({_SETS})"
        server.create(f"INSERT INTO keyed {rows}", "", at_hand=False)

    def many(statement: str, sets: list[tuple[Any, ...]]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(statement, sets)
            if "RETURNING" in statement:
                assert len(cursor.fetchall()) == len(sets)

    def looped(statement: str, sets: list[tuple[Any, ...]]) -> None:
        with connection.transaction(), connection.cursor() as cursor:
            for values in sets:
                cursor.execute(statement, values)
                if "RETURNING" in statement:
                    cursor.fetchall()

    lines = []
    for name, (statement, values) in _BY_KEY.items():
        sets = list(map(values, range(count)))
        calls: dict[str, Callable[[], Any]] = {
            "executemany": partial(many, statement, sets),
            "loop": partial(looped, statement, sets[:_LOOPED]),
        }
        timings = interleaved(calls, options.rounds, f"{name} of {count:,} sets", before=fill)
        joined, loop = timings["executemany"], timings["loop"]
        scaled = loop.seconds * count / min(count, _LOOPED)
        lines.append(
            [
                name,
                f"{joined.seconds * 1e3:,.0f} {spread(joined.spread)}",
                f"{scaled:,.1f} {spread(loop.spread)}",
                f"{scaled / joined.seconds:,.0f}",
            ]
        )
    note = (
        f"Each call is a transaction on a table of {_SETS:,} rows with a primary key; half of the "
        f"upserts meet a row. The loop of `execute` is given {_LOOPED} sets; its time is scaled."
    )
    header = ["statement", f"{count:,} sets, ms", "the loop, s", "× the loop"]
    return Section("executemany by key", note, header, lines)


def made(number: int) -> Rows:
    """So many rows."""
    return [{"id": i, "name": f"customer {i % 1000}", "amount": i * 1.5} for i in range(number)]


def execute(connection: Any, statement: str, rows: Sequence[Any]) -> None:
    """`executemany` on a new cursor."""
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def ingest(connection: Any, table: str, data: Any, mode: str) -> None:
    """`adbc_ingest` on a new cursor."""
    with connection.cursor() as cursor:
        cursor.adbc_ingest(table, data, mode)


def refusal(call: Callable[[], Any]) -> str:
    """What a client says where it cannot do it."""
    try:
        call()
    except (AdbcError, pa.ArrowException, OSError) as error:
        # pandas' own error does not say why.
        said = str(error.__cause__ or error)
        return (
            said.partition("\n")[0].partition(". gRPC client debug")[0].partition(". Detail: ")[0]
        )
    return ""
