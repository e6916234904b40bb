"""Rows on their way to the server: `executemany`, bulk load, upsert, and the memory they take."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from altertable_flightsql.client import IngestIncrementalOptions, IngestTableMode

from . import executemany
from .executemany import INSERT, TABLE, Peers, ingest, refusal
from .measure import Timing, interleaved, peak_bytes, progress, resident_bytes
from .options import Options
from .peers import Altertable, Ours, Stock
from .report import Section, spread
from .server import Address, ServerProcess, in_own_process

#: Rows of a record batch of the peers, which send what they are given: more than 4 MiB in a
#: message is refused.
_CUT = 50_000

_DROP = "DROP TABLE IF EXISTS loaded"

_BEFORE = {
    "create": _DROP,
    "append": TABLE[:-1] + ", since TIMESTAMP)",
}

_Call = Callable[[], Any]


def run(server: ServerProcess, options: Options) -> list[Section]:
    """Measure; the sections of the report."""
    peers = Ours(server), Stock(server), Altertable(server)
    try:
        with ServerProcess(bind_as_text=True) as text_server:
            sections = [
                executemany.section(server, text_server, peers, options),
                executemany.by_key_section(server, peers, options),
            ]
        sections.append(_bulk(server, peers, options))
        sections.append(_sources(server, peers, options))
        sections.append(_upsert(server, peers, options))
    finally:
        for peer in peers:
            peer.close()
    return [*sections, _memory(server, options)]


# Bulk load


def _table(rows: int) -> pa.Table:
    import numpy as np

    numbers = np.arange(rows)
    return pa.table(
        {
            "id": numbers,
            "name": pa.array([f"customer {i}" for i in range(1000)]).take(pa.array(numbers % 1000)),
            "amount": numbers * 1.5,
            "since": pa.array(numbers * 1_000_000, pa.timestamp("us")),
        }
    )


def _loads(peers: Peers, table: pa.Table, mode: Any) -> dict[str, _Call]:
    ours, stock, altertable = peers
    modes = {"create": IngestTableMode.CREATE, "append": IngestTableMode.APPEND}

    def streamed() -> None:
        with altertable.client.ingest(
            table_name="loaded", schema=table.schema, mode=modes[mode]
        ) as writer:
            writer.write_table(table, _CUT)

    return {
        Ours.name: lambda: ours.connection.load("loaded", table, mode=mode),
        Stock.name: lambda: ingest(stock.connection, "loaded", table.to_reader(_CUT), mode),
        Altertable.name: streamed,
    }


def _bulk(server: ServerProcess, peers: Peers, options: Options) -> Section:
    lines = []
    for rows in _scaled(options, 1_000, 100_000, 1_000_000, 5_000_000):
        table = _table(rows)
        for mode, statement in _BEFORE.items():
            timings = interleaved(
                _loads(peers, table, mode),
                _rounds(options, rows),
                f"{mode} of {rows:,} rows",
                before=partial(server.create, statement, "", at_hand=False),
            )
            lines.append([mode, f"{rows:,}", *_compared(timings, rows, Ours.name)])
    note = (
        "`conn.load()` of a pyarrow table (BIGINT, VARCHAR, DOUBLE, TIMESTAMP), `adbc_ingest()` of "
        "the stock cursor and `ingest()` of Altertable's client, in thousands of rows a second. "
        f"The peers are given batches of {_CUT:,} rows; they do not cut what is too large for a "
        "message themselves."
    )
    return Section("Bulk load", note, ["mode", "rows", *_columns(Ours.name, _OTHERS)], lines)


_OTHERS = (Stock.name, Altertable.name)


def _scaled(options: Options, *sizes: int) -> list[int]:
    return sorted({options.scaled(size) for size in sizes})


def _rounds(options: Options, rows: int) -> int:
    return options.rounds if rows < 1_000_000 else min(options.rounds, 3)


def _columns(ours: str, others: Sequence[str]) -> list[str]:
    return [ours, *(column for name in others for column in (name, "×"))]


def _compared(timings: dict[str, Timing], rows: int, ours: str) -> list[str]:
    """Cells with each client's rate in thousands, and how many times as fast we are."""
    cells = []
    for name, timing in timings.items():
        rate = rows / timing.seconds / 1e3
        shown = f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
        cells.append(f"{shown} {spread(timing.spread)}")
        if name != ours:
            cells.append(f"{timing.seconds / timings[ours].seconds:.2f}")
    return cells


# Other sources


def _sources(server: ServerProcess, peers: Peers, options: Options) -> Section:
    ours, stock, _ = peers
    rows = options.scaled(1_000_000)
    table = _table(rows)
    lines = []
    drop = partial(server.create, _DROP, "", at_hand=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        pq.write_table(table, path)
        frame = table.to_pandas()

        def from_file(load: Callable[[pa.Table], Any]) -> Any:
            return load(pq.read_table(path))

        def from_frame(load: Callable[[pa.Table], Any]) -> Any:
            return load(pa.Table.from_pandas(frame))

        def loaded(table: pa.Table, which: str) -> Any:
            return _loads(peers, table, "create")[which]()

        tasks: dict[str, dict[str, _Call]] = {
            "a Parquet file": {
                Ours.name: lambda: ours.connection.load("loaded", path, mode="create"),
                **{name: partial(from_file, partial(loaded, which=name)) for name in _OTHERS},
            },
            "a pandas frame": {
                Ours.name: lambda: ours.connection.load("loaded", frame, mode="create"),
                **{name: partial(from_frame, partial(loaded, which=name)) for name in _OTHERS},
            },
        }
        for size in (options.scaled(10_000), rows):
            part = frame.head(size)
            tasks[f"to_sql of {size:,} rows"] = {
                Ours.name: partial(part.to_sql, "loaded", ours.connection, index=False),
                Stock.name: partial(part.to_sql, "loaded", stock.connection, index=False),
            }
        refusals = []
        for task, calls in tasks.items():
            size = int(task.split()[2].replace(",", "")) if task.startswith("to_sql") else rows
            possible = {}
            for name, call in calls.items():
                drop()
                if said := refusal(call):
                    refusals.append(f" *n/a*: {name} fails with “{said}”.")
                else:
                    possible[name] = call
            timings = interleaved(possible, _rounds(options, size), task, before=drop)
            cells = dict(zip(timings, _pairs(_compared(timings, size, Ours.name)), strict=True))
            line = [task]
            for name in (Ours.name, *_OTHERS):
                absent = ["–"] if name not in calls else ["n/a"]
                line += cells.get(name, absent if name == Ours.name else [*absent, ""])
            lines.append(line)
    note = (
        f"Create a table of {rows:,} rows from what is at hand, in thousands of rows a second. The "
        "peers read the file, or convert the frame, with pyarrow. `DataFrame.to_sql()` gives "
        "either connection the frame as one batch."
    ) + "".join(refusals)
    return Section("Other sources", note, ["from", *_columns(Ours.name, _OTHERS)], lines)


def _pairs(cells: list[str]) -> list[list[str]]:
    return [cells[:1], *(cells[i : i + 2] for i in range(1, len(cells), 2))]


# Upsert


def _upsert(server: ServerProcess, peers: Peers, options: Options) -> Section:
    ours, _, altertable = peers
    key = IngestIncrementalOptions(primary_key=["id"], cursor_field=["since"])
    lines = []
    for rows in _scaled(options, 1_000, 10_000, 100_000, 1_000_000):
        table = _table(rows)

        def load(table: pa.Table = table) -> Any:
            return ours.connection.load("loaded", table, primary_key="id", cursor_field="since")

        def ingest(table: pa.Table = table) -> None:
            with altertable.client.ingest(
                table_name="loaded",
                schema=table.schema,
                mode=IngestTableMode.APPEND,
                incremental_options=key,
            ) as writer:
                writer.write_table(table, _CUT)

        # Half of the rows are there, and older.
        there = (
            "CREATE OR REPLACE TABLE loaded AS SELECT i * 2 AS id, 'x' AS name, 0::DOUBLE AS "
            f"amount, TIMESTAMP '1960-01-01' AS since FROM range({rows}) AS r(i)"
        )
        timings = interleaved(
            {Ours.name: load, Altertable.name: ingest},
            _rounds(options, rows),
            f"upsert of {rows:,} rows",
            before=partial(server.create, there, "", at_hand=False),
        )
        lines.append([f"{rows:,}", *_compared(timings, rows, Ours.name)])
    note = (
        '`conn.load(…, primary_key="id", cursor_field="since")` into a table of as many rows, half '
        "of which are updated, and Altertable's client's `ingest()` with the same options, in "
        "thousands of rows a second."
    )
    return Section("Upsert", note, ["rows", *_columns(Ours.name, (Altertable.name,))], lines)


# Memory, each in a process of its own


def _memory(server: ServerProcess, options: Options) -> Section:
    rows, many = options.scaled(5_000_000), options.scaled(100_000)
    lines = []
    tasks = [("load", name, rows) for name in (Ours.name, Stock.name, Altertable.name)]
    tasks += [("file", Ours.name, rows), ("executemany", Ours.name, many)]
    for task, peer, number in tasks:
        server.create(TABLE if task == "executemany" else _DROP, "", at_hand=False)
        progress(f"memory of {task}, {peer}")
        answer = in_own_process("load", server, task=task, peer=peer, rows=number)
        what = {"load": "a table", "file": "a Parquet file", "executemany": "executemany"}[task]
        lines.append([what, f"{number:,}", peer, _mb(answer["data"]), _mb(answer["peak"])])
    server.create(_DROP, "", at_hand=False)
    note = (
        "Each client in a process of its own: MB of the data itself, which is there before, and MB "
        "above that at the highest."
    )
    header = ["what", "rows", "client", "data MB", "peak MB"]
    return Section("Memory of loading", note, header, lines)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f}"


def _measure(question: dict[str, Any]) -> dict[str, int]:
    address: Any = Address(*question["address"])
    peers = Ours(address), Stock(address), Altertable(address)
    for peer in peers:
        peer.one("SELECT 1")
    rows = question["rows"]
    call: _Call
    with tempfile.TemporaryDirectory() as folder:
        if question["task"] == "executemany":
            sets = executemany.made(rows)
            size = 0
            call = partial(executemany.execute, peers[0].connection, INSERT, sets)
        else:
            table = _table(rows)
            size = table.nbytes
            if question["task"] == "load":
                call = _loads(peers, table, "create")[question["peer"]]
            else:
                path = Path(folder) / "rows.parquet"
                pq.write_table(table, path)
                del table
                size = 0
                pa.default_memory_pool().release_unused()
                call = partial(peers[0].connection.load, "loaded", path, mode="create")
        start = resident_bytes()
        _forget_peak()
        call()
        return {"data": size, "peak": peak_bytes() - start}


def _forget_peak() -> None:
    """Begin the peak anew: what the data was made of was more than the data."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


if __name__ == "__main__":
    print(json.dumps(_measure(json.load(sys.stdin))))
