"""What a server has seen: its newest calls and statements, within bounds of count and size."""

from __future__ import annotations

import threading

import pyarrow as pa

# A server may run for months. When a bound is reached, the older half goes.
_CALLS = 100_000
_STATEMENTS = 10_000
_WITH_PARAMETERS = 500
_TEXT_BYTES = 16 * 1024 * 1024
_PARAMETER_BYTES = 16 * 1024 * 1024

# Whoever calls chooses the name of an action.
_NAME_LENGTH = 200


class Executed(str):
    """The text of a statement whose execution began.

    Attributes
    ----------
    parameters : pyarrow.RecordBatch or None
        The batch that was bound; kept for the newest statements only.
    """

    __slots__ = ("parameters",)
    parameters: pa.RecordBatch | None

    def __new__(cls, sql: str, parameters: pa.RecordBatch | None = None) -> Executed:
        self = super().__new__(cls, sql)
        self.parameters = parameters
        return self


class Seen:
    """The calls and statements that a server has seen.

    Attributes
    ----------
    calls : list of str
        The newest calls, 100,000 at most.
    executed : list of Executed
        The newest statements whose execution began: 10,000 at most, 16 MiB of text at most, and
        the parameters of the newest 500, 16 MiB of them at most. The newest one is always whole.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.executed: list[Executed] = []
        self._lock = threading.Lock()
        self._text = self._parameters = 0

    def call(self, name: str) -> None:
        """Note a call."""
        with self._lock:
            self.calls.append(name[:_NAME_LENGTH])
            if len(self.calls) > _CALLS:
                del self.calls[: _CALLS // 2]

    def statement(self, sql: str, parameters: pa.RecordBatch | None = None) -> None:
        """Note a statement whose execution begins."""
        with self._lock:
            executed = self.executed
            executed.append(Executed(sql, parameters))
            if len(executed) > _WITH_PARAMETERS:
                executed[-_WITH_PARAMETERS - 1].parameters = None
            if len(executed) > _STATEMENTS:
                del executed[: _STATEMENTS // 2]
            self._text += len(sql)
            if self._text > _TEXT_BYTES:
                self._forget_texts()
            if parameters is not None:
                self._parameters += parameters.get_total_buffer_size()
                if self._parameters > _PARAMETER_BYTES:
                    self._forget_parameters()

    def clear(self) -> None:
        """Forget all of it."""
        with self._lock:
            self.calls.clear()
            self.executed.clear()
            self._text = self._parameters = 0

    # Both count again, since whoever has the list may have emptied it.

    def _forget_texts(self) -> None:
        kept = total = 0
        for statement in reversed(self.executed):
            if kept and total + len(statement) > _TEXT_BYTES // 2:
                break
            total += len(statement)
            kept += 1
        del self.executed[:-kept]
        self._text = total

    def _forget_parameters(self) -> None:
        total, full = 0, False
        for statement in self.executed[: -_WITH_PARAMETERS - 1 : -1]:
            batch = statement.parameters
            if batch is None:
                continue
            full = full or (
                total > 0 and total + batch.get_total_buffer_size() > _PARAMETER_BYTES // 2
            )
            if full:
                statement.parameters = None
            else:
                total += batch.get_total_buffer_size()
        self._parameters = total
