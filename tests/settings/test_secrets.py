"""Passwords, tokens and keys show nowhere: each error, log line, warning, repr and copy.

`secret_watch` looks at whatever the other tests provoke; here are the ways in which a password
itself is the problem.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import altertable_dbapi
from altertable_dbapi import Error, OperationalError, ProgrammingError, connect
from altertable_dbapi.cli.main import main
from altertable_dbapi.local import Server
from altertable_dbapi.settings.resolve import resolve
from altertable_dbapi.settings.uri import parse_uri

from ..support.certificates import Certificate
from ..support.secret_watch import Watch, watch

SECRET = "Hunter2-and-more"


@pytest.fixture
def secret() -> str:
    watch.add(SECRET)
    return SECRET


@pytest.fixture
def server(secret: str) -> Iterator[Server]:
    with Server(username="ana", password=secret) as server:
        yield server


def _said(error: BaseException) -> str:
    """An exception with all that led to it, shown or not."""
    texts = ["".join(traceback.format_exception(error))]
    one: BaseException | None = error
    while one is not None:
        texts += [str(one), repr(one), repr(one.args)]
        one = one.__context__
    return "\n".join(texts)


def _refused(attempt: Callable[[], Any], secret: str) -> Error:
    with pytest.raises(Error) as caught:
        attempt()
    assert secret not in _said(caught.value)
    return caught.value


class TestTheWatch:
    """It sees what it is there to see."""

    def test_log(self) -> None:
        seen = Watch()
        seen.add("s3cret")
        record = logging.LogRecord("x", logging.INFO, "f", 1, "a %s", ("s3cret",), None)
        seen.handle(record)
        assert len(seen.leaks) == 1

    def test_what_led_to_an_error(self) -> None:
        seen = Watch()
        seen.add("s3 cret")
        try:
            try:
                raise ValueError("s3 cret")
            except ValueError:
                raise TypeError("clean") from None
        except TypeError as error:
            seen.look_at_error("test", error)
        assert seen.leaks

    def test_forms(self) -> None:
        seen = Watch()
        seen.add("s3 crét")
        for text in ("s3%20cr%C3%A9t", "x s3 crét y", repr(["s3 crét"])):
            seen.look("test", text)
        seen.look("test", "s3 cret")
        assert len(seen.leaks) == 3

    def test_tokens_of_sessions(self, server: Server) -> None:
        with server.connect():
            tokens = list(server._sessions._open)
        assert len(tokens) == 1
        assert set(tokens) <= watch.secrets


@pytest.mark.parametrize(
    "settings",
    [
        {"password": SECRET + "x"},
        {"username": "wrong"},
        {"catalog": "absent"},
        {"schema": "absent"},
        {"tls": True},
        {"compute_size": "huge"},
        {"port": 1},
        {"port": "none"},
        {"host": "no host"},
        {"host": "absent.invalid"},
        {"connect_timeout": 1e-9},
        {"connect_timeout": "soon"},
        {"tls_root_certs": "absent.pem", "tls": True},
        {"tls_skip_verify": "perhaps"},
    ],
    ids=str,
)
def test_a_connection_that_fails(settings: dict[str, Any], server: Server, secret: str) -> None:
    _refused(lambda: server.connect(**settings), secret)
    given = {"username": "ana", "host": server.host, "port": str(server.port), "tls": "false"}
    given |= {name: str(value).lower() for name, value in settings.items()}
    word = settings.get("password", secret)
    query = "&".join(f"{quote(k)}={quote(v)}" for k, v in given.items() if k != "password")
    _refused(lambda: connect(f"altertable://ana:{quote(word)}@x/?{query}"), secret)


def test_a_connection_that_fails_with_settings_of_the_environment(
    server: Server, secret: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "HOST": server.host,
        "PORT": str(server.port),
        "USERNAME": "ana",
        "PASSWORD": secret,
        "TLS": "maybe",
    }.items():
        monkeypatch.setenv(f"ALTERTABLE_{name}", value)
    _refused(connect, secret)
    monkeypatch.setenv("ALTERTABLE_TLS", "true")
    _refused(connect, secret)
    assert main(["SELECT 1"]) == 1
    assert main(["--uri", f"altertable://ana:{secret}@{server.host}:nought", "SELECT 1"]) == 1
    assert secret not in "".join(capsys.readouterr())


URIS = [
    "ana:{}@host",
    "altertable//ana:{}@host",
    "ana:{}://host",
    "https://ana:{}@host",
    "altertable://ana:{}@host:port",
    "altertable://ana:{}@host:99999",
    "altertable://ana:{}@ho st",
    "altertable://ana:{}@[::1",
    "altertable://ana:{}@host/a/b/c",
    "altertable://ana:{}@host#x",
    "altertable://ana:{}@host?nothing=1",
    "altertable://ana:{}@host?port=x",
    "altertable://ana:1/{}@host/a/b",
    "altertable://ana:1/{}@host",
    "altertable://ana:1/x?{}&y@host",
    "altertable://ana:1?{}@host",
    "altertable://ana:1#{}@host",
    "altertable://ana:#{}@host",
    "altertable://ana:?{}@host",
    "altertable://:{}@host",
    "altertable://host?password={}",
    "altertable://host?password={}&password=",
    "altertable://ana@host?passwd={}",
]


@pytest.mark.parametrize("form", URIS)
def test_a_malformed_uri_is_not_repeated(form: str, secret: str) -> None:
    assert secret not in str(_refused(lambda: connect(form.format(secret), tls=True), secret))


@given(
    st.text(max_size=8).filter(lambda text: "@" not in text),
    st.sampled_from(["", "/", "?", "#", ":", "%", " ", "[", "]", "\n", "\\"]),
    st.text(max_size=8),
)
def test_no_part_of_a_password_is_repeated(before: str, odd: str, after: str) -> None:
    uri = f"altertable://ana:{before}{odd}S3KRET{after}@host/a/b?x=1"
    said = ""
    try:
        parse_uri(uri)
    except ProgrammingError as error:
        said = _said(error)
    assert "S3KRET" not in said


@pytest.mark.parametrize("value", [5, b"Hunter2-and-more", "Hunter2-and-more\0", "", ["x"]])
def test_a_password_of_the_wrong_kind_is_not_shown(value: Any, secret: str) -> None:
    error = _refused(lambda: connect(username="ana", password=value), secret)
    assert "password" in str(error)


def test_a_key_is_not_shown(secret: str) -> None:
    key = Certificate("client").key_pem
    watch.add(key.splitlines()[1])
    settings = {"username": "ana", "password": secret, "tls_client_cert": key}
    for given_as in (key, 5, key.encode(), key[30:], key + "\0"):
        error = _refused(partial(connect, **settings, tls_client_key=given_as), key)
        assert key.splitlines()[1] not in _said(error)


def test_what_can_be_shown_of_a_connection(server: Server, secret: str) -> None:
    with server.connect(autocommit=True) as conn:
        cursor = conn.execute("SELECT $a AS x", {"a": 1})
        session = conn._session
        things = [conn, cursor, session, session.settings, session.log, server, cursor._result]
        for thing in [*things, server._sessions.all()]:
            for text in (repr(thing), str(thing), f"{thing}", ascii(thing), format(thing)):
                assert secret not in text
        (token,) = server._sessions._open
        assert not any(token in repr(thing) for thing in things)
        assert secret in session.settings.password  # which is what there was to be shown
        assert secret not in repr(copy.copy(session.settings))
        assert secret not in repr(session.settings._replace(port=1))
        assert secret not in repr(resolve(server.uri, {}, {}))


def test_a_connection_cannot_be_pickled_into_a_file(server: Server) -> None:
    with server.connect() as conn:
        for thing in (conn, conn.cursor()):
            with pytest.raises(TypeError):
                pickle.dumps(thing)


def test_a_forgotten_connection(server: Server, secret: str) -> None:
    connections = [server.connect()]
    with pytest.warns(ResourceWarning) as caught:
        connections.clear()
    assert caught
    assert all(secret not in str(warning.message) for warning in caught)


CALLS = [
    "Handshake",
    "GetFlightInfo",
    "DoGet",
    "DoAction:BeginTransaction",
    "DoAction:EndTransaction",
    "DoAction:CreatePreparedStatement",
    "DoAction:SetSessionOptions",
    "DoPut",
]


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "UNAVAILABLE", "INTERNAL", "CANCELLED"])
def test_whatever_call_fails(
    code: str, server: Server, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for call in CALLS:
        server.fail_next(call, code, "no", times=2)
        errors = _failures(server)
        assert errors, call
        assert not any(secret in _said(error) for error in errors)
    assert secret not in caplog.text


def _failures(server: Server) -> list[Error]:
    """What fails of a little of everything."""
    data = pa.table({"a": [1], "b": [2]})
    failed = []
    with contextlib.ExitStack() as stack:
        try:
            conn = stack.enter_context(server.connect(compute_size="L", binding="server"))
        except Error as error:
            return [error]
        for attempt in (
            lambda: conn.execute("SELECT 1").fetchall(),
            lambda: conn.execute("SELECT ?", [1]).fetchall(),
            lambda: conn.execute("CREATE TABLE u (a INT)"),
            conn.commit,
            lambda: conn.execute("DROP TABLE IF EXISTS u"),
            conn.rollback,
            lambda: conn.load("t", data, mode="replace"),
            lambda: conn.load("t", data, mode="replace", primary_key="a"),
        ):
            try:
                attempt()
            except Error as error:
                failed.append(error)
    return failed


def test_the_driver_beneath_says_nothing_either(server: Server, secret: str) -> None:
    """The errors of ADBC and of pyarrow.flight, before they are ours."""
    with server.connect(autocommit=True) as conn:
        server.expire_sessions()
        with pytest.raises(altertable_dbapi.Error) as caught:
            conn.execute("SELECT * FROM absent")
        assert secret not in _said(caught.value)
    with pytest.raises(OperationalError) as refused:
        server.connect(password=f"{secret}x")
    assert secret not in _said(refused.value)
    assert not refused.value.details
