"""The leases of one store: taken for a block, or for as long as a program runs."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import ClassVar, TypeVar, final

from freestone.clock import Clock, SystemClock
from freestone.errors import FreestoneError
from freestone.signals import SIGNALS, LeaseAcquired

from .failure import LeaseLost, LeaseTaken
from .lease import Lease, settled
from .store import Held, LeaseStore
from .tenure import Tenure, next_try

_T = TypeVar("_T")

SHORTEST = 0.5
"""Seconds; a shorter lease would be lost at the first hiccup of a machine."""


@final
class Leases:
    """Gives the leases that a store keeps: as an attribute of a service, those of the store that the file names.

    >>> class ReportService:  # a service, with @service above it
    ...     leases: Leases
    """

    __freestone_resource__: ClassVar[str] = "leases"

    def __init__(
        self,
        store: LeaseStore,
        clock: Clock | None = None,
        holder: str | None = None,
        *,
        refuse: Callable[[str], None] | None = None,
    ) -> None:
        """``holder`` is who takes them, for people; by default this machine and process.

        ``refuse`` is called with the name of each before it is taken, and raises where none may be.
        """
        self.store = store
        self._clock = clock or SystemClock()
        self._holder = holder or f"process {os.getpid()} on {socket.gethostname()}"
        self._refuse = refuse

    @contextlib.asynccontextmanager
    async def lease(
        self, name: str, *, seconds: float = 30.0, wait: float = 0.0, fenced: bool = False
    ) -> AsyncGenerator[Lease]:
        """Hold a lease for a block: of all that take the lease of this name, one at a time is in its block.

        It lasts ``seconds`` and is renewed in the background for as long as the block runs. When the process dies it
        is free after that time at the latest. ``wait`` is how many seconds to wait for it, ``math.inf`` for ever;
        nobody promises an order among those who wait.

        Raises LeaseTaken when somebody else has it all that time, Unavailable when its store can't be reached all that
        time, ValueError for a lease that is too short. When it can't be renewed the block's task is cancelled, before
        the lease expires, and LeaseLost leaves the block.

        ``fenced`` is for a block of which nothing counts but what it writes behind a fence: that goes on when a renewal
        is late, until the store says that somebody else has the lease. A transaction that keeps all others out of the
        store, the renewals too, is not ended for it then.

        >>> async def nightly(leases):
        ...     async with leases.lease("nightly", seconds=30) as lease:
        ...         await report(lease.token)
        """
        _check(name, seconds)
        if self._refuse is not None:
            self._refuse(name)
        held = await self._acquire(name, seconds, wait, fenced)
        held.begin()
        try:
            yield held
        except BaseException as error:
            lost = held.end(error)
            await settled(held.release())
            if lost is not None:
                raise lost from error
            raise
        else:
            lost = held.end(None)
            await settled(held.release())
            if lost is not None:
                raise lost

    async def lead(self, name: str, work: Callable[[Lease], Awaitable[_T]], *, seconds: float = 15.0) -> _T:
        """Do the work here whenever nobody else does it, and return what it returns: of several replicas, one leads.

        The others wait. When the leader ends or dies, or loses the lease, another begins the work from its start, and
        this one waits for its next turn. Work that returns or raises gives up the lease, and ``lead`` ends with it.

        >>> async def relay(lease): ...
        >>> async def start(leases):
        ...     await leases.lead("relay", relay)
        """
        while True:
            try:
                async with self.lease(name, seconds=seconds, wait=math.inf) as lease:
                    return await work(lease)
            except LeaseLost as error:
                if error.lease != name:
                    raise

    async def _acquire(self, name: str, seconds: float, wait: float, fenced: bool = False) -> Lease:
        until = self._clock.monotonic() + wait
        while True:
            asked = self._clock.monotonic()
            try:
                answer = await self._ask(name, seconds)
            except FreestoneError:
                if self._clock.monotonic() >= until:
                    raise
                answer = Held("a store that can't be reached")
            now = self._clock.monotonic()
            if not isinstance(answer, Held):
                if SIGNALS.observed:
                    SIGNALS.announce(LeaseAcquired(name, answer, now - asked))
                return Lease(name, answer, self.store, Tenure(seconds, asked), self._clock, fenced=fenced)
            if now >= until:
                raise LeaseTaken(f"the lease {name} is held by {answer.by}", lease=name)
            await self._clock.sleep(next_try(now, until, seconds) - now)

    async def _ask(self, name: str, seconds: float) -> int | Held:
        """Ask for the lease once. What is granted to a task that was cancelled meanwhile is given back."""
        asking = asyncio.ensure_future(self.store.acquire(name, self._holder, seconds))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            await settled(self._give_back(name, asking))
            raise

    async def _give_back(self, name: str, asking: asyncio.Future[int | Held]) -> None:
        with contextlib.suppress(FreestoneError):
            answer = await asking
            if not isinstance(answer, Held):
                await self.store.release(name, answer)


def _check(name: str, seconds: float) -> None:
    if not name or len(name) > 200 or not name.isprintable():
        raise ValueError(f"{name!r} is no name for a lease: it has 1 to 200 printable characters")
    if not seconds >= SHORTEST or seconds == math.inf:
        raise ValueError(f"a lease lasts at least {SHORTEST:g} s and not for ever, but not {seconds:g} s")
