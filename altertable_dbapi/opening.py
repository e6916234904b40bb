"""Opening a session: the checks that a server leaves out, and errors that say what was tried."""

from __future__ import annotations

from .config import Settings
from .session import Session


def open_session(settings: Settings) -> Session:
    return Session(settings)
