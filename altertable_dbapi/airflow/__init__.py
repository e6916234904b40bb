"""Airflow: a hook for connections of type ``altertable`` (extra ``airflow``)."""

try:
    import airflow.providers.common.sql  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError(
        "altertable_dbapi.airflow needs Airflow and its common.sql provider: "
        'pip install "altertable-dbapi[airflow]"'
    ) from error

from .dialect import AltertableDialect
from .hook import AltertableHook

__all__ = ["AltertableDialect", "AltertableHook"]
