"""Ask a server from several processes, each with a connection of its own.

Run it with::

    python examples/processes.py
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import altertable_dbapi
from altertable_dbapi.local import Server


def squares(task: tuple[str, int]) -> int:
    """Runs in a process of its own, which was not forked from one that has connected."""
    uri, number = task
    with altertable_dbapi.connect(uri) as conn:
        rows = conn.execute("SELECT $n * $n", {"n": number}).fetchall()
        return int(rows[0][0])


def main() -> None:
    spawn = multiprocessing.get_context("spawn")
    with Server() as server, ProcessPoolExecutor(2, mp_context=spawn) as pool:
        print(list(pool.map(squares, [(server.uri, number) for number in range(5)])))


if __name__ == "__main__":
    main()
