"""A terminal for the command line: a pseudo-terminal of some size, and what is written to it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TextIO

from altertable_dbapi.cli.main import main

SECONDS = 60


class Terminal:
    """A pseudo-terminal.

    Attributes
    ----------
    file : file
        What a program writes to; it is a terminal.
    """

    def __init__(self, columns: int = 80, encoding: str = "utf-8") -> None:
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.file: TextIO = os.fdopen(self._slave, "w", encoding=encoding, closefd=False)
        self._seen = bytearray()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def slave(self) -> int:
        """The program's end."""
        return self._slave

    def type(self, text: str) -> None:
        """What somebody types."""
        os.write(self._master, text.encode())

    def wait_for(self, text: str) -> None:
        """Wait until this is on the screen."""
        end = time.monotonic() + SECONDS
        with self._changed:
            while text not in self._text():
                assert self._changed.wait(end - time.monotonic()), self._text()

    def close(self) -> str:
        """End, and give all that was written, with line breaks as they were written."""
        self.file.close()
        os.close(self._slave)
        self._reader.join()
        os.close(self._master)
        return self._text()

    def _text(self) -> str:
        return self._seen.decode().replace("\r\n", "\n")

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError as error:
                if error.errno == errno.EIO:  # the other end is closed
                    return
                raise
            if not data:
                return
            with self._changed:
                self._seen += data
                self._changed.notify_all()


@contextlib.contextmanager
def running(
    terminal: Terminal, arguments: Sequence[str], environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The command line in a process of its own, whose terminal this is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "altertable_dbapi", *arguments],
        stdin=terminal.slave,
        stdout=terminal.slave,
        stderr=terminal.slave,
        start_new_session=True,  # so that /dev/tty is not the terminal of whoever runs the tests
        env=os.environ | (environment or {}),
    )
    try:
        yield process
        process.wait(SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def at_a_terminal(
    arguments: Sequence[str], columns: int = 80, environment: dict[str, str] | None = None
) -> tuple[int, str]:
    """The exit status of a command line, and what it writes to a terminal."""
    terminal = Terminal(columns)
    with running(terminal, arguments, environment) as process:
        pass
    return process.returncode, terminal.close()


def seen_at(columns: int, *argv: str) -> tuple[int, str]:
    """The exit status of a command line in this process, and what it writes to a terminal."""
    terminal = Terminal(columns)
    with contextlib.redirect_stdout(terminal.file), contextlib.redirect_stderr(terminal.file):
        status = main(argv)
        terminal.file.flush()
    return status, terminal.close()
