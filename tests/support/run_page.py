"""Run a page's Python as a reader would: its blocks in order, one session, warnings as errors.

``python -W error tests/support/run_page.py README.md`` needs no more than what the page itself
installs.

- A comment after a line's ``print(…)`` is what it prints; a ``text`` block after a Python block is
  all that the block prints.
- A block marked ``python service`` shows a connection to the service. It runs beside the others,
  with a local server in the service's place that takes the page's own user name and password.
- In the pages below ``migrate/`` the calls in the last column of a table run, row by row.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Block(NamedTuple):
    """One block of a page: its language, its text, where it begins, and what it prints."""

    language: str
    code: str
    line: int
    output: str | None


class WrongPage(Exception):
    """What a page says is not what happens."""


def blocks(text: str) -> Iterator[Block]:
    """The Python blocks of a page."""
    fence = r"^```(python(?: service)?)\n(.*?)^```\n(?:\n```text\n(.*?)^```)?"
    for match in re.finditer(fence, text, re.M | re.S):
        line = text.count("\n", 0, match.start(2)) + 1
        yield Block(match[1], match[2], line, match[3])


def cells(text: str) -> Iterator[Block]:
    """The calls in the last column of a page's tables, in order."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("|") and not set(line) <= set("|- :"):
            last = line.replace(r"\|", "\0").rstrip("| ").rpartition("|")[2].replace("\0", "|")
            for code in re.findall(r"``(.+?)``|`([^`]+)`", last):
                if "(" in (call := (code[0] or code[1]).strip()):
                    service = " service" if "username=" in call else ""
                    yield Block(f"call{service}", call, number, None)


def expected_prints(code: str) -> dict[int, str]:
    """What the page says that a line prints, by the line's number."""
    lines = code.splitlines()
    comments = (
        token
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT
    )
    return {
        token.start[0]: token.string[1:].strip()
        for token in comments
        if lines[token.start[0] - 1].lstrip().startswith("print(")
    }


class Session:
    """The names that a page's blocks share, and what they print."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self.names: dict[str, Any] = {"__name__": "page", "print": self._print}
        self._printed: list[tuple[int, str]] = []

    def _print(self, *values: object, **options: Any) -> None:
        written = io.StringIO()
        print(*values, **{**options, "file": written})
        self._printed.append((sys._getframe(1).f_lineno, written.getvalue()))

    def call(self, block: Block) -> None:
        """Run a call of a table; a connection that it makes is closed."""
        names = {"it": eval(block.code, self.names)}
        self.close(names, but=self.names)

    def run(self, block: Block, names: dict[str, Any]) -> None:
        """Run a block, and compare what it prints with what the page says."""
        self._printed.clear()
        where = f"{self.page}:{block.line}"
        # The lines of the page, so that a traceback shows them.
        text = "\n" * (block.line - 1) + block.code
        exec(compile(text, str(self.page), "exec", dont_inherit=True), names)
        for line, expected in expected_prints(block.code).items():
            at = line + block.line - 1
            printed = " ".join(text.strip() for number, text in self._printed if number == at)
            if printed != expected:
                raise WrongPage(f"{self.page}:{at} prints {printed!r}, not {expected!r}")
        if block.output is not None:
            printed = "".join(text for _, text in self._printed)
            if printed.strip() != block.output.strip():
                raise WrongPage(f"{where} prints\n{printed}\nand not\n{block.output}")

    def close(self, names: dict[str, Any], but: dict[str, Any] | None = None) -> None:
        """Close what the page has opened and left open, as the end of a program does."""
        from altertable_dbapi import Connection

        kept = list(map(id, (but or {}).values()))
        connections = {
            id(value): value
            for value in names.values()
            if isinstance(value, Connection) and id(value) not in kept and not value.closed
        }
        for connection in connections.values():
            connection.close()


@contextlib.contextmanager
def service() -> Iterator[None]:
    """A local server in the service's place, for the user ``…`` with the password ``…``."""
    from altertable_dbapi.local import Server

    with Server(username="…", password="…", catalogs=("sales", "lake")) as server:
        given = {
            "ALTERTABLE_HOST": server.host,
            "ALTERTABLE_PORT": str(server.port),
            "ALTERTABLE_TLS": "false",
        }
        os.environ.update(given)
        try:
            yield
        finally:
            for name in given:
                del os.environ[name]


def found(page: Path) -> list[Block]:
    """What of a page runs, in its order."""
    text = page.read_text(encoding="utf-8")
    of_tables = cells(text) if page.parent.name == "migrate" else ()
    return sorted([*blocks(text), *of_tables], key=lambda block: block.line)


def run(page: Path) -> int:
    """Run a page; how many blocks it has."""
    session = Session(page)
    parts = found(page)
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "examples").symlink_to(ROOT / "examples")
        os.chdir(directory)
        try:
            for block in parts:
                place = service() if "service" in block.language else contextlib.nullcontext()
                with place:
                    if block.language.startswith("call"):
                        session.call(block)
                    elif block.language == "python service":
                        names = dict(session.names)
                        session.run(block, names)
                        session.close(names, but=session.names)
                    else:
                        session.run(block, session.names)
        finally:
            session.close(session.names)
            os.chdir(ROOT)
    return len(parts)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(f"{argument}: {run(Path(argument).resolve())} blocks")
