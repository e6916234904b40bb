"""Opening a session: within its time, with what servers leave unchecked, in errors that help."""

from __future__ import annotations

import re
import threading

import adbc_driver_manager as adbc
from adbc_driver_manager import AdbcStatusCode

from .config import Settings
from .errors import Error, OperationalError, ProgrammingError, from_adbc, grpc_code, sentence
from .session import Session

_UNAUTHENTICATED = 16
_UNAVAILABLE = 14

# What Go's network and TLS code says, and what it means for whoever connects.
_CAUSES = [
    (r"name resolver error|no such host|server misbehaving", "there is no host {host!r}"),
    (r"connection refused", "nothing listens there"),
    (r"first record does not look like a TLS handshake", "the server does not speak TLS there; "
     "pass tls=False only for a server on this machine"),
    (r"certificate (?:signed by unknown authority|is not trusted)", "its certificate is signed by "
     "an authority that is not trusted; pass tls_root_certs="),
    (r"certificate has expired or is not yet valid", "its certificate has expired or is not yet "
     "valid"),
    (r"certificate is (?:not )?valid for|doesn't contain any IP SANs|cannot validate certificate",
     "its certificate is for another host name"),
    (r"certificate required|bad certificate|handshake failure", "it asks for a client certificate "
     "or refused the one it got"),
]  # fmt: skip
_NO_PREFACE = re.compile(r"error reading server preface|connection (?:closed|reset)|EOF")


def open_session(settings: Settings) -> Session:
    """Open a session and check what was asked of it.

    The driver has no time limit for a connection of its own, so it is made in a thread, which is
    left to itself when the time is up. That also leaves the caller free for Ctrl-C.

    Raises
    ------
    OperationalError
        The server cannot be reached in time, or refuses the credentials.
    ProgrammingError
        The server does not know the catalog, the schema or the compute size.
    """
    opening = _Opening(settings)
    return opening.result()


class _Opening:
    """A session that is being opened in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._abandoned = False
        self._session: Session | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._open, name="altertable-connect", daemon=True).start()

    def _open(self) -> None:
        try:
            session = Session(self._settings)
        except BaseException as error:
            self._error = error
        else:
            with self._lock:
                if not self._abandoned:
                    self._session = session
            if self._session is None:
                session.close()
        self._done.set()

    def result(self) -> Session:
        settings = self._settings
        try:
            in_time = self._done.wait(settings.connect_timeout)
        finally:
            with self._lock:
                session = self._session
                self._abandoned = session is None
        if self._error is not None:
            error = self._error
            if not isinstance(error, adbc.Error):
                raise error
            raise _explained(error, settings) from None
        if session is None or not in_time:
            raise OperationalError(
                f"no answer from {settings.address} within {settings.connect_timeout:g} s",
                status_code=AdbcStatusCode.TIMEOUT,
            )
        _check(session, settings)
        return session


def _check(session: Session, settings: Settings) -> None:
    """Use the catalog and the schema once: servers accept any name until the first statement."""
    if settings.catalog is None and settings.schema is None:
        return
    names = ("catalog", settings.catalog), ("schema", settings.schema)
    asked = " and ".join(f"{name} {value!r}" for name, value in names if value is not None)
    try:
        session.execute("SELECT 1").read_table()
    except Error as error:
        session.close()
        raise ProgrammingError(
            f"cannot use {asked} of {settings.username}@{settings.address}: {error}",
            status_code=error.status_code,
            vendor_code=error.vendor_code,
        ) from None
    except BaseException:
        session.close()
        raise


def _explained(error: adbc.Error, settings: Settings) -> Error:
    """An error of opening a session as one sentence that says what was tried."""
    text, code = str(error), grpc_code(error)
    said = sentence(text)
    tried = f"cannot connect to {settings.address} as {settings.username!r}"
    if code == _UNAUTHENTICATED:
        message = f"{tried}: the user name or the password is wrong ({said})"
    elif code == _UNAVAILABLE:
        cause = next((says for pattern, says in _CAUSES if re.search(pattern, text)), None)
        if cause is not None:
            message = f"{tried}: {cause.format(host=settings.host)}"
        elif not settings.tls and _NO_PREFACE.search(text):
            message = (
                f"{tried}: it broke the connection off; it may want TLS, which tls=False is off"
            )
        else:
            message = f"{tried}: {said}"
    else:
        options = "".join(f", {k}={v!r}" for k, v in settings.session_options.items())
        # A session option that the server does not take is the caller's mistake, whatever code
        # the driver gives it.
        refused = "Could not set option" in text
        kind = ProgrammingError if refused else type(from_adbc(error))
        return kind(f"{tried}{options}: {said}", status_code=error.status_code, vendor_code=code)
    return OperationalError(message, status_code=error.status_code, vendor_code=code)
