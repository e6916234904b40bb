"""The handshake and the headers: where a call's credentials come in."""

from __future__ import annotations

from typing import Any

from pyarrow import flight

from ..settings.secret import Secret
from .failures import guarded
from .faults import Faults
from .seen import Seen
from .sessions import Sessions


class Accept(flight.ServerAuthHandler):  # type: ignore[misc]
    """Lets every handshake pass: the credentials are in the headers, which `Gate` reads."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        """Accept; a wrong password never comes this far."""

    def is_valid(self, token: bytes) -> bytes:
        """Accept; Flight's own token is not used."""
        return b""


class Call(flight.ServerMiddleware):  # type: ignore[misc]
    """One call's authorization header, and the headers that answer it."""

    def __init__(self, authorization: Secret, answer: dict[str, str]) -> None:
        self.authorization = authorization
        self._answer = answer

    def sending_headers(self) -> dict[str, str]:
        """Give the headers of the answer."""
        return self._answer


class Gate(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Opens a session at a handshake; of other calls it keeps the header for the service."""

    def __init__(self, sessions: Sessions, faults: Faults, seen: Seen) -> None:
        self._sessions = sessions
        self._faults = faults
        self._seen = seen

    @guarded
    def start_call(self, info: Any, headers: dict[str, list[str]]) -> Call:
        """Begin a call, before it reaches the service."""
        # Taken out, so that what shows local variables does not show it.
        authorization = Secret(headers.pop("authorization", [""])[0])
        if info.method != flight.FlightMethod.HANDSHAKE:
            return Call(authorization, {})
        self._seen.call("Handshake")
        self._faults.meet("Handshake")
        token = self._sessions.open(authorization)
        return Call(authorization, {"authorization": Secret(f"Bearer {token}")})
