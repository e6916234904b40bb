"""Opening a session: within its time, with what servers leave unchecked, in errors that help."""

from __future__ import annotations

import re

import adbc_driver_manager as adbc

from ..errors import Error, OperationalError, ProgrammingError, reworded
from ..protocol.codes import GrpcCode
from ..protocol.errors import from_adbc, grpc_code, sentence
from ..settings.settings import Settings
from ..settings.tls import adbc_options, refusal
from .session import Session

# What Go's network and TLS code says, and what it means for whoever connects.
_CAUSES = [
    (r"name resolver error|no such host|server misbehaving", "there is no host {host!r}"),
    (r"connection refused", "nothing listens there"),
    (r"first record does not look like a TLS handshake", "the server does not speak TLS there; "
     "pass tls=False only for a server on this machine"),
    (r"certificate (?:signed by unknown authority|is not trusted)", "its certificate is "
     "self-signed or signed by an authority that is not trusted; pass tls_root_certs="),
    (r"certificate has expired or is not yet valid: current time (?P<now>\S+) is after (?P<limit>"
     r"[^\s\"]+)", "its certificate expired on {limit} (this machine's clock says {now})"),
    (r"certificate has expired or is not yet valid: current time (?P<now>\S+) is before (?P<limit>"
     r"[^\s\"]+)", "its certificate is not valid before {limit} (this machine's clock says {now})"),
    (r"certificate has expired or is not yet valid", "its certificate has expired or is not yet "
     "valid"),
    (r"certificate is valid for (?P<names>[^\"]+), not [^\s\"]+", "its certificate is for {names}, "
     "not for {name}; connect by such a name, or pass it as authority="),
    (r"certificate is (?:not )?valid for|doesn't contain any IP SANs|cannot validate certificate"
     r"|not valid for any names", "its certificate is not for {name}; connect by a name that it is "
     "for, or pass that as authority="),
    (r"remote error: tls: certificate required", "it asks for a client certificate; pass "
     "tls_client_cert= and tls_client_key="),
    (r"remote error: tls: (?P<alert>(?:bad|unsupported|revoked|expired|unknown) certificate[a-z ]*"
     r"|handshake failure)", "it asks for another client certificate than it got ({alert}); see "
     "tls_client_cert="),
]  # fmt: skip
_BROKEN_OFF = r"error reading server preface|connection (?:closed|reset)|broken pipe|closing|EOF"


def open_session(settings: Settings) -> Session:
    """Open a session and check what was asked of it.

    Raises
    ------
    OperationalError
        The server cannot be reached in time, or refuses the credentials.
    ProgrammingError
        The server does not know the catalog, the schema or the compute size.
    """
    adbc_options(settings)  # so that a file of certificates that cannot be read is said as it is
    try:
        session = Session(settings)
    except adbc.Error as error:
        if isinstance(error, Error):
            raise
        raise _explained(error, settings) from None
    _check(session, settings)
    return session


def _check(session: Session, settings: Settings) -> None:
    """Use the catalog and the schema once: servers accept any name until the first statement."""
    if settings.catalog is None and settings.schema is None:
        return
    names = ("catalog", settings.catalog), ("schema", settings.schema)
    asked = " and ".join(f"{name} {value!r}" for name, value in names if value is not None)
    try:
        session.query("SELECT 1")
    except Error as error:
        session.close()
        message = f"cannot use {asked} of {settings.username}@{settings.address}: {error}"
        raise reworded(error, message, ProgrammingError) from None
    except BaseException:
        session.close()
        raise


def _explained(error: adbc.Error, settings: Settings) -> Error:
    """An error of opening a session as one sentence that says what was tried."""
    text, code = str(error), grpc_code(error)
    said = sentence(text)
    tried = f"cannot connect to {settings.address} as {settings.username!r}"
    if code == GrpcCode.UNAUTHENTICATED:
        message = f"{tried}: the user name or the password is wrong ({said})"
    elif code == GrpcCode.UNAVAILABLE:
        message = f"{tried}: {_cause(text, settings) or said}"
    else:
        options = "".join(f", {k}={v!r}" for k, v in settings.session_options.items())
        certificates = refusal(text)
        if certificates is not None:
            return ProgrammingError(certificates)
        # A session option that the server does not take is the caller's mistake, whatever code
        # the driver gives it.
        refused = "Could not set option" in text
        known = from_adbc(error)
        kind, status = (ProgrammingError, None) if refused else (type(known), known.status_code)
        return kind(f"{tried}{options}: {said}", status_code=status, vendor_code=code)
    return OperationalError(message, status_code=error.status_code, vendor_code=code)


def _cause(text: str, settings: Settings) -> str | None:
    """Why there is no connection, in words for whoever connects, if that can be told."""
    name = settings.authority or settings.host
    for pattern, says in _CAUSES:
        found = re.search(pattern, text)
        if found:
            return says.format(host=settings.host, name=name, **found.groupdict())
    if not re.search(_BROKEN_OFF, text):
        return None
    if not settings.tls:
        return "it broke the connection off; it may want TLS, which tls=False turns off"
    # With TLS 1.3 a server refuses a client after the handshake, often without a word.
    if settings.tls_client_cert is None:
        return "it broke the connection off; it may ask for a client certificate (tls_client_cert=)"
    return "it broke the connection off; it may not accept the client certificate that it got"
