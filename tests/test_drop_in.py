"""Programs written for ADBC's own Flight SQL driver, or to PEP 249, change the import alone."""

from __future__ import annotations

import base64
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi
import pytest
from adbc_driver_flightsql import ConnectionOptions, DatabaseOptions

import altertable_dbapi
from altertable_dbapi import ProgrammingError, connect
from altertable_dbapi.local import Server
from altertable_dbapi.settings.stock import OPTIONS

from .support.certificates import Certificate
from .support.secret_watch import watch

PASSWORD = "hunter2 /and@more"
USER: dict[str, Any] = {"username": "ana", "password": PASSWORD}


@pytest.fixture
def server() -> Iterator[Server]:
    watch.add(PASSWORD)
    with Server(username="ana", password=PASSWORD, catalogs=("sales", "lake")) as server:
        yield server


def address(server: Server) -> str:
    return f"grpc+tcp://{server.host}:{server.port}"


LINES = """
import adbc_driver_flightsql.dbapi
from adbc_driver_flightsql import DatabaseOptions

with adbc_driver_flightsql.dbapi.connect(
    uri,
    db_kwargs={
        "username": "ana",
        "password": password,
        DatabaseOptions.TIMEOUT_QUERY.value: "30",
        DatabaseOptions.WITH_MAX_MSG_SIZE.value: "67108864",
    },
    conn_kwargs={"adbc.connection.catalog": catalog},
    autocommit=True,
) as conn:
    with conn.cursor() as cur:
        cur.execute("SELECT 1, 2.0, 'Hello, world!'")
        found.append(cur.fetchall())
        cur.execute("SELECT 42 AS answer")
        found.append(cur.fetch_arrow_table().to_pydict())
        found.append([column[0] for column in cur.description])
"""


@pytest.mark.parametrize(
    "package", ["adbc_driver_flightsql", "altertable_dbapi", "adbc_driver_altertable"]
)
def test_the_lines_of_the_stock_driver(package: str, server: Server) -> None:
    # The catalog is this driver's; the stock one sends an option that this server does not take.
    stock = package == "adbc_driver_flightsql"
    lines = LINES
    if stock:
        lines = lines.replace('conn_kwargs={"adbc.connection.catalog": catalog},', "")
    else:
        of = "altertable_dbapi" if package == "altertable_dbapi" else f"{package}.dbapi"
        lines = lines.replace("adbc_driver_flightsql.dbapi", of, 1)
        lines = lines.replace("adbc_driver_flightsql.dbapi.connect", f"{of}.connect")
    names: dict[str, Any] = {"uri": address(server), "password": PASSWORD, "catalog": "sales"}
    names["found"] = []
    exec(lines, names)
    rows, table, description = names["found"]
    assert [tuple(map(str, row)) for row in rows] == [("1", "2.0", "Hello, world!")]
    assert table == {"answer": [42]}
    assert description == ["answer"]


def test_connect_takes_what_the_stock_driver_takes() -> None:
    stock = list(inspect.signature(adbc_driver_flightsql.dbapi.connect).parameters.values())
    here = inspect.signature(connect).parameters
    positional = [p.name for p in stock if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == list(here)[: len(positional)] == ["uri", "db_kwargs", "conn_kwargs"]


#: For each option a value, the setting and what is kept of it.
VALUES = {
    "adbc.connection.autocommit": ("true", "autocommit", True),
    "adbc.connection.catalog": ("sales", "catalog", "sales"),
    "adbc.connection.db_schema": ("main", "schema", "main"),
    "adbc.flight.sql.session.option.catalog": ("sales", "catalog", "sales"),
    "adbc.flight.sql.session.option.schema": ("main", "schema", "main"),
    "adbc.flight.sql.session.option.compute_size": ("m", "compute_size", "M"),
    "adbc.flight.sql.rpc.timeout_seconds.connect": ("9", "connect_timeout", 9.0),
    DatabaseOptions.TIMEOUT_QUERY: ("30", "query_timeout", 30.0),
    DatabaseOptions.TIMEOUT_FETCH: (31, "fetch_timeout", 31.0),
    DatabaseOptions.TIMEOUT_UPDATE: ("0.5e2", "update_timeout", 50.0),
    DatabaseOptions.AUTHORITY: ("far.example", "authority", "far.example"),
    DatabaseOptions.TLS_OVERRIDE_HOSTNAME: ("far.example", "authority", "far.example"),
}


@pytest.mark.parametrize("option", VALUES, ids=str)
@pytest.mark.parametrize("argument", ["db_kwargs", "conn_kwargs"])
def test_an_option_is_a_setting(option: Any, argument: str, server: Server) -> None:
    value, name, kept = VALUES[option]
    for key in (option, getattr(option, "value", option)):
        options: dict[str, Any] = {argument: {key: value}}
        with connect(address(server), **USER, **options) as connection:
            assert getattr(connection._settings, name) == kept


def test_options_of_tls() -> None:
    certificate = Certificate("localhost")
    tls: dict[str, Any] = {"tls_cert": certificate.pem, "tls_key": certificate.key_pem}
    with Server(username="ana", password=PASSWORD, **tls) as server:
        uri = f"grpc+tls://localhost:{server.port}"
        roots = {DatabaseOptions.TLS_ROOT_CERTS.value: certificate.pem}
        with connect(uri, {**USER, **roots}) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with (
            pytest.warns(altertable_dbapi.Warning, match="tls_skip_verify"),
            connect(uri, {**USER, "adbc.flight.sql.client_option.tls_skip_verify": "true"}) as it,
        ):
            assert it.execute("SELECT 1").fetchone() == (1,)


def test_every_option_of_the_stock_enums_is_taken_or_named(server: Server) -> None:
    taken = {
        *OPTIONS,
        DatabaseOptions.AUTHORIZATION_HEADER.value,
        DatabaseOptions.WITH_BLOCK.value,
        DatabaseOptions.WITH_MAX_MSG_SIZE.value,
    }
    for option in [*DatabaseOptions, *ConnectionOptions]:
        if option.value in taken:
            continue
        with pytest.raises(ProgrammingError) as caught:
            connect(address(server), {**USER, f"{option.value}": "true"})
        assert option.value in str(caught.value)
        assert "means nothing here" in str(caught.value)
    assert not server.calls


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("adbc.flight.sql.rpc.call_header.x-tenant", PASSWORD, "headers of your own"),
        ("adbc.flight.sql.oauth.client_secret", PASSWORD, "a user name and a password"),
        ("adbc.flight.sql.authorization_header", f"Bearer {PASSWORD}", "'Basic' header"),
        ("adbc.flight.sql.authorization_header", f"Basic {PASSWORD}", "'Basic' header"),
        ("adbc.flight.sql.authorization_header", 7, "'Basic' header"),
        ("adbc.flight.sql.client_option.with_max_msg_size", "99999999999", "536870912 bytes"),
        ("adbc.flight.sql.rpc.with_cookie_middleware", "true", "goes by its token"),
        ("adbc.flight.sql.rpc.timeout_seconds.query", "soon", "is 'soon' (from the option 'adbc"),
        ("adbc.flight.sql.session.option.compute_size", "huge", "one of XS"),
        ("adbc.flight.sql.session.option.color", "red", "catalog, schema and compute_size"),
        ("usrname", "ana", "known are uri, username"),
        ("driver", "adbc_driver_sqlite", "Flight SQL driver"),
    ],
)
def test_an_option_that_means_nothing_is_named(
    option: str, value: Any, says: str, server: Server
) -> None:
    for argument in ("db_kwargs", "conn_kwargs"):
        options: dict[str, Any] = {argument: {option: value}}
        with pytest.raises(ProgrammingError) as caught:
            connect(address(server), **USER, **options)
        assert says in str(caught.value)
        assert option in str(caught.value)
        assert PASSWORD not in str(caught.value)
    assert not server.calls


def test_options_that_ask_for_what_is_done_anyway(server: Server) -> None:
    options = {
        DatabaseOptions.WITH_BLOCK.value: "true",
        DatabaseOptions.WITH_MAX_MSG_SIZE.value: str(512 * 1024 * 1024),
        DatabaseOptions.WITH_COOKIE_MIDDLEWARE.value: "false",
        DatabaseOptions.TIMEOUT_QUERY.value: "0",
    }
    with connect(address(server), {**USER, **options}) as connection:
        assert connection._settings.query_timeout is None


def test_a_basic_header_is_user_and_password(server: Server) -> None:
    header = "Basic " + base64.b64encode(f"ana:{PASSWORD}".encode()).decode()
    watch.add(header.partition(" ")[2])
    with connect(address(server), {DatabaseOptions.AUTHORIZATION_HEADER.value: header}) as it:
        assert it.user == "ana"
        assert it.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("value", [PASSWORD, [PASSWORD], PASSWORD.encode()], ids=type)
def test_options_that_are_no_mapping(value: Any) -> None:
    with pytest.raises(ProgrammingError, match="db_kwargs is a .*; expected a mapping") as caught:
        connect("grpc+tls://host", value)
    assert PASSWORD not in str(caught.value)


def test_the_keywords_of_pep_249(server: Server) -> None:
    dsn = f"altertable://{server.host}:{server.port}?tls=false"
    with connect(dsn=dsn, user="ana", password=PASSWORD, database="sales") as connection:
        assert (connection.user, connection.database) == ("ana", "sales")
    given: dict[str, Any] = {"host": server.host, "port": server.port, "tls": False}
    with connect(**given, user="ana", password=PASSWORD, database="lake") as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("lake",)
    with connect(dsn="local") as local:
        assert local.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"user": "bob", "username": "ana"}, ("argument user", "argument username")),
        ({"database": "a", "catalog": "b"}, ("argument database", "argument catalog")),
        ({"uri": "altertable://a", "dsn": "altertable://b"}, ("argument uri", "argument dsn")),
        (
            {"password": "other", "db_kwargs": {"password": PASSWORD}},
            ("argument password", "option 'password' of db_kwargs"),
        ),
        (
            {"query_timeout": 5, "db_kwargs": {DatabaseOptions.TIMEOUT_QUERY.value: "6"}},
            ("argument query_timeout", "timeout_seconds.query"),
        ),
        (
            {"db_kwargs": {"username": "ana"}, "conn_kwargs": {"username": "bob"}},
            ("of db_kwargs", "of conn_kwargs"),
        ),
    ],
)
def test_one_thing_given_twice(given: dict[str, Any], names: tuple[str, ...]) -> None:
    with pytest.raises(ProgrammingError, match="given twice with different values") as caught:
        connect(**given)
    for name in names:
        assert name in str(caught.value)
    for secret in (PASSWORD, "other"):
        assert secret not in str(caught.value)


def test_one_thing_given_twice_alike(server: Server) -> None:
    timeout = {DatabaseOptions.TIMEOUT_QUERY.value: "5"}
    with connect(
        address(server), {**USER, **timeout}, user="ana", password=PASSWORD, query_timeout=5
    ) as connection:
        assert connection._settings.query_timeout == 5


def test_none_is_not_given(server: Server) -> None:
    with connect(address(server), {**USER, "adbc.connection.catalog": None}, user=None) as it:
        assert it.database is None


def test_the_local_server_refuses_credentials_of_any_name() -> None:
    ways: list[dict[str, Any]] = [{"user": "ana"}, {"db_kwargs": {"username": "ana"}}]
    for given in ways:
        with pytest.raises(ProgrammingError, match="says where a server is or who connects"):
            connect("local", **given)


def test_several_statements_say_how_to_run_a_script(
    conn: altertable_dbapi.Connection[tuple[Any, ...]],
) -> None:
    script = "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (7)"
    cursor = conn.cursor()
    for attempt in (
        lambda: conn.execute(script),
        lambda: cursor.execute(f"{script}, ($n)", {"n": 1}),
        lambda: cursor.executemany(f"{script}, (?)", [[1], [2]]),
    ):
        with pytest.raises(ProgrammingError, match=r"cursor\.executescript\(\)"):
            attempt()
    conn.rollback()
    cursor.executescript(script)
    assert cursor.execute("FROM t").fetchall() == [(7,)]


def test_the_environment_stands_behind(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTERTABLE_USERNAME", "bob")
    monkeypatch.setenv("ALTERTABLE_PASSWORD", "other")
    assert "ALTERTABLE_USERNAME" in os.environ
    with connect(address(server), USER) as connection:
        assert connection.user == "ana"


def test_the_page_has_every_option() -> None:
    page = (Path(__file__).parent.parent / "docs/migrate/adbc.md").read_text(encoding="utf-8")
    table: dict[str, str] = {}
    for options, settings in re.findall(r"^\| (`(?:uri|adbc)\S*.*?) \| (`.*?) \|$", page, re.M):
        names = re.findall(r"`(.+?)`", options)
        stem = names[0].rpartition(".")[0]
        names = [stem + name if name.startswith(".") else name for name in names]
        said = re.findall(r"`(\w+)`", settings)
        table |= dict(zip(names, said * len(names) if len(said) == 1 else said, strict=False))
    del table[DatabaseOptions.AUTHORIZATION_HEADER.value]
    assert table == OPTIONS
