"""What an asynchronous connection and its cursors share: calls in the thread of the connection."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from ..errors import Error
from ..logs import logger
from .worker import Call, Worker

if TYPE_CHECKING:
    from ..connection import Connection

P = ParamSpec("P")
T = TypeVar("T")


class Bridge:
    """A connection of the synchronous kind, and the thread that makes all its calls."""

    def __init__(self, worker: Worker, connection: Connection[Any]) -> None:
        self.worker = worker
        self.connection = connection
        # What a cancelled commit has left open, for whoever asks next.
        self.doubt: Error | None = None

    def cancel(self) -> None:
        """Cancel the call that is under way."""
        self.connection._session.cancel()

    async def call(
        self,
        function: Callable[[], T],
        undo: Callable[[], object] | None = None,
        ends_transaction: bool = False,
    ) -> T:
        """Make a call in the thread; where the task is cancelled, cancel it and wait for its end.

        Parameters
        ----------
        function : callable
        undo : callable, optional
            Called in the thread after a call that was cancelled.
        ends_transaction : bool
            Whether a failure leaves the fate of a transaction open.
        """
        return await self.wait(self.submit(function, undo, ends_transaction))

    async def wait(self, call: Call[T]) -> T:
        """The result of a call, which is cancelled with its task."""
        try:
            await call.wait()
        except BaseException:
            await self.let_go(call)
            raise
        return call.result()

    def submit(
        self,
        function: Callable[[], T],
        undo: Callable[[], object] | None = None,
        ends_transaction: bool = False,
    ) -> Call[T]:
        """Have a call made in the thread, for which the caller waits."""
        if self.doubt is not None:
            doubt, self.doubt = self.doubt, None
            raise doubt

        def cancelled(error: BaseException | None) -> None:
            if ends_transaction and isinstance(error, Error):
                self.doubt = error
                logger.warning("a commit was cancelled: %s", error)
            self.connection._session.operations.forget_cancel()
            if undo is not None:
                undo()

        return self.worker.submit(function, cancelled)

    async def let_go(self, call: Call[Any]) -> None:
        """Cancel a call, and wait until the driver has let go and can take the next one."""
        if not await self.worker.settle(call, self.cancel):
            # The thread closes what it holds as soon as it can.
            self.worker.stop_after(self.connection._close)

    async def finish(self, function: Callable[[], T]) -> T:
        """Make a call in the thread that is not cancelled with its task."""
        return await self.worker.finish(function)


class Mirror:
    """A mirror of a synchronous object, whose methods run in the thread of its connection."""

    _bridge: Bridge
    _sync: Any

    def _undo(self) -> object:
        """Called in the thread after a call that was cancelled."""


def mirrored(
    method: Callable[Concatenate[Any, P], T],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """The coroutine method that makes a call of a synchronous method in the thread."""
    name = method.__name__

    @functools.wraps(method)
    async def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        function: Callable[[], T] = functools.partial(getattr(self._sync, name), *args, **kwargs)
        answer: T = await self._bridge.call(function, self._undo)
        return answer

    return cast("Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]", call)
