"""Where a result goes: standard output, or a file that is there when all of it is."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import IO, Any

from ..errors import ProgrammingError
from .formats import ARROW_FILE, FORMATS, Format
from .values import Printable


class Destination:
    """A file or standard output, and the format of what goes there.

    Parameters
    ----------
    path : str, optional
        Of a file, whose name tells the format where none is given.
    name : str, optional
        The format.

    Raises
    ------
    ProgrammingError
        The format is one of bytes, and standard output a terminal.
    """

    def __init__(self, path: str | None, name: str | None) -> None:
        self._path = path
        self.format = _format(path, name)
        if path is None and self.format.is_binary and sys.stdout.isatty():
            raise ProgrammingError(
                f"--format {name} writes bytes, which a terminal cannot show; give --output FILE"
            )

    @property
    def is_terminal(self) -> bool:
        """Whether what goes there is seen as it comes."""
        return self._path is None and sys.stdout.isatty()

    def write(self, rows: Printable) -> int:
        """Write all rows; their number.

        Raises
        ------
        ProgrammingError
            The encoding of standard output lacks a character, and the format has no escape.
        """
        with self._opened() as out:
            try:
                return self.format.write(rows, out)
            except UnicodeEncodeError as error:
                lacking = error.object[error.start : error.start + 1]
                raise ProgrammingError(
                    f"standard output is {error.encoding}, which has no {lacking!a}; "
                    "--output FILE writes UTF-8, as PYTHONIOENCODING=utf-8 does"
                ) from None

    @contextlib.contextmanager
    def _opened(self) -> Iterator[IO[Any]]:
        binary = self.format.is_binary
        if self._path is not None:
            with _whole_file(self._path, binary) as file:
                yield file
        elif binary:
            sys.stdout.flush()
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            with _lenient(not self.format.is_exact or sys.stdout.isatty()):
                yield sys.stdout
                sys.stdout.flush()


def _format(path: str | None, name: str | None) -> Format:
    ending = os.path.splitext(path or "")[1].lower()
    if ending in ARROW_FILE.endings and name in ("arrow", None):
        return ARROW_FILE
    if name is not None:
        return FORMATS[name]
    for form in FORMATS.values():
        if ending in form.endings:
            return form
    return FORMATS["table"]


@contextlib.contextmanager
def _whole_file(path: str, binary: bool) -> Iterator[IO[Any]]:
    """A file to write, which takes the place of the one of its name when all is written."""
    path = os.path.realpath(path)
    # A pipe or a device is written as it is.
    through = os.path.exists(path) and not os.path.isfile(path)
    written = path if through else f"{path}.part"
    text = {} if binary else {"encoding": "utf-8", "newline": ""}
    try:
        with open(written, "wb" if binary else "w", **text) as file:  # type: ignore[call-overload]
            yield file
        if not through:
            os.replace(written, path)
    except BaseException:
        if not through:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(written)
        raise


@contextlib.contextmanager
def _lenient(lenient: bool) -> Iterator[None]:
    """What the encoding of standard output lacks is written as an escape, if so."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if not lenient or reconfigure is None:
        yield
        return
    before = sys.stdout.errors
    reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        reconfigure(errors=before)
