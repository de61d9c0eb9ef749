"""What a caller knows of one replica: how busy, how quick and how sound it is. It outlives a connection."""

from __future__ import annotations

from math import exp
from typing import Final, Generic, Protocol, TypeVar, final

import msgspec

from .breaker import Breaker, Breaking

_NOISE: Final = 0.001
"""Seconds added to every latency: replicas that differ by less than that are equally quick."""
_COLDEST: Final = 0.1
"""The share of the calls that a replica gets at once when it is new, of those that it gets when it is warm."""


@final
class Balance(msgspec.Struct, frozen=True):
    """How replicas are compared."""

    memory: float = 2.0
    """Seconds in which a latency that was observed loses its weight, to a third."""
    slow_start: float = 10.0
    """Seconds in which a replica that is new comes to its full share of the calls."""


class Taking(Protocol):
    """Where calls go to."""

    @property
    def accepts(self) -> bool:
        """Whether it takes one more."""
        ...


C = TypeVar("C", bound=Taking)


@final
class Replica(Generic[C]):
    """One replica of a service, as its callers in this process see it.

    Its latency is an average that fades, and a peak: one answer that took longer lifts it at once, because a caller
    can't wait to be sure (Finagle's peak EWMA). A replica that owes answers and gives none is taken to be as slow as
    it has been silent, so that one that hangs is left alone before any call to it has ended.
    """

    __slots__ = (
        "_last",
        "_memory",
        "_moved",
        "_slow_start",
        "_warm_at",
        "answers",
        "breaker",
        "connection",
        "latency",
        "name",
        "pending",
        "sound",
        "streams",
    )  # fmt: skip

    def __init__(self, name: str, balance: Balance, breaking: Breaking | None, now: float) -> None:
        self.name = name
        """Its address."""
        self.connection: C | None = None
        """The connection that takes calls; None while there is none."""
        self.pending = 0
        """Calls that this process waits for."""
        self.sound = True
        """Whether its breaker is closed; set by who moves that."""
        self.streams = 0
        """Streams that this process reads from it; their items come when they come, and say nothing of its speed."""
        self.latency = 0.0
        """Seconds that an answer takes of late."""
        self.answers = 0
        """Calls that were answered since the breaker was last told."""
        self.breaker = None if breaking is None else Breaker(breaking, now)
        self._last: C | None = None
        self._moved = now  # when it last answered, or was sent the first of the calls that it owes
        self._memory = balance.memory
        self._slow_start = balance.slow_start
        self._warm_at = now

    def connected(self, connection: C, now: float, latency: float) -> None:
        """It takes calls now. ``latency`` is what to expect of it while it has not answered yet."""
        self.connection = connection
        if connection is self._last:
            return  # it had more to write than the network took, and is the same as before
        self._last = connection
        if not self.latency:
            self.latency = latency
        self._moved = now
        self._warm_at = now + self._slow_start

    def load(self, now: float) -> float:
        """Return how long a call may take there that is sent now: calls before it, times seconds for each."""
        latency = self.latency
        silent = now - self._moved
        if self.pending:
            load = (self.pending + 1) * ((silent if silent > latency else latency) + _NOISE)
        else:
            load = (latency if silent < 0.1 else latency * exp(-silent / self._memory)) + _NOISE
        if now < self._warm_at:
            load /= max(_COLDEST, 1.0 - (self._warm_at - now) / self._slow_start)
        return load

    def begin(self, now: float) -> None:
        """A call is sent to it."""
        if not self.pending:
            silent = now - self._moved
            if silent > 0.1:
                self.latency *= exp(-silent / self._memory)
            self._moved = now
        self.pending += 1

    def answered(self, began: float, now: float) -> None:
        """A call that was sent then has its answer."""
        self.pending -= 1
        self.answers += 1
        took = now - began
        latency, memory = self.latency, self._memory
        # 1 / (1 + x) stands for exp(-x): they agree while answers come often, and it is a third of the price.
        self.latency = took if took >= latency else took + (latency - took) * memory / (memory + now - self._moved)
        self._moved = now

    def ended(self, began: float, now: float) -> None:
        """A call that was sent then has ended without an answer: it would have taken at least as long."""
        self.pending -= 1
        if now - began > self.latency:
            self.latency = now - began
            if not self.pending:
                self._moved = now  # it fades from here on
