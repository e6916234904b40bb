"""The local server where others can reach it: passwords, files, what is said, what it remembers."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import altertable_dbapi
from altertable_dbapi import Error, NotSupportedError, OperationalError
from altertable_dbapi.local import Server
from altertable_dbapi.local.__main__ import main

from ..support.certificates import Certificate
from ..support.secret_watch import watch

Conn = altertable_dbapi.Connection[tuple[Any, ...]]

OPEN = "0.0.0.0"
PASSWORD = "not everyone's"
VERSION = tuple(map(int, duckdb.__version__.split(".")[:2]))


@contextlib.contextmanager
def reachable(**options: Any) -> Iterator[Server]:
    """A server that others could reach, and what it says of that read."""
    watch.add(PASSWORD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = Server(host=OPEN, password=PASSWORD, **options)
    with server:
        yield server


def connected(server: Server, **settings: Any) -> Conn:
    connection: Conn = server.connect(host="127.0.0.1", autocommit=True, **settings)
    return connection


class TestPassword:
    @pytest.mark.parametrize("password", [None, "", "local"])
    @pytest.mark.parametrize("host", [OPEN, "::", "192.0.2.1", "example.org"])
    def test_others_need_one_of_its_own(self, host: str, password: str | None) -> None:
        with pytest.raises(ValueError, match="ALTERTABLE_LOCAL_PASSWORD"):
            Server(host=host, password=password)

    def test_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        watch.add(PASSWORD)
        monkeypatch.setenv("ALTERTABLE_LOCAL_PASSWORD", PASSWORD)
        for host in (OPEN, "127.0.0.1"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                server = Server(host=host, password=None)
            with server, connected(server, password=PASSWORD) as conn:
                assert conn.execute("SELECT 1").fetchall() == [(1,)]

    def test_this_machine_needs_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ALTERTABLE_LOCAL_PASSWORD", raising=False)
        with Server(password=None) as server, connected(server, password="local") as conn:
            assert conn.execute("SELECT 1").fetchall() == [(1,)]

    def test_it_does_not_show(self) -> None:
        with Server(password=PASSWORD) as server:
            watch.add(PASSWORD)
            pieces = [server, server._sessions, server._sessions._credentials, server._service]
            with connected(server):
                shown = repr([(piece, vars(piece)) for piece in pieces])
                (token,) = server._sessions._open
            assert PASSWORD not in shown
            assert str(token) not in shown


class TestWarning:
    def test_without_tls(self) -> None:
        with pytest.warns(altertable_dbapi.Warning, match="without TLS") as caught:
            server = Server(host=OPEN, password=PASSWORD)
        with server:
            assert server.access in str(caught[0].message)

    def test_with_tls(self) -> None:
        certificate = Certificate("127.0.0.1")
        with (
            Server(
                host=OPEN,
                password=PASSWORD,
                tls_cert=certificate.pem,
                tls_key=certificate.key_pem,
            ) as server,
            connected(server, tls_root_certs=certificate.pem) as conn,
        ):
            assert conn.execute("SELECT 1").fetchall() == [(1,)]

    def test_a_warning_that_is_an_error_leaves_no_server(self) -> None:
        before = threading.active_count()
        with (
            warnings.catch_warnings(),
            pytest.raises(altertable_dbapi.Warning, match="without TLS"),
        ):
            warnings.simplefilter("error")
            Server(host=OPEN, password=PASSWORD)
        assert threading.active_count() == before

    @pytest.mark.parametrize(("external", "said"), [(True, "every file"), (False, "no other file")])
    def test_what_can_be_done(self, external: bool, said: str) -> None:
        with reachable(external_access=external) as server:
            assert re.search(rf"^Whoever knows the password of 'local' .*{said}", server.access)


class TestExternalAccess:
    @pytest.mark.parametrize("host", [OPEN, "127.0.0.1"])
    @pytest.mark.parametrize("given", [None, True, False])
    def test_only_where_nobody_else_is(self, host: str, given: bool | None, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("a\n1\n")
        (tmp_path / "out").mkdir()
        allowed = given if given is not None else host != OPEN
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = Server(host=host, password=PASSWORD, external_access=given)
        watch.add(PASSWORD)
        with server, connected(server) as conn:
            for sql in (
                f"SELECT count(*) FROM read_csv('{tmp_path}/x.csv')",
                f"FROM '{tmp_path}/x.csv'",
                f"SELECT content FROM read_blob('{tmp_path}/x.csv')",
                f"COPY (SELECT 1) TO '{tmp_path}/out/y.csv'",
                f"ATTACH '{tmp_path}/out/z.duckdb' AS z",
            ):
                if allowed:
                    conn.execute(sql).close()
                else:
                    with pytest.raises(Error, match="disabled by configuration"):
                        conn.execute(sql)
        assert bool(list((tmp_path / "out").iterdir())) == allowed

    @pytest.mark.parametrize(
        "sql",
        [
            "SET profile_output = '{}/p.json'",
            "SET GLOBAL \"profile_output\" = '{}/p.json'",
            "set session /* x */ profiling_output = '{}/p.json'",
            "PRAGMA profile_output = '{}/p.json'",
            "PRAGMA Profiling_Output='{}/p.json'",
            "SET secret_directory = '{}'",
            "SET allow_persistent_secrets = true",
            "SET log_query_path = '{}/q.log'",
            "SET temp_directory = '{}'",
            "SET enable_external_access = true",
            "RESET enable_external_access",
            "SET allowed_directories = ['{}']",
            "CALL enable_logging(storage = 'file', storage_config = {{'path': '{}'}})",
            "FROM Enable_Logging(storage = 'file', storage_config = {{'path': '{}'}})",
            "CREATE PERSISTENT SECRET s (TYPE http, EXTRA_HTTP_HEADERS MAP {{'a': 'b'}})",
            "INSTALL httpfs",
            "LOAD '{}/x.duckdb_extension'",
            "EXPORT DATABASE '{}/export'",
        ],
    )
    def test_no_way_around_it(self, sql: str, tmp_path: Path) -> None:
        with reachable() as server, connected(server) as conn:
            conn.execute("CREATE TABLE t AS SELECT 1 AS a")
            try:
                conn.execute(sql.format(tmp_path))
            except Error:
                pass
            else:
                assert sql.startswith("RESET")
            conn.execute("PRAGMA enable_profiling = 'no_output'")
            # It works as before, and no file has come of it.
            assert conn.execute("FROM t").fetchall() == [(1,)]
        assert list(tmp_path.iterdir()) == []

    def test_words_that_only_look_like_a_setting(self) -> None:
        with reachable() as server, connected(server) as conn:
            conn.execute("CREATE TABLE t (profile_output INTEGER, home_directory VARCHAR)")
            conn.execute("INSERT INTO t VALUES (1, 'enable_logging')")
            found = conn.execute("SELECT profile_output, home_directory FROM t").fetchall()
            assert found == [(1, "enable_logging")]
            conn.execute("SET TimeZone = 'Asia/Tokyo'")
            assert conn.execute("SELECT current_setting('TimeZone')").fetchone() == ("Asia/Tokyo",)

    def test_all_else_works(self, tmp_path: Path) -> None:
        database = tmp_path / "shop.duckdb"
        with reachable(database=str(database)) as server, connected(server) as conn:
            conn.execute("CREATE TABLE t (i INTEGER, s VARCHAR)")
            conn.cursor().executemany("INSERT INTO t VALUES (?, ?)", [(1, "a"), (2, None)])
            assert conn.load("t", pa.table({"i": [3], "s": ["c"]})) == 1
            conn.load("t", pa.table({"i": [3], "s": ["d"]}), primary_key="i")
            conn.execute("SET memory_limit = '40MB'")
            conn.execute("SET threads = 1")
            conn.execute("CHECKPOINT")
            # More than fits into memory, so that it goes to the disk.
            numbered = (
                "SELECT row_number() OVER (ORDER BY hash(i)) AS n FROM range(2_000_000) AS r(i)"
            )
            assert conn.execute(f"SELECT count(n) FROM ({numbered})").fetchone() == (2_000_000,)
        with Server(database) as server, connected(server) as conn:
            found = conn.execute("SELECT i, s FROM t ORDER BY i").fetchall()
            assert found == [(1, "a"), (2, None), (3, "d")]


class TestWrongPasswords:
    def test_they_get_slower_and_the_right_one_does_not(self) -> None:
        watch.add(PASSWORD)
        with Server(password=PASSWORD) as server:
            seconds = []
            for _ in range(7):
                started = time.monotonic()
                with pytest.raises(OperationalError, match="password is wrong"):
                    connected(server, password="guess")
                seconds.append(time.monotonic() - started)
            # 0, 0, 0, 0.1, 0.2, 0.4, 0.8 s at least
            assert sum(seconds) > 1.4
            assert seconds[6] > 0.75
            wrong = threading.Thread(target=_guess, args=(server,))
            wrong.start()
            try:
                _eventually(lambda: server._sessions._credentials._waiting == 1)
                with connected(server) as conn:
                    assert conn.execute("SELECT 1").fetchall() == [(1,)]
                assert server._sessions._credentials._waiting == 1
            finally:
                wrong.join()

    def test_many_at_a_time_are_refused_unseen(self) -> None:
        watch.add(PASSWORD)
        with Server(password=PASSWORD) as server, connected(server) as conn:
            for _ in range(7):
                _guess(server)
            threads = [threading.Thread(target=_guess, args=(server,)) for _ in range(24)]
            for thread in threads:
                thread.start()
            _eventually(lambda: server._sessions._credentials._waiting >= 8)
            with pytest.raises(OperationalError, match="too many wrong passwords"):
                connected(server)
            # Who is in already is not held up.
            assert conn.execute("SELECT 1").fetchall() == [(1,)]
            for thread in threads:
                thread.join()
            assert server._sessions._credentials._waiting == 0
            with connected(server) as other:
                assert other.execute("SELECT 1").fetchall() == [(1,)]
            assert len(server._sessions._credentials._wrong) <= 64

    def test_a_wait_ends_with_the_server(self) -> None:
        with Server() as server:
            for _ in range(9):
                server._sessions._credentials._wrong.append(time.monotonic())
            guessing = threading.Thread(target=_guess, args=(server,))
            guessing.start()
            _eventually(lambda: server._sessions._credentials._waiting == 1)
            started = time.monotonic()
        guessing.join()
        assert time.monotonic() - started < 1.5


def _guess(server: Server) -> None:
    with pytest.raises(OperationalError):
        connected(server, password="guess")


def _eventually(condition: Any) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


class TestRecords:
    @pytest.mark.parametrize("binding", ["server", "client"])
    def test_large_statements(self, binding: str) -> None:
        value = "x" * 1_000_000
        with Server() as server, connected(server, binding=binding) as conn:
            for _ in range(60):
                assert conn.execute("SELECT length(?)", [value]).fetchone() == (1_000_000,)
            kept = sum(
                len(statement) + (statement.parameters.nbytes if statement.parameters else 0)
                for statement in server.executed
            )
            assert kept < 40_000_000
            newest = server.executed[-1]
            assert value in newest or newest.parameters is not None
            server.clear()
            server.executed.clear()
            conn.execute("SELECT length(?)", [value]).close()
            assert len(server.executed) == 1

    def test_one_statement_is_kept_however_large(self) -> None:
        with Server(max_message=64 << 20) as server, connected(server, binding="client") as conn:
            conn.execute("SELECT 1").close()
            conn.execute("SELECT length(?)", ["x" * 20_000_000]).close()
            assert len(server.executed[-1]) > 20_000_000

    def test_calls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("altertable_dbapi.local.seen._CALLS", 100)
        with Server() as server, connected(server) as conn:
            for _ in range(200):
                conn.execute("SELECT 1").close()
                assert len(server.calls) <= 100
            assert server.calls[-2:] == [
                "GetFlightInfo:CommandStatementQuery",
                "DoGet:TicketStatementQuery",
            ]

    def test_results_of_several_endpoints(self) -> None:
        with Server(endpoints=3) as server, connected(server) as conn:
            for _ in range(20):
                assert len(conn.execute("FROM range(1000)").fetchall()) == 1000
            (session,) = server.sessions
            assert not session.planned

    def test_sessions_whose_clients_are_gone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("altertable_dbapi.local.sessions._MAX_EXPIRED", 10)
        with Server(session_timeout=0) as server:
            for _ in range(30):
                # What a client leaves that is killed.
                server._sessions.open(_authorization(server))
            assert server.open_sessions == 1
            server.expire_sessions()
            assert len(server._sessions._expired) == 10

    def test_statements_that_nobody_closes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("altertable_dbapi.local.sessions._MAX_PREPARED", 5)
        with Server() as server, connected(server, binding="server") as conn:
            for n in range(20):
                assert conn.execute(f"SELECT ? + {n}", [1]).fetchone() == (n + 1,)
                assert server.open_statements <= 5


def _authorization(server: Server) -> Any:
    import base64

    from altertable_dbapi.settings.secret import Secret

    user = f"{server.username}:{server._password}".encode()
    return Secret("Basic " + base64.b64encode(user).decode())


@pytest.mark.parametrize(
    "sql", ["SELECT 42::VARIANT AS v", "SELECT [1::VARIANT]", "SELECT ?::INTEGER, 1::VARIANT"]
)
@pytest.mark.parametrize("endpoints", [1, 2])
def test_a_type_that_arrow_has_not_is_named(sql: str, endpoints: int) -> None:
    refused = pytest.raises(NotSupportedError, match="Unsupported Arrow type VARIANT")
    with Server(endpoints=endpoints) as server, connected(server) as conn:
        # Since DuckDB 2 Arrow has one for VARIANT.
        with refused if VERSION < (2, 0) else contextlib.nullcontext():
            conn.execute(sql, [1] if "?" in sql else None).close()
        assert conn.execute("SELECT 1").fetchall() == [(1,)]


class TestCommandLine:
    @contextlib.contextmanager
    def started(self, *options: str, **environ: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        command = [sys.executable, "-m", "altertable_dbapi.local", "--port", "0", *options]
        with subprocess.Popen(
            command,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                yield process.stdout.readline(), process
            finally:
                process.kill()

    def connect(self, line: str) -> Conn:
        port = int(line.rpartition(":")[2].partition("?")[0])
        return altertable_dbapi.connect(
            host="127.0.0.1",
            port=port,
            tls=False,
            username="local",
            password=PASSWORD,
            autocommit=True,
        )

    @pytest.mark.parametrize("way", ["environment", "file"])
    def test_open_to_others(self, way: str, tmp_path: Path) -> None:
        watch.add(PASSWORD)
        (tmp_path / "password").write_text(f"{PASSWORD}\n")
        options = ["--host", OPEN]
        environ = {"ALTERTABLE_LOCAL_PASSWORD": PASSWORD} if way == "environment" else {}
        if way == "file":
            options += ["--password-file", str(tmp_path / "password")]
        with self.started(*options, **environ) as (line, process):
            assert line.startswith(f"altertable://local:***@{OPEN}:")
            listed = subprocess.run(
                ["ps", "-ww", "-o", "args=", "-p", str(process.pid)],
                capture_output=True,
                text=True,
                check=True,
            )
            assert "altertable_dbapi.local" in listed.stdout
            assert PASSWORD not in listed.stdout
            with self.connect(line) as conn:
                assert conn.execute("SELECT 1").fetchall() == [(1,)]
                with pytest.raises(Error, match="disabled by configuration"):
                    conn.execute("FROM read_text('/etc/hostname')")
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0
        assert re.search(r"^warning: .* without TLS.* can read and write .*no other file", said)
        assert PASSWORD not in said

    def test_with_tls_it_says_what_can_be_done(self, tmp_path: Path) -> None:
        watch.add(PASSWORD)
        certificate = Certificate("127.0.0.1")
        for name, text in (("cert", certificate.pem), ("key", certificate.key_pem)):
            (tmp_path / name).write_text(text)
        pair = ["--tls-cert", str(tmp_path / "cert"), "--tls-key", str(tmp_path / "key")]
        options = ["--host", OPEN, "--external-access", *pair]
        with self.started(*options, ALTERTABLE_LOCAL_PASSWORD=PASSWORD) as (_, process):
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        assert re.fullmatch(r"Whoever knows .* every file .*\n", said)

    def test_external_access_can_be_turned_off(self) -> None:
        watch.add(PASSWORD)
        with (
            self.started("--no-external-access", ALTERTABLE_LOCAL_PASSWORD=PASSWORD) as (line, _),
            self.connect(line) as conn,
            pytest.raises(Error, match="disabled by configuration"),
        ):
            conn.execute("FROM read_text('/etc/hostname')")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--host", OPEN], "password"),
            (["--host", OPEN, "--user", f"ana:{PASSWORD}"], "list of processes"),
            (["--user", f"ana:{PASSWORD}"], "--password-file"),
            (["--password-file", "absent"], "absent"),
            (["--password-file", os.devnull], "is empty"),
        ],
    )
    def test_refused(
        self,
        options: list[str],
        said: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        watch.add(PASSWORD)
        monkeypatch.delenv("ALTERTABLE_LOCAL_PASSWORD", raising=False)
        with pytest.raises(SystemExit) as ended:
            main(["--port", "0", *options])
        assert ended.value.code in (1, 2)
        out, err = capsys.readouterr()
        assert not out
        assert said in err
        assert PASSWORD not in err
