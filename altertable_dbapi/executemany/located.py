"""The server's error of many sets, with the place in them where it comes from."""

from __future__ import annotations

import re

from ..errors import Error, reworded

# How DuckDB names what it could not convert, where it is a column of this package's.
_SOURCE = re.compile(r" when casting from source column __p[\d_]+")


def located(error: Error, where: str) -> Error:
    """The server's error with the place where it comes from."""
    # The excerpt that DuckDB adds is of a statement that the caller has not written.
    said = _SOURCE.sub("", str(error).partition("\n\nLINE ")[0])
    return reworded(error, f"{said} ({where})")
