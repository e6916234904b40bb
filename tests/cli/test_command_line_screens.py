"""What the command line shows on a terminal, as files in ``tests/cli/screens``.

After a change that is meant, look at what ``git diff tests/cli/screens`` shows when they are
written again::

    ALTERTABLE_WRITE_SCREENS=1 python -m pytest -n 0 tests/cli/test_command_line_screens.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from ..support.terminal import seen_at

SCREENS = Path(__file__).parent / "screens"

STATEMENTS = {
    "wide table": """SELECT
        flight, carrier, 'Paris Charles de Gaulle' AS origin_airport, destination,
        TIMESTAMP '2026-05-06 07:08:09' + INTERVAL (flight) MINUTE AS scheduled_departure,
        (flight * 1.5)::DECIMAL(10, 2) AS departure_delay_minutes, 1000000 * flight AS seats,
        flight % 2 = 0 AS cancelled
        FROM (VALUES (1, 'AF', 'New York John F. Kennedy'), (22, 'BA', 'London'),
        (333, 'LH', 'Zürich'))
        AS t(flight, carrier, destination)""",
    "long text": """SELECT range AS line, repeat('All work and no play. ', 3 * range) AS said,
        repeat('z', 100) AS more FROM range(4)""",
    "wide characters": """SELECT * FROM (VALUES
        ('日本語のとても長い見出しで端末に入りきらないもの',
        'こんにちは世界、こんにちは世界、こんにちは世界、こんにちは世界', 1),
        ('👩‍💻 👨‍👩‍👧‍👦 👍🏽 🏳️‍🌈 ❤️ 🇫🇷', 'emoji', 22),
        ('naïve café', 'هذا نص', 333), ('한국어', 'नमस्ते', 4444))
        AS t(text, other, n)""",
    "nulls": """SELECT * FROM (VALUES (1, 'text', 'NULL', DATE '2026-01-02'),
        (NULL, NULL, NULL, NULL),
        (2, '', '''NULL''', NULL)) AS t(number, text, quoted, day)""",
    "nested values": """SELECT [1, NULL, 3] AS list, {'a': 1, 'b': {'c': ['x', NULL]}} AS struct,
        MAP {'key': [1.5, 2.5]} AS map,
        [{'when': DATE '2026-01-02', 'raw': 'a'::BLOB}] AS structs""",
    "100 columns": "SELECT " + ", ".join(f"{i * i} AS column_{i}" for i in range(100)),
    "an error": "SELECT id,\n       coutn(*) AS number\nFROM range(10) AS t(id)",
    "a syntax error": "SELECT 1 +\n  FROM range(10) GROUP",
}
COLUMNS = (80, 120)


def _check(name: str, columns: int, text: str) -> None:
    text = re.sub(r" in \d+\.\d{3} s$", " in … s", text, flags=re.MULTILINE)
    text = re.sub(r"\^+", "^", text)  # DuckDB 2 points at the whole of the word
    path = SCREENS / f"{name.replace(' ', '-')}-{columns}.txt"
    if os.environ.get("ALTERTABLE_WRITE_SCREENS"):
        path.write_text(text, "utf-8", newline="")
    assert text == path.read_bytes().decode()


@pytest.fixture(autouse=True)
def _terminal_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("name", STATEMENTS)
def test_screen(name: str, columns: int) -> None:
    status, text = seen_at(columns, "--local", STATEMENTS[name])
    assert status == (1 if "error" in name else 0)
    _check(name, columns, text)


@pytest.mark.parametrize("columns", COLUMNS)
def test_screen_of_a_load(columns: int, tmp_path: Path) -> None:
    file = tmp_path / "trips.parquet"
    parquet.write_table(pa.table({"id": pa.array(range(20_000), pa.int64())}), file)
    load = ("load", str(file), "--into", "trips", "--mode", "create")
    status, text = seen_at(columns, "--local", *load)
    assert status == 0
    # How often it is written again, and how fast it is, is another matter each time.
    *_, whole, empty, last = text.split("\r")
    assert empty == " " * len(whole)
    _check("a load", columns, re.sub(r"[\d.,]+ MB/s", "… MB/s", f"{whole}\n{last}"))


def test_every_screen_is_of_a_test() -> None:
    names = {
        f"{name.replace(' ', '-')}-{c}.txt" for name in [*STATEMENTS, "a load"] for c in COLUMNS
    }
    assert {path.name for path in SCREENS.iterdir()} == names
