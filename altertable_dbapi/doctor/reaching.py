"""The way to a server, step by step: its name, TCP, TLS, the session; and where it ends."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from ..connection import Connection
from ..errors import Error
from ..protocol.errors import sentence
from ..rows.factories import tuple_row
from ..settings import tls
from ..settings.settings import Settings

T = TypeVar("T")

#: How a client of HTTP/2 begins, with an empty frame of settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_SETTINGS_FRAME = 4
_HEAD = 9

_PROXIES = ("HTTPS_PROXY", "https_proxy")


class Step(NamedTuple):
    """One step of the way.

    Attributes
    ----------
    subject, found : str
    is_end : bool
        Whether no other step is worth trying.
    """

    subject: str
    found: str
    is_end: bool = False


class _NoAnswer(Exception):
    """A step that took longer than it may."""


def steps(settings: Settings) -> Iterator[Step]:
    """Go to a server, to the first step that fails.

    Each step ends within ``connect_timeout``. A proxy of the environment may know another way, so
    then all steps are tried.
    """
    proxy = next((name for name in _PROXIES if os.environ.get(name)), None)
    if proxy is not None and not tls.is_loopback(settings.host):
        yield Step("proxy", f"{proxy} is set; the driver may go through it, these steps do not")
    for take in (_name, _tcp, _tls, _session):
        step = take(settings)
        if step.is_end and proxy is not None and take is not _session:
            step = step._replace(is_end=False)
        yield step
        if step.is_end:
            return


def _name(settings: Settings) -> Step:
    subject = "name resolution"
    try:
        seconds, found = _timed(settings, lambda: _addresses(settings))
    except _NoAnswer as error:
        return Step(subject, f"{error}: the name server is not reached", True)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return Step(subject, f"there is no host {settings.host!r} ({why})", True)
    shown = ", ".join(address[0] for _, address in found)
    return Step(subject, f"{settings.host} is {shown} ({seconds * 1000:.1f} ms)")


def _addresses(settings: Settings) -> list[tuple[int, Any]]:
    found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


def _tcp(settings: Settings) -> Step:
    try:
        seconds, open_socket = _timed(settings, lambda: _connected(settings))
    except _NoAnswer as error:
        return Step(
            "TCP", f"{error}: the host or port is wrong, or a firewall drops what is sent", True
        )
    except ConnectionRefusedError:
        return Step("TCP", f"refused: nothing listens on port {settings.port}", True)
    except OSError as error:
        return Step("TCP", f"not connected: {error.strerror or error}", True)
    with open_socket:
        where = open_socket.getpeername()
    return Step("TCP", f"connected to {where[0]}, port {where[1]} ({seconds * 1000:.1f} ms)")


def _connected(settings: Settings) -> socket.socket:
    """A connection to the first address that takes one."""
    return socket.create_connection(
        (settings.host, settings.port), timeout=settings.connect_timeout
    )


def _tls(settings: Settings) -> Step:
    if not settings.tls:
        return Step("TLS", "off")
    try:
        context = _context(settings)
    except (Error, OSError) as error:
        return Step("TLS", str(error), True)
    try:
        seconds, (version, certificate) = _timed(settings, lambda: _shaken(settings, context))
    except _NoAnswer as error:
        return Step("TLS", f"{error}: {_without_tls(settings)}", True)
    except ssl.SSLCertVerificationError as error:
        # The driver has the last word: it may trust other authorities.
        return Step("TLS", f"the certificate is refused: {error.verify_message}")
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        if "ALERT" in reason:  # it speaks TLS, and asks for something that only the driver has
            return Step("TLS", f"the server says {reason}")
        return Step("TLS", f"no handshake ({reason}): {_without_tls(settings)}", True)
    return Step("TLS", f"{version}{_shown(certificate)} ({seconds * 1000:.1f} ms)")


def _context(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cadata=None
        if settings.tls_root_certs is None
        else tls.pem("tls_root_certs", settings.tls_root_certs)
    )
    context.set_alpn_protocols(["h2"])
    files = settings.tls_client_cert, settings.tls_client_key
    if all(file is not None and "-----BEGIN" not in file for file in files):
        context.load_cert_chain(*files)  # type: ignore[arg-type]
    if settings.tls_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _shaken(settings: Settings, context: ssl.SSLContext) -> tuple[str, dict[str, Any]]:
    """The version of TLS, and what the certificate says if it was checked."""
    name = settings.authority or settings.host
    with (
        _connected(settings) as connected,
        context.wrap_socket(connected, server_hostname=name) as secured,
    ):
        return secured.version() or "TLS", secured.getpeercert() or {}


def _shown(certificate: dict[str, Any]) -> str:
    if not certificate:
        return ", certificate not checked"
    names = [value for _, value in certificate.get("subjectAltName", ())]
    issuer = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    by = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed authority"
    until = certificate.get("notAfter", "an unknown day")
    return f", certificate for {', '.join(names) or 'no name'}, by {by}, until {until}"


def _without_tls(settings: Settings) -> str:
    """What a server that does not answer in TLS does without it."""
    with contextlib.suppress(OSError, _NoAnswer):
        _, frame = _timed(settings, lambda: _first_frame(settings))
        if len(frame) == _HEAD and frame[3] == _SETTINGS_FRAME:
            return "the server speaks without TLS there (tls=False, for one on this machine)"
    return "something else than a server with TLS listens there"


def _first_frame(settings: Settings) -> bytes:
    """The head of the first frame that a server of HTTP/2 without TLS sends."""
    with _connected(settings) as connected:
        connected.sendall(_PREFACE)
        head = b""
        while len(head) < _HEAD:
            more = connected.recv(_HEAD - len(head))
            if not more:
                break
            head += more
        return head


def _session(settings: Settings) -> Step:
    started = time.perf_counter()
    try:
        Connection(settings, tuple_row)._close()
    except Error as error:
        said = " ".join(sentence(str(error)).split())
        if not settings.tls and _speaks_tls(settings):
            said += "; it speaks TLS there: leave tls=False out"
        return Step("session", said, True)
    seconds = time.perf_counter() - started
    return Step("session", f"opened and closed as {settings.username!r} ({seconds * 1000:.0f} ms)")


def _speaks_tls(settings: Settings) -> bool:
    context = _context(settings._replace(tls_skip_verify=True, tls_root_certs=None))
    with contextlib.suppress(OSError, _NoAnswer):
        _timed(settings, lambda: _shaken(settings, context))
        return True
    return False


def _timed(settings: Settings, take: Callable[[], T]) -> tuple[float, T]:
    """What a step gives, and the seconds that it takes.

    Raises
    ------
    _NoAnswer
        It takes longer than ``connect_timeout``. A name cannot be given up, so it is looked for in
        a thread that is left behind.
    """
    given: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            given.append(take())
        except BaseException as error:  # it is raised where it is awaited
            failed.append(error)

    started = time.perf_counter()
    thread = threading.Thread(target=run, name="altertable-doctor-step", daemon=True)
    thread.start()
    thread.join(settings.connect_timeout + 1.0)
    seconds = time.perf_counter() - started
    if failed and not isinstance(failed[0], TimeoutError):
        raise failed[0]
    if not given:
        raise _NoAnswer(f"no answer within {settings.connect_timeout:g} s")
    return seconds, given[0]
