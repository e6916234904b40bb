"""Who puts values into statements: the server, which binds them, or the client, as literals."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import DatabaseError, InternalError, NotSupportedError, OperationalError
from ..logs import logger
from ..parameters.bind import slots
from ..parameters.values import column
from ..session.opening import open_session
from ..session.session import Session
from ..settings.settings import Settings
from ..statement.scan import scan


class Binding(NamedTuple):
    """How values reach the server: what it binds, and whether it reads DuckDB's literals."""

    server: bool
    lists: bool
    literals: bool = True


_CLIENT = Binding(server=False, lists=False)

#: What a server that binds each value as what it is answers of it: its type and its text.
_EXPECTED: list[tuple[Any, tuple[str, str]]] = [
    (1, ("INTEGER", "1")),
    (0.5, ("DOUBLE", "0.5")),
    (True, ("BOOLEAN", "true")),
    (decimal.Decimal("12.50"), ("DECIMAL(4,2)", "12.50")),
    ("it's", ("VARCHAR", "it's")),
    (b"\0\xff", ("BLOB", "\\x00\\xFF")),
    (datetime.date(2020, 2, 29), ("DATE", "2020-02-29")),
    (datetime.time(1, 2, 3, 4), ("TIME", "01:02:03.000004")),
    (datetime.datetime(2020, 2, 29, 1, 2, 3, 4), ("TIMESTAMP", "2020-02-29 01:02:03.000004")),
    (datetime.timedelta(days=1), ("INTERVAL", "1 day")),
]
_LIST: tuple[Any, tuple[str, str]] = ([1, None], ("INTEGER[]", "[1, NULL]"))
#: What a server that reads literals as DuckDB does answers of them.
_LITERALS: list[tuple[Any, tuple[str, str]]] = [
    ('it\'s \\ "x"', ("VARCHAR", 'it\'s \\ "x"')),
    (datetime.date(2020, 2, 29), ("DATE", "2020-02-29")),
    (decimal.Decimal("12.50"), ("DECIMAL(4,2)", "12.50")),
]

_Server = tuple[str, int, bool]

_found: dict[_Server, Binding] = {}
# A signal handler of the thread that asks may have to ask as well.
_asking: defaultdict[_Server, threading.RLock] = defaultdict(threading.RLock)


def binding_for(setting: str, session: Session, many: bool = False) -> Binding:
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

    Raises
    ------
    NotSupportedError
        With "auto": the server neither binds values as what they are nor reads DuckDB's literals.
    OperationalError
        The server could not be asked. Values are not sent as literals to a server of which it is
        not known that it reads them as DuckDB does.
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
    if setting != "auto":
        return found._replace(server=True)
    if not (found.server or found.literals):
        raise NotSupportedError(
            f"{session.settings.address} does not bind values as what they are, and reads literals "
            'otherwise than DuckDB does; binding="client" and "server" do not ask'
        )
    return found


def forget(port: int) -> None:
    """Ask again who listens on a port: another server has taken the place of the one before."""
    for server in [server for server in _found if server[1] == port]:
        _found.pop(server, None)


def _server(settings: Settings) -> _Server:
    return settings.host, settings.port, settings.tls


def _ask(session: Session) -> Binding:
    address = session.settings.address
    with outside_transaction(session) as free:
        found = _probe(free)
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
    # A server may refuse the statement for the list alone, or refuse all parameters.
    for asked in ([*_EXPECTED, _LIST], _EXPECTED, []):
        try:
            answers = _answers(session, asked)
        except OperationalError:
            raise
        except DatabaseError:
            continue
        bound, written = answers[: len(asked)], answers[len(asked) :]
        return Binding(
            server=bool(asked) and all(bound[: len(_EXPECTED)]),
            lists=len(asked) > len(_EXPECTED) and all(bound),
            literals=all(written),
        )
    return Binding(server=False, lists=False, literals=False)


def _answers(session: Session, expected: list[tuple[Any, tuple[str, str]]]) -> list[bool]:
    """For each value, bound, and for each literal, whether the server got it as what it is."""
    from ..parameters.literals import literals  # which few statements need

    asked = ["typeof(?), CAST(? AS VARCHAR)"] * len(expected)
    for value, _ in _LITERALS:
        (literal,) = literals(column([value], "literal"))
        asked.append(f"typeof({literal}), CAST({literal} AS VARCHAR)")
    statement = scan(f"SELECT {', '.join(asked)}, (NULL) IS NULL")
    if expected:
        numbered = slots(statement)
        bound = numbered.bind_values([value for value, _ in expected for _ in range(2)])
    else:
        bound = None
    kinds = [str] * (2 * len(asked)) + [bool]
    answers = session.rows(statement.text if bound is None else bound.text, kinds, bound)
    if len(answers) != 1:
        raise InternalError(f"the server answers a question of one row with {len(answers)}")
    *texts, null = answers[0]
    pairs = zip(texts[::2], texts[1::2], strict=True)
    wanted = [want for _, want in [*expected, *_LITERALS]]
    return [*(got == want for got, want in zip(pairs, wanted, strict=True)), null is True]
