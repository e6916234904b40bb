"""``doctor``: what it finds is what is so, in a line each, with nothing left behind."""

from __future__ import annotations

import socket
import socketserver
import threading
import time

import pytest

from altertable_dbapi.cli.main import main
from altertable_dbapi.doctor import report as doctor
from altertable_dbapi.doctor.report import Doctor
from altertable_dbapi.local import Server
from altertable_dbapi.settings import tls
from altertable_dbapi.settings.resolve import resolve

from ..support.certificates import Certificate
from ..support.secret_watch import PASSWORD

Captured = pytest.CaptureFixture[str]

SUBJECTS = [
    "driver",
    "connection",
    "name resolution",
    "TCP",
    "TLS",
    "session",
    "server",
    "round trip",
    "message size",
    "parameters",
    "announced types",
    "endpoints",
    "transactions",
    "text BEGIN",
    "keepalive call",
    "cancel",
]
WRITING = ["ingest", "load given up", "ingest message", "upsert"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_CANCEL_AFTER", 0.1)


def _examine(server: Server, write: bool = False) -> dict[str, str]:
    found = list(Doctor(resolve(server.uri, {}, {}), write).examine())
    subjects = [finding.subject for finding in found if finding.subject]
    assert subjects == [*SUBJECTS, *(WRITING if write else ["ingest"]), "recommended"]
    for finding in found:
        assert "\n" not in finding.found
        assert PASSWORD not in finding.found
        assert "Traceback" not in finding.found
    assert server.open_sessions == 0
    answers = {finding.subject: finding.found for finding in found if finding.subject}
    answers["advice"] = "; ".join(finding.found for finding in found if not finding.subject)
    return answers


def _tables(server: Server) -> list[tuple[str, ...]]:
    query = "SELECT schema_name FROM duckdb_schemas() WHERE schema_name LIKE '%doctor%'"
    with server.connect(autocommit=True) as auto:
        schemas: list[tuple[str, ...]] = auto.execute(query).fetchall()
        schemas += auto.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        return schemas


def test_the_local_server(server: Server) -> None:
    found = _examine(server, write=True)
    assert found["connection"] == f"127.0.0.1:{server.port}, no TLS"
    assert found["server"].startswith("altertable-dbapi local server 1.0.0, engine v")
    assert found["round trip"].endswith(" ms")
    assert found["message size"] == "a value of 20 MiB arrives"
    assert found["parameters"].startswith(
        "bound as what they are: INTEGER, DOUBLE, BOOLEAN, DECIMAL(4,2), VARCHAR, BLOB, DATE, "
        "TIME, TIMESTAMP, INTERVAL, INTEGER[]; several rows of them: refused (Invalid Input Error: "
    )
    assert found["parameters"].endswith("; literals are read as DuckDB reads them")
    assert "uuid (fixed_size_binary[16], sent as string)" in found["announced types"]
    assert "decimal" not in found["announced types"]
    assert found["endpoints"] == "1 for a large result, 0 of them with locations (ignored)"
    assert "after a statement failed: TransactionContext Error" in found["transactions"]
    assert found["text BEGIN"].startswith("refused: Not implemented Error")
    assert found["keepalive call"].endswith(" ms while a statement runs")
    assert found["cancel"].endswith("s in the same session")
    assert found["ingest"].startswith(
        "3 of 3 rows kept in the schema that was named, 3 reported; without a schema in local.main"
    )
    assert found["load given up"] == "nothing of it is kept"
    assert found["ingest message"].startswith("a message of 3 MiB is taken; 16 MiB is refused: ")
    assert found["upsert"] == "updates and inserts, 2 rows reported"
    assert found["recommended"] == "connect(catalog=…)"
    assert _tables(server) == []


def test_a_server_that_binds_all_as_text() -> None:
    with Server(
        bind_as_text=True, endpoints=2, endpoint_locations=["grpc://127.0.0.1:1"]
    ) as server:
        found = _examine(server)
    assert found["parameters"].startswith("bound as what they are: VARCHAR; not so: INTEGER, ")
    assert found["parameters"].endswith("; literals are read as DuckDB reads them")
    assert found["recommended"] == 'connect(binding="client", catalog=…)'
    assert 'binding="client": the server does not bind values as what they are' in found["advice"]
    assert found["endpoints"] == "2 for a large result, 2 of them with locations (ignored)"
    assert found["ingest"] == "not asked; with --write a schema is made and dropped for it"


def test_without_leave_to_write_nothing_is_written(server: Server) -> None:
    _examine(server)
    words = {statement.split()[0].upper() for statement in server.executed}
    assert words <= {"SELECT"}


def test_settings_are_reported_without_secrets(server: Server) -> None:
    uri = server.uri.replace(f":{server.port}?", f":{server.port}/local/main?compute_size=L&")
    found = next(f for f in Doctor(resolve(uri, {}, {})).examine() if f.subject == "connection")
    assert found.found.endswith("no TLS, catalog 'local', schema 'main', compute_size 'L'")


@pytest.mark.parametrize(
    ("call", "subjects"),
    [
        ("DoAction:BeginTransaction", ["transactions"]),
        ("DoAction:CreatePreparedStatement", ["parameters"]),
        # A load that is given up may end before it is refused.
        ("DoPut:CommandStatementIngest", [each for each in WRITING if each != "load given up"]),
    ],
)
def test_what_a_server_refuses_is_a_line(server: Server, call: str, subjects: list[str]) -> None:
    server.fail_next(call, "UNIMPLEMENTED", f"not here, {PASSWORD}", times=1000)
    found = _examine(server, write="upsert" in subjects)
    for subject in subjects:
        assert "not " in found[subject]
    assert found["message size"] == "a value of 20 MiB arrives"
    assert _tables(server) == []


def test_a_server_that_lets_nobody_in(server: Server) -> None:
    server.fail_next("Handshake", "UNAUTHENTICATED", f"no {PASSWORD}", times=1000)
    found = _unreached(server.uri, "session")
    assert "the user name or the password is wrong (no ***)" in found["session"]


def _unreached(uri: str, subject: str, **settings: object) -> dict[str, str]:
    """What is found of a server that is not reached, and at which step that ends."""
    doctor = Doctor(resolve(uri, {"connect_timeout": 1, **settings}, {}))
    found = list(doctor.examine())
    assert doctor.stopped == found[-1]
    assert found[-1].subject == subject
    steps = SUBJECTS[2 : SUBJECTS.index(subject) + 1]
    assert [finding.subject for finding in found[2:]] == steps
    assert PASSWORD not in str(found)
    return {finding.subject: finding.found for finding in found}


class TestServersThatAreNotReached:
    def test_a_name_that_does_not_resolve(self) -> None:
        found = _unreached("altertable://ana:secret@nowhere.invalid", "name resolution")
        assert found["name resolution"].startswith("there is no host 'nowhere.invalid' (")

    def test_a_closed_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        found = _unreached(f"altertable://ana:secret@127.0.0.1:{port}", "TCP")
        assert found["name resolution"].startswith("127.0.0.1 is 127.0.0.1 (")
        assert found["TCP"] == f"refused: nothing listens on port {port}"

    @pytest.mark.parametrize(("scheme", "step"), [("grpc+tls", "TLS"), ("grpc", "session")])
    def test_a_port_that_never_answers(self, scheme: str, step: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            found = _unreached(f"{scheme}://ana:secret@127.0.0.1:{port}", step)
        assert found["TCP"].startswith(f"connected to 127.0.0.1, port {port} (")
        if step == "TLS":
            assert found["TLS"] == (
                "no answer within 1 s: something else than a server with TLS listens there"
            )
        else:
            assert found["TLS"] == "off"
            assert found["session"].startswith(f"no answer from 127.0.0.1:{port} within 1 s (conn")
            assert "a firewall or proxy drops the connection" in found["session"]

    def test_a_server_without_tls(self, server: Server) -> None:
        uri = f"altertable://local:secret@127.0.0.1:{server.port}"
        found = _unreached(uri, "TLS", connect_timeout=10)
        assert found["TLS"].startswith("no handshake (")
        assert found["TLS"].endswith(
            "): the server speaks without TLS there (tls=False, for one on this machine)"
        )

    def test_a_server_with_tls(self) -> None:
        certificate = Certificate("127.0.0.1")
        with Server(tls_cert=certificate.pem, tls_key=certificate.key_pem) as server:
            uri = f"grpc://local:secret@127.0.0.1:{server.port}"
            found = _unreached(uri, "session", connect_timeout=10)
            assert found["session"].endswith("; it speaks TLS there: leave tls=False out")
            uri = f"altertable://local:secret@127.0.0.1:{server.port}"
            found = _unreached(uri, "session", connect_timeout=10)
            assert found["TLS"].startswith("the certificate is refused: self")
            assert found["session"].endswith("not trusted; pass tls_root_certs=")
            trusted = {"connect_timeout": 10, "tls_root_certs": certificate.pem}
            found = _unreached(uri, "session", **trusted)
            assert found["TLS"].startswith(
                "TLSv1.3, certificate for 127.0.0.1, by 127.0.0.1, until "
            )
            assert "the user name or the password is wrong" in found["session"]

    def test_something_that_is_no_server(self) -> None:
        with socketserver.TCPServer(("127.0.0.1", 0), _Greeting) as other:
            thread = threading.Thread(target=other.serve_forever, args=(0.01,))
            thread.start()
            try:
                uri = f"altertable://ana:secret@127.0.0.1:{other.server_address[1]}"
                found = _unreached(uri, "TLS", connect_timeout=10)
            finally:
                other.shutdown()
                thread.join()
        assert found["TLS"].endswith("something else than a server with TLS listens there")


class _Greeting(socketserver.BaseRequestHandler):
    """What speaks first, and not in HTTP."""

    def handle(self) -> None:
        self.request.sendall(b"220 mail.example.com ESMTP\r\n")
        self.request.recv(1 << 16)


def test_a_proxy_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hidden@127.0.0.1:1")
    monkeypatch.setattr(tls, "is_loopback", lambda host: False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = resolve(f"grpc://a:secret@127.0.0.1:{port}", {"connect_timeout": 1}, {})
    found = list(Doctor(settings).examine())
    subjects = [finding.subject for finding in found[2:]]
    assert subjects == ["proxy", "name resolution", "TCP", "TLS", "session"]
    assert found[2].found.startswith("HTTPS_PROXY is set")
    assert "hidden" not in str(found)


def test_a_question_without_an_answer_ends_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "QUESTION_SECONDS", 0.5)
    never = threading.Event()

    def ask(doctor: Doctor, connection: object) -> str:
        never.wait(60)
        return "too late"

    monkeypatch.setattr(doctor, "QUESTIONS", [("silence", ask), ("server", doctor._server)])
    started = time.monotonic()
    found = dict(Doctor(resolve(server.uri, {}, {})).examine())
    assert time.monotonic() - started < 10
    never.set()
    assert found["silence"] == "not known: no answer within 0.5 s"
    assert found["server"].startswith("altertable-dbapi local server")


def test_one_call_without_an_answer_ends_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "CALL_SECONDS", 0.3)
    monkeypatch.setattr(doctor, "QUESTIONS", [("server", doctor._server)])
    server.delay_next("GetFlightInfo:CommandStatementQuery", 3)
    found = dict(Doctor(resolve(server.uri, {}, {})).examine())
    assert found["server"].startswith("not known: OperationalError: query_timeout ran out")


def test_a_mistake_of_its_own_is_a_line_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(doctor: Doctor, connection: object) -> str:
        raise TypeError(f"a\nb {PASSWORD}")

    monkeypatch.setattr(doctor, "QUESTIONS", [("mistake", ask)])
    found = dict(Doctor(resolve(server.uri, {}, {})).examine())
    assert found["mistake"] == "not known: TypeError: a"


class TestCommand:
    def test_report(self, server: Server, capsys: Captured) -> None:
        assert main(["--uri", server.uri, "doctor"]) == 0
        out, err = capsys.readouterr()
        subjects = [line[:16].rstrip() for line in out.splitlines() if line[:1] != " "]
        assert [s for s in subjects if s != "setting"] == [
            "driver",
            "default settings",
            *SUBJECTS[1:],
            "ingest",
            "recommended",
        ]
        assert err.startswith(f"{len(subjects)} findings in ")
        assert PASSWORD not in out + err
        assert _tables(server) == []

    def test_settings_and_where_they_come_from(
        self, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALTERTABLE_CATALOG", "sales")
        monkeypatch.setenv("ALTERTABLE_PASSWORD", PASSWORD)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        where = ["--uri", f"grpc://ana@127.0.0.1:{port}", "--compute-size", "l"]
        assert main([*where, "--connect-timeout", "2", "doctor"]) == 1
        out, err = capsys.readouterr()
        lines = [line.split(maxsplit=1) for line in out.splitlines()]
        assert {text for subject, text in lines if subject == "setting"} == {
            "host '127.0.0.1', connection URI",
            f"port {port}, connection URI",
            "tls False, connection URI",
            "username 'ana', connection URI",
            "password ***, environment variable ALTERTABLE_PASSWORD",
            "catalog 'sales', environment variable ALTERTABLE_CATALOG",
            "compute_size 'L', argument compute_size",
            "connect_timeout 2.0, argument connect_timeout",
        }
        assert "default settings autocommit False, binding 'auto', keepalive 30.0, keep" in out
        assert err == "error: stopped at: TCP\n"
        assert PASSWORD not in out + err

    def test_write_is_for_doctor(self, capsys: Captured) -> None:
        with pytest.raises(SystemExit):
            main(["--local", "--write", "SELECT 1"])
        assert "--write is for the command doctor" in capsys.readouterr().err
