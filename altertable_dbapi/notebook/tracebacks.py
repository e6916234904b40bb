"""Tracebacks in IPython and its notebooks: the message first, then the frames of the program."""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType

#: The variable that shows every frame when it is ``full``.
SWITCH = "ALTERTABLE_TRACEBACK"

# Packages whose frames say nothing about the program.
_LEFT_OUT = ("altertable_dbapi", "adbc_driver_manager", "adbc_driver_altertable")


def rendered(error: BaseException) -> list[str]:
    """The pieces of what IPython prints for an error of the driver that nothing caught."""
    full = os.environ.get(SWITCH, "").lower() == "full"
    shown = error if full else _without_own_frames(error)
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None:
        return traceback.format_exception(type(shown), shown, shown.__traceback__)
    pieces: list[str] = shell.InteractiveTB.structured_traceback(
        type(shown), shown, shown.__traceback__, tb_offset=1 if full else 0
    )
    if full or len(pieces) < 2:
        return pieces
    # The last piece is the message, and the first one the name of the class alone.
    *frames, message = pieces
    return [message, "", *frames[1:]]


def _without_own_frames(error: BaseException) -> BaseException:
    """An error that looks like another one, without the frames that are not the program's."""
    shown = type(error).__new__(type(error), *error.args)
    shown.__dict__.update(error.__dict__)
    shown.__traceback__ = _of_the_program(error.__traceback__)
    shown.__cause__ = _before(error.__cause__)
    shown.__context__ = _before(error.__context__)
    shown.__suppress_context__ = error.__suppress_context__
    return shown


def _before(error: BaseException | None) -> BaseException | None:
    """What an error followed, if it is one that the program has met itself."""
    if error is None or error.__traceback__ is None or _is_own(error.__traceback__):
        return None
    return _without_own_frames(error) if hasattr(error, "_render_traceback_") else error


def _of_the_program(step: TracebackType | None) -> TracebackType | None:
    steps: list[TracebackType] = []
    while step is not None:
        # IPython's own come before those of a cell.
        if not _is_own(step) and not (not steps and _is_of(step, ("IPython",))):
            steps.append(step)
        step = step.tb_next
    kept: TracebackType | None = None
    for step in reversed(steps):
        kept = TracebackType(kept, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return kept


def _is_own(step: TracebackType) -> bool:
    return _is_of(step, _LEFT_OUT)


def _is_of(step: TracebackType, packages: tuple[str, ...]) -> bool:
    return str(step.tb_frame.f_globals.get("__name__")).partition(".")[0] in packages
