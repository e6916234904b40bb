"""A block of statements in one transaction."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Generic, TypeVar

from adbc_driver_manager import AdbcStatusCode

from ..errors import ProgrammingError

if TYPE_CHECKING:
    from .session import Session

Entered = TypeVar("Entered")


class TransactionBlock(AbstractContextManager[Entered], Generic[Entered]):
    """A block in one transaction, which nothing else ends.

    KeyboardInterrupt may come at any step of Python code: what was begun before the block was
    entered is rolled back by the next use of the session, which finds this object gone.

    Parameters
    ----------
    session : Session
        Whose transaction it is.
    entered : object
        What ``with … as`` gives.
    """

    def __init__(self, session: Session, entered: Entered) -> None:
        self._session = session
        self._entered = entered

    def __enter__(self) -> Entered:
        if self._session.in_transaction:
            raise ProgrammingError(
                "a transaction is open already, and there are no nested ones; commit() or "
                "rollback() first",
                status_code=AdbcStatusCode.INVALID_STATE,
            )
        self._session.begin(self)
        return self._entered

    def __exit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        if exc_type is None:
            self._session.commit()
        else:
            self._session.roll_back_quietly()


def atomic(session: Session) -> AbstractContextManager[None]:
    """All statements of the block or none: in the open transaction, or in one of their own.

    Without autocommit the transaction that begins here stays open, as PEP 249 has it.
    """
    if session.autocommit and not session.in_transaction:
        return TransactionBlock(session, None)
    return nullcontext()
