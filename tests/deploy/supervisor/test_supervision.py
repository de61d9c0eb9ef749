"""What a supervisor decides, held to examples and to properties."""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from freestone.deploy.supervisor import Backoff, Replica, State
from freestone.deploy.supervisor.lifecycle import LIVE, Action
from freestone.deploy.supervisor.supervision import Decision, Supervision

EDGE, CATALOG, CATALOG_1, PROGRESS = (
    Replica("edge"),
    Replica("catalog"),
    Replica("catalog", 1),
    Replica("progress"),
)


def supervision(*stages: list[Replica], limit: float = 30, jitter: float = 0) -> Supervision:
    return Supervision(
        stages,
        backoff=Backoff(first=1, ceiling=8, served_ceiling=2, jitter=jitter, stable=60),
        limit=limit,
        random=random.Random(7),
    )


def started(*stages: list[Replica], limit: float = 30) -> Supervision:
    made = supervision(*stages, limit=limit)
    made.start(0)
    for stage in stages:
        for replica in stage:
            made.ready(replica, 1)
    return made


def test_everything_starts_at_once() -> None:
    """The sockets are bound already, so nothing waits for anything else."""
    decisions = supervision([EDGE], [CATALOG, CATALOG_1]).start(0)
    assert decisions == [Decision(replica, Action.SPAWN) for replica in (EDGE, CATALOG, CATALOG_1)]


def crash(made: Supervision, replica: Replica, now: float) -> float | None:
    """Let it crash and be started again; return how long it waited."""
    [decision] = made.exited(replica, now)
    assert made.state(replica) is State.BACKING_OFF
    assert made.elapsed(replica, now) == [Decision(replica, Action.SPAWN)]
    return decision.seconds


def test_a_replica_that_does_not_come_up_waits_longer_after_each_crash() -> None:
    """It is started again each time."""
    made = supervision([EDGE])
    made.start(0)
    assert [crash(made, EDGE, 2 + number) for number in range(5)] == [1, 2, 4, 8, 8]
    assert made.restarts(EDGE) == 5


def test_a_replica_that_had_served_is_started_at_once() -> None:
    """It is wanted back, and most crashes are not followed by another."""
    assert crash(started([EDGE]), EDGE, 2) == 0


def test_a_replica_that_falls_soon_after_each_start_waits_a_little() -> None:
    """As long as its start takes at most, if that is more than two seconds; it may fall at each request."""
    made = started([EDGE])
    waits = []
    for number in range(5):
        waits.append(crash(made, EDGE, 2 + 10 * number))
        made.ready(EDGE, 5 + 10 * number)  # three seconds after it was started
    assert waits == [0, 1, 2, 3, 3]


def test_a_replica_that_comes_up_has_shown_that_it_can() -> None:
    """Crashes before it served count no more, and those after it served not as such."""
    made = started([EDGE])
    crash(made, EDGE, 2)
    assert [crash(made, EDGE, 3), crash(made, EDGE, 4)] == [1, 2]
    made.ready(EDGE, 5)
    assert crash(made, EDGE, 6) == 1  # the second crash after it had served
    assert crash(made, EDGE, 7) == 1  # the first before it did, again


def test_a_replica_that_ran_stably_is_taken_for_sound() -> None:
    """After a minute of running it is started at once again; after less, it waits."""
    made = started([EDGE])
    crash(made, EDGE, 2)
    made.ready(EDGE, 4)
    assert crash(made, EDGE, 4 + 59) == 1
    made.ready(EDGE, 101)
    assert crash(made, EDGE, 101 + 60) == 0


def test_one_crash_is_nothing_to_the_others() -> None:
    """Another replica goes on as it was."""
    made = started([EDGE], [CATALOG, CATALOG_1])
    made.exited(CATALOG, 5)
    assert made.state(CATALOG_1) is State.RUNNING
    assert made.state(EDGE) is State.RUNNING


def test_draining_goes_from_stage_to_stage() -> None:
    """A process is asked to end only when all that depend on it have ended."""
    made = started([EDGE], [PROGRESS], [CATALOG, CATALOG_1])
    assert [d.replica for d in made.drain(10)] == [EDGE]
    assert [d.replica for d in made.exited(EDGE, 11) if d.action is Action.TERMINATE] == [PROGRESS]
    assert [d.replica for d in made.exited(PROGRESS, 12) if d.action is Action.TERMINATE] == [
        CATALOG,
        CATALOG_1,
    ]
    made.exited(CATALOG_1, 13)
    assert not made.finished
    made.exited(CATALOG, 14)
    assert made.finished
    assert not made.killed


def test_a_stage_that_does_not_drain_leaves_time_for_the_next() -> None:
    """It may use all of the time but a second for each stage after it, and is killed then."""
    made = started([EDGE], [PROGRESS], [CATALOG], limit=30)
    [decision] = made.drain(100)
    assert decision == Decision(EDGE, Action.TERMINATE, 28)
    assert made.elapsed(EDGE, 128) == [Decision(EDGE, Action.KILL)]
    assert made.exited(EDGE, 128)[-1] == Decision(PROGRESS, Action.TERMINATE, 1)
    assert made.killed


def test_stages_share_a_time_that_is_short() -> None:
    """Where there is too little time for a reserve, each stage has its fair share."""
    made = started([EDGE], [PROGRESS], [CATALOG], limit=1.5)
    assert made.drain(0)[0].seconds == 0.5


def test_a_replica_that_backs_off_is_not_started_when_draining() -> None:
    """It has nothing to end, and its stage is done at once."""
    made = started([EDGE], [CATALOG])
    made.exited(EDGE, 5)
    assert [d.replica for d in made.drain(6) if d.action is Action.TERMINATE] == [CATALOG]
    assert made.state(EDGE) is State.STOPPED
    assert made.elapsed(EDGE, 7) == []


def test_a_replica_that_cannot_start_ends_the_run() -> None:
    """It is not started again, and everything else drains."""
    made = supervision([EDGE], [CATALOG])
    made.start(0)
    made.ready(EDGE, 1)
    decisions = made.exited(CATALOG, 2, refused=True)
    assert made.failed == CATALOG
    assert made.state(CATALOG) is State.FAILED
    assert [d.replica for d in decisions if d.action is Action.TERMINATE] == [EDGE]
    made.exited(EDGE, 3)
    assert made.finished


def test_a_replica_that_had_served_and_cannot_start_any_more_ends_nothing() -> None:
    """Its code or its settings were changed since; the others go on, and it is tried until that is mended."""
    made = started([EDGE], [CATALOG])
    made.exited(CATALOG, 5)
    assert made.elapsed(CATALOG, 5) == [Decision(CATALOG, Action.SPAWN)]
    waits = []
    for now in range(6, 20):
        (decision,) = made.exited(CATALOG, now, refused=True)
        assert decision.action is Action.WAIT
        waits.append(decision.seconds)
        made.elapsed(CATALOG, now)
    assert made.failed is None
    assert made.state(EDGE) is State.RUNNING
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]


def test_killing_spares_nothing() -> None:
    """The second Ctrl-C kills what drains and what waits for its turn to drain."""
    made = started([EDGE], [CATALOG])
    made.drain(10)
    assert made.kill(11) == [Decision(EDGE, Action.KILL), Decision(CATALOG, Action.KILL)]
    made.exited(EDGE, 12)
    made.exited(CATALOG, 12)
    assert made.finished


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens in whatever order, the decisions are carried out on imagined processes."""

    replicas = (EDGE, CATALOG, CATALOG_1, PROGRESS)

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.alive: set[Replica] = set()
        self.timers: dict[Replica, float] = {}
        self.ends: float | None = None
        self.made = supervision([EDGE], [PROGRESS], [CATALOG, CATALOG_1], jitter=0.5)

    def carry_out(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            self.timers.pop(decision.replica, None)
            if decision.seconds is not None:
                assert decision.seconds >= 0
                self.timers[decision.replica] = self.now + decision.seconds
            if decision.action is Action.SPAWN:
                assert decision.replica not in self.alive, "a replica has two processes"
                self.alive.add(decision.replica)
            elif decision.action in (Action.TERMINATE, Action.KILL):
                assert decision.replica in self.alive, "a signal goes to no process"
            if decision.action is Action.TERMINATE and decision.replica == CATALOG:
                assert not self.alive & {EDGE, PROGRESS}, "a callee is drained before its callers"

    @initialize()
    def start(self) -> None:
        self.carry_out(self.made.start(self.now))

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        end = self.now + seconds
        while due := sorted((at, replica) for replica, at in self.timers.items() if at <= end):
            at, replica = due[0]
            self.now = max(self.now, at)
            del self.timers[replica]
            self.carry_out(self.made.elapsed(replica, self.now))
        self.now = end

    @rule(replica=st.sampled_from(replicas))
    def ready(self, replica: Replica) -> None:
        self.carry_out(self.made.ready(replica, self.now))

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), refused=st.booleans())
    def exits(self, data: st.DataObject, refused: bool) -> None:
        replica = data.draw(st.sampled_from(sorted(self.alive)))
        self.alive.remove(replica)
        self.carry_out(self.made.exited(replica, self.now, refused=refused))

    @rule()
    def drain(self) -> None:
        self.carry_out(self.made.drain(self.now))

    @rule()
    def kill(self) -> None:
        self.carry_out(self.made.kill(self.now))

    @invariant()
    def states_tell_the_truth(self) -> None:
        assert {replica for replica in self.replicas if self.made.state(replica) in LIVE} == self.alive
        if self.made.finished:
            assert not self.alive
            assert not self.timers, "something would still be started"

    @invariant()
    def nothing_is_stuck(self) -> None:
        """Each replica has a process, or a time at which it gets one, or is at its end."""
        for replica in self.replicas:
            state = self.made.state(replica)
            if state is State.BACKING_OFF or state is State.DRAINING:
                assert replica in self.timers

    def teardown(self) -> None:
        """Whatever has happened, draining ends: what does not obey is killed in time, and the kernel
        obeys.
        """
        self.carry_out(self.made.drain(self.now))
        for _ in range(100):
            for replica in [replica for replica in self.alive if self.made.state(replica) is State.KILLING]:
                self.alive.remove(replica)
                self.carry_out(self.made.exited(replica, self.now))
            self.time_passes(30)
        assert self.made.finished


AnyHistory.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyHistory = AnyHistory.TestCase
