"""Who has which connection of a pool, and who waits for one: counted, not locked, nothing sent."""

from __future__ import annotations

import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from ..errors import ProgrammingError
from .errors import PoolTimeout, closed
from .lending import Defaults
from .limits import PoolLimits

C = TypeVar("C")


class PoolStats(NamedTuple):
    """What a pool has and has done.

    Attributes
    ----------
    size : int
        Connections that are open, being opened or being closed.
    idle, lent : int
        Those that can be had at once, and those that somebody has.
    waiting : int
        Callers that wait for one.
    requests, waited : int
        How often one was asked for, and how often that had to wait.
    wait_seconds : float
        How long they have waited, together.
    timeouts : int
        How often `PoolTimeout` was raised.
    opened, broken : int
        Connections that were opened, and those that were found broken and closed.
    """

    size: int
    idle: int
    lent: int
    waiting: int
    requests: int
    waited: int
    wait_seconds: float
    timeouts: int
    opened: int
    broken: int


class Member(Generic[C]):
    """One of the connections that a pool may have; its holder opens it where there is none."""

    def __init__(self) -> None:
        self.connection: C | None = None
        self.defaults: Defaults | None = None
        self.ends = self.idle_since = 0.0


class Waiter(Generic[C]):
    """Somebody who waits; `grant` is set by whoever gives, before `wake` is called."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self.wake = wake
        self.grant: Member[C] | None = None
        self.since = time.monotonic()


class Ledger(Generic[C]):
    """The members of a pool and those who wait for one, in their order.

    While somebody waits, nothing is idle and all members are there: what comes free goes to the
    first of them, and nobody can come between.
    """

    def __init__(self, limits: PoolLimits) -> None:
        self.limits = limits
        self.closed = False
        self._size = 0
        self._idle: deque[Member[C]] = deque()
        self._lent: dict[int, Member[C]] = {}
        self._waiting: OrderedDict[Waiter[C], None] = OrderedDict()
        self._requests = self._waited = self._timeouts = self._opened = self._broken = 0
        self._wait_seconds = 0.0
        # What has been idle since before this moment is asked before it is lent.
        self._suspect = 0.0

    @property
    def stats(self) -> PoolStats:
        """The numbers of this moment."""
        return PoolStats(
            self._size,
            len(self._idle),
            len(self._lent),
            len(self._waiting),
            self._requests,
            self._waited,
            self._wait_seconds,
            self._timeouts,
            self._opened,
            self._broken,
        )

    @property
    def unused(self) -> bool:
        """Whether no connection was opened, or is being opened."""
        return not (self._opened or self._size)

    # Asking

    def ask(self, wake: Callable[[], object]) -> Member[C] | Waiter[C]:
        """A member, or a place in the queue, whose turn `wake` tells.

        Raises
        ------
        InterfaceError
            The pool is closed.
        PoolTimeout
            Too many wait.
        """
        if self.closed:
            raise closed()
        self._requests += 1
        # The one that was used last: the others come to be idle for long, and are closed.
        if self._idle:
            return self._idle.pop()
        if self._size < self.limits.max_size:
            self._size += 1
            return Member()
        if 0 < self.limits.max_waiting <= len(self._waiting):
            self._timeouts += 1
            raise PoolTimeout(
                f"{len(self._waiting)} callers wait for a connection of the pool, and no more may "
                "(max_waiting)"
            )
        self._waited += 1
        waiter: Waiter[C] = Waiter(wake)
        self._waiting[waiter] = None
        return waiter

    def leave(self, waiter: Waiter[C]) -> Member[C] | None:
        """Somebody waits no more; what was granted, if anything was."""
        self._waiting.pop(waiter, None)
        self._wait_seconds += time.monotonic() - waiter.since
        grant, waiter.grant = waiter.grant, None
        return grant

    def refused(self, timeout: float) -> Exception:
        """The error of somebody who has waited and was given nothing."""
        if self.closed:
            return closed()
        self._timeouts += 1
        return PoolTimeout(
            f"no connection of the pool came free within {timeout:g} s (timeout): all "
            f"{self.limits.max_size} are lent (max_size), and {len(self._waiting)} more callers "
            "wait; lend them for a shorter time, or allow more"
        )

    def missing(self) -> Member[C] | None:
        """A member to be opened, where there are fewer than `min_size`.

        Raises
        ------
        InterfaceError
            The pool is closed.
        """
        if self.closed:
            raise closed()
        if self._size >= self.limits.min_size:
            return None
        self._size += 1
        return Member()

    # Lending

    def is_old(self, member: Member[C]) -> bool:
        """Whether its connection has lived for `max_lifetime`."""
        return time.monotonic() >= member.ends

    def is_doubtful(self, member: Member[C]) -> bool:
        """Whether its connection should be asked before it is lent."""
        since = member.idle_since
        return since <= self._suspect or time.monotonic() - since >= self.limits.check_after

    def opened(self, member: Member[C], connection: C, defaults: Defaults) -> None:
        """Somebody has opened the connection of a member that had none."""
        self._opened += 1
        member.connection, member.defaults = connection, defaults
        # Not all of them at one time.
        member.ends = time.monotonic() + self.limits.max_lifetime * random.uniform(0.9, 1.0)

    def broke(self) -> None:
        """A connection is broken; those that are idle may be, too."""
        self._broken += 1
        self._suspect = time.monotonic()

    def lend(self, member: Member[C]) -> bool:
        """A connection goes to whoever asked; False where the pool was closed meanwhile."""
        if not self.closed:
            self._lent[id(member.connection)] = member
        return not self.closed

    def take_back(self, connection: C) -> Member[C]:
        """The member whose connection comes back.

        Raises
        ------
        ProgrammingError
            The pool has not lent it.
        """
        member = self._lent.pop(id(connection), None)
        if member is None:
            raise ProgrammingError(
                f"{connection!r} is not lent by this pool: it is another's, or was given back"
            )
        return member

    # Giving

    def give(self, member: Member[C]) -> bool:
        """A member is free: for the first who waits, or idle.

        Returns
        -------
        bool
            False where the pool is closed, so that its connection has to be.
        """
        if self.closed:
            self._size -= 1
            return member.connection is None
        if self._waiting:
            waiter, _ = self._waiting.popitem(last=False)
            waiter.grant = member
            waiter.wake()
        elif member.connection is None:
            self._size -= 1
        else:
            member.idle_since = time.monotonic()
            self._idle.append(member)
        return True

    def surplus(self) -> list[C]:
        """Connections that are not needed any more, which the caller closes."""
        now, found = time.monotonic(), []
        while self._idle and self._size > self.limits.min_size:
            first = self._idle[0]
            if now - first.idle_since < self.limits.max_idle and now < first.ends:
                break
            self._idle.popleft()
            self._size -= 1
            if first.connection is not None:
                found.append(first.connection)
        return found

    def close(self) -> list[C]:
        """Close the pool: nobody waits any more. The caller closes what was idle."""
        self.closed = True
        idle = [member.connection for member in self._idle if member.connection is not None]
        self._size -= len(self._idle)
        self._idle.clear()
        while self._waiting:
            self._waiting.popitem(last=False)[0].wake()
        return idle
