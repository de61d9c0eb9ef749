"""What goes wrong, when and how often: decided for each call, from a seed alone. Pure; it does nothing.

A fault names an edge of the application (who calls what), a share of its calls, and a time. Every call on the edge
takes the same number of draws from the edge's own chance, whether the fault is taken or not: so what one fault does
never changes what another does, and a seed repeats a run as far as the calls come in the same order on each edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, final

from freestone.clock import Random
from freestone.errors import MayHaveHappened, ServiceError

ANY = "*"


@final
@dataclass(frozen=True, slots=True)
class Latency:
    """The call begins later."""

    seconds: float
    """By how much."""
    spread: float = 0.0
    """And by up to how much more, by chance."""


@final
@dataclass(frozen=True, slots=True)
class Failure:
    """The call ends with an error."""

    error: type[ServiceError]
    """One of the classes of ``freestone.errors``."""
    happened: bool | None = None
    """Whether the call takes its effect all the same. It never does if the error says that it did not; otherwise, and
    without a value here, a coin decides.
    """


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """The call ends with ``Unavailable``, and did not happen."""


@final
@dataclass(frozen=True, slots=True)
class Drop:
    """No answer comes: the call ends by its deadline."""

    happened: bool | None = None
    """Whether the call takes its effect, so that only the answer is lost; without a value a coin decides."""


@final
@dataclass(frozen=True, slots=True)
class Cut:
    """The connections to the callee are cut while the call is under way, and with it all others on them. An edge within
    one process has none: nothing happens there.
    """

    within: float = 0.005
    """Up to how many seconds after the call begins, by chance."""


@final
@dataclass(frozen=True, slots=True)
class Slow:
    """A connection to the callee passes on few bytes at a time, both ways. Chance is asked when it is opened."""

    piece: int = 1
    """How many."""
    pause: float = 0.0
    """Seconds between pieces."""


What: TypeAlias = Latency | Failure | Refusal | Drop | Cut | Slow


@final
@dataclass(frozen=True, slots=True)
class Edge:
    """Who calls what."""

    caller: str
    """The service that calls; empty if it is none, as for a gateway."""
    process: str
    """The process that it runs in."""
    service: str
    method: str = ANY
    """The method that is called; ``*`` stands for a connection, over which all are."""

    def __str__(self) -> str:
        callee = self.service if self.method == ANY else f"{self.service}.{self.method}"
        return f"{self.caller or self.process} -> {callee}"


@final
@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. Raises ValueError for what makes no sense."""

    name: str
    what: What
    caller: str = ANY
    """A service or a process that calls."""
    service: str = ANY
    """The service that is called; for ``Slow`` the process."""
    method: str = ANY
    """The method that is called. Bytes have none."""
    probability: float = 1.0
    """The share of the calls, or for ``Slow`` of the connections, from 0 to 1."""
    after: float = 0.0
    """Seconds since the start of the calling process, from which on."""
    until: float = math.inf
    """And until when."""

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"a probability is from 0 to 1, not {self.probability}")
        if self.after >= self.until:
            raise ValueError(f"it would end, after {self.until:g} s, before it begins, after {self.after:g} s")
        if isinstance(self.what, Slow) and self.method != ANY:
            raise ValueError("bytes belong to a connection, over which all methods are called")

    def on(self, edge: Edge) -> bool:
        """Whether it concerns the calls of that edge."""
        return (
            self.caller in (ANY, edge.caller, edge.process)
            and self.service in (ANY, edge.service)
            and self.method in (ANY, edge.method)
        )

    def active(self, now: float) -> bool:
        """Whether its time is that many seconds after the start."""
        return self.after <= now < self.until


@final
@dataclass(frozen=True, slots=True)
class Action:
    """What is done to one call: first it is late, then it ends as ``end`` says; without one it ends as it would."""

    latency: float = 0.0
    late: tuple[Fault, ...] = ()
    """The faults that make it late."""
    end: Fault | None = None
    happens: bool = True
    """Whether the callee is called."""
    cut_after: float = 0.0
    """For a cut: after how many seconds."""


NOTHING = Action()


@final
@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The faults of a run, and the seed of their chance."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0
    _calls: tuple[Fault, ...] = field(init=False, repr=False, compare=False)
    _connections: tuple[Fault, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_calls", tuple(it for it in self.faults if not isinstance(it.what, Slow)))
        object.__setattr__(self, "_connections", tuple(it for it in self.faults if isinstance(it.what, Slow)))

    def concerns(self, edge: Edge) -> bool:
        """Whether any call of that edge may be hit; its method may be ``*``, for any."""
        return any(it.on(edge) or (edge.method == ANY and _to(it, edge)) for it in self._calls)

    def of_connections(self, edge: Edge) -> tuple[Fault, ...]:
        """Return the faults of the bytes between the two processes of that edge."""
        return tuple(it for it in self._connections if it.on(edge))

    def cuts(self, edge: Edge) -> bool:
        """Whether connections of that edge may be cut."""
        return any(isinstance(it.what, Cut) and _to(it, edge) for it in self._calls)

    def decide(self, edge: Edge, now: float, random: Random) -> Action:
        """Return what is done to the next call of the edge, ``now`` seconds after the start.

        Latencies add up. Of the faults that end a call the first in the plan's order is taken.
        """
        latency, late, end = 0.0, list[Fault](), None
        happens, cut_after = True, 0.0
        for fault in self._calls:
            if not fault.on(edge):
                continue
            chance, share, coin = random.random(), random.random(), random.random()
            if chance >= fault.probability or not fault.active(now):
                continue
            if isinstance(fault.what, Latency):
                latency += fault.what.seconds + fault.what.spread * share
                late.append(fault)
            elif end is None:
                end = fault
                happens = _happens(fault.what, coin < 0.5)
                cut_after = fault.what.within * share if isinstance(fault.what, Cut) else 0.0
        return Action(latency, tuple(late), end, happens, cut_after) if late or end else NOTHING

    def decide_connection(self, edge: Edge, random: Random) -> tuple[Fault, ...]:
        """Return the faults of a new connection's bytes; each holds in its time."""
        return tuple(it for it in self.of_connections(edge) if random.random() < it.probability)


def active(faults: Iterable[Fault], now: float) -> Slow | None:
    """Return how slow a connection with those faults is, that many seconds after the start."""
    return next((it.what for it in faults if it.active(now) and isinstance(it.what, Slow)), None)


def _to(fault: Fault, edge: Edge) -> bool:
    """Whether it concerns some method of the edge's service."""
    return fault.caller in (ANY, edge.caller, edge.process) and fault.service in (ANY, edge.service)


def _happens(what: What, coin: bool) -> bool:
    match what:
        case Refusal():
            return False
        case Failure(error, happened):
            if not issubclass(error, MayHaveHappened):
                return False
            return coin if happened is None else happened
        case Drop(happened):
            return coin if happened is None else happened
        case _:
            return True
