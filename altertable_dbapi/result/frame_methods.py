"""A cursor's results as pandas and polars data frames."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from ..errors import DataError, InterfaceError

if TYPE_CHECKING:
    import pandas
    import polars

    from .result import Result

Frame = TypeVar("Frame")


class FrameMethods:
    """What a cursor has for data frames."""

    if TYPE_CHECKING:

        def _unread(self, what: str) -> Result: ...

    def fetch_df(self) -> pandas.DataFrame:
        """What is left of the result, as a pandas DataFrame.

        Raises
        ------
        DataError
            pandas cannot hold a column, a UNION say; names it. The result can be fetched still.
        """
        require_extra("pandas")
        from . import frames

        return self._fetch_frame(frames.check_pandas, frames.to_pandas)

    def fetch_polars(self) -> polars.DataFrame:
        """What is left of the result, as a polars DataFrame.

        Raises
        ------
        DataError
            polars cannot hold a column, an INTERVAL say; names it. The result can be fetched still.
        ProgrammingError
            Two columns have one name, which polars cannot hold.
        """
        require_extra("polars")
        from . import frames

        return self._fetch_frame(frames.check_polars, frames.to_polars)

    def _fetch_frame(
        self, check: Callable[[pa.Schema], None], make: Callable[[pa.Table], Frame]
    ) -> Frame:
        result = self._unread("data frame")
        check(result.schema)
        table = result.read_table()
        try:
            return make(table)
        except DataError:
            result.put_back(table.to_batches())
            raise


def require_extra(package: str) -> Any:
    """Import an extra's package, or say how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise InterfaceError(
            f'{package} is not installed; pip install "altertable-dbapi[{package}]"'
        ) from error
