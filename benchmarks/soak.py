"""A long run of mixed work, each result checked: ``python -m benchmarks soak [--minutes N]``.

Two threads with a connection each, one with autocommit and one without, and a third that connects
anew each time. What must not happen is an error that was not asked for, or anything that grows.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import altertable_dbapi

from .server import ServerProcess
from .soak_work import Work, Wrong

#: Seconds between two lines.
_INTERVAL = 15.0
#: Seconds after which a thread that has not come back is taken for one that never will.
_HANG = 180.0


class Turns:
    """Many work at once, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._working = 0
        self._alone = False

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """A block that others may work beside."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """A block that nobody works beside."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._alone = True
            self._changed.wait_for(lambda: not self._working)
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()


class Sample(NamedTuple):
    """What there is at one time, when nobody works; memory in bytes."""

    memory: int
    threads: int
    descriptors: int
    server_memory: int
    server_threads: int
    server_descriptors: int
    sessions: int
    statements: int

    def __str__(self) -> str:
        return (
            f"client {self.memory / 1e6:,.0f} MB, {self.threads} threads, {self.descriptors} "
            f"descriptors; server {self.server_memory / 1e6:,.0f} MB, {self.server_threads} "
            f"threads, {self.server_descriptors} descriptors, {self.sessions} sessions, "
            f"{self.statements} statements"
        )


def sample(server: ServerProcess) -> Sample:
    """Look at this process, the server's, and the server."""
    gc.collect()
    return Sample(*_process(os.getpid()), *_process(server.pid), *server.open())


def _process(number: int) -> tuple[int, int, int]:
    with open(f"/proc/{number}/status", encoding="ascii") as file:
        facts = dict(line.split(":", 1) for line in file)
    memory = int(facts["VmRSS"].split()[0]) * 1024
    return memory, int(facts["Threads"]), len(os.listdir(f"/proc/{number}/fd"))


class Soak:
    """The threads, what they have done, and what went wrong."""

    def __init__(self, server: ServerProcess) -> None:
        self.done: Counter[str] = Counter()
        self.errors: list[tuple[str, str]] = []
        self.turns = Turns()
        self._server = server
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(name, autocommit), name=name)
            for name, autocommit in (("first", True), ("second", False))
        ]
        self._threads.append(threading.Thread(target=self._connect, name="third"))

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let what is under way end, and close the connections."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _connection(self, autocommit: bool) -> altertable_dbapi.Connection[Any]:
        return altertable_dbapi.connect(self._server.uri, autocommit=autocommit)

    def _work(self, name: str, autocommit: bool) -> None:
        chance = random.Random(name)
        with self._connection(autocommit) as connection:
            work = Work(connection, name, chance)
            work.prepare()
            tasks: list[tuple[str, Callable[[], None]]] = list(work.tasks().items())
            while not self._stop.is_set():
                chance.shuffle(tasks)
                for what, task in tasks:
                    if self._stop.is_set():
                        break
                    with self.turns.shared():
                        self._do(what, task, work)
                with self.turns.alone():
                    self._do("session expiry", lambda: work.expire(self._server), work)

    def _connect(self) -> None:
        chance = random.Random("third")
        while not self._stop.is_set():
            with self.turns.shared():
                self._do("connect and close", lambda: self._once(chance))
            self._stop.wait(0.05)

    def _once(self, chance: random.Random) -> None:
        with self._connection(chance.random() < 0.5) as connection:
            cursor = connection.execute("SELECT i, i * 2 FROM range(200_000) AS r(i)")
            found = cursor.fetchmany(3)
            if found != [(0, 0), (1, 2), (2, 4)]:
                raise Wrong(f"{found}")
            if chance.random() < 0.5:
                cursor.close()
        # Otherwise it is closed with a stream that is half read, and perhaps a transaction.

    def _do(self, what: str, task: Callable[[], None], work: Work | None = None) -> None:
        try:
            task()
            if work is not None:
                work.settle()
        except Exception as error:
            self.errors.append((what, "".join(traceback.format_exception(error))))
            if work is not None:
                with contextlib.suppress(altertable_dbapi.Error):
                    work.connection.rollback()
        else:
            self.done[what] += 1


def run(minutes: float) -> int:
    """Work for so long, and print what there is; the number of things that are wrong."""
    with ServerProcess() as server:
        soak = Soak(server)
        started = time.monotonic()
        ends = started + minutes * 60
        soak.start()
        samples = []
        while (now := time.monotonic()) < ends:
            # Ends the process, and says where each thread is.
            faulthandler.dump_traceback_later(_HANG, exit=True)
            time.sleep(min(_INTERVAL, ends - now))
            with soak.turns.alone():
                samples.append(sample(server))
            print(
                f"{time.monotonic() - started:5.0f} s  {sum(soak.done.values()):,} done, "
                f"{len(soak.errors)} errors; {samples[-1]}",
                flush=True,
            )
        soak.stop()
        faulthandler.cancel_dump_traceback_later()
        left = sample(server)
    return _report(soak, samples, left)


def _report(soak: Soak, samples: list[Sample], left: Sample) -> int:
    print()
    for what, number in sorted(soak.done.items()):
        print(f"{what:24}{number:>8,}")
    # The first of each kind: others may follow from it.
    for what, error in dict(reversed(soak.errors)).items():
        print(f"\n{what}: {error}")
    # What is made once, such as memory that is kept for later, is there after a quarter.
    first, last = samples[len(samples) // 4], samples[-1]
    print(
        f"\n{len(soak.errors)} errors. Since a quarter of the time: client "
        f"{(last.memory - first.memory) / 1e6:+,.0f} MB, {last.threads - first.threads:+} threads, "
        f"{last.descriptors - first.descriptors:+} descriptors; server "
        f"{(last.server_memory - first.server_memory) / 1e6:+,.0f} MB, "
        f"{last.server_threads - first.server_threads:+} threads, "
        f"{last.server_descriptors - first.server_descriptors:+} descriptors."
    )
    print(f"Closed: {left}.")
    return len(soak.errors) + left.sessions + left.statements
