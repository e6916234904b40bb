"""Who puts values into statements: the server, which binds them, or the client, as literals."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from adbc_driver_manager import AdbcStatusCode

from .config import Settings
from .errors import DatabaseError, OperationalError
from .handshake import open_session
from .logs import logger
from .parameters import Bound, slots
from .session import Session
from .sql import scan


class Binding(NamedTuple):
    """How values reach the server: whether it binds them at all, and lists of them."""

    server: bool
    lists: bool


_CLIENT = Binding(server=False, lists=False)

#: What a server that binds each value as what it is answers of it: its type and its text.
_EXPECTED: list[tuple[Any, tuple[str, str]]] = [
    (1, ("BIGINT", "1")),
    (0.5, ("DOUBLE", "0.5")),
    (True, ("BOOLEAN", "true")),
    (decimal.Decimal("12.50"), ("DECIMAL(4,2)", "12.50")),
    ("it's", ("VARCHAR", "it's")),
    (b"\0\xff", ("BLOB", "\\x00\\xFF")),
    (datetime.date(2020, 2, 29), ("DATE", "2020-02-29")),
    (datetime.datetime(2020, 2, 29, 1, 2, 3, 4), ("TIMESTAMP", "2020-02-29 01:02:03.000004")),
]
_LIST: tuple[Any, tuple[str, str]] = ([1, None], ("BIGINT[]", "[1, NULL]"))

_Server = tuple[str, int, bool]

_found: dict[_Server, Binding] = {}
# A signal handler of the thread that asks may have to ask as well.
_asking: defaultdict[_Server, threading.RLock] = defaultdict(threading.RLock)


def resolve(setting: str, session: Session, many: bool = False) -> Binding:
    """The binding for a setting of "server", "client" or "auto".

    With "auto" the server is asked, once in a process: it is given one value of each kind and
    says what it got.

    Parameters
    ----------
    setting : str
    session : Session
        Where to ask.
    many : bool
        Whether lists may have to be bound, which even "server" has to ask for.
    """
    if setting == "client":
        return _CLIENT
    if setting == "server" and not many:
        return Binding(server=True, lists=False)
    server = _server(session.settings)
    found = _found.get(server)
    if found is None:
        with _asking[server]:
            found = _found.get(server)
            if found is None:
                found = _ask(session)
    return found if setting == "auto" else found._replace(server=True)


def forget(port: int) -> None:
    """Ask again who listens on a port: another server has taken the place of the one before."""
    for server in [server for server in _found if server[1] == port]:
        _found.pop(server, None)


def _server(settings: Settings) -> _Server:
    return settings.host, settings.port, settings.tls


def _ask(session: Session) -> Binding:
    address = session.settings.address
    try:
        with outside_transaction(session) as free:
            found = _probe(free)
    except OperationalError as error:
        if error.status_code == AdbcStatusCode.CANCELLED:
            raise  # with the operation that it was asked for
        # Nothing is known then, and what has to be sent will show what is wrong.
        logger.info("%s could not be asked how it binds values: %s", address, error)
        return _CLIENT
    _found[_server(session.settings)] = found
    if found.server:
        logger.info("%s binds values as what they are; they are bound by the server", address)
    else:
        logger.info("%s does not bind values as what they are; they are sent as literals", address)
    return found


@contextlib.contextmanager
def outside_transaction(session: Session) -> Iterator[Session]:
    """The session, or one beside it: a statement that fails would end an open transaction."""
    if not session.in_transaction:
        yield session
        return
    other = open_session(session.settings)
    try:
        yield other
    finally:
        other.close()


def _probe(session: Session) -> Binding:
    try:
        answers = _answers(session, [*_EXPECTED, _LIST])
    except OperationalError:
        raise
    except DatabaseError:
        # It refused the statement; perhaps for the list alone.
        try:
            answers = [*_answers(session, _EXPECTED), False]
        except OperationalError:
            raise
        except DatabaseError:
            return _CLIENT
    return Binding(server=all(answers[:-1]), lists=all(answers))


def _answers(session: Session, expected: list[tuple[Any, tuple[str, str]]]) -> list[bool]:
    """For NULL and then for each value, whether the server got it as what it is."""
    asked = ", ".join(["? IS NULL"] + ["typeof(?)", "CAST(? AS VARCHAR)"] * len(expected))
    numbered = slots(scan(f"SELECT {asked}"))
    values = [None] + [value for value, _ in expected for _ in range(2)]
    table = session.execute(numbered.text, Bound(numbered, values)).read_table()
    null, *texts = [column[0].as_py() for column in table.columns]
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return [null is True] + [got == want for got, (_, want) in zip(pairs, expected, strict=True)]
