"""The server as its users see it: start, connect, watch, inject faults, stop."""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote as percent

import pyarrow as pa

from ..errors import Warning
from ..execution.binding import forget
from ..process import fork
from ..settings.secret import conceal
from ..settings.settings import concealed
from ..settings.tls import is_loopback
from . import access
from .credentials import Credentials
from .engine import Engine
from .execution import Settings
from .faults import Faults
from .habits import chosen
from .seen import Executed
from .service import Service
from .sessions import Session, Sessions

# A client that neither reads its stream nor goes away must not hold close() up.
_CLOSE_SECONDS = 5.0


def _pem(given: str | os.PathLike[str] | bytes) -> bytes:
    """Read PEM data, given as such or as a path."""
    if isinstance(given, bytes):
        return given
    text = os.fspath(given)
    return text.encode() if text.lstrip().startswith("-----BEGIN") else Path(text).read_bytes()


def _close(service: Service, sessions: Sessions, faults: Faults, engine: Engine) -> None:
    faults.closing.set()
    for session in sessions.all():
        sessions.close(session)
    # shutdown() waits for calls that run, without a limit of its own.
    stopper = threading.Thread(target=service.shutdown, name="altertable-local-stop", daemon=True)
    try:
        stopper.start()
    except RuntimeError:  # Python 3.12 starts none at the interpreter's exit
        service.shutdown()
    else:
        stopper.join(_CLOSE_SECONDS)
    service.stop_watching()
    engine.close()


class Server:
    """A Flight SQL server over an embedded DuckDB, with the rules of Altertable's service.

    It listens as soon as it is made. Use it as a context manager, or call `close`.

    Parameters
    ----------
    database : str
        A DuckDB file, attached as a catalog named after it, or ``":memory:"`` for a catalog
        named ``local``, which a server with `lake` does not have.
    lake : str, path or bool, optional
        A directory for lakes, Altertable's own kind of catalog (extra ``lake``), made if missing;
        True for one that goes with the server. The default catalog is then the one named
        ``lake``, its metadata in ``lake.ducklake`` and its data in ``lake/`` there.
    username, password : str
        The credentials that are accepted. The password is, unless given, what
        ``ALTERTABLE_LOCAL_PASSWORD`` says, or ``"local"``.
    host : str
        The address to listen on. One that others can reach needs a password of its own, and is
        warned about without TLS.
    port : int
        The port; 0 takes a free one.
    tls_cert, tls_key : str, path or bytes, optional
        The server's certificate chain and private key, as PEM or as paths. Both or none.
    client_ca : str, path or bytes, optional
        Require client certificates that this authority has signed (needs TLS).
    like : str, optional
        ``"mock"`` for all habits of Altertable's public mock server that have an option here
        (`bind_as_text`, `hide_reasons`, `ignore_cancel`, `ignore_close`, `ingest_by_position`,
        `keep_half_loads`, `use_before_statements`), but for those that are given.
    bind_as_text : bool, optional
        Bind every parameter as text. This habit and the others that `like` names are off, unless
        given or `like` turns them on.
    batch_rows : int
        Rows in a batch of a result, at most.
    session_timeout : float, optional
        Seconds without a call after which a session expires.
    endpoints : int
        Over how many endpoints to split a plain statement's result.
    endpoint_locations : sequence of str
        Locations that every endpoint of a statement's result names.
    catalogs : sequence of str, or mapping of str to str or path
        More catalogs, by name: ``"lake"``, ``":memory:"`` or a DuckDB file for each. Names alone
        are lakes where `lake` is given, else in memory.
    read_only : sequence of str
        Which catalogs refuse whatever would change them.
    max_message : int
        Bytes that an ingested batch may have.
    hide_reasons : bool, optional
        Say only "Failed to query arrow" where a statement that was not prepared fails while it
        runs. What cannot be planned has its reason either way.
    ignore_cancel : bool, optional
        Run a statement to its end when its client gives it up; until then the session's next
        one waits. Each result is in memory as a whole then.
    ignore_close : bool, optional
        Answer CloseSession, and do nothing: the session stays, its transaction keeps its locks.
    ingest_by_position : bool, optional
        Append the columns of a load to the table's in their order, whatever their names.
        Otherwise they are matched by name. An upsert matches them by name either way.
    keep_half_loads : bool, optional
        Commit each batch of a load as it comes, so that what had come of a load that fails or is
        given up stays. An upsert is all or nothing either way.
    use_before_statements : bool, optional
        Return to the catalog and schema of the session's options before each statement, COMMIT
        and ROLLBACK included. A ``USE`` of the program's own has no effect then, and a transaction
        that a failed statement has aborted cannot be ended.
    external_access : bool, optional
        Whether statements may reach files beside `database`, and the network (``read_csv``,
        ``COPY``, ``ATTACH``, ``INSTALL``), with the rights of this process: DuckDB's
        ``enable_external_access``. On, unless others can reach `host`.
    refuse_null_columns : bool
        Refuse a bound column of Arrow's type null, as the service may; a client then has to give
        every NULL a type. Otherwise it binds an untyped NULL, as DuckDB's own client does.

    Attributes
    ----------
    calls : list of str
        The newest calls seen, 100,000 at most, in order: ``"Handshake"``,
        ``"GetFlightInfo:CommandStatementQuery"``, ...
    executed : list of Executed
        The newest statements whose execution began, 10,000 and 16 MiB at most, as strings that
        also have `parameters` (the newest 500, 16 MiB at most).
    """

    def __init__(
        self,
        database: str | os.PathLike[str] = ":memory:",
        *,
        username: str = access.DEFAULT_USER,
        password: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls_cert: str | os.PathLike[str] | bytes | None = None,
        tls_key: str | os.PathLike[str] | bytes | None = None,
        client_ca: str | os.PathLike[str] | bytes | None = None,
        bind_as_text: bool | None = None,
        batch_rows: int = 65_536,
        session_timeout: float | None = None,
        endpoints: int = 1,
        endpoint_locations: Sequence[str] = (),
        catalogs: Mapping[str, str | os.PathLike[str]] | Sequence[str] = (),
        max_message: int = 4 * 1024 * 1024,
        ingest_by_position: bool | None = None,
        external_access: bool | None = None,
        refuse_null_columns: bool = False,
        lake: str | os.PathLike[str] | bool = False,
        read_only: Sequence[str] = (),
        like: str | None = None,
        hide_reasons: bool | None = None,
        ignore_cancel: bool | None = None,
        ignore_close: bool | None = None,
        keep_half_loads: bool | None = None,
        use_before_statements: bool | None = None,
    ) -> None:
        password = access.password_for(host, conceal(password))
        fork.check_use(fork.GRPC, "start a server")
        if (tls_cert is None) != (tls_key is None):
            raise ValueError("tls_cert and tls_key go together; one of them is missing")
        if client_ca is not None and tls_cert is None:
            raise ValueError("client_ca needs tls_cert and tls_key")
        if endpoints < 1 or batch_rows < 1:
            raise ValueError("endpoints and batch_rows must be at least 1")
        self.host = host
        self.username = username
        self._password = password
        self._tls = tls_cert is not None
        open_to_others = not is_loopback(host)
        external = not open_to_others if external_access is None else external_access
        #: What whoever connects can read and write, as a sentence.
        lakes = None if lake is False else "" if lake is True else os.fspath(lake)
        self.access = access.described(
            host, username, os.fspath(database), lake=lakes, external=external
        )
        if open_to_others and not self._tls:
            warnings.warn(
                f"the server on {host} is without TLS, so that the password and all data travel in "
                f"clear; give tls_cert and tls_key. {self.access}",
                Warning,
                stacklevel=2,
            )
        transport: dict[str, Any] = {}
        if tls_cert is not None and tls_key is not None:
            transport["tls_certificates"] = [(_pem(tls_cert), _pem(tls_key))]
        if client_ca is not None:
            transport["verify_client"] = True
            transport["root_certificates"] = _pem(client_ca)
        habits = chosen(
            like,
            {
                "bind_as_text": bind_as_text,
                "hide_reasons": hide_reasons,
                "ignore_cancel": ignore_cancel,
                "ignore_close": ignore_close,
                "ingest_by_position": ingest_by_position,
                "keep_half_loads": keep_half_loads,
                "use_before_statements": use_before_statements,
            },
        )
        self._settings = Settings(
            habits,
            batch_rows,
            endpoints,
            tuple(endpoint_locations),
            max_message,
            refuse_null_columns,
        )
        self._faults = Faults()
        fork.note_use(fork.GRPC)
        engine = Engine(
            os.fspath(database), catalogs, lake=lakes, read_only=read_only, external=external
        )
        try:
            credentials = Credentials(username, password, self._faults.closing)
            self._sessions = Sessions(
                engine, credentials, session_timeout, habits.use_before_statements
            )
            address = f"[{host}]" if ":" in host else host
            scheme = "grpc+tls" if self._tls else "grpc"
            self._service = Service(
                f"{scheme}://{address}:{port}",
                engine,
                self._sessions,
                self._faults,
                self._settings,
                **transport,
            )
        except BaseException:
            engine.close()
            raise
        self.port: int = self._service.port
        forget(self.port)
        self.calls: list[str] = self._service.seen.calls
        self.executed: list[Executed] = self._service.seen.executed
        # Also runs at interpreter exit, so a server that nobody closed does not hang it.
        self._finalizer = weakref.finalize(
            self, _close, self._service, self._sessions, self._faults, engine
        )
        fork.watch(self)

    def inherit(self) -> None:
        """In a forked child, which has none of the server's threads: leave it to the parent."""
        fork.leak(self._finalizer.detach())
        # pyarrow's own, of which it gives no handle, would wait for those threads at the exit.
        for finalizer in list(getattr(weakref.finalize, "_registry", ())):
            if (finalizer.peek() or (None,))[0] is self._service:
                fork.leak(finalizer.detach())

    @property
    def uri(self) -> str:
        """The URI to connect to, password included."""
        user = f"{percent(self.username, safe='')}:{percent(self._password, safe='')}"
        address = f"[{self.host}]" if ":" in self.host else self.host
        return f"altertable://{user}@{address}:{self.port}?tls={str(self._tls).lower()}"

    def connect(self, **kwargs: Any) -> Any:
        """Connect to this server; `kwargs` as for `altertable_dbapi.connect`."""
        import altertable_dbapi

        kwargs = concealed(kwargs)
        settings = {
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "password": self._password,
            "tls": self._tls,
        }
        return altertable_dbapi.connect(**{**settings, **kwargs})

    @property
    def sessions(self) -> list[Session]:
        """The open sessions."""
        return self._sessions.all()

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return len(self._sessions.all())

    @property
    def open_statements(self) -> int:
        """How many prepared statements are open in all sessions."""
        return sum(len(session.prepared) for session in self._sessions.all())

    def clear(self) -> None:
        """Forget `calls` and `executed`."""
        self._service.seen.clear()

    def add_result(self, sql: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """Answer the statement whose text is exactly `sql` with this data, without running it.

        Parameters
        ----------
        sql : str
            The text as the client sends it.
        schema : pyarrow.Schema
            The schema of FlightInfo and of the stream.
        batches : iterable of pyarrow.RecordBatch
            The stream's batches, kept as they are.
        """
        self._settings.canned[sql] = pa.Table.from_batches(list(batches), schema)

    def expire_sessions(self) -> None:
        """Let every open session expire: its next call, and any later one, is refused.

        The refusal is UNAUTHENTICATED, says "Session expired", and comes before anything runs.
        """
        self._sessions.expire()

    def fail_next(self, rpc_prefix: str, code: str, message: str, times: int = 1) -> None:
        """Refuse the next calls of one kind.

        Parameters
        ----------
        rpc_prefix : str
            The beginning of the calls' names, as they stand in `calls`.
        code : str
            The name of a gRPC status, such as ``"UNAVAILABLE"``; pyarrow cannot produce
            FAILED_PRECONDITION, ALREADY_EXISTS, ABORTED and RESOURCE_EXHAUSTED, which become the
            nearest that it can.
        message : str
            The status message.
        times : int
            How many calls to refuse.
        """
        self._faults.fail_next(rpc_prefix, code, message, times)

    def delay_next(self, rpc_prefix: str, seconds: float) -> None:
        """Answer the next call whose name begins with `rpc_prefix` only after `seconds`."""
        self._faults.delay_next(rpc_prefix, seconds)

    def drop_stream_after(self, n_batches: int) -> None:
        """Break the next result stream off, as UNAVAILABLE, after `n_batches` batches."""
        self._faults.break_stream_after(n_batches)

    def close(self) -> None:
        """Stop, and close the database; takes seconds at most. Idempotent."""
        self._finalizer()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "open" if self._finalizer.alive else "closed"
        return f"<altertable_dbapi.local.Server {self.host}:{self.port} {state}>"
