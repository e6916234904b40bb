"""The thread of an asynchronous connection: its calls one by one, and their cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import adbc_driver_manager as adbc

from ..errors import InterfaceError
from ..logs import logger
from ..process import fork

T = TypeVar("T")
Undo = Callable[["BaseException | None"], object]

#: How long a cancelled call may take to end, in seconds. Its connection is given up after that.
LET_GO_SECONDS = 10.0

#: A call that has not begun to wait when it is cancelled does not notice, so it is told again.
_AGAIN_SECONDS, _MOST_SECONDS = 0.002, 0.1


class Call(Generic[T]):
    """One call: what makes it, what undoes it, and how far it is.

    Parameters
    ----------
    function : callable
        Called in the thread.
    undo : callable, optional
        Called in the thread after a call that was cancelled while it was made, with its error, or
        None where it has succeeded all the same: nobody gets its result.

    Attributes
    ----------
    future : asyncio.Future
        Done when the thread has let go; its result is None.
    error : BaseException or None
        What the call has raised.
    """

    def __init__(self, function: Callable[[], T], undo: Undo | None) -> None:
        self._function: Callable[[], T] | None = function
        self._undo = undo
        self._context = contextvars.copy_context()
        self._loop = asyncio.get_running_loop()
        # Held by whoever cancels, so that the next call is not cancelled.
        self._lock = threading.Lock()
        self._begun = self._over = self._cancelled = self._undone = False
        self.future: asyncio.Future[None] = self._loop.create_future()
        self.error: BaseException | None = None
        self._answer: list[T] = []

    def run(self) -> None:
        """In the thread: make the call, unless it was cancelled before."""
        with self._lock:
            function, self._function = self._function, None
            if self._cancelled or function is None:
                return
            self._begun = True
        try:
            self._answer.append(self._context.run(function))
        except BaseException as error:
            self.error = error
        finally:
            del function
        with self._lock:
            self._over = True
            cancelled = self._cancelled
        if cancelled:
            self.take_back()

    def take_back(self) -> None:
        """In the thread: undo the call, once, since nobody gets its result."""
        if self._undone or not self._begun:
            return
        self._undone = True
        self._answer.clear()
        error, self.error = self.error, None
        if self._undo is not None:
            try:
                self._context.run(self._undo, error)
            except adbc.Error as failed:
                logger.warning("what a cancelled call has left stays: %s", failed)

    @property
    def undone(self) -> bool:
        """Whether nothing is left of it."""
        return self._undone or not self._begun

    def tell(self) -> None:
        """In the thread: wake whoever waits, if its loop is there still."""
        try:
            self._loop.call_soon_threadsafe(self._done)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def _done(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    def cancel(self, cancel: Callable[[], object] | None) -> None:
        """Cancel the call; `cancel` tells the driver, if the call is being made."""
        with self._lock:
            self._cancelled = True
            if self._begun and not self._over and cancel is not None:
                with contextlib.suppress(adbc.Error):  # it has ended meanwhile
                    cancel()

    async def wait(self) -> None:
        """Until it is over."""
        # Not the future itself, which would be cancelled with the task.
        await asyncio.wait([self.future])

    @property
    def waiting(self) -> bool:
        """Whether it has not begun."""
        return not self._begun

    def result(self) -> T:
        """Its result, once it is over."""
        # What it knows of the connection: the thread may hold this object a moment longer.
        self._undo = None
        if self.error is not None:
            try:
                raise self.error
            finally:
                self.error = None  # the traceback has this frame in it
        return self._answer.pop()


class Worker:
    """One thread, made with the first call and ended by `stop`.

    It keeps nothing of the connection but the calls that it has to make.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: queue.SimpleQueue[Call[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._pid = os.getpid()

    def submit(self, function: Callable[[], T], undo: Undo | None = None) -> Call[T]:
        """Have a call made after those before it.

        Raises
        ------
        InterfaceError
            The process was forked, the thread is stopped, or there is no event loop of asyncio.
        """
        if self._pid != os.getpid():
            raise fork.inherited("this connection")
        if self._stopped:
            raise InterfaceError("the connection is closed")
        try:
            call = Call(function, undo)
        except RuntimeError as error:
            raise InterfaceError(
                "altertable_dbapi.aio is for asyncio's event loop (anyio's asyncio backend has "
                "one, trio has not), and none is running here"
            ) from error
        if self._thread is None:
            self._thread = threading.Thread(
                target=_work, args=(self._calls,), name=self._name, daemon=True
            )
            self._thread.start()
        self._calls.put(call)
        return call

    async def settle(self, call: Call[Any], cancel: Callable[[], object] | None) -> bool:
        """Cancel a call, and wait until the thread has let go of it.

        Returns
        -------
        bool
            Whether it has, in time.
        """
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + LET_GO_SECONDS, _AGAIN_SECONDS
        while not call.future.done():
            call.cancel(cancel)
            if call.waiting:
                return True
            # A caller that is cancelled once more is being cancelled already.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([call.future], timeout=pause)
            pause = min(pause * 2, _MOST_SECONDS)
            if loop.time() > deadline and not call.future.done():
                return False
        if not (call.undone or self._stopped):
            # It was over before it was cancelled.
            with contextlib.suppress(asyncio.CancelledError):
                await self.finish(call.take_back)
        return True

    async def finish(self, function: Callable[[], T]) -> T:
        """Make a call that is not cancelled with its task."""
        call = self.submit(function)
        cancelled = None
        while not call.future.done():
            try:
                await call.wait()
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        return call.result()

    @property
    def stopped(self) -> bool:
        """Whether it makes no more calls."""
        return self._stopped

    def stop(self) -> None:
        """End the thread after the calls before this one. Idempotent."""
        if not self._stopped:
            self._stopped = True
            if self._pid == os.getpid():
                self._calls.put(None)

    def stop_after(self, function: Callable[[], object]) -> None:
        """End the thread after a last call for which nobody waits."""
        if self._thread is None or self._stopped or self._pid != os.getpid():
            return
        self._calls.put(_Last(function))
        self.stop()

    async def join(self) -> None:
        """Wait until the thread, which was stopped, has ended."""
        thread = self._thread
        while thread is not None and thread.is_alive():
            # It has nothing left to do.
            await asyncio.sleep(0)
            thread.join(0.001)


class _Last(Call[Any]):
    """A call for which nobody waits, of an object that is gone."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._last = function

    def run(self) -> None:
        with contextlib.suppress(adbc.Error):  # nobody is there to be told
            self._last()

    def tell(self) -> None:
        pass


def _work(calls: queue.SimpleQueue[Call[Any] | None]) -> None:
    while (call := calls.get()) is not None:
        call.run()
        call.tell()
        del call
