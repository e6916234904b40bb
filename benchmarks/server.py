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
    """The local server in a process of its own, so that its work is not the clients'."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server"],
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


def serve() -> None:
    """Answer questions until the standard input ends."""
    from altertable_dbapi.local import Server

    with Server(batch_rows=BATCH_ROWS) as server, server.connect(autocommit=True) as connection:
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
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
