"""A local server in a process of its own, to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import altertable_dbapi
from altertable_dbapi.settings.uri import parse_uri


class ServerProcess:
    """``python -m altertable_dbapi.local``, started and ready.

    Parameters
    ----------
    database : str
        A DuckDB file, to find data again after a restart, or ``:memory:``.
    port : int
        0 for any that is free.
    """

    def __init__(self, database: str = ":memory:", port: int = 0) -> None:
        command = [sys.executable, "-m", "altertable_dbapi.local", "--port", str(port)]
        self._process = subprocess.Popen(
            [*command, "--database", database],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        uri = next(word for word in line.split() if word.startswith("altertable://"))
        self.port = int(parse_uri(uri)["port"])

    def connect(self, **settings: Any) -> altertable_dbapi.Connection[tuple[Any, ...]]:
        where = {"host": "127.0.0.1", "port": self.port, "tls": False}
        return altertable_dbapi.connect(
            **{**where, "username": "local", "password": "local", **settings}
        )

    def kill(self) -> None:
        """End it without a word, as a crash does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def pause(self) -> None:
        """Let it answer nothing, with its connections open."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process.poll() is None:
            self.resume()
            self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()
