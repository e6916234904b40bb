"""The README's code, run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import Connection
from altertable_dbapi.local import Server

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(heading: str) -> list[str]:
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def names(auto: Connection[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    return {"conn": auto, "cursor": auto.cursor(), "altertable_dbapi": altertable_dbapi}


@pytest.fixture
def _orders(auto: Connection[tuple[Any, ...]]) -> None:
    auto.execute(
        "CREATE TABLE orders AS SELECT 1 AS id, 'Lyon' AS city, 12.5::DOUBLE AS amount, "
        "DATE '2026-02-01' AS day"
    )


def test_quick_start(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = _blocks("Quick start")
    with Server(catalogs=("sales",)) as server:
        with server.connect(catalog="sales", autocommit=True) as conn:
            conn.execute(
                "CREATE TABLE orders AS SELECT 'Lyon' AS city, 12.5 AS amount, "
                "DATE '2026-02-01' AS day"
            )
        exec(code.replace('username="…", password="…"', repr(server.uri)), {})
    assert capsys.readouterr().out == "Lyon 12.5\n"


@pytest.mark.usefixtures("_orders")
def test_parameters(names: dict[str, Any]) -> None:
    for block in _blocks("Parameters"):
        exec(block, names)
    assert names["frame"]["city"].tolist() == ["Lyon"]


def test_transactions(names: dict[str, Any]) -> None:
    conn = names["conn"]
    conn.execute("CREATE TABLE stock AS SELECT 7 AS item, 3 AS n")
    conn.execute("CREATE TABLE orders (item INTEGER, ordered TIMESTAMPTZ)")
    for block in _blocks("Transactions"):
        exec(block, names)
    assert conn.execute("FROM stock").fetchall() == [(7, 2)]


@pytest.mark.usefixtures("_orders")
def test_arrow_pandas_polars(names: dict[str, Any], server: Server) -> None:
    import pandas as pd
    import polars as pl

    names |= {"pd": pd, "pl": pl}
    for block in _blocks("Arrow, pandas, polars"):
        exec(block.replace("altertable://user:password@host/sales", server.uri), names)
    assert names["table"].num_rows == names["reader"].read_all().num_rows == 1


def test_loading_and_looking_around(names: dict[str, Any]) -> None:
    for heading in ("Loading", "Looking around"):
        for block in _blocks(heading):
            exec(block, names)
    conn = names["conn"]
    assert conn.execute("SELECT id, city FROM orders ORDER BY id").fetchall() == [
        (1, "Lyon"),
        (2, "Nice"),
        (3, "Lyon"),
        (4, "Lille"),
        (5, "NANTES"),
        (6, "METZ"),
    ]
    assert conn.execute("SELECT count(*) FROM flights").fetchall() == [(2 * 51955,)]
    assert conn.execute("SELECT count(*) FROM orders_copy").fetchall() == [(6,)]
