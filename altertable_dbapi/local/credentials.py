"""The credentials of a server: checked in constant time, and wrong ones answered ever later."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections import deque

from ..settings.secret import Secret
from .failures import refusal

#: Wrong passwords within `_REMEMBERED_SECONDS` that are answered at once.
_AT_ONCE = 3

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 2.0
_REMEMBERED_SECONDS = 60.0

#: Handshakes that may wait for the answer to a wrong password. While so many do, others are refused
#: before their password is looked at, so that guesses in parallel are no faster.
_WAITING = 8


class Credentials:
    """The one user name and password that a server accepts.

    A right password is answered at once. The answer to a wrong one waits, in the thread of its own
    call, for up to two seconds. gRPC does not say at a handshake who calls, so wrong passwords
    are counted for all clients together.

    Parameters
    ----------
    username, password : str
    closing : threading.Event
        Ends the waits as the server closes.
    """

    def __init__(self, username: str, password: str, closing: threading.Event) -> None:
        self._digest = _digest(f"{username}:{password}".encode())
        self._closing = closing
        self._lock = threading.Lock()
        self._wrong: deque[float] = deque(maxlen=64)
        self._waiting = 0

    def check(self, authorization: Secret) -> None:
        """Check a ``Basic`` authorization header.

        Raises
        ------
        Exception
            A refusal: the credentials are wrong, or too many wrong ones wait for their answer.
        """
        if self._waiting >= _WAITING:
            raise refusal(
                "UNAVAILABLE", "too many wrong passwords at a time; try again in a few seconds"
            )
        scheme, _, encoded = authorization.partition(" ")
        right = scheme.lower() == "basic" and hmac.compare_digest(_decoded(encoded), self._digest)
        scheme = encoded = ""  # a traceback with local variables shows the password otherwise
        if right:
            return
        self._wait()
        raise refusal("UNAUTHENTICATED", "Invalid credentials")

    def _wait(self) -> None:
        now = time.monotonic()
        with self._lock:
            while self._wrong and now - self._wrong[0] > _REMEMBERED_SECONDS:
                self._wrong.popleft()
            self._wrong.append(now)
            more = len(self._wrong) - _AT_ONCE
            if more <= 0:
                return
            self._waiting += 1
        try:
            self._closing.wait(min(_FIRST_DELAY * 2.0 ** min(more - 1, 8), _LONGEST_DELAY))
        finally:
            with self._lock:
                self._waiting -= 1


def _decoded(encoded: str) -> bytes:
    """The digest of what a header encodes."""
    try:
        # Go's Flight client leaves the padding out; more than is needed does no harm.
        return _digest(base64.b64decode(encoded + "=="))
    except ValueError:
        return b""


def _digest(credentials: bytes) -> bytes:
    return hashlib.sha256(credentials).digest()
