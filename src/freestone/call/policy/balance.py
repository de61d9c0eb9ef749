"""Which of several replicas takes the next call.

The lesser of two that are picked by chance comes close to the least loaded of all, without the herd that forms when
every caller sees the same least (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, Generic, final

from freestone.clock import Random
from freestone.signals import SIGNALS, BreakerMoved

from .affinity import affinity
from .breaker import BreakerMove, BreakerState, Breaking
from .chance import QuickChance
from .ejection import may_eject
from .replica import Balance, C, Replica

_CLEARLY: Final = 0.95
"""The one that was drawn first takes the call, unless the other's load is less than this share of its own."""


@final
class Balancer(Generic[C]):
    """The replicas of one service, by their addresses.

    >>> async def through(balancer, loop, call):
    ...     began = loop.time()
    ...     replica = balancer.pick(began)
    ...     replica.begin(began)
    ...     try:
    ...         result = await call(replica.connection)
    ...     except ServiceError:
    ...         balancer.ended(replica, began, loop.time(), blamed=True)
    ...         raise
    ...     balancer.answered(replica, began, loop.time())
    ...     return result
    """

    __slots__ = ("_balance", "_barred", "_breaking", "_chance", "_ready", "_replicas", "_service")

    def __init__(self, service: str, balance: Balance, breaking: Breaking | None, random: Random) -> None:
        self._service = service
        self._balance = balance
        self._breaking = breaking
        self._chance = QuickChance(random)
        self._replicas: dict[str, Replica[C]] = {}
        self._ready: list[Replica[C]] = []
        self._barred: list[Replica[C]] = []

    @property
    def connected(self) -> bool:
        """Whether there is a replica that calls can be sent to, be it a bad one or a full one."""
        return bool(self._ready or self._barred)

    @property
    def replicas(self) -> Collection[Replica[C]]:
        """All that are known, connected or not."""
        return self._replicas.values()

    # --- who is there

    def arrived(self, name: str, connection: C, now: float) -> None:
        """The replica at that address takes calls over that connection."""
        replica = self._replicas.get(name)
        if replica is None:
            replica = self._replicas[name] = Replica(name, self._balance, self._breaking, now)
        known = [other.latency for other in self._ready if other.latency]
        replica.connected(connection, now, sum(known) / len(known) if known else 0.0)
        if replica in self._ready or replica in self._barred:
            return
        (self._ready if replica.sound else self._barred).append(replica)

    def left(self, name: str, connection: C) -> None:
        """That connection takes no more calls."""
        replica = self._replicas.get(name)
        if replica is None or replica.connection is not connection:
            return
        replica.connection = None
        for listed in (self._ready, self._barred):
            if replica in listed:
                listed.remove(replica)

    def keep(self, names: Iterable[str]) -> None:
        """Forget what is known of every other address."""
        kept = set(names)
        for name, replica in list(self._replicas.items()):
            if name not in kept and replica.connection is None:
                del self._replicas[name]

    # --- who takes a call

    def pick(self, now: float) -> Replica[C] | None:
        """Return the replica that takes the next call; None if no one does."""
        if self._barred:
            probe = self._probe(now)
            if probe is not None:
                return probe
        ready = self._ready
        count = len(ready)
        if count == 1:
            chosen = ready[0]
        elif count:
            drawn = self._chance.below(count * (count - 1))
            first, second = drawn % count, drawn // count
            chosen, other = ready[first], ready[second if second < first else second + 1]
            if other.load(now) < _CLEARLY * chosen.load(now):
                chosen = other
        else:
            return self._any()
        connection = chosen.connection
        return chosen if connection is not None and connection.accepts else self._any()

    def home(self, key: object, now: float) -> Replica[C] | None:
        """Return the replica that is the home of that key, or the next one that can take the call; None if no one."""
        if self._barred:
            # Itself, whichever others are out: it may be that nobody asks for what has its home there.
            home = max((*self._ready, *self._barred), key=lambda it: affinity(key, it.name))
            if not home.sound and self._probes(home, now):
                return home
        for replica in sorted(self._ready, key=lambda it: affinity(key, it.name), reverse=True):
            if replica.connection is not None and replica.connection.accepts:
                return replica
        return self._any()

    def pick_for_stream(self, now: float) -> Replica[C] | None:
        """Return the replica that serves the next stream: rather one with fewer of them than a quick one.

        A stream stays for long, and how long one call took says little of that time.
        """
        taking = [it for it in self._ready if it.connection is not None and it.connection.accepts]
        if not taking:
            return self.pick(now)
        first = self._chance.below(len(taking))  # so that many callers do not begin with the same one
        return min(taking[first:] + taking[:first], key=lambda it: it.streams)

    def another(self, than: Replica[C], now: float) -> Replica[C] | None:
        """Return the least loaded of the others that are sound, None if there is none."""
        others = [it for it in self._ready if it is not than and it.connection is not None and it.connection.accepts]
        return min(others, key=lambda it: it.load(now)) if others else None

    def _any(self) -> Replica[C] | None:
        """Return any that takes a call: rather one that fails than none, which fails for certain."""
        for replica in (*self._ready, *self._barred):
            if replica.connection is not None and replica.connection.accepts:
                return replica
        return None

    def _probe(self, now: float) -> Replica[C] | None:
        """Return a replica whose breaker wants to see how it fares, and that has no call at the moment."""
        for replica in self._barred:
            if self._probes(replica, now):
                return replica
        return None

    def _probes(self, replica: Replica[C], now: float) -> bool:
        """Whether the breaker of a replica wants to see how it fares, with a call that is made now."""
        breaker = replica.breaker
        if breaker is None or replica.connection is None or not replica.connection.accepts:
            return False
        if breaker.due(now):
            self._move(replica, BreakerMove.WAIT, now)
        return breaker.state is BreakerState.HALF_OPEN and not replica.pending

    # --- how it went

    def answered(self, replica: Replica[C], began: float, now: float) -> None:
        """A call that was sent then has its answer, and the replica is not to blame for it."""
        replica.answered(began, now)
        breaker = replica.breaker
        if not replica.sound and breaker is not None and breaker.state is BreakerState.HALF_OPEN and breaker.answered():
            self._move(replica, BreakerMove.PROVE, now)

    def ended(self, replica: Replica[C], began: float, now: float, *, blamed: bool, silent: bool = False) -> None:
        """A call that was sent then has ended otherwise; ``blamed`` is whether that speaks against the replica.

        ``silent`` is whether it had no answer in all of its time.
        """
        replica.ended(began, now)
        breaker = replica.breaker
        if not blamed or breaker is None:
            return
        answers, replica.answers = replica.answers, 0
        trip = breaker.failed(now, answers, silent)
        if breaker.state is BreakerState.HALF_OPEN:
            self._move(replica, BreakerMove.FAIL, now)
        elif trip and replica in self._ready:
            others = [
                other.breaker.share(now, other.answers)
                for other in self._ready
                if other is not replica and other.breaker is not None
            ]
            if may_eject(breaker.suspicion, others, len(self._barred)):
                self._move(replica, BreakerMove.TRIP, now)

    def _move(self, replica: Replica[C], move: BreakerMove, now: float) -> None:
        breaker = replica.breaker
        if breaker is None or not breaker.move(move, now):
            return
        replica.sound = breaker.state is BreakerState.CLOSED
        if move is BreakerMove.TRIP:
            self._shift(replica, self._ready, self._barred)
        elif move is BreakerMove.PROVE:
            self._shift(replica, self._barred, self._ready)
            replica.answers = 0
        if SIGNALS.observed:
            SIGNALS.announce(BreakerMoved(self._service, replica.name, breaker.state.value, move.value))

    @staticmethod
    def _shift(replica: Replica[C], source: list[Replica[C]], target: list[Replica[C]]) -> None:
        if replica in source:  # one that has left is in neither
            source.remove(replica)
            target.append(replica)
