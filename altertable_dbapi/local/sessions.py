"""Sessions: a token, one DuckDB connection, options, and one statement at a time."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from ..settings.secret import Secret
from .credentials import Credentials
from .engine import Engine
from .failures import from_engine, refusal
from .names import quote
from .statements import Statement

COMPUTE_SIZES = frozenset(("XS", "S", "M", "L", "XL", "2XL", "3XL", "4XL", "XXL", "XXXL", "XXXXL"))

# Planned statements whose stream nobody reads are forgotten past this many.
_MAX_PLANNED = 4096
# The same for prepared statements that nobody closes, and for the tokens of expired sessions.
_MAX_PREPARED = 4096
_MAX_EXPIRED = 10_000

_CLOSE_SECONDS = 0.5


@dataclass
class Prepared:
    """A prepared statement, bound to the transaction it was prepared in."""

    statement: Statement
    transaction: bytes
    parameters: pa.RecordBatch | None = None
    # The types for which the statement's result was announced.
    announced: pa.Schema | None = None


@dataclass
class Planned:
    """A statement that GetFlightInfo has prepared and DoGet will run."""

    statement: Statement
    transaction: bytes
    # Only with several endpoints: the result that they share.
    result: pa.Table | None = None
    # Which endpoints have been read; after the last one there is nothing left to read.
    shares: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Session:
    """One client's session.

    Attributes
    ----------
    cursor : duckdb.DuckDBPyConnection
        The session's DuckDB connection; used only while `lock` is held.
    options : dict
        What SetSessionOptions set, by name.
    transaction : bytes
        The open transaction's id; empty without one.
    """

    engine: Engine
    cursor: duckdb.DuckDBPyConnection
    lock: threading.Lock = field(default_factory=threading.Lock)
    options: dict[str, str] = field(default_factory=dict)
    transaction: bytes = b""
    prepared: OrderedDict[bytes, Prepared] = field(default_factory=OrderedDict)
    planned: OrderedDict[bytes, Planned] = field(default_factory=OrderedDict)
    # Whether a USE goes before each statement.
    always_use: bool = False
    closed: bool = False
    used: float = field(default_factory=time.monotonic)
    _position: tuple[str | None, str | None] = (None, None)

    def acquire(self, cancelled: Callable[[], bool]) -> None:
        """Wait until no other statement of this session runs, then keep others out.

        Raises
        ------
        Exception
            A refusal, when the caller goes away or the session is closed meanwhile.
        """
        while not self.lock.acquire(timeout=0.05):
            if cancelled():
                raise refusal("CANCELLED", "the call was cancelled while another statement ran")
        if self.closed:
            self.release()
            raise refusal("UNAUTHENTICATED", "Session closed")

    def release(self) -> None:
        """Let the next statement in; in a session that was closed meanwhile there is none."""
        try:
            if self.closed:
                self.cursor.close()
        finally:
            self.lock.release()

    @contextmanager
    def exclusive(self, cancelled: Callable[[], bool]) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the session for one call."""
        self.acquire(cancelled)
        try:
            yield self.cursor
        except BaseException:
            self.end_leftover()
            raise
        finally:
            self.release()

    def end_leftover(self) -> None:
        """End what a statement that failed outside of a transaction has left open.

        DuckLake refuses some statements so that DuckDB goes on in their own, aborted transaction.
        """
        if not self.transaction:
            with suppress(duckdb.Error):  # there is none, as a rule
                self.cursor.execute("ROLLBACK")

    def check_transaction(self, transaction: bytes) -> None:
        """Refuse a statement that does not belong to the open transaction, or to none."""
        if transaction == self.transaction:
            return
        if transaction:
            raise refusal("NOT_FOUND", "Transaction not found")
        raise refusal(
            "FAILED_PRECONDITION",
            "a transaction is already active; commit or rollback it first",
        )

    def apply_options(self) -> None:
        """Move to the catalog and schema that the options name, which fails only now if at all."""
        wanted = (self.options.get("catalog"), self.options.get("schema"))
        if wanted == self._position and not (self.always_use and any(wanted)):
            return
        catalog, schema = wanted
        if schema is not None:
            target = f"{quote(catalog or self.engine.catalog)}.{quote(schema)}"
        else:
            target = quote(catalog or self.engine.catalog)
        try:
            self.cursor.execute(f"USE {target}")
        except duckdb.Error as error:
            raise from_engine(error, "prepare statement", "INTERNAL") from error
        self._position = wanted

    def set_options(self, given: dict[str, Any]) -> dict[str, int]:
        """Set options from the request's values.

        Returns
        -------
        dict
            The refused options: name -> SetSessionOptionsResult.ErrorValue (1 invalid name,
            2 invalid value). When there is any, nothing is set.
        """
        errors: dict[str, int] = {}
        values: dict[str, str] = {}
        for name, option in given.items():
            if name not in {"catalog", "schema", "compute_size"}:
                errors[name] = 1
            elif option.WhichOneof("option_value") != "string_value" or (
                name == "compute_size" and option.string_value.upper() not in COMPUTE_SIZES
            ):
                errors[name] = 2
            else:
                values[name] = option.string_value
        if not errors:
            self.options.update(values)
        return errors

    def plan(self, planned: Planned) -> bytes:
        """Keep a statement for DoGet; returns its handle."""
        handle = secrets.token_hex(12).encode()
        self.planned[handle] = planned
        if len(self.planned) > _MAX_PLANNED:
            self.planned.popitem(last=False)
        return handle

    def keep(self, prepared: Prepared) -> bytes:
        """Keep a prepared statement; returns its handle."""
        handle = secrets.token_hex(12).encode()
        self.prepared[handle] = prepared
        if len(self.prepared) > _MAX_PREPARED:
            self.prepared.popitem(last=False)
        return handle

    def begin(self) -> bytes:
        """Begin the transaction; returns its id."""
        self.check_transaction(b"")
        self.apply_options()
        self.cursor.execute("BEGIN TRANSACTION")
        self.transaction = secrets.token_hex(16).encode()
        return self.transaction

    def end(self, transaction: bytes, *, commit: bool) -> None:
        """Commit or roll back the transaction; a commit that fails ends it as well."""
        if not transaction or transaction != self.transaction:
            raise refusal("NOT_FOUND", "Transaction not found")
        if self.always_use:
            self.apply_options()
        self.transaction = b""
        try:
            self.cursor.execute("COMMIT" if commit else "ROLLBACK")
        except duckdb.Error as error:
            raise from_engine(error, "end transaction", "ABORTED") from error

    def close(self) -> None:
        """Stop what runs, roll back, and close the DuckDB connection. Idempotent."""
        if self.closed:
            return
        self.closed = True
        limit = time.monotonic() + _CLOSE_SECONDS
        # Again and again, since an interrupt that comes just before a statement starts is lost.
        # Bounded, since a stream whose client does not read keeps the lock; release() then closes.
        while not self.lock.acquire(timeout=0.01):
            if time.monotonic() > limit:
                return
            with suppress(duckdb.ConnectionException):  # it was released, and so closed, just now
                self.cursor.interrupt()
        self.release()


class Sessions:
    """The sessions of a server, by token.

    Parameters
    ----------
    engine : Engine
        Where sessions open their DuckDB connections.
    credentials : Credentials
        The only ones that are accepted.
    timeout : float or None
        Seconds after which an idle session expires.
    always_use : bool
        Whether sessions return to where their options say before each statement.
    """

    def __init__(
        self,
        engine: Engine,
        credentials: Credentials,
        timeout: float | None,
        always_use: bool = False,
    ) -> None:
        self._always_use = always_use
        self._engine = engine
        self._credentials = credentials
        self._timeout = timeout
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}
        # The newest expired tokens; older ones are as unknown as any other text.
        self._expired: OrderedDict[str, None] = OrderedDict()

    def open(self, authorization: Secret) -> Secret:
        """Check a ``Basic`` authorization header and open a session; returns its token."""
        self._credentials.check(authorization)
        self._expire_idle()
        token = Secret(secrets.token_urlsafe(24))
        session = Session(self._engine, self._engine.cursor(), always_use=self._always_use)
        with self._lock:
            self._open[token] = session
        return token

    def get(self, authorization: Secret) -> Session:
        """Find the session of a ``Bearer`` authorization header."""
        scheme, _, token = map(Secret, authorization.partition(" "))
        if scheme.lower() != "bearer":
            text = "Authorization header must use Bearer scheme"
            raise refusal("UNAUTHENTICATED", text if authorization else "Missing authorization")
        late = None
        with self._lock:
            session = self._open.get(token)
            if session is None:
                text = "Session expired" if token in self._expired else "Invalid token"
                raise refusal("UNAUTHENTICATED", text)
            now = time.monotonic()
            if self._is_late(session, now):
                late = self._open.pop(token)
                self._note_expired(token)
            session.used = now
        if late is not None:
            late.close()
            raise refusal("UNAUTHENTICATED", "Session expired")
        return session

    def close(self, session: Session) -> None:
        """Close one session."""
        with self._lock:
            for token, candidate in self._open.items():
                if candidate is session:
                    del self._open[token]
                    break
        session.close()

    def expire(self) -> None:
        """Let every open session expire now."""
        with self._lock:
            sessions = list(self._open.values())
            self._note_expired(*self._open)
            self._open.clear()
        for session in sessions:
            session.close()

    def _expire_idle(self) -> None:
        """Let sessions expire whose clients went away without a word, and call no more."""
        now = time.monotonic()
        with self._lock:
            late = [token for token, session in self._open.items() if self._is_late(session, now)]
            sessions = [self._open.pop(token) for token in late]
            self._note_expired(*late)
        for session in sessions:
            session.close()

    def _is_late(self, session: Session, now: float) -> bool:
        if self._timeout is None or session.lock.locked():
            return False
        return now - session.used > self._timeout

    def _note_expired(self, *tokens: str) -> None:
        self._expired.update(dict.fromkeys(tokens))
        while len(self._expired) > _MAX_EXPIRED:
            self._expired.popitem(last=False)

    def all(self) -> list[Session]:
        """List the open sessions."""
        with self._lock:
            return list(self._open.values())
