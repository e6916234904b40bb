"""One statement and its parameters, sent over a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import ProgrammingError
from ..parameters.bind import Bound, Parameters
from ..statement.names import lone_surrogate
from ..statement.query import Query
from ..statement.scan import Statement, is_empty, scan
from .binding import binding_for

if TYPE_CHECKING:
    from ..result.result import Result
    from ..session.session import Session
    from ..settings.limits import Limits


def scanned(operation: str, parameters: Parameters) -> tuple[Statement, Parameters]:
    """The statement of a text, and the parameters that go with it.

    Raises
    ------
    ProgrammingError
        The text is none that can be sent, or has no statement.
    """
    if not isinstance(operation, str):
        raise ProgrammingError(
            f"the statement is a {type(operation).__name__}; it must be SQL text (str)"
        )
    if "\0" in operation:
        # The driver would send what stands before it, a WHERE missing perhaps.
        raise ProgrammingError(
            f"the statement has a NUL character, at {operation.index(chr(0))}; a value with "
            "one can be a parameter"
        )
    position = lone_surrogate(operation)
    if position is not None:
        raise ProgrammingError(
            f"the statement has a lone surrogate, at {position}, which is no Unicode text"
        )
    if parameters is None and isinstance(operation, Query):
        parameters = operation.parameters
    statement = scan(operation)
    if not statement.verb and is_empty(operation):
        raise ProgrammingError("the statement is empty: there is nothing to execute")
    return statement, parameters


def execute(
    session: Session,
    statement: Statement,
    bound: Bound | None,
    binding: str,
    limits: Limits | None = None,
) -> Result | None:
    """Run one statement in the transaction that it belongs to; None for BEGIN and its kin."""
    return session.run(statement, *_sent(session, statement, bound, binding), limits)


def partitions(
    session: Session,
    statement: Statement,
    bound: Bound | None,
    binding: str,
    limits: Limits | None,
) -> tuple[list[bytes], pa.Schema | None]:
    """Send one statement without reading it; its partitions and the announced schema."""
    return session.partitions(statement, *_sent(session, statement, bound, binding), limits)


def _sent(
    session: Session, statement: Statement, bound: Bound | None, binding: str
) -> tuple[str, Bound | None]:
    """What is sent: a text, and what the server is to bind to it."""
    if bound is None:
        return statement.text, None
    # Before a transaction begins, since it may send a statement of its own.
    if binding_for(binding, session).server:
        return bound.text, bound if bound.is_bound else None
    return bound.literal_text(), None


def report_column(schema: pa.Schema) -> str | None:
    """``Count`` or ``Success`` when a result has DuckDB's shape for a statement without rows."""
    if len(schema) != 1:
        return None
    field = schema.field(0)
    if field.name == "Count" and pa.types.is_int64(field.type):
        return "Count"
    if field.name == "Success" and pa.types.is_boolean(field.type):
        return "Success"
    return None
