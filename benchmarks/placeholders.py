"""What scanning a statement costs: ``python -m benchmarks.placeholders``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

from altertable_dbapi.statement.scan import _scan, scan

PLAIN = (
    "SELECT id, name, price::DOUBLE FROM shop.orders WHERE region = 'EU' AND total >= 1 LIMIT 100"
)
NAMED = (
    "SELECT id, name FROM shop.orders WHERE city = $city AND day >= $day AND note <> 'a' LIMIT 10"
)
ROW = (
    "SELECT o.customer_id, date_trunc('month', o.ordered_at) AS month, sum(o.price) AS revenue,"
    " count(DISTINCT o.id) AS orders FROM shop.orders AS o JOIN shop.customers AS c ON c.id ="
    " o.customer_id WHERE o.status = 'paid' AND c.country = $country GROUP BY ALL\nUNION ALL\n"
)


def statements() -> dict[str, str]:
    """Give the statements by what they are."""
    return {
        "SELECT": PLAIN,
        "SELECT with 2 placeholders": NAMED,
        "INSERT ... RETURNING": "INSERT INTO shop.orders (id, name) VALUES (?, ?) RETURNING id",
        "query of 1 kB": ROW * 4 + "SELECT 1",
        "query of 10 kB": ROW * 38 + "SELECT 1",
        "query of 100 kB": ROW * 380 + "SELECT 1",
        "WITH of 100 kB": "WITH a AS (" + ROW * 380 + "SELECT 1) SELECT * FROM a",
        "VALUES of 100 kB": "INSERT INTO t VALUES "
        + ", ".join(["(1234, 'some text', 5.25)"] * 3700),
    }


def microseconds(call: Callable[[], object], number: int) -> float:
    """Give the median time of a call over 15 rounds."""
    rounds = []
    for _ in range(15):
        started = time.perf_counter()
        for _ in range(number):
            call()
        rounds.append((time.perf_counter() - started) / number * 1e6)
    return statistics.median(rounds)


def main() -> None:
    """Print a table of characters, and microseconds with and without the cache."""
    print(f"{'statement':28}{'characters':>12}{'µs uncached':>14}{'µs cached':>12}")
    for name, text in statements().items():
        number = max(1, 1_000_000 // (len(text) + 500))
        uncached = microseconds(partial(_scan, text), number)
        cached = microseconds(partial(scan, text), number)
        print(f"{name:28}{len(text):>12,}{uncached:>14,.1f}{cached:>12,.2f}")


if __name__ == "__main__":
    main()
