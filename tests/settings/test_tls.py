"""TLS over the wire: whom the driver trusts, whom it refuses and why, and when it goes without."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import altertable_dbapi
from altertable_dbapi import OperationalError, ProgrammingError, connect
from altertable_dbapi.local import Server
from altertable_dbapi.settings.resolve import resolve
from altertable_dbapi.settings.tls import is_loopback

from ..support.certificates import Certificate

USER: dict[str, Any] = {"username": "ana", "password": "s3cret-word"}
CONFTEST = str(Path(__file__).parents[1] / "conftest.py")
HERE = ("localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def authority() -> Certificate:
    return Certificate("Test authority")


@pytest.fixture(scope="module")
def certificate(authority: Certificate) -> Certificate:
    return Certificate(*HERE, issuer=authority)


@pytest.fixture(scope="module")
def client(authority: Certificate) -> Certificate:
    return Certificate("client", issuer=authority)


@pytest.fixture
def server(certificate: Certificate) -> Iterator[Server]:
    with Server(tls_cert=certificate.pem, tls_key=certificate.key_pem) as server:
        yield server


@pytest.fixture
def asking(certificate: Certificate, authority: Certificate) -> Iterator[Server]:
    """A server that asks for client certificates."""
    with Server(
        tls_cert=certificate.pem, tls_key=certificate.key_pem, client_ca=authority.pem
    ) as server:
        yield server


def _refused(certificate: Certificate, **settings: Any) -> str:
    """What is said of a server with this certificate."""
    with Server(tls_cert=certificate.pem, tls_key=certificate.key_pem) as server:
        with pytest.raises(OperationalError) as caught:
            server.connect(**settings)
        assert "Handshake" not in server.calls
        text = str(caught.value)
        host = settings.get("host", "127.0.0.1")
        start = f"cannot connect to {host}:{server.port} as 'local': "
        assert text.startswith(start)
        assert "\n" not in text
        assert caught.value.vendor_code == 14
        return text.removeprefix(start)


def _works(connection: Any) -> None:
    """A statement and an upsert, which goes another way to the server."""
    with connection as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
        conn.rollback()
        data = pa.table({"id": [1], "text": ["x"]})
        assert conn.load("t", data, mode="replace", primary_key="id") == 1
        assert conn.execute("FROM t").fetchall() == [(1, "x")]


def test_a_certificate_of_a_trusted_authority(server: Server, authority: Certificate) -> None:
    _works(server.connect(tls_root_certs=authority.pem))


@pytest.mark.parametrize("kind", [str, Path])
def test_certificates_are_files_as_well(
    asking: Server, authority: Certificate, client: Certificate, tmp_path: Path, kind: Any
) -> None:
    files = {}
    pems = {
        "tls_root_certs": authority.pem,
        "tls_client_cert": client.pem,
        "tls_client_key": client.key_pem,
    }
    for name, pem in pems.items():
        (tmp_path / f"{name} ü.pem").write_text(pem)
        files[name] = kind(tmp_path / f"{name} ü.pem")
    _works(asking.connect(**files))


def test_certificates_in_the_uri(
    asking: Server, authority: Certificate, client: Certificate, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(authority.pem)
    uri = (
        f"{asking.uri}&tls_root_certs={quote(str(tmp_path / 'ca.pem'))}"
        f"&tls_client_cert={quote(client.pem)}&tls_client_key={quote(client.key_pem)}"
    )
    _works(connect(uri))


def test_the_certificate_itself_may_be_trusted() -> None:
    certificate = Certificate(*HERE)
    with Server(tls_cert=certificate.pem, tls_key=certificate.key_pem) as server:
        _works(server.connect(tls_root_certs=certificate.pem))


def test_a_self_signed_certificate() -> None:
    said = _refused(Certificate(*HERE))
    assert said == (
        "its certificate is self-signed or signed by an authority that is not trusted; pass "
        "tls_root_certs="
    )


def test_an_unknown_authority(authority: Certificate) -> None:
    unknown = Certificate(*HERE, issuer=Certificate("Another authority"))
    said = _refused(unknown, tls_root_certs=authority.pem)
    assert "signed by an authority that is not trusted; pass tls_root_certs=" in said


def test_an_expired_certificate(authority: Certificate) -> None:
    expired = Certificate(*HERE, issuer=authority, days=-10)
    said = _refused(expired, tls_root_certs=authority.pem)
    assert said.startswith("its certificate expired on 20")
    assert "this machine's clock says 20" in said


def test_a_certificate_that_is_not_valid_yet(authority: Certificate) -> None:
    early = Certificate(*HERE, issuer=authority, since=-5)
    said = _refused(early, tls_root_certs=authority.pem)
    assert said.startswith("its certificate is not valid before 20")


@pytest.mark.parametrize("host", HERE)
def test_a_certificate_for_another_host(authority: Certificate, host: str) -> None:
    other = Certificate("flight.example", issuer=authority)
    said = _refused(other, tls_root_certs=authority.pem, host=host)
    assert f"not for {host}; " in said
    assert said.endswith("as authority=")
    if host == "localhost":
        assert said.startswith("its certificate is for flight.example, ")


def test_authority_is_the_name_in_the_certificate(authority: Certificate) -> None:
    other = Certificate("flight.example", issuer=authority)
    with Server(tls_cert=other.pem, tls_key=other.key_pem) as server:
        _works(server.connect(tls_root_certs=authority.pem, authority="flight.example"))
        uri = f"{server.uri}&authority=flight.example"
        _works(connect(uri, tls_root_certs=authority.pem))
    said = _refused(other, tls_root_certs=authority.pem, authority="flight.wrong")
    assert "not for flight.wrong" in said


def test_skipping_the_check_warns_each_time(server: Server) -> None:
    for _ in range(2):
        with pytest.warns(altertable_dbapi.Warning, match="tls_skip_verify") as caught:
            connection = connect(f"{server.uri}&tls_skip_verify=true")
        assert [Path(warning.filename) for warning in caught] == [Path(__file__)]
        assert issubclass(caught[0].category, UserWarning)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            connection.adbc_clone().close()
            _works(connection)


def test_the_environment_of_openssl_counts_for_every_call(
    server: Server, authority: Certificate, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(authority.pem)
    program = """if True:
        import sys
        import altertable_dbapi
        with altertable_dbapi.connect(sys.argv[1]) as conn:
            frame = {"id": [1], "text": ["x"]}
            import pyarrow
            print(conn.load("t", pyarrow.table(frame), mode="replace", primary_key="id"))
        """
    done = subprocess.run(
        [sys.executable, "-c", program, server.uri],
        env={**os.environ, "SSL_CERT_FILE": str(file)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "1\n", done.stderr


class TestClientCertificates:
    def test_accepted(self, asking: Server, authority: Certificate, client: Certificate) -> None:
        _works(
            asking.connect(
                tls_root_certs=authority.pem,
                tls_client_cert=client.pem,
                tls_client_key=client.key_pem,
            )
        )

    def test_missing(self, asking: Server, authority: Certificate) -> None:
        with pytest.raises(OperationalError, match=r"client certificate.*tls_client_cert="):
            asking.connect(tls_root_certs=authority.pem)
        assert "Handshake" not in asking.calls

    @pytest.mark.parametrize("kind", ["unknown authority", "expired"])
    def test_refused(self, asking: Server, authority: Certificate, kind: str) -> None:
        if kind == "expired":
            wrong = Certificate("client", issuer=authority, days=-10)
        else:
            wrong = Certificate("client")
        with pytest.raises(OperationalError, match="client certificate") as caught:
            asking.connect(
                tls_root_certs=authority.pem,
                tls_client_cert=wrong.pem,
                tls_client_key=wrong.key_pem,
            )
        assert "PRIVATE KEY" not in str(caught.value)
        assert "Handshake" not in asking.calls

    def test_a_key_of_another_certificate(
        self, asking: Server, authority: Certificate, client: Certificate
    ) -> None:
        with pytest.raises(ProgrammingError) as caught:
            asking.connect(
                tls_root_certs=authority.pem,
                tls_client_cert=client.pem,
                tls_client_key=authority.key_pem,
            )
        assert str(caught.value) == (
            "tls_client_cert and tls_client_key: private key does not match public key"
        )

    @pytest.mark.parametrize("given", ["tls_client_cert", "tls_client_key"])
    def test_one_without_the_other(self, given: str, client: Certificate) -> None:
        with pytest.raises(ProgrammingError, match=f"{given} is given without tls_client_") as e:
            connect(**{**USER, given: client.key_pem})
        assert "PRIVATE KEY" not in str(e.value)

    def test_an_encrypted_key(self, client: Certificate) -> None:
        with pytest.raises(ProgrammingError, match="tls_client_key: the key is encrypted"):
            connect(
                **USER,
                tls_client_cert=client.pem,
                tls_client_key=client.encrypted_key(b"open sesame"),
            )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tls_root_certs": "absent.pem"}, ["tls_root_certs", "'absent.pem'", "No such file"]),
        ({"tls_root_certs": CONFTEST}, ["tls_root_certs", CONFTEST, "no PEM certificate"]),
        ({"tls_root_certs": "nul\0.pem"}, ["tls_root_certs", "no PEM certificate"]),
        ({"tls_root_certs": 5}, ["tls_root_certs", "argument", "path of a PEM file"]),
        (
            {"tls_root_certs": "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----"},
            ["tls_root_certs", "no certificate in it can be read"],
        ),
        ({"authority": ""}, ["authority", "not empty"]),
    ],
)
def test_settings_that_are_wrong(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ProgrammingError) as caught:
        connect(host="127.0.0.1", port=1, **USER, **settings)
    text = str(caught.value)
    assert all(word in text for word in words), text


def test_a_key_that_lost_its_first_line_is_not_shown(client: Certificate) -> None:
    body = "".join(client.key_pem.splitlines()[1:-1])
    with pytest.raises(ProgrammingError) as caught:
        connect(**USER, tls_client_cert=client.pem, tls_client_key=body)
    assert str(caught.value).startswith("tls_client_key: cannot read what is given as a file: ")
    assert body[:20] not in str(caught.value)
    with pytest.raises(ProgrammingError) as caught:
        connect(**USER, tls_client_cert=client.key_pem, tls_client_key=client.key_pem)
    assert "no PEM certificate" in str(caught.value)
    assert body[:20] not in str(caught.value)


class TestWithoutTls:
    """Credentials in clear: only where somebody said so for that host."""

    @pytest.mark.parametrize(
        ("host", "loopback"),
        [
            ("localhost", True),
            ("LOCALHOST.", True),
            ("127.0.0.1", True),
            ("127.8.8.8", True),
            ("::1", True),
            ("::ffff:127.0.0.1", True),
            ("0.0.0.0", False),
            ("10.0.0.1", False),
            ("::ffff:10.0.0.1", False),
            ("localhost.example.com", False),
            ("127.0.0.1.example.com", False),
            ("flight.altertable.ai", False),
        ],
    )
    def test_loopback(self, host: str, loopback: bool) -> None:
        assert is_loopback(host) is loopback

    @given(st.text(max_size=20))
    def test_no_other_text_is_loopback(self, text: str) -> None:
        assert not is_loopback(f"{text}x")

    def test_it_is_on_by_default(self) -> None:
        for host in ("localhost", "10.0.0.1", "flight.altertable.ai"):
            assert resolve(None, {**USER, "host": host}, {}).tls
            assert resolve(f"altertable://{host}", USER, {}).tls

    def test_an_argument_or_the_uri_turns_it_off_for_any_host(self) -> None:
        off = [
            resolve(None, {**USER, "host": "far.example", "tls": False}, {}),
            resolve("altertable://far.example?tls=false", USER, {}),
            resolve("grpc://far.example", USER, {}),
            resolve("altertable://far.example", {**USER, "tls": False}, {"ALTERTABLE_TLS": "1"}),
        ]
        assert not any(settings.tls for settings in off)

    def test_the_environment_turns_it_off_for_its_own_host(self) -> None:
        environ = {"ALTERTABLE_TLS": "false", "ALTERTABLE_HOST": "mock"}
        assert not resolve(None, USER, environ).tls
        for here in (*HERE, "::1"):
            assert not resolve(None, {**USER, "host": here}, environ).tls
            assert not resolve(None, {**USER, "host": here}, {"ALTERTABLE_TLS": "false"}).tls

    @pytest.mark.parametrize(
        ("uri", "arguments", "environ"),
        [
            (None, {}, {}),
            (None, {"host": "far.example"}, {}),
            (None, {"host": "far.example"}, {"ALTERTABLE_HOST": "mock"}),
            ("altertable://far.example", {}, {"ALTERTABLE_HOST": "mock"}),
            ("altertable:///sales", {}, {}),
        ],
    )
    def test_the_environment_does_not_turn_it_off_for_another_host(
        self, uri: str | None, arguments: dict[str, Any], environ: dict[str, str]
    ) -> None:
        with pytest.raises(ProgrammingError, match=r"ALTERTABLE_TLS.*pass tls=False") as caught:
            resolve(uri, {**USER, **arguments}, {**environ, "ALTERTABLE_TLS": "false"})
        assert USER["password"] not in str(caught.value)

    @pytest.mark.parametrize(
        "setting", ["tls_root_certs", "tls_client_cert", "tls_client_key", "tls_skip_verify"]
    )
    def test_certificates_without_tls_are_a_mistake(self, setting: str) -> None:
        settings: dict[str, Any] = {setting: True if setting == "tls_skip_verify" else "a.pem"}
        if setting.startswith("tls_client"):
            settings |= {"tls_client_cert": "a.pem", "tls_client_key": "b.pem"}
        with pytest.raises(ProgrammingError, match=r"is given, and tls is off \(from the argument"):
            resolve(None, {**USER, "host": "localhost", "tls": False, **settings}, {})

    def test_skipping_nothing_is_no_mistake(self) -> None:
        settings = {**USER, "host": "localhost", "tls": False, "tls_skip_verify": False}
        assert not resolve(None, settings, {}).tls
