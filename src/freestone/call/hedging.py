"""One query, asked of a replica and after a while of a second one: the first result wins, the other is cancelled.

An error does not win while the other may still bring a result.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, final

from freestone.errors import ServiceError
from freestone.service import Context
from freestone.signals import SIGNALS, CallHedged, CallNotHedged, HedgeEnded
from freestone.wire import Body

from .connection import EXPIRED, Answer, PeerConnection
from .policy import Replica, Stop

if TYPE_CHECKING:
    from .remote import Route

_NO_OTHER: Final = "no other replica takes calls"


@final
class Race:
    """One attempt of a call, on one or two replicas."""

    __slots__ = ("_arguments", "_attempt", "_future", "_hedge", "_outer", "_route", "_sides", "_when", "winner")

    def __init__(self, route: Route, outer: Context | None, when: float, arguments: Body, attempt: int) -> None:
        self._route = route
        self._outer = outer
        self._when = when
        self._arguments = arguments
        self._attempt = attempt
        self._sides: list[_Side] = []
        self._hedge: _Side | None = None
        self.winner: Replica[PeerConnection]
        """Whose answer it came to, as soon as there is one."""
        self._future: asyncio.Future[Answer] = route.pool.loop.create_future()

    async def run(self, replica: Replica[PeerConnection], now: float, delay: float) -> Answer:
        """Send it to that replica, and after a delay to another one. Return the answer."""
        self.winner = replica
        pool = self._route.pool
        self._send(replica, now)
        slot = pool.wheel.arm(self._when, self._future)
        timer = pool.loop.call_later(delay, self._ask_another, replica, delay)
        try:
            return await self._future
        finally:
            slot.discard(self._future)
            timer.cancel()
            self._close()

    def _send(self, replica: Replica[PeerConnection], now: float) -> _Side:
        side = _Side(self, replica, now)
        side.call_id = self._route.send(
            side.connection, now, self._outer, self._when, self._arguments, side, attempt=self._attempt
        )
        replica.begin(now)
        self._sides.append(side)
        return side

    def _ask_another(self, first: Replica[PeerConnection], delay: float) -> None:
        route, now = self._route, self._route.pool.loop.time()
        if self._future.done() or now >= self._when:
            return
        destination = route.known()
        other = destination.balancer.another(first, now)
        if other is None or not destination.budget.take(now):
            if SIGNALS.observed:
                reason = _NO_OTHER if other is None else Stop.BUDGET.value
                SIGNALS.announce(CallNotHedged(route.name, reason, self._trace))
            return
        try:
            self._hedge = self._send(other, now)
        except ServiceError as error:  # it is larger than this peer takes, and nothing was sent
            destination.budget.give_back()
            if SIGNALS.observed:
                SIGNALS.announce(CallNotHedged(route.name, error.message, self._trace))
            return
        if SIGNALS.observed:
            SIGNALS.announce(CallHedged(route.name, delay, other.name, self._trace))

    @property
    def _trace(self) -> str:
        return "" if self._outer is None else self._outer.trace_id

    def heard(self, side: _Side, answer: Answer) -> None:
        """One replica has answered."""
        self._sides.remove(side)
        self._route.judge(side.replica, answer, side.began, self._route.pool.loop.time())
        if not self._future.done() and (type(answer) is bytes or not self._sides):
            self.winner = side.replica
            self._future.set_result(answer)
            if SIGNALS.observed and self._hedge is not None and type(answer) is bytes:
                second = side is self._hedge
                SIGNALS.announce(HedgeEnded(self._route.name, side.replica.name, second, self._trace))

    def _close(self) -> None:
        """Give up whoever has not answered."""
        now = self._route.pool.loop.time()
        done = self._future.done() and not self._future.cancelled()
        expired = now >= self._when or (done and self._future.result() is EXPIRED)
        for side in self._sides:
            side.connection.cancel(side.call_id)
            self._route.known().balancer.ended(side.replica, side.began, now, blamed=expired, silent=True)
        self._sides.clear()


@final
class _Side:
    """Waits for the answer of one replica."""

    __slots__ = ("_over", "_race", "began", "call_id", "connection", "replica")

    call_id: int

    def __init__(self, race: Race, replica: Replica[PeerConnection], began: float) -> None:
        assert replica.connection is not None
        self.replica = replica
        self.connection = replica.connection
        self.began = began
        self._race = race
        self._over = False

    def done(self) -> bool:
        return self._over

    def set_result(self, answer: Answer, /) -> None:
        self._over = True
        self._race.heard(self, answer)
