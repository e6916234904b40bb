"""What may be loaded, for type checkers: an int or an unread file object is an error there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, Protocol, TypeAlias


class ArrowStreamable(Protocol):
    """Arrow data of any library: a table, a reader, a data frame, a series."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The data as a PyCapsule."""


class ArrowArray(Protocol):
    """A record batch or array of any library."""

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        """The data as two PyCapsules."""


class ArrowType(Protocol):
    """A type of Arrow, of any library."""

    def __arrow_c_schema__(self) -> object:
        """The type as a PyCapsule."""


class Batched(Protocol):
    """Something that is read in batches, as a ``pyarrow.parquet.ParquetFile`` is."""

    def iter_batches(self) -> Any:
        """The record batches."""


class Lazy(Protocol):
    """A lazy frame."""

    def collect(self) -> Any:
        """The data frame."""


Loadable: TypeAlias = (
    ArrowStreamable
    | ArrowArray
    | Batched
    | Lazy
    | Mapping[str, Any]
    | Iterable[Any]
    | PathLike[str]
    | str
)
