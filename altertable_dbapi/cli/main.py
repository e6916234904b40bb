"""The command line: what it is asked for is done, and ends in a line and an exit status."""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Iterator, Sequence

from .. import errors
from ..errors import Error
from .commands import COMMANDS, statement
from .options import parse
from .width import one_line


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 after an error, 130 after Ctrl-C."""
    options = parse(argv)
    run = statement if options.command is None else COMMANDS[options.command]
    started = time.perf_counter()
    try:
        with _short_warnings():
            done = run(options)
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough; keep Python from complaining at exit.
        sys.stderr.close()
        return 1
    except (Error, OSError) as error:
        _say(f"error: {_shown(error)}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    _say(f"{done} in {time.perf_counter() - started:.3f} s")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _shown(error: BaseException) -> str:
    """An error's text: its sentence in one line, then the engine's picture of where it happened."""
    sentence, _, picture = str(error).partition("\n\n")
    lines = [" ".join(sentence.split()) or type(error).__name__]
    # The caret stands below its place, so spaces stay as they are.
    lines += [one_line(line) for line in picture.splitlines()]
    return "\n".join([one_line(lines[0]), *lines[1:]])


@contextlib.contextmanager
def _short_warnings() -> Iterator[None]:
    """A warning is a line of what it says, without the place in the code that gives it."""

    def show(message: Warning | str, *where: object, **more: object) -> None:
        _say(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        warnings.simplefilter("always", errors.Warning)
        yield
