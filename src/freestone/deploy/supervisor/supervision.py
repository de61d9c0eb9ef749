"""What a supervisor decides: events and the time in, decisions out. It starts nothing and waits for nothing.

All replicas start at once: their sockets are bound already, so a call to one that is still starting waits in
its backlog. They are drained in stages (the gateway first, then each process before those that it depends
on), so that no process loses a callee while it still works. The stages share one time limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from freestone.clock import Random

from .backoff import Backoff
from .lifecycle import LIVE, SETTLED, TRANSITIONS, Action, Event, State

_RESERVE = 1.0
"""Seconds of the time limit that a slow stage leaves for each stage after it."""


@final
@dataclass(frozen=True, slots=True, order=True)
class Replica:
    """The name of one replica of a process."""

    process: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.process}.{self.number}"


@final
@dataclass(frozen=True, slots=True)
class Decision:
    """One thing to do for one replica; it replaces the time that was set for that replica before.

    ``seconds`` is after how long to report ``elapsed``: when to start again after WAIT, when to lose patience
    after TERMINATE. None sets no time.
    """

    replica: Replica
    action: Action
    seconds: float | None = None


@dataclass(slots=True)
class _Member:
    stage: int
    state: State = State.STOPPED
    spawned: int = 0
    spawned_at: float = 0.0
    served_since: float = 0.0
    has_served: bool = False
    unstarted: int = 0
    """Crashes in a row before it served."""
    fallen: int = 0
    """Crashes in a row after it had served, and not for long."""


@final
class Supervision:
    """The decisions about the replicas of one topology.

    ``stages`` are the replicas in the order in which they are drained. ``limit`` is the time in seconds that
    draining may take altogether; ``now`` is always monotonic, in seconds.
    """

    def __init__(self, stages: Sequence[Sequence[Replica]], *, backoff: Backoff, limit: float, random: Random) -> None:
        self._members = {replica: _Member(stage) for stage, many in enumerate(stages) for replica in many}
        self._stages = [tuple(many) for many in stages]
        self._backoff = backoff
        self._limit = limit
        self._random = random
        self._stage = -1
        self._ends = 0.0
        self.killed = False
        """Whether any replica had to be killed."""
        self.failed: Replica | None = None
        """The replica that can't start, if there is one; everything is drained then."""

    @property
    def draining(self) -> bool:
        """Whether the end has begun."""
        return self._stage >= 0

    @property
    def finished(self) -> bool:
        """Whether the end has come: no process is left, and none will be started."""
        return self.draining and all(member.state in SETTLED for member in self._members.values())

    def state(self, replica: Replica) -> State:
        """Return what the replica is doing."""
        return self._members[replica].state

    def restarts(self, replica: Replica) -> int:
        """Return how often the replica was started again."""
        return max(0, self._members[replica].spawned - 1)

    def start(self, now: float) -> list[Decision]:
        """Start every replica."""
        return self._all(self._members, Event.START, now)

    def ready(self, replica: Replica, now: float) -> list[Decision]:
        """The replica says that it serves."""
        return self._step(replica, Event.READY, now)

    def exited(self, replica: Replica, now: float, *, refused: bool = False) -> list[Decision]:
        """The replica's process is gone; ``refused`` if it said that to start it again is of no use.

        That is believed of one that has never served, and ends the run. One that has served was right once: what
        it refuses now was changed since, and is no reason for the others to end.
        """
        final = refused and not self._members[replica].has_served
        decisions = self._step(replica, Event.REFUSED if final else Event.EXITED, now)
        if self._members[replica].state is State.FAILED:
            self.failed = self.failed or replica
            return [*decisions, *self.drain(now)]
        return [*decisions, *self._advance(now)]

    def elapsed(self, replica: Replica, now: float) -> list[Decision]:
        """The time that was set for the replica is over."""
        return self._step(replica, Event.ELAPSED, now)

    def drain(self, now: float) -> list[Decision]:
        """End everything in order. Does nothing if that has begun."""
        if self.draining:
            return []
        self._ends = now + self._limit
        return self._begin_stage(0, now)

    def kill(self, now: float) -> list[Decision]:
        """End everything at once."""
        self._stage = len(self._stages)
        return self._all(self._members, Event.KILL, now)

    def _advance(self, now: float) -> list[Decision]:
        """Begin the next stage if the one that is being drained is done."""
        if not 0 <= self._stage < len(self._stages) or not self._settled(self._stage):
            return []
        return self._begin_stage(self._stage + 1, now)

    def _begin_stage(self, stage: int, now: float) -> list[Decision]:
        decisions: list[Decision] = []
        while stage < len(self._stages):
            self._stage = stage
            decisions += self._all(self._stages[stage], Event.DRAIN, now)
            if not self._settled(stage):
                return decisions
            stage += 1
        self._stage = stage
        return decisions

    def _settled(self, stage: int) -> bool:
        return all(self._members[replica].state in SETTLED for replica in self._stages[stage])

    def _all(self, replicas: Sequence[Replica] | dict[Replica, _Member], event: Event, now: float) -> list[Decision]:
        return [decision for replica in replicas for decision in self._step(replica, event, now)]

    def _step(self, replica: Replica, event: Event, now: float) -> list[Decision]:
        member = self._members[replica]
        before = member.state
        if (before, event) not in TRANSITIONS:
            return []
        member.state, action = TRANSITIONS[before, event]
        seconds = None
        if member.state is State.RUNNING:
            member.served_since = now
            member.has_served = True
            member.unstarted = 0
        if action is Action.SPAWN:
            member.spawned += 1
            member.spawned_at = now
        elif action is Action.WAIT:
            seconds = self._delay(member, before, now)
        elif action is Action.TERMINATE:
            seconds = self._patience(now)
        elif action is Action.KILL:
            self.killed = True
        return [Decision(replica, action, seconds)]

    def _delay(self, member: _Member, before: State, now: float) -> float:
        chance = self._random.random()
        if before is not State.RUNNING:
            member.unstarted += 1
            return self._backoff.unstarted(member.unstarted, chance)
        if now - member.served_since >= self._backoff.stable:
            member.fallen = 0
        member.fallen += 1
        return self._backoff.served(member.fallen, member.served_since - member.spawned_at, chance)

    def _patience(self, now: float) -> float:
        """Return how long the present stage may take: all that is left but a reserve for each later stage, or
        its fair share where there is too little for that."""
        left = max(0.0, self._ends - now)
        later = len(self._stages) - self._stage - 1
        return max(left / (later + 1), left - _RESERVE * later)

    def alive(self, replica: Replica) -> bool:
        """Whether there should be an operating-system process for the replica."""
        return self._members[replica].state in LIVE
