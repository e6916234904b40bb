"""Opening connections: what is shown of them, and what each failure says."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import InterfaceError, OperationalError, ProgrammingError, connect
from altertable_dbapi.local import Server

from .support.certificates import Certificate


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate("localhost", "127.0.0.1")


@pytest.fixture
def tls_server(certificate: Certificate) -> Iterator[Server]:
    with Server(tls_cert=certificate.pem, tls_key=certificate.key_pem) as server:
        yield server


def _closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def test_what_a_connection_shows(server: Server) -> None:
    with server.connect(catalog="local") as conn:
        assert (conn.host, conn.port, conn.user) == (server.host, server.port, server.username)
        assert conn.database == "local"
        assert repr(conn) == f"<altertable_dbapi.Connection local@127.0.0.1:{server.port}/local>"
    assert "closed" in repr(conn)


def test_what_a_connection_shows_cannot_be_set(conn: Any) -> None:
    for name in ("host", "port", "user", "database"):
        with pytest.raises(AttributeError):
            setattr(conn, name, "x")


def test_no_secret_shows() -> None:
    with Server(username="ana", password="s3cret: wörd/@%") as server:
        with connect(server.uri) as conn:
            cursor = conn.execute("SELECT 1")
            shown = [repr(conn), str(conn), repr(cursor), repr(server), repr(conn._session)]
            assert not any("s3cret" in text for text in shown)
        with pytest.raises(OperationalError) as caught:
            server.connect(password="s3cret-but-wrong")
        assert "s3cret" not in str(caught.value)
        assert "ana" in str(caught.value)


@pytest.mark.parametrize("password", ["a:b", "a@b", "a/b", "a%b", "a b", "größe", '"', "%2F", "#?"])
def test_any_password_works_from_every_place(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(username="ana", password=password) as server:
        with connect(server.uri) as conn:
            assert conn.user == "ana"
        with server.connect(password=password) as conn:
            assert conn.user == "ana"
        monkeypatch.setenv("ALTERTABLE_HOST", server.host)
        monkeypatch.setenv("ALTERTABLE_PORT", str(server.port))
        monkeypatch.setenv("ALTERTABLE_TLS", "false")
        monkeypatch.setenv("ALTERTABLE_USERNAME", "ana")
        monkeypatch.setenv("ALTERTABLE_PASSWORD", password)
        with connect() as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)


def test_session_options_take_effect(server: Server) -> None:
    with server.connect(autocommit=True) as conn:
        conn.execute("CREATE SCHEMA local.s")
    with server.connect(catalog="local", schema="s", compute_size="xl") as conn:
        assert conn.adbc_current_catalog == "local"
        assert conn.adbc_current_db_schema == "s"


def test_current_catalog_and_schema_can_be_set(auto: Any) -> None:
    auto.execute('CREATE SCHEMA "odd "" name"')
    auto.adbc_current_db_schema = 'odd " name'
    assert auto.adbc_current_db_schema == 'odd " name'
    auto.adbc_current_catalog = "local"
    assert auto.adbc_current_catalog == "local"


def _one_sentence(error: Exception, *words: str) -> None:
    text = str(error)
    assert "\n" not in text
    for word in words:
        assert word in text


def test_wrong_password(server: Server) -> None:
    with pytest.raises(OperationalError) as caught:
        server.connect(password="nope")
    _one_sentence(caught.value, f"127.0.0.1:{server.port}", "'local'", "password is wrong")
    assert caught.value.vendor_code == 16


def test_unknown_host() -> None:
    with pytest.raises(OperationalError) as caught:
        connect(host="no-such-host.invalid", username="u", password="p")
    _one_sentence(caught.value, "no-such-host.invalid:443", "there is no host")


def test_refused_port() -> None:
    port = _closed_port()
    with pytest.raises(OperationalError) as caught:
        connect(host="127.0.0.1", port=port, username="u", password="p", tls=False)
    _one_sentence(caught.value, f"127.0.0.1:{port}", "nothing listens there")


def test_tls_where_there_is_none(server: Server) -> None:
    with pytest.raises(OperationalError) as caught:
        server.connect(tls=True)
    _one_sentence(caught.value, f":{server.port}", "does not speak TLS", "tls=False")


def test_no_tls_where_there_is_some(tls_server: Server) -> None:
    with pytest.raises(OperationalError) as caught:
        tls_server.connect(tls=False)
    _one_sentence(caught.value, f":{tls_server.port}", "may want TLS")


def test_unknown_catalog(server: Server) -> None:
    with pytest.raises(ProgrammingError) as caught:
        server.connect(catalog="nope", schema="main")
    _one_sentence(caught.value, "catalog 'nope' and schema 'main'", "local@127.0.0.1")
    server.executed.clear()
    with server.connect(catalog="local"):
        pass


def test_compute_size_that_only_the_server_refuses(server: Server) -> None:
    server.fail_next("DoAction:SetSessionOptions", "INVALID_ARGUMENT", "no such size", times=1)
    with pytest.raises(altertable_dbapi.Error) as caught:
        server.connect(compute_size="4XL")
    _one_sentence(caught.value, "4XL", f":{server.port}")


def test_unknown_compute_size(server: Server) -> None:
    with pytest.raises(ProgrammingError, match=r"compute_size is 'huge'.*XS, S, M, L, XL"):
        server.connect(compute_size="huge")
    assert "DoAction:SetSessionOptions" not in server.calls


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(OperationalError) as caught:
            connect(
                host="127.0.0.1",
                port=port,
                username="u",
                password="p",
                tls=False,
                connect_timeout=0.3,
            )
        assert time.monotonic() - started < 5
        _one_sentence(caught.value, f"127.0.0.1:{port}", "0.3 s")


def test_no_credentials() -> None:
    with pytest.raises(InterfaceError, match="ALTERTABLE_USERNAME"):
        connect(host="localhost")


def test_a_session_without_options_costs_no_statement(server: Server) -> None:
    with server.connect():
        pass
    assert list(server.executed) == []
    assert "DoAction:BeginTransaction" not in server.calls


def test_closing_ends_the_session(server: Server) -> None:
    server.connect().close()
    assert server.open_sessions == 0


def test_local_is_one_server_for_the_process_until_the_last_connection_goes() -> None:
    with connect("local", autocommit=True) as one:
        one.execute("CREATE TABLE t AS SELECT 42 AS a")
        with connect("local") as two:
            assert two.execute("FROM t").fetchall() == [(42,)]
    with connect("local") as three:
        with pytest.raises(ProgrammingError, match="does not exist"):
            three.execute("FROM t")


def test_local_on_a_file(tmp_path: Any) -> None:
    file = tmp_path / "shop.duckdb"
    with connect(f"local:{file}", autocommit=True) as conn:
        conn.execute("CREATE TABLE t AS SELECT 42 AS a")
        assert conn.adbc_current_catalog == "shop"
    with connect(f"local:{file}") as conn:
        assert conn.execute("FROM t").fetchall() == [(42,)]


def test_adbc_clone_is_a_session_of_its_own(server: Server) -> None:
    with server.connect() as conn, conn.adbc_clone() as clone:
        assert type(clone) is type(conn)
        conn.execute("CREATE TEMP TABLE t (a INT)")
        with pytest.raises(ProgrammingError):
            clone.execute("FROM t")
