"""Certificates made for a test."""

from __future__ import annotations

import datetime as dt
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificate:
    """A certificate for host names and addresses, and its key, as PEM text.

    Parameters
    ----------
    hosts : str
        What it is for; the first of them is its subject's name as well.
    issuer : Certificate, optional
        Who signs it, instead of itself.
    days : int
        For how many days it is still valid; negative when it has expired.
    since : int
        From how many days ago it is valid; negative when it is not valid yet.
    """

    def __init__(
        self, *hosts: str, issuer: Certificate | None = None, days: int = 30, since: int = 60
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        signer = self if issuer is None else issuer
        now = dt.datetime.now(dt.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=since))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(
                x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True
            )
            .add_extension(
                x509.SubjectAlternativeName([_general_name(host) for host in hosts]),
                critical=False,
            )
        )
        encoding = serialization.Encoding.PEM
        self.pem = builder.sign(signer.key, hashes.SHA256()).public_bytes(encoding).decode()
        self.key_pem = self.key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def encrypted_key(self, passphrase: bytes) -> str:
        """The key as PEM text that only the passphrase opens."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase),
        ).decode()


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
