"""Where settings come from, what is refused, and that no secret shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altertable_dbapi import InterfaceError, ProgrammingError
from altertable_dbapi.settings.adbc import adbc_database_options
from altertable_dbapi.settings.resolve import resolve
from altertable_dbapi.settings.settings import SETTING_NAMES, Settings
from altertable_dbapi.settings.uri import build_uri, parse_uri

USER = {"username": "ana", "password": "s3cret-word"}


def test_defaults_are_the_service() -> None:
    settings = resolve(None, USER, {})
    assert (settings.host, settings.port, settings.tls) == ("flight.altertable.ai", 443, True)
    assert settings.uri == "grpc+tls://flight.altertable.ai:443"
    assert settings.session_options == {}
    assert not settings.autocommit


def test_arguments_win_over_the_uri_and_the_uri_over_the_environment() -> None:
    environ = {
        "ALTERTABLE_HOST": "env-host",
        "ALTERTABLE_PORT": "1",
        "ALTERTABLE_USERNAME": "env-user",
        "ALTERTABLE_PASSWORD": "env-word",
        "ALTERTABLE_CATALOG": "env-catalog",
        "ALTERTABLE_TLS": "off",
        "ALTERTABLE_COMPUTE_SIZE": "xl",
    }
    settings = resolve("altertable://uri-user@uri-host/uri-catalog", {"host": "localhost"}, environ)
    assert settings.host == "localhost"
    assert settings.username == "uri-user"
    assert settings.password == "env-word"
    assert settings.catalog == "uri-catalog"
    assert settings.port == 1
    assert not settings.tls
    assert settings.compute_size == "XL"


def test_an_argument_of_none_is_not_given() -> None:
    assert resolve("altertable://u:p@h:1", {"port": None, "catalog": None}, {}).port == 1


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("altertable://u:p@h:8/c/s", {"host": "h", "port": "8", "catalog": "c", "schema": "s"}),
        ("altertable://u:p@h/c%2Fd/", {"host": "h", "catalog": "c/d"}),
        ("altertable://u:p@[::1]:8", {"host": "::1", "port": "8"}),
        ("altertable://u:p@h?compute_size=L&autocommit=true", {"compute_size": "L"}),
        ("altertable://h?user=me&database=x", {"username": "me", "catalog": "x"}),
        ("grpc://u:p@h", {"tls": "false"}),
        ("grpc+tls://u:p@h", {"tls": "true"}),
        ("altertable:///c", {"catalog": "c"}),
    ],
)
def test_uris(uri: str, expected: dict[str, str]) -> None:
    assert expected.items() <= parse_uri(uri).items()


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
)
def test_any_user_and_password_survive_a_uri(username: str, password: str) -> None:
    settings = resolve(None, {"username": username, "password": password}, {})
    again = resolve(build_uri(settings), {}, {})
    assert (again.username, again.password) == (username, password)


#: For each setting a value that is not the default.
EVERY_SETTING: dict[str, Any] = {
    "host": "2001:db8::1",
    "port": 31337,
    "tls": True,
    "username": "ana@example.com",
    "password": "a/b?c#d&e=f+g h%",
    "catalog": "my sales/2026",
    "schema": "a.b&c=d",
    "compute_size": "XL",
    "autocommit": True,
    "binding": "client",
    "connect_timeout": 2.5,
    "query_timeout": 0.1,
    "fetch_timeout": 3600.0,
    "update_timeout": 1e9,
    "statement_timeout": 60.0,
    "keepalive": 0.0,
    "keepalive_idle": True,
    "tls_root_certs": "-----BEGIN CERTIFICATE-----\na+b/c=\n-----END CERTIFICATE-----\n",
    "tls_client_cert": "/etc/ssl/my cert.pem",
    "tls_client_key": "/etc/ssl/my key.pem",
    "tls_skip_verify": False,
    "authority": "flight.example.com",
}


def test_a_uri_keeps_every_setting() -> None:
    assert set(EVERY_SETTING) == SETTING_NAMES
    settings = Settings(**EVERY_SETTING)
    assert resolve(build_uri(settings), {}, {}) == settings
    for name in ("tls", "tls_skip_verify"):
        given = {"host": "127.0.0.1", "username": "u", "password": "p"}
        settings = Settings(**{**given, name: not EVERY_SETTING[name]})  # type: ignore[arg-type]
        assert resolve(build_uri(settings), {}, {}) == settings


@given(st.sets(st.sampled_from(sorted(SETTING_NAMES))))
def test_a_uri_keeps_any_settings(names: set[str]) -> None:
    given = {name: EVERY_SETTING[name] for name in names | {"username", "password"}}
    given.pop("tls_client_key" if "tls_client_cert" not in given else "tls", None)
    given.pop("tls_client_cert" if "tls_client_key" not in given else "tls", None)
    settings = resolve(None, given, {})
    assert resolve(build_uri(settings), {}, {}) == settings


def test_a_uri_has_no_defaults() -> None:
    settings = Settings(username="u", password="p")
    assert build_uri(settings) == "altertable://u:p@flight.altertable.ai:443"
    assert build_uri(settings._replace(catalog="c", schema="s")).endswith("/c/s")
    assert build_uri(settings._replace(schema="s")).endswith("?schema=s")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"port": 0}, ["port", "0", "1 to 65535"]),
        ({"port": "x"}, ["port", "'x'", "1 to 65535"]),
        ({"port": True}, ["port", "True"]),
        ({"tls": "maybe"}, ["tls", "maybe", "true or false"]),
        ({"compute_size": "huge"}, ["compute_size", "huge", "XS, S, M, L, XL, 2XL, 3XL, 4XL"]),
        ({"host": "https://h"}, ["host", "https://h", "without scheme"]),
        ({"host": "[]"}, ["host", "'[]'", "host name"]),
        ({"host": "::1]"}, ["host", "'::1]'", "host name"]),
        ({"query_timeout": -1}, ["query_timeout", "-1", "seconds"]),
        ({"catalog": ""}, ["catalog", "''"]),
        ({"catalog": 5}, ["catalog", "5", "string"]),
        ({"username": "\ud800"}, ["username", "UTF-8"]),
        ({"colour": "red"}, ["colour", "compute_size"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_the_way_out(
    arguments: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ProgrammingError) as caught:
        resolve(None, USER | arguments, {})
    for word in words:
        assert word in str(caught.value)


def test_a_wrong_setting_names_its_source() -> None:
    with pytest.raises(ProgrammingError, match="environment variable ALTERTABLE_PORT"):
        resolve(None, USER, {"ALTERTABLE_PORT": "x"})
    with pytest.raises(ProgrammingError, match="connection URI"):
        resolve("altertable://h?port=x", USER, {})


@pytest.mark.parametrize("missing", ["username", "password"])
def test_missing_credentials_say_where_to_put_them(missing: str) -> None:
    with pytest.raises(InterfaceError, match=f"no {missing}.*ALTERTABLE_{missing.upper()}"):
        resolve(None, {k: v for k, v in USER.items() if k != missing}, {})


@pytest.mark.parametrize(
    "uri",
    [
        "altertable://u:s3cret-word@h:port",
        "altertable://u:s3cret-word/x@h:99999",
        "altertable://u:s3cret-word#@h",
        "altertable://u:s3cret-word@h/a/b/c",
        "altertable://u:s3cret-word@[::1",
        "altertable://u:s3cret-word@h?colour=red",
        "postgres://u:s3cret-word@h",
        "s3cret-word",
    ],
)
def test_a_malformed_uri_never_repeats_the_password(uri: str) -> None:
    with pytest.raises(ProgrammingError) as caught:
        resolve(uri, {}, {})
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cret" not in str(error)
        error = None if error.__suppress_context__ else error.__cause__ or error.__context__


def test_repr_shows_no_secret() -> None:
    settings = resolve("altertable://ana:s3cret-word@h:1/sales/main", {}, {})
    assert repr(settings) == "<Settings ana@h:1/sales/main>"
    assert quote("s3cret-word") not in str(settings)


def test_options_for_adbc() -> None:
    settings = resolve(None, {**USER, "fetch_timeout": 5, "tls_skip_verify": True}, {})
    options = adbc_database_options(settings)
    assert options["adbc.flight.sql.client_option.with_max_msg_size"] == str(512 * 1024 * 1024)
    assert options["adbc.flight.sql.rpc.timeout_seconds.fetch"] == "5.0"
    assert options["adbc.flight.sql.client_option.tls_skip_verify"] == "true"


def test_root_certificates_are_a_file_or_their_text(tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    file = tmp_path / "ca.pem"
    file.write_text(pem)
    key = "adbc.flight.sql.client_option.tls_root_certs"
    for given_as in (pem, str(file)):
        settings = resolve(None, {**USER, "tls_root_certs": given_as}, {})
        assert adbc_database_options(settings)[key] == pem
    with pytest.raises(ProgrammingError, match=r"tls_root_certs.*absent\.pem"):
        adbc_database_options(resolve(None, {**USER, "tls_root_certs": "absent.pem"}, {}))
    file.write_text("nothing")
    with pytest.raises(ProgrammingError, match="no PEM certificate"):
        adbc_database_options(resolve(None, {**USER, "tls_root_certs": str(file)}, {}))
