"""TLS: whom to trust, whom to be, and where a connection may do without."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ProgrammingError
from .secret import Secret
from .settings import PEM_SETTINGS, Settings

_OPTION = "adbc.flight.sql.client_option."

#: What Go's TLS code says of such settings, and what that means.
_REFUSALS = [
    (r'Invalid mTLS certificate.*"tls: (.+?)"', "tls_client_cert and tls_client_key: {}"),
    (r"tls_root_certs': (failed to append certificates)", "tls_root_certs: no certificate in it "
     "can be read"),
]  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, as its name alone shows."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def check_together(settings: Settings, sources: Mapping[str, str]) -> None:
    """Refuse settings that contradict each other, or give credentials away by accident.

    Parameters
    ----------
    settings : Settings
    sources : mapping
        Where each setting that was given comes from.

    Raises
    ------
    ProgrammingError
        Only one half of a client certificate is given. TLS is off and certificates are given. Or
        the environment turns TLS off for a host that is neither this machine nor named by the
        environment as well: what was set for a server in the next container must not send the
        password of another one in clear.
    """
    if (settings.tls_client_cert is None) != (settings.tls_client_key is None):
        given, missing = "tls_client_cert", "tls_client_key"
        if settings.tls_client_cert is None:
            given, missing = missing, given
        raise ProgrammingError(f"{given} is given without {missing}; they go together")
    if settings.tls:
        return
    for name in (*PEM_SETTINGS, "tls_skip_verify"):
        if getattr(settings, name):
            raise ProgrammingError(
                f"{name} is given, and tls is off (from the {sources['tls']}); leave one of them "
                "out"
            )
    from_environment = sources["tls"].startswith("environment")
    host_too = sources.get("host", "").startswith("environment")
    if from_environment and not host_too and not is_loopback(settings.host):
        raise ProgrammingError(
            f"ALTERTABLE_TLS turns TLS off for the host in ALTERTABLE_HOST and for this machine, "
            f"not for {settings.host!r}; pass tls=False to send the password there in clear"
        )


def adbc_options(settings: Settings) -> dict[str, str]:
    """The options of ``AdbcDatabase`` that concern TLS.

    Raises
    ------
    ProgrammingError
        A file cannot be read, or holds something else.
    """
    options = {}
    if settings.tls_skip_verify:
        options["tls_skip_verify"] = "true"
    if settings.tls_root_certs is not None:
        options["tls_root_certs"] = pem("tls_root_certs", settings.tls_root_certs)
    if settings.tls_client_cert is not None and settings.tls_client_key is not None:
        options["mtls_cert_chain"] = pem("tls_client_cert", settings.tls_client_cert)
        options["mtls_private_key"] = pem("tls_client_key", settings.tls_client_key)
    if settings.authority is not None:
        # The name in the certificate and that of the HTTP/2 request; tls_override_hostname is
        # the same but for tls_skip_verify, with which it does nothing.
        options["authority"] = settings.authority
    return {_OPTION + name: value for name, value in options.items()}


def flight_options(settings: Settings) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """The same for a ``pyarrow.flight.FlightClient``: its arguments, and its generic options.

    Raises
    ------
    ProgrammingError
        As `adbc_options` raises it.
    """
    arguments: dict[str, Any] = {}
    if settings.tls_skip_verify:
        arguments["disable_server_verification"] = True
    if settings.tls_root_certs is not None:
        arguments["tls_root_certs"] = pem("tls_root_certs", settings.tls_root_certs)
    elif settings.tls and os.environ.get("SSL_CERT_FILE"):
        # Go reads it by itself; gRPC's C++ core does not.
        arguments["tls_root_certs"] = pem("SSL_CERT_FILE", os.environ["SSL_CERT_FILE"])
    if settings.tls_client_cert is not None and settings.tls_client_key is not None:
        arguments["cert_chain"] = pem("tls_client_cert", settings.tls_client_cert)
        arguments["private_key"] = pem("tls_client_key", settings.tls_client_key)
    generic: list[tuple[str, Any]] = []
    if settings.authority is not None:
        generic.append(("grpc.default_authority", settings.authority))
    return arguments, generic


def pem(name: str, given: str) -> str:
    """A setting as PEM text, given as such or as the path of a file.

    Raises
    ------
    ProgrammingError
        The file cannot be read, has no PEM of the right kind, or an encrypted key.
    """
    text = given
    # What is no path is not shown, since it may be a key that lost its first line.
    shown = repr(given) if len(given) < 256 and "\n" not in given else "the text given"
    if name == "tls_client_key":
        shown = "what is given"
    if "-----BEGIN" not in given:
        try:
            with open(given, encoding="utf-8") as file:
                text = Secret(file.read())
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise ProgrammingError(f"{name}: cannot read {shown} as a file: {why}") from None
        except ValueError:  # not text, or a path with a NUL
            text = ""
    if name == "tls_client_key":
        if re.search(r"-----BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED", text, re.MULTILINE):
            raise ProgrammingError(
                f"{name}: the key is encrypted; write it without a passphrase, as "
                "`openssl pkey` does"
            )
        if not re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY-----", text):
            raise ProgrammingError(f"{name}: {shown} holds no PEM private key")
    elif "-----BEGIN CERTIFICATE-----" not in text:
        raise ProgrammingError(f"{name}: {shown} holds no PEM certificate")
    return text


def refusal(text: str) -> str | None:
    """What is wrong with the certificates given, if that is what the driver's error says."""
    for pattern, says in _REFUSALS:
        found = re.search(pattern, text)
        if found:
            return says.format(found[1])
    return None
