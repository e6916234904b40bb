"""The local server's edges: credentials, sessions that end, faults, cancellation, TLS, shutdown."""

from __future__ import annotations

import datetime
import ipaddress
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest
from altertable_flightsql.client import Client, _pack_command
from altertable_flightsql.generated import arrow_flight_sql_pb2 as pb
from pyarrow import flight

from altertable_dbapi.local import Server

pytestmark = pytest.mark.leaves_sessions("bare Flight clients that end none")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def official(server: Server, **options: Any) -> Client:
    return Client(
        server.username, server._password, host=server.host, port=server.port, tls=False, **options
    )


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    client = official(server)
    try:
        yield client
    finally:
        client._client.close()


def info(client: Client, sql: str) -> flight.FlightInfo:
    command = _pack_command(pb.CommandStatementQuery(query=sql))
    return client._client.get_flight_info(flight.FlightDescriptor.for_command(command))


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do; the limit only bounds a failure."""
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def drain(reader: flight.FlightStreamReader) -> None:
    while True:
        reader.read_chunk()


FOREVER = "SELECT count(*) FROM range(1_000_000_000_000) t(i)"


class TestSessions:
    @pytest.mark.parametrize("password", ["a:b", "é ü", "", "x" * 200])
    def test_passwords(self, password: str) -> None:
        with Server(username="ü", password=password) as server:
            with official(server) as client:
                assert client.query("SELECT 1 AS a").read_all().num_rows == 1
            assert server.open_sessions == 0

    def test_a_wrong_password(self, server: Server) -> None:
        with (
            flight.FlightClient(f"grpc://{server.host}:{server.port}") as client,
            pytest.raises(flight.FlightUnauthenticatedError, match="Invalid credentials"),
        ):
            client.authenticate_basic_token("local", "guess")
        assert server.calls == ["Handshake"]
        assert server.open_sessions == 0

    @pytest.mark.parametrize(
        ("header", "error"),
        [(b"Bearer x", "Invalid token"), (b"Basic x", "Bearer scheme"), (None, "Missing")],
    )
    def test_a_call_without_a_session(
        self, server: Server, header: bytes | None, error: str
    ) -> None:
        headers = [] if header is None else [(b"authorization", header)]
        options = flight.FlightCallOptions(headers=headers)
        with (
            flight.FlightClient(f"grpc://{server.host}:{server.port}") as client,
            pytest.raises(flight.FlightUnauthenticatedError, match=error),
        ):
            list(client.do_action(flight.Action("CloseSession", b""), options))

    def test_expired_for_ever(self, server: Server, client: Client) -> None:
        client.execute("CREATE TABLE t (i INTEGER)")
        client.execute("INSERT INTO t VALUES (1)", transaction=client.begin_transaction())
        server.expire_sessions()
        server.clear()
        for _ in range(2):
            with pytest.raises(flight.FlightUnauthenticatedError, match="Session expired"):
                client.query("SELECT 1")
        assert server.executed == []
        assert server.calls == ["GetFlightInfo:CommandStatementQuery"] * 2
        with official(server) as again:
            assert again.query("SELECT count(*) AS n FROM t").read_all()["n"].to_pylist() == [0]

    def test_idle(self) -> None:
        with Server(session_timeout=0) as server:
            client = official(server)
            with pytest.raises(flight.FlightUnauthenticatedError, match="Session expired"):
                client.query("SELECT 1")
            client._client.close()
            assert server.open_sessions == 0

    def test_one_statement_at_a_time(self, server: Server, client: Client) -> None:
        reader = client.query("SELECT i FROM range(10_000_000) t(i)")
        reader.read_chunk()
        done = threading.Event()

        def second() -> None:
            client.query("SELECT 1").read_all()
            done.set()

        thread = threading.Thread(target=second)
        thread.start()
        eventually(lambda: server.calls[-1] == "GetFlightInfo:CommandStatementQuery")
        assert not done.is_set()
        reader.cancel()
        thread.join(20)
        assert done.is_set()

    def test_expiry_while_a_stream_is_half_read(self, server: Server, client: Client) -> None:
        reader = client.query("SELECT i, i::VARCHAR AS v FROM range(1_000_000_000) t(i)")
        reader.read_chunk()
        (session,) = server.sessions
        server.expire_sessions()
        with pytest.raises(flight.FlightUnavailableError, match="session was closed"):
            drain(reader)
        eventually(lambda: not session.lock.locked())

    def test_counts(self, server: Server, client: Client) -> None:
        statement = client.prepare("SELECT 1 AS a")
        assert (server.open_sessions, server.open_statements) == (1, 1)
        statement.close()
        client.close()
        assert (server.open_sessions, server.open_statements) == (0, 0)


class TestFaults:
    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("UNAVAILABLE", flight.FlightUnavailableError),
            ("UNAUTHENTICATED", flight.FlightUnauthenticatedError),
            ("PERMISSION_DENIED", flight.FlightUnauthorizedError),
            ("DEADLINE_EXCEEDED", flight.FlightTimedOutError),
            ("CANCELLED", flight.FlightCancelledError),
            ("INTERNAL", flight.FlightInternalError),
            ("INVALID_ARGUMENT", pa.ArrowInvalid),
            ("NOT_FOUND", pa.ArrowKeyError),
            ("UNIMPLEMENTED", pa.ArrowNotImplementedError),
        ],
    )
    def test_fail_next(
        self, server: Server, client: Client, code: str, error: type[Exception]
    ) -> None:
        server.fail_next("GetFlightInfo", code, "no way", times=2)
        for _ in range(2):
            with pytest.raises(error, match="no way") as raised:
                client.query("SELECT 1")
            assert "Traceback" not in str(raised.value)
        assert client.query("SELECT 1 AS a").read_all().num_rows == 1

    def test_an_unknown_code(self, server: Server) -> None:
        with pytest.raises(ValueError, match="unknown gRPC status 'NOPE'; known: UNAUTHENTICATED"):
            server.fail_next("DoGet", "NOPE", "x")

    def test_fail_a_handshake(self, server: Server) -> None:
        server.fail_next("Handshake", "UNAVAILABLE", "later")
        with pytest.raises(flight.FlightUnavailableError, match="later"):
            official(server)
        official(server).close()

    def test_delay(self, server: Server, client: Client) -> None:
        server.delay_next("DoGet", 0.2)
        started = time.monotonic()
        client.query("SELECT 1").read_all()
        assert time.monotonic() - started >= 0.2

    @pytest.mark.parametrize("canned", [False, True])
    def test_a_broken_stream(self, canned: bool) -> None:
        with Server(batch_rows=2048) as server, official(server) as client:
            sql = "SELECT i FROM range(100_000) t(i)"
            if canned:
                batches = [pa.record_batch({"i": [1]})] * 5
                server.add_result(sql, batches[0].schema, batches)
            server.drop_stream_after(2)
            reader = client.query(sql)
            reader.read_chunk()
            reader.read_chunk()
            with pytest.raises(flight.FlightUnavailableError, match="broken off"):
                reader.read_chunk()
            assert client.query(sql).read_all().num_rows in (5, 100_000)

    def test_canned_result(self, server: Server, client: Client) -> None:
        batch = pa.record_batch({"anything": [1, 2]})
        server.add_result("not SQL at all", batch.schema, [batch, batch])
        reader = client.query("not SQL at all")
        assert [chunk.data for chunk in reader] == [batch, batch]
        assert server.executed == ["not SQL at all"]

    @pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
    def test_several_endpoints(self, order: list[int]) -> None:
        with Server(endpoints=3, endpoint_locations=["grpc://127.0.0.1:1"]) as server:
            with official(server) as client:
                endpoints = info(client, "SELECT i FROM range(10) t(i)").endpoints
                assert [str(e.locations[0].uri) for e in endpoints] == ["b'grpc://127.0.0.1:1'"] * 3
                shares = {n: client._client.do_get(endpoints[n].ticket).read_all() for n in order}
            assert server.executed == ["SELECT i FROM range(10) t(i)"]
        found = [value for n in range(3) for value in shares[n]["i"].to_pylist()]
        assert found == list(range(10))

    def test_a_ticket_runs_once(self, server: Server, client: Client) -> None:
        ticket = info(client, "SELECT 1 AS a").endpoints[0].ticket
        client._client.do_get(ticket).read_all()
        with pytest.raises(pa.ArrowKeyError, match="Statement not found"):
            client._client.do_get(ticket).read_all()

    def test_nonsense_is_refused(self, client: Client) -> None:
        with pytest.raises(pa.ArrowInvalid, match="not a Flight SQL command"):
            client._client.get_flight_info(flight.FlightDescriptor.for_command(b"\xff"))
        with pytest.raises(pa.ArrowInvalid, match="not a Flight SQL command"):
            client._client.get_flight_info(flight.FlightDescriptor.for_path("x"))
        with pytest.raises(pa.ArrowNotImplementedError, match="'Nonsense' is not supported"):
            list(client._client.do_action(flight.Action("Nonsense", b"")))


class TestCancellation:
    @pytest.mark.parametrize("sql", [FOREVER, "CREATE TABLE t AS " + FOREVER])
    def test_a_client_that_gives_up(self, server: Server, client: Client, sql: str) -> None:
        ticket = info(client, sql).endpoints[0].ticket
        with pytest.raises(flight.FlightTimedOutError):
            client._client.do_get(ticket, flight.FlightCallOptions(timeout=0.3)).read_all()
        assert server.executed == [sql]
        # The session is free again: DuckDB was interrupted.
        assert client.query("SELECT 1 AS a").read_all().num_rows == 1

    def test_a_client_that_vanishes(self, server: Server) -> None:
        client = official(server)
        reader = client.query("SELECT i FROM range(100_000_000) t(i)")
        reader.read_chunk()
        (session,) = server.sessions
        assert session.lock.locked()
        reader.cancel()
        client._client.close()
        del reader, client
        eventually(lambda: not session.lock.locked())

    def test_closing_the_session_stops_its_statement(self, server: Server, client: Client) -> None:
        ticket = info(client, FOREVER).endpoints[0].ticket
        errors: list[Exception] = []

        def run() -> None:
            try:
                client._client.do_get(ticket).read_all()
            except flight.FlightUnavailableError as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        eventually(lambda: bool(server.executed))
        client.close()
        thread.join(20)
        assert len(errors) == 1


def certificate(name: str, authority: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
    """Make a key and a certificate for 127.0.0.1, self-signed unless by `authority`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer, issuer = (key, subject) if authority is None else (authority[0], authority[1].subject)
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    built = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
    )
    return key, built.sign(signer, hashes.SHA256())


def pem(thing: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization as s

    data: bytes
    if hasattr(thing, "private_bytes"):
        data = thing.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    else:
        data = thing.public_bytes(s.Encoding.PEM)
    return data


class TestTls:
    def test_tls(self, tmp_path: Any) -> None:
        key, cert = certificate("server")
        for name, thing in (("key", key), ("cert", cert)):
            (tmp_path / name).write_bytes(pem(thing))
        with Server(tls_cert=tmp_path / "cert", tls_key=str(tmp_path / "key")) as server:
            assert server.uri.endswith("?tls=true")
            location = f"grpc+tls://127.0.0.1:{server.port}"
            with flight.FlightClient(location, tls_root_certs=pem(cert)) as client:
                client.authenticate_basic_token("local", server._password)
            with (
                flight.FlightClient(location) as client,
                pytest.raises(pa.ArrowException),
            ):
                client.authenticate_basic_token("local", server._password)
            assert server.calls == ["Handshake"]

    def test_client_certificates(self) -> None:
        authority = certificate("authority")
        server_key, server_cert = certificate("server", authority)
        client_key, client_cert = certificate("client", authority)
        root = pem(authority[1])
        with Server(
            tls_cert=pem(server_cert), tls_key=pem(server_key).decode(), client_ca=root
        ) as server:
            location = f"grpc+tls://127.0.0.1:{server.port}"
            with flight.FlightClient(
                location,
                tls_root_certs=root,
                cert_chain=pem(client_cert),
                private_key=pem(client_key),
            ) as client:
                client.authenticate_basic_token("local", server._password)
            with (
                flight.FlightClient(location, tls_root_certs=root) as client,
                pytest.raises(pa.ArrowException),
            ):
                client.authenticate_basic_token("local", server._password)


class TestServer:
    def test_repr_and_uri(self) -> None:
        with Server(username="a@b", password="p:w/d") as server:
            assert server.uri == f"altertable://a%40b:p%3Aw%2Fd@127.0.0.1:{server.port}?tls=false"
            assert repr(server) == f"<altertable_dbapi.local.Server 127.0.0.1:{server.port} open>"
        assert repr(server).endswith("closed>")
        server.close()

    def test_wrong_settings(self) -> None:
        with pytest.raises(ValueError, match="go together"):
            Server(tls_cert="x")
        with pytest.raises(ValueError, match="client_ca needs"):
            Server(client_ca="x")

    def test_a_file(self, tmp_path: Any) -> None:
        path = tmp_path / "the house.duckdb"
        with Server(path) as server, official(server) as client:
            client.execute("CREATE TABLE t AS SELECT 1 AS i")
        with Server(str(path)) as server, official(server) as client:
            sql = "SELECT current_catalog() AS c, i FROM t"
            assert client.query(sql).read_all().to_pylist() == [{"c": "the house", "i": 1}]

    @pytest.mark.parametrize("running", [FOREVER, "SELECT i FROM range(1_000_000_000) t(i)"])
    def test_close_is_bounded_and_leaves_no_thread(self, running: str) -> None:
        before = set(threading.enumerate())
        server = Server()
        client = official(server)
        ticket = info(client, running).endpoints[0].ticket

        def run() -> None:
            with pytest.raises(flight.FlightUnavailableError):
                client._client.do_get(ticket).read_all()

        thread = threading.Thread(target=run)
        thread.start()
        eventually(lambda: bool(server.executed))
        started = time.monotonic()
        server.close()
        assert time.monotonic() - started < 8
        thread.join(20)
        client._client.close()
        assert set(threading.enumerate()) == before

    def test_close_while_a_client_does_not_read(self) -> None:
        with Server() as server:
            client = official(server)
            reader = client.query("SELECT i, i::VARCHAR AS v FROM range(1_000_000_000) t(i)")
            reader.read_chunk()
            started = time.monotonic()
        assert time.monotonic() - started < 15
        with pytest.raises(pa.ArrowException):
            drain(reader)
        client._client.close()

    def test_exit_without_close(self) -> None:
        script = (
            "from altertable_dbapi.local import Server\n"
            "from altertable_flightsql.client import Client\n"
            "s = Server()\n"
            "c = Client('local', 'local', host=s.host, port=s.port, tls=False)\n"
            "r = c.query('SELECT i FROM range(100_000_000) t(i)')\n"
            "r.read_chunk()\n"
        )
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("missing", ["duckdb", "google.protobuf"])
    def test_without_the_extra(self, missing: str) -> None:
        script = (
            f"import sys; sys.modules[{missing!r}] = None\n"
            "from altertable_dbapi.errors import InterfaceError\n"
            "try:\n    import altertable_dbapi.local\n"
            "except InterfaceError as error:\n    print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
        )
        assert 'pip install "altertable-dbapi[local]"' in done.stdout

    @pytest.mark.parametrize(
        ("user", "password", "shown"),
        [
            ("local", None, "local:local@"),
            ("me", "se:cret", "me:***@"),
            ("m é", "x", "m%20%C3%A9:*"),
        ],
    )
    def test_command_line(self, user: str, password: str | None, shown: str) -> None:
        environ = dict(os.environ)
        if password is not None:
            environ["ALTERTABLE_LOCAL_PASSWORD"] = password
        with subprocess.Popen(
            [sys.executable, "-m", "altertable_dbapi.local", "--port", "0", "--user", user],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line.startswith(f"altertable://{shown}")
                port = int(line.rpartition(":")[2].partition("?")[0])
                with Client(
                    user, password or "local", host="127.0.0.1", port=port, tls=False
                ) as client:
                    assert client.query("SELECT 1 AS a").read_all().num_rows == 1
                process.terminate()
                out, err = process.communicate(timeout=30)
            finally:
                process.kill()
        assert (process.returncode, out, err) == (0, "", "")

    @pytest.mark.parametrize(
        ("option", "value", "reason"),
        [
            ("--database", "missing/shop.duckdb", "cannot serve missing/shop.duckdb on 127.0.0.1"),
            ("--tls-cert", "missing.pem", "missing.pem"),
            ("--port", "70000", "Invalid port number '70000'"),
        ],
    )
    def test_command_line_that_cannot_serve(self, option: str, value: str, reason: str) -> None:
        key = ["--tls-key", value] if option == "--tls-cert" else []
        done = subprocess.run(
            [sys.executable, "-m", "altertable_dbapi.local", "--port", "0", option, value, *key],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert reason in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_signal_that_comes_as_the_server_begins_to_wait(self) -> None:
        for _ in range(5):
            with subprocess.Popen(
                [sys.executable, "-m", "altertable_dbapi.local", "--port", "0"],
                stdout=subprocess.PIPE,
            ) as process:
                try:
                    assert process.stdout is not None
                    process.stdout.readline()
                    process.terminate()
                    assert process.wait(timeout=30) == 0
                finally:
                    process.kill()
