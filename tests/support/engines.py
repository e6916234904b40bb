"""What the local servers of a run are (``pytest --engine NAME``), and what cannot hold on each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from altertable_dbapi.local import engine
from altertable_dbapi.local.lake import KIND

ROOMS = (
    "arrow_input",
    "catalog",
    "executemany",
    "execution",
    "ingest",
    "parameters",
    "result",
    "rows",
    "session",
    "test_compliance.py",
    "test_cursor.py",
    "test_dbapi20.py",
)
"""Where the engine matters: a run that names one has these alone, unless it names its paths."""

REASONS: dict[str, dict[str, str]] = {
    "duckdb": {},
    # The statement of docs/server.md's table that is refused there.
    "lake": {
        "array": "CREATE TABLE n (a INTEGER[3])",
        "check": "CREATE TABLE n (i INTEGER CHECK (i > 0))",
        "collation": "CREATE TABLE n (s VARCHAR COLLATE NOCASE)",
        "conflict clause": "INSERT INTO t VALUES (4, 'd') ON CONFLICT DO NOTHING",
        "enum": "CREATE TABLE n (e ENUM('a'))",
        "foreign key": "CREATE TABLE n (i INTEGER REFERENCES t (i))",
        "generated column": "CREATE TABLE n (i INTEGER, j INTEGER GENERATED ALWAYS AS (i + 1))",
        "primary key": "CREATE TABLE n (i INTEGER PRIMARY KEY)",
        "returning": "INSERT INTO t VALUES (4, 'd') RETURNING i",
        "sequence": "CREATE SEQUENCE q",
        "type": "CREATE TYPE e AS ENUM ('a')",
        "union": "CREATE TABLE n (u UNION(a INTEGER, b VARCHAR))",
        "unique": "CREATE TABLE n (i INTEGER UNIQUE)",
    },
}
"""Each engine's reasons why a test cannot hold, by the word for ``not_on(engine, reason=…)``."""

FEWER = 10
"""By how much a run that names its engine divides the examples of property tests."""

_named: str | None = None
_left_out: Counter[str] = Counter()
_KEY = "left_out"


def lacks(reason: str) -> bool:
    """Whether what the reason names cannot be had on the engine of this run."""
    return _named is not None and reason in REASONS[_named]


def examples(number: int) -> int:
    """How many examples of `number` a property test has in this run."""
    return number if _named is None else max(number // FEWER, 10)


def _plain() -> None:
    """Plain catalogs of the DuckDB that is installed."""


def _lakes() -> None:
    """Each catalog that were one in memory is a temporary lake of the same name."""
    attached = engine._attached

    def lakes(
        database: str,
        catalogs: Mapping[str, str | os.PathLike[str]] | Sequence[str],
        lake: str | None,
    ) -> dict[str, str]:
        kinds = attached(database, catalogs, lake)
        return {name: KIND if kind == ":memory:" else kind for name, kind in kinds.items()}

    engine._attached = lakes


ENGINES: Mapping[str, Callable[[], None]] = {"duckdb": _plain, "lake": _lakes}
"""The engines, and what makes the servers of the process so."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=sorted(ENGINES),
        help="run what touches the engine, and this as the engine of every local server",
    )


def configure(config: pytest.Config) -> None:
    """Let the servers of this process be what the run asks for."""
    global _named
    config.addinivalue_line(
        "markers", "not_on(engine, reason): cannot hold there; REASONS has the reasons"
    )
    name = config.getoption("--engine")
    if name is not None:
        _named = name
        ENGINES[name]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what does not touch the engine; paths on the command line are not asked for."""
    tests = Path(__file__).parent.parent
    if config.getoption("--engine") is None or collection_path.parent != tests:
        return None
    return None if collection_path.name in (*ROOMS, "__init__.py", "conftest.py") else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot hold on the run's engine, and count it by reason."""
    name = config.getoption("--engine") or "duckdb"
    kept, left_out = [], []
    for item in items:
        reasons = [_reason(item, mark) for mark in item.iter_markers("not_on")]
        here = [reason for where, reason in reasons if where == name]
        if here:
            left_out.append(item)
            _left_out[here[0]] += 1
        else:
            kept.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _reason(item: pytest.Item, mark: pytest.Mark) -> tuple[str, str]:
    (where,), reason = mark.args, mark.kwargs["reason"]
    if reason not in REASONS[where]:
        raise pytest.UsageError(f"{item.nodeid}: {reason!r} is no reason in REASONS[{where!r}]")
    return where, reason


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the run's own process what this worker of it has left out."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = dict(_left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker has left out: all workers leave out the same."""
    _left_out.update(Counter(getattr(node, "workeroutput", {}).get(_KEY, {})) - _left_out)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was left out, by reason."""
    if not _left_out:
        return
    name = config.getoption("--engine") or "duckdb"
    terminalreporter.section(f"cannot hold on {name}: {sum(_left_out.values())}")
    for reason, count in sorted(_left_out.items()):
        terminalreporter.line(f"{count:4} {reason}: {REASONS[name][reason]}")
