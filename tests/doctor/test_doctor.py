"""``doctor``: what it finds is what is so, in a line each, with nothing left behind."""

from __future__ import annotations

import threading
import time

import pytest

from altertable_dbapi.cli.main import main
from altertable_dbapi.doctor import report as doctor
from altertable_dbapi.doctor.report import Doctor
from altertable_dbapi.local import Server
from altertable_dbapi.settings.resolve import resolve

from ..support.secret_watch import PASSWORD

Captured = pytest.CaptureFixture[str]

SUBJECTS = [
    "driver",
    "connection",
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
        ("DoPut:CommandStatementIngest", WRITING),
    ],
)
def test_what_a_server_refuses_is_a_line(server: Server, call: str, subjects: list[str]) -> None:
    server.fail_next(call, "UNIMPLEMENTED", f"not here, {PASSWORD}", times=1000)
    found = _examine(server, write=subjects == WRITING)
    for subject in subjects:
        assert "not " in found[subject]
    assert found["message size"] == "a value of 20 MiB arrives"
    assert _tables(server) == []


def test_a_server_that_lets_nobody_in(server: Server) -> None:
    server.fail_next("Handshake", "UNAUTHENTICATED", "no", times=1000)
    found = _examine(server)
    for subject in SUBJECTS[2:]:
        assert found[subject].startswith("not known: OperationalError: cannot connect to ")


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
        assert [line[:15].rstrip() for line in out.splitlines() if line[:1] != " "] == [
            *SUBJECTS,
            "ingest",
            "recommended",
        ]
        assert err.startswith("14 findings in ")
        assert PASSWORD not in out + err
        assert _tables(server) == []

    def test_write_is_for_doctor(self, capsys: Captured) -> None:
        with pytest.raises(SystemExit):
            main(["--local", "--write", "SELECT 1"])
        assert "--write is for the command doctor" in capsys.readouterr().err
