"""Keeps the processes of a topology running: the thin shell around `Supervision` that starts, signals and
waits.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, final

from freestone.clock import Clock, Random
from freestone.signals import SIGNALS, ProcessDelayed, ProcessEnded, ProcessStarted

from .backoff import Backoff
from .child import Child, Listener
from .lifecycle import Action, State
from .logs import Logs
from .supervision import Decision, Replica, Supervision

OWN_NAME = "freestone"
"""The name before the lines that the supervisor itself says."""

_LAST_WORDS = 1.0
"""Seconds in which a pipe that outlives its process may still be read."""


@final
@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """How to run one replica."""

    replica: Replica
    command: tuple[str, ...]
    """The program and its arguments; ``--lifeline N`` is added at its end."""
    fds: tuple[int, ...] = ()
    """Descriptors of this process that the child inherits under the same numbers."""
    stage: int = 0
    """When it is drained: lower ones first."""


@final
@dataclass(frozen=True, slots=True)
class Status:
    """What a replica is doing."""

    state: State
    pid: int | None
    since: datetime | None
    restarts: int


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    clean: bool
    """Whether every process drained by itself, and none had to be killed."""
    failed: Replica | None = None
    """The replica that could not be started, if there was one."""
    reason: str = ""
    """Why it could not."""


@dataclass(slots=True)
class _Running:
    """What the shell holds for one replica."""

    spec: ProcessSpec
    child: Child | None = None
    since: datetime | None = None
    timer: asyncio.TimerHandle | None = None
    past: list[Child] = field(default_factory=list[Child])
    """Children that are gone but whose pipes may hold lines."""


@final
class Supervisor:
    """Runs replicas until it is told to stop.

    ``changed`` is called after each change of what `status` returns. ``drain_seconds`` bounds how long a stop
    may take.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        *,
        logs: Logs,
        clock: Clock,
        random: Random,
        backoff: Backoff | None = None,
        drain_seconds: float = 30.0,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        stages = [[spec.replica for spec in specs if spec.stage == stage] for stage in sorted({s.stage for s in specs})]
        self._decide = Supervision(stages, backoff=backoff or Backoff(), limit=drain_seconds, random=random)
        self._running = {spec.replica: _Running(spec) for spec in specs}
        self._logs = logs
        self._clock = clock
        self._changed = changed
        self._reason = ""
        self._flowing = True
        self._finished = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> Outcome:
        """Start everything, keep it running, and return when `stop` or a failure has ended it."""
        loop = asyncio.get_running_loop()

        def flow(going: bool) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._flow, going)

        self._logs.flow = flow
        self._carry_out(self._decide.start(self._now()))
        try:
            await self._finished.wait()
        finally:
            self._carry_out(self._decide.kill(self._now()))
            await self._collect()
        decide = self._decide
        return Outcome(clean=not decide.killed, failed=decide.failed, reason=self._reason)

    def stop(self) -> None:
        """Drain everything, in order. The second time: kill everything."""
        if self._decide.draining:
            self._say("killing what is left")
            self._carry_out(self._decide.kill(self._now()))
        else:
            self._say("draining; once more to kill")
            self._carry_out(self._decide.drain(self._now()))

    def status(self, replica: Replica) -> Status:
        """Return what the replica is doing now."""
        running = self._running[replica]
        return Status(
            state=self._decide.state(replica),
            pid=running.child.pid if running.child else None,
            since=running.since if running.child else None,
            restarts=self._decide.restarts(replica),
        )

    # Decisions, carried out

    def _carry_out(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            running = self._running[decision.replica]
            if running.timer is not None:
                running.timer.cancel()
                running.timer = None
            if decision.seconds is not None:
                running.timer = asyncio.get_running_loop().call_later(decision.seconds, self._elapsed, decision.replica)
            match decision.action:
                case Action.SPAWN:
                    self._background(self._spawn(running))
                case Action.TERMINATE if running.child:
                    running.child.terminate()
                case Action.KILL if running.child:
                    running.child.kill()
                case _:
                    pass
        if decisions:
            self._changed()
        if self._decide.finished:
            self._finished.set()

    async def _spawn(self, running: _Running) -> None:
        spec = running.spec
        replica = spec.replica
        listener = Listener(
            partial(self._heard_line, replica), partial(self._heard_ready, replica), partial(self._heard_exit, replica)
        )
        try:
            child = await Child.spawn(spec.command, spec.fds, listener)
        except OSError as error:
            self._say(f"{replica} can't be started: {error}")
            self._carry_out(self._decide.exited(replica, self._now()))
            return
        if child.gone:
            running.past.append(child)
            return
        running.child, running.since = child, self._clock.now()
        if not self._flowing:
            child.flow(False)
        SIGNALS.announce(ProcessStarted(replica.process, replica.number, child.pid))
        match self._decide.state(replica):  # it may have changed while the process was being started
            case State.DRAINING:
                child.terminate()
            case State.KILLING:
                child.kill()
            case _:
                pass
        self._changed()

    # What children say

    def _heard_line(self, replica: Replica, text: str, *, error: bool) -> None:
        self._logs.line(str(replica), text, error=error)

    def _heard_ready(self, replica: Replica) -> None:
        self._carry_out(self._decide.ready(replica, self._now()))

    def _heard_exit(self, replica: Replica, status: int, refused: str | None) -> None:
        running = self._running[replica]
        if running.child is not None:
            SIGNALS.announce(ProcessEnded(replica.process, replica.number, running.child.pid, status))
            running.past = [child for child in running.past if not child.ended.is_set()] + [running.child]
            running.child = None
        decisions = self._decide.exited(replica, self._now(), refused=refused is not None)
        if self._decide.failed == replica and not self._reason:
            self._reason = refused or ""
        for decision in decisions:
            if decision.replica == replica and decision.action is Action.WAIT:
                assert decision.seconds is not None
                when = f"in {decision.seconds:.1f} s" if decision.seconds else "at once"
                self._say(f"{replica} {describe(status)}; it is started again {when}")
                if SIGNALS.observed:
                    SIGNALS.announce(ProcessDelayed(replica.process, replica.number, decision.seconds))
        self._carry_out(decisions)

    def _elapsed(self, replica: Replica) -> None:
        if self._decide.state(replica) is State.DRAINING:
            self._say(f"{replica} did not drain in time and is killed")
        self._carry_out(self._decide.elapsed(replica, self._now()))

    # The shell's own affairs

    def _flow(self, going: bool) -> None:
        self._flowing = going
        for running in self._running.values():
            if running.child is not None:
                running.child.flow(going)

    async def _collect(self) -> None:
        """Wait for what is still on its way: processes that were just killed, and their last lines."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if not self._decide.finished:
            self._finished.clear()
            await self._finished.wait()
        children = [child for running in self._running.values() for child in running.past]
        ends = [asyncio.ensure_future(child.ended.wait()) for child in children]
        if ends:
            _, late = await asyncio.wait(ends, timeout=_LAST_WORDS)
            for end in late:
                end.cancel()
        for child in children:
            child.close()

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _say(self, text: str) -> None:
        self._logs.line(OWN_NAME, text, error=True)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def describe(status: int) -> str:
    """Return how a process ended, as ``was killed by SIGKILL``; a negative status is a signal's number."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
