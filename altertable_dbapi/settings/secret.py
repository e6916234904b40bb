"""Text that does not show itself: passwords, private keys, tokens, and what has them in it."""

from __future__ import annotations

import os
from typing import Any, NoReturn, SupportsIndex


class Secret(str):
    """Text whose repr hides it, to be used wherever text is.

    Tools that show local variables with a traceback (``traceback`` with ``capture_locals``, pytest,
    rich, Sentry) show their repr. ``str()`` and formatting give the text; it is neither copied to
    another object nor pickled.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        # Some show the repr of its first characters.
        return Secret(super().__getitem__(key))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            "passwords and private keys are not pickled; another process takes them from its own "
            "environment (ALTERTABLE_PASSWORD) or is given what connect() needs"
        )


class Unshown:
    """Stands for a value that is no text where a secret is expected, and is not shown."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind.__name__}>"


def conceal(value: Any, path: bool = False) -> Any:
    """A secret as text that does not show itself; None is None.

    Parameters
    ----------
    value : object
    path : bool
        Whether it may be a path as well, which is then text, too.
    """
    if value is None or isinstance(value, (Secret, Unshown)):
        return value
    if path and isinstance(value, os.PathLike):
        value = os.fspath(value)
    return Secret(value) if isinstance(value, str) else Unshown(type(value))
