"""The server process of the benchmarks, and the talk with it over its standard input and output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

#: Rows in a record batch of a result.
BATCH_ROWS = 65_536


class ServerProcess:
    """The local server in a process of its own, so that its work is not the clients'.

    Parameters
    ----------
    bind_as_text : bool
        Bind every parameter as text, as some servers do.
    """

    def __init__(self, bind_as_text: bool = False) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", *["--bind-as-text"] * bind_as_text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.uri: str = self._ask({})["uri"]
        parts = urlsplit(self.uri)
        assert parts.hostname and parts.port
        self.host, self.port = parts.hostname, parts.port
        self.username, self.password = parts.username or "", parts.password or ""

    def create(self, statement: str, query: str, at_hand: bool = True) -> None:
        """Make a table; `at_hand`: answer `query` with its rows as they are, without running it."""
        self._ask({"statement": statement, "query": query if at_hand else None})

    def calls(self) -> Counter[str]:
        """The calls seen since this was asked last."""
        return Counter(self._ask({"calls": True})["calls"])

    def expire_sessions(self) -> None:
        """Let every session expire."""
        self._ask({"expire": True})

    def open(self) -> tuple[int, int]:
        """How many sessions and prepared statements are open, but for the process's own."""
        answer = self._ask({"open": True})
        return answer["sessions"], answer["statements"]

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        if question:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server process ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


class Address:
    """Where the server of another process is; what the clients ask of a `ServerProcess`."""

    def __init__(self, host: str, port: int, username: str, password: str) -> None:
        self.host, self.port, self.username, self.password = host, port, username, password


def in_own_process(module: str, server: ServerProcess, **question: Any) -> dict[str, Any]:
    """What a module of this package answers to a question when it is run in a process of its own.

    It is told the server's address as well, as the arguments of `Address`.
    """
    address = [server.host, server.port, server.username, server.password]
    run = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}"],
        input=json.dumps({"address": address, **question}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def serve() -> None:
    """Answer questions until the standard input ends."""
    from altertable_dbapi.local import Server

    text = "--bind-as-text" in sys.argv
    with (
        Server(batch_rows=BATCH_ROWS, bind_as_text=text) as server,
        server.connect(autocommit=True) as connection,
    ):
        print(json.dumps({"uri": server.uri}), flush=True)
        for line in sys.stdin:
            question = json.loads(line)
            answer: dict[str, Any] = {}
            if "statement" in question:
                connection.execute(question["statement"]).close()
                if query := question["query"]:
                    with connection.execute(query) as cursor:
                        table = cursor.fetch_arrow_table()
                    server.add_result(query, table.schema, table.to_batches(BATCH_ROWS))
                server.clear()
            if "calls" in question:
                answer["calls"] = list(server.calls)
                server.clear()
            if "expire" in question:
                server.expire_sessions()
                connection.execute("SELECT 1").close()  # its own opens again
            if "open" in question:
                answer["sessions"] = server.open_sessions - 1
                answer["statements"] = server.open_statements
                server.clear()
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
