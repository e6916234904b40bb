"""Ctrl-C at any moment, and whom else signals are told to."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from altertable_dbapi import Connection, OperationalError
from altertable_dbapi.local import Server

from ..support.long_statement import LONG

Conn = Connection[tuple[Any, ...]]

_PRESSES = """
import os, random, signal, sys, threading, time
import altertable_dbapi

conn = altertable_dbapi.connect(sys.argv[1], autocommit=True)

def press():
    time.sleep(random.random() / 50)
    os.kill(os.getpid(), signal.SIGINT)
    if not seen.wait(5):
        print("lost", flush=True)
        os._exit(1)

for _ in range(100):
    seen = threading.Event()
    thread = threading.Thread(target=press)
    try:
        thread.start()
        while True:
            {action}
    except KeyboardInterrupt:
        seen.set()
    thread.join()
    assert conn.execute("SELECT 42").fetchall() == [(42,)]
conn.close()
print("done")
"""


@pytest.mark.parametrize(
    "action",
    ["conn.execute('SELECT 1').fetchall()", "conn.execute('FROM range(200_000)').fetchall()"],
    ids=["statements", "batches"],
)
def test_no_press_is_lost(server: Server, action: str) -> None:
    """Calls that end at once, one after another: a press meets their beginnings and ends, too."""
    code = _PRESSES.format(action=action)
    run = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code, server.uri],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.stdout, run.returncode) == ("done\n", 0), run.stderr


@pytest.fixture
def pressed() -> Any:
    """Press Ctrl-C when a statement is running on the server."""
    threads = []

    def press(server: Server, number: signal.Signals = signal.SIGINT) -> None:
        def wait_and_press() -> None:
            while LONG not in server.executed:
                threading.Event().wait(0.01)
            os.kill(os.getpid(), number)

        threads.append(threading.Thread(target=wait_and_press))
        threads[-1].start()

    yield press
    for thread in threads:
        thread.join()


def test_the_handler_of_the_program_is_called(server: Server, auto: Conn, pressed: Any) -> None:
    """It may go on: the statement is cancelled all the same."""
    calls = []
    before = signal.signal(signal.SIGINT, lambda *args: calls.append(args))
    try:
        pressed(server)
        with pytest.raises(OperationalError):
            auto.execute(LONG)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(calls) == 1
    assert auto.execute("SELECT 1").fetchall() == [(1,)]


def test_who_hears_of_signals_hears_of_them_again(server: Server, auto: Conn, pressed: Any) -> None:
    """An event loop is told through the same file descriptor."""

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        heard = asyncio.Event()
        order: list[str] = []

        def hear() -> None:
            order.append("loop")
            heard.set()

        loop.add_signal_handler(signal.SIGINT, hear)
        try:
            pressed(server)
            with pytest.raises(OperationalError):
                auto.execute(LONG)
            order.append("cancelled")
            await asyncio.wait_for(heard.wait(), 10)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        return order

    assert asyncio.run(main()) == ["cancelled", "loop"]
    assert signal.set_wakeup_fd(-1) == -1


def test_other_threads_do_not_touch_signals(auto: Conn) -> None:
    found = []
    thread = threading.Thread(target=lambda: found.extend(auto.execute("SELECT 1").fetchall()))
    thread.start()
    thread.join(20)
    assert found == [(1,)]
    assert signal.set_wakeup_fd(-1) == -1
