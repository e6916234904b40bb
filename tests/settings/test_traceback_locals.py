"""Tracebacks with local variables, representations, copies and pickles show no password."""

from __future__ import annotations

import base64
import contextlib
import copy
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import Error, connect
from altertable_dbapi.cli.main import main
from altertable_dbapi.local import Server
from altertable_dbapi.settings.resolve import resolve
from altertable_dbapi.settings.secret import Secret

from ..support.certificates import Certificate
from ..support.secret_watch import watch

PASSWORD = "hunter2 /and@more"
FORMS = {
    PASSWORD,
    quote(PASSWORD),
    quote(PASSWORD, safe=""),
    # At each position of a group of three, without the ends that depend on what stands around.
    *(base64.b64encode(b" " * n + PASSWORD.encode()).decode()[4:-4] for n in range(3)),
}
_OURS = ("altertable_dbapi", "adbc_driver_")


@pytest.fixture
def server() -> Iterator[Server]:
    watch.add(PASSWORD)
    with Server(username="ana", password=PASSWORD) as server:
        yield server


def shown(error: BaseException) -> str:
    """What tools show of the frames that are the driver's, of all that led to an error."""
    texts = []
    one: BaseException | None = error
    while one is not None:
        found = traceback.TracebackException(
            type(one), one, one.__traceback__, capture_locals=True, compact=True
        )
        names = [frame.f_globals.get("__name__", "") for frame in _frames(one)]
        assert len(names) == len(found.stack)
        for name, summary in zip(names, found.stack, strict=True):
            if name.startswith(_OURS):
                texts.append(f"{name} {summary.lineno} {summary.name} {summary.locals}")
        texts += [str(one), repr(one), repr(vars(one))]
        one = one.__context__
    return "\n".join(texts)


def _frames(error: BaseException) -> Iterator[FrameType]:
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame
        step = step.tb_next


def hides(text: str) -> None:
    for form in FORMS:
        assert form not in text


def fails(attempt: Callable[[], Any]) -> None:
    with pytest.raises((Error, TypeError, OSError)) as caught:
        attempt()
    text = shown(caught.value)
    assert "altertable_dbapi" in text
    hides(text)


@pytest.mark.parametrize(
    "settings",
    [
        {"password": PASSWORD + "x"},
        {"username": "bob"},
        {"catalog": "absent"},
        {"schema": "absent"},
        {"tls": True},
        {"compute_size": "huge"},
        {"port": 1},
        {"port": "none"},
        {"host": "absent.invalid"},
        {"host": "a b"},
        {"connect_timeout": 1e-9},
        {"connect_timeout": "soon"},
        {"tls_root_certs": "absent.pem", "tls": True},
        {"tls_client_cert": "absent.pem"},
        {"tls_root_certs": "absent.pem"},
        {"binding": "x"},
        {"keepalive": -1},
        {"password": PASSWORD + "\0"},
        {"password": PASSWORD + "\ud800"},
        {"password": PASSWORD.encode()},
        {"password": [PASSWORD]},
        {"password": Path(PASSWORD)},
    ],
    ids=str,
)
def test_connect(settings: dict[str, Any], server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"username": "ana", "password": PASSWORD}
    given |= {"host": server.host, "port": server.port, "tls": False, **settings}
    fails(lambda: server.connect(**settings))
    fails(lambda: connect(**given))
    if isinstance(given["password"], str) and "\ud800" not in given["password"]:
        query = "&".join(
            f"{quote(k)}={quote(str(v), safe='')}" for k, v in given.items() if k != "password"
        )
        word = quote(given["password"], safe="")
        fails(lambda: connect(f"altertable://ana:{word}@{server.host}/?{query}"))
        fails(lambda: connect(f"altertable://{server.host}/?password={word}&{query}"))
        fails(lambda: resolve(f"altertable://ana:{word}@h/?{query}&port=x"))
        if "\0" not in given["password"]:
            monkeypatch.setenv("ALTERTABLE_PASSWORD", given["password"])
            del given["password"]
            fails(lambda: connect(**given))


@pytest.mark.parametrize(
    "options",
    [
        {"username": "ana", "password": PASSWORD + "x"},
        {"username": "ana", "password": PASSWORD, "adbc.flight.sql.oauth.flow": "x"},
        {"username": "ana", "password": [PASSWORD]},
        {"username": "ana", "password": PASSWORD, "uri": f"https://ana:{PASSWORD}@host"},
        {"adbc.flight.sql.rpc.call_header.authorization": f"Bearer {PASSWORD}"},
        {"adbc.flight.sql.authorization_header": f"Bearer {PASSWORD}"},
        {"adbc.flight.sql.authorization_header": f"Basic {PASSWORD}"},
        {
            "adbc.flight.sql.authorization_header": "Basic "
            + base64.b64encode(f"ana:{PASSWORD}x".encode()).decode()
        },
        {"adbc.flight.sql.oauth.client_secret": PASSWORD.encode()},
        {"nonsense": PASSWORD},
    ],
    ids=lambda options: " ".join(options),
)
def test_options_of_the_stock_driver(options: dict[str, Any], server: Server) -> None:
    uri = f"grpc+tcp://{server.host}:{server.port}"
    for argument in ("db_kwargs", "conn_kwargs"):
        given: dict[str, Any] = {argument: options}
        fails(lambda given=given: connect(None if "uri" in options else uri, **given))  # type: ignore[misc]
        fails(lambda given=given: connect(uri, password="other", **given))  # type: ignore[misc]
    fails(lambda: connect(uri, PASSWORD))  # type: ignore[call-overload]
    fails(lambda: connect(dsn=f"ana:{PASSWORD}@host"))


def test_an_unknown_argument(server: Server) -> None:
    with pytest.raises(TypeError) as caught:
        server.connect(password=PASSWORD, nonsense=1)
    hides(shown(caught.value))


@pytest.mark.parametrize(
    "uri",
    [
        "altertable://ana:{}@host:port",
        "altertable://ana:{}@[::1",
        "altertable://ana:{}@host/a/b/c",
        "altertable://ana:{}@host#x",
        "altertable://ana:{}@host?nothing=1",
        "altertable://ana:{}@host?tls=perhaps",
        "https://ana:{}@host",
        "ana:{}@host",
        "altertable://ana:{0}/{0}@host",
    ],
)
@pytest.mark.parametrize("quoted", [False, True])
def test_malformed_uri(uri: str, quoted: bool) -> None:
    watch.add(PASSWORD)
    text = uri.format(quote(PASSWORD, safe="") if quoted else PASSWORD)
    fails(lambda: connect(text))
    fails(lambda: connect(text.encode()))  # type: ignore[call-overload]
    fails(lambda: connect([text]))  # type: ignore[call-overload]


def test_settings_of_the_environment_that_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    watch.add(PASSWORD)
    monkeypatch.setenv("ALTERTABLE_PASSWORD", PASSWORD)
    fails(connect)
    monkeypatch.setenv("ALTERTABLE_USERNAME", "ana")
    monkeypatch.setenv("ALTERTABLE_PORT", "x")
    fails(connect)


@pytest.mark.parametrize("damage", ["", "no key", "encrypted", "cut", "bytes", "file"])
def test_private_key(damage: str, server: Server, tmp_path: Path) -> None:
    certificate = Certificate("client")
    key: Any = certificate.key_pem
    line = key.splitlines()[1]
    if damage == "encrypted":
        key = certificate.encrypted_key(b"x")
        line = key.splitlines()[1]
    elif damage == "cut":
        key = key[30:]
    elif damage == "no key":
        key = key.replace("PRIVATE", "PUBLIC")
    elif damage == "bytes":
        key = key.encode()
    elif damage == "file":
        (tmp_path / "key").write_text(certificate.encrypted_key(b"x"))
        line = (tmp_path / "key").read_text().splitlines()[1]
        key = tmp_path / "key"
    with pytest.raises(Error) as caught:
        server.connect(tls=True, tls_client_cert=certificate.pem, tls_client_key=key)
    assert line not in shown(caught.value)
    hides(shown(caught.value))


CALLS = [
    "Handshake",
    "GetFlightInfo",
    "DoGet",
    "DoAction:SetSessionOptions",
    "DoAction:CreatePreparedStatement",
    "DoAction:BeginTransaction",
    "DoAction:EndTransaction",
    "DoPut",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "UNAVAILABLE", "INTERNAL"])
def test_execute_and_load(call: str, code: str, server: Server) -> None:
    data = pa.table({"a": [1], "b": [2]})
    failed = 0
    server.fail_next(call, code, "no", times=4)
    with contextlib.ExitStack() as stack:
        try:
            conn = stack.enter_context(server.connect(compute_size="L", binding="server"))
        except Error as error:
            hides(shown(error))
            return
        for attempt in (
            lambda: conn.execute("SELECT 1").fetchall(),
            lambda: conn.execute("SELECT ?", [1]).fetchall(),
            lambda: conn.execute("CREATE TABLE u (a INT)"),
            conn.commit,
            conn.rollback,
            lambda: conn.load("t", data, mode="replace"),
            lambda: conn.load("t", data, primary_key="a"),
            lambda: conn.execute("SELECT * FROM absent"),
            lambda: conn.cursor().executemany("INSERT INTO absent VALUES (?)", [[1], [2]]),
        ):
            try:
                attempt()
            except Error as error:
                failed += 1
                hides(shown(error))
        with contextlib.suppress(Error):
            conn.rollback()
        conn.rollback()
    assert failed


def test_the_handshake_of_an_upsert(server: Server) -> None:
    data = pa.table({"a": [1], "b": [2]})
    with server.connect() as conn:
        conn.load("t", data, mode="create")
        for code in ("UNAUTHENTICATED", "INTERNAL"):
            server.fail_next("Handshake", code, "no")
            with pytest.raises(Error) as caught:
                conn.load("t", data, primary_key="a")
            hides(shown(caught.value))
        conn.load("t", data, primary_key="a")
        hides(repr(_insides(conn)))


def test_the_command_line(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(cursor: Any, *arguments: Any) -> None:
        raise LookupError("broken")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("altertable_dbapi.cursor.Cursor.execute", broken)
        patch.setattr("sys.argv", ["x", "--uri", server.uri, "SELECT 1"])
        # An error that is none of the driver's gets through with its frames.
        with pytest.raises(LookupError) as caught:
            main()
    hides(shown(caught.value))
    hides("".join(capsys.readouterr()))


def test_what_a_connection_is_made_of(server: Server) -> None:
    with server.connect() as conn:
        conn.execute("SELECT ?", [1])
        text = repr(_insides(conn)) + repr(_insides(server))
        hides(text)
        for token in server._sessions._open:
            assert str(token) not in text
        settings = conn._session.settings
        assert settings.password == PASSWORD
        for same in (copy.copy(settings), copy.deepcopy(settings), settings._replace(port=1)):
            assert same.password == PASSWORD
            hides(repr(same) + tuple.__repr__(same) + repr(same._asdict()))


def _insides(thing: object, depth: int = 6) -> list[Any]:
    """The attributes of an object, of these, and so on."""
    if depth == 0 or not type(thing).__module__.startswith(("altertable", "adbc_driver_alter")):
        return [thing]
    names = list(getattr(thing, "__dict__", ()))
    names += [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return [thing, [_insides(getattr(thing, name, None), depth - 1) for name in names]]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_settings_are_not_pickled(server: Server, protocol: int) -> None:
    settings = resolve(server.uri, {}, {})
    for thing in (settings, settings.password, {"a": [settings]}):
        with pytest.raises(TypeError, match="ALTERTABLE_PASSWORD"):
            pickle.dumps(thing, protocol)


def test_a_secret_is_text() -> None:
    secret = Secret("s3 crét")
    assert (secret, str(secret), f"{secret}", secret.encode()) == (
        "s3 crét",
        "s3 crét",
        "s3 crét",
        "s3 crét".encode(),
    )
    assert "s3 crét" in {secret}
    for hidden in (repr(secret), ascii([secret]), f"{secret!r}", repr(secret[:2]), repr((secret,))):
        assert "s3" not in hidden


def test_the_frames_of_a_program_are_its_own(server: Server) -> None:
    password = "my own variable"
    with pytest.raises(altertable_dbapi.OperationalError) as caught:
        server.connect(password=password)
    (own,) = (frame for frame in _frames(caught.value) if frame.f_code.co_filename == __file__)
    assert own.f_locals["password"] == password
