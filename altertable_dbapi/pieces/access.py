"""How a piece reaches the server, wherever it is read: settings, and no handle."""

from __future__ import annotations

from typing import Any

from .._connect import connect
from ..connection import Connection
from ..errors import ProgrammingError
from ..settings.resolve import given
from ..settings.secret import Secret, conceal
from ..settings.settings import SECRETS

_CREDENTIALS = frozenset({"username", *SECRETS})


class Access:
    """The settings of sessions that are opened elsewhere.

    In this process it has all that was given. Pickled, it leaves the user name, the password and
    keys out unless `with_credentials` says otherwise: another process takes them from its own
    environment (``ALTERTABLE_USERNAME``, ``ALTERTABLE_PASSWORD``), as `connect` does.

    Parameters
    ----------
    uri : str, optional
        What `altertable_dbapi.connect` takes.
    with_credentials : bool
        Whether a pickle holds them.
    **settings
        More of what `altertable_dbapi.connect` takes.
    """

    def __init__(
        self, uri: str | None = None, *, with_credentials: bool = False, **settings: Any
    ) -> None:
        uri = conceal(uri)
        self.with_credentials = with_credentials
        self._in_process: str | None = None
        if isinstance(uri, str) and uri.partition(":")[0] == "local":
            self._in_process = str(uri)
            uri = None
        self._settings = {name: value for name, (value, _) in given(uri, settings, {}).items()}

    def connect(self) -> Connection[tuple[Any, ...]]:
        """Open a session of its own, which keeps each statement by itself."""
        return connect(self._in_process, **{**self._settings, "autocommit": True})

    def __getstate__(self) -> dict[str, Any]:
        if self._in_process is not None:
            raise ProgrammingError(
                f"{self._in_process!r} is a server in this process, which no other can reach; "
                "start one with altertable_dbapi.local.Server and give its uri"
            )
        kept = {
            name: str(value) if isinstance(value, Secret) else value
            for name, value in self._settings.items()
            if self.with_credentials or name not in _CREDENTIALS
        }
        return {"with_credentials": self.with_credentials, "settings": kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.with_credentials = state["with_credentials"]
        self._in_process = None
        self._settings = {
            name: conceal(value) if name in SECRETS else value
            for name, value in state["settings"].items()
        }

    def __repr__(self) -> str:
        host = self._settings.get("host", "the default host")
        return f"<altertable_dbapi.pieces.Access to {self._in_process or host}>"
