"""A short queue before a limit."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from freestone.call.policy import DeadlineQueue, Waiter


def joined(queue: DeadlineQueue[str], entry: str, now: float = 0.0, deadline: float = inf, **more: float) -> None:
    """Let somebody wait."""
    queue.join(entry, now, deadline, needs=more.get("needs", 0.0), repeated=bool(more.get("repeated")))


def order(queue: DeadlineQueue[str], now: float = 0.0) -> list[str]:
    """Take everybody out."""
    taken: list[str] = []
    while (entry := queue.pop(now)[0]) is not None:
        taken.append(entry)
    return taken


def test_the_nearest_deadline_is_first() -> None:
    """Whoever came first."""
    queue: DeadlineQueue[str] = DeadlineQueue()
    joined(queue, "late", deadline=9)
    joined(queue, "soon", deadline=1)
    joined(queue, "never")
    assert order(queue) == ["soon", "late", "never"]


def test_what_comes_again_is_last() -> None:
    """A retry had its turn; and the work that it was is not lost if it is refused."""
    queue: DeadlineQueue[str] = DeadlineQueue()
    joined(queue, "again", deadline=1, repeated=True)
    joined(queue, "first", deadline=9)
    assert order(queue) == ["first", "again"]


def test_what_comes_again_makes_room() -> None:
    """In a full queue, for what comes for the first time."""
    queue: DeadlineQueue[str] = DeadlineQueue(most=2)
    joined(queue, "again", repeated=True)
    joined(queue, "one")
    assert queue.room(0.0, inf, 0.0, repeated=False)
    assert not queue.room(0.0, inf, 0.0, repeated=True)
    _, displaced = queue.join("two", 0.0, inf)
    assert displaced == ["again"]
    assert not queue.room(0.0, inf, 0.0, repeated=False)
    assert order(queue) == ["one", "two"]


def test_nobody_is_given_work_that_would_be_late() -> None:
    """What is over before it can be done would be done for nothing."""
    queue: DeadlineQueue[str] = DeadlineQueue()
    joined(queue, "short", deadline=0.05, needs=0.02)
    joined(queue, "long", deadline=5.0, needs=0.02)
    assert queue.pop(0.04) == ("long", ["short"])


def test_nobody_joins_for_whom_the_queue_is_too_slow() -> None:
    """It moves one in 10 ms, and five wait."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.1)
    now = 0.0
    for _ in range(5):
        joined(queue, "waits", now)
    for _ in range(100):
        now += 0.01
        assert queue.pop(now) == ("waits", [])
        joined(queue, "waits", now)
    assert queue.delay() == pytest.approx(0.05, rel=0.1)
    assert not queue.room(now, now + 0.04, 0.0, repeated=False)
    assert queue.room(now, now + 0.07, 0.0, repeated=False)


def test_a_burst_may_wait_longer_than_an_overload() -> None:
    """The queue that was empty just now holds for 100 ms, the one that stands for 5."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.005)
    joined(queue, "burst")
    joined(queue, "burst", 0.01)
    assert queue.pop(0.09) == ("burst", [])
    joined(queue, "next", 0.095)
    assert not queue.standing
    assert queue.pop(0.105) == (None, ["burst"]) or queue.standing
    assert queue.standing


def test_a_halt_of_the_process_is_no_wait() -> None:
    """Neither for those who wait, nor for the queue, nor for how fast it moves."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.005)
    for entry in ("first", "second", "third"):
        joined(queue, entry)
    assert queue.pop(0.01) == ("first", [])
    queue.resume(1.02, 1.0)
    assert queue.sweep(1.02) == []
    assert queue.pop(1.02) == ("second", [])
    assert not queue.standing
    assert queue.delay() == pytest.approx(0.001)
    assert queue.sweep(1.09) == []
    assert queue.sweep(1.11) == ["third"]


def test_nobody_has_waited_less_than_no_time() -> None:
    """Who came during the halt has waited since its end."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.005)
    joined(queue, "came", 0.5)
    queue.resume(1.0, 1.0)
    assert queue.sweep(1.09) == []
    assert queue.sweep(1.11) == ["came"]


def test_overload_is_over_when_the_queue_was_empty_for_a_while() -> None:
    """Not at the first chance."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.005)
    joined(queue, "a")
    assert queue.sweep(0.15) == ["a"]
    assert queue.patience(0.2) == 0.005
    assert queue.patience(0.26) == 0.1


def overloaded() -> tuple[DeadlineQueue[str], float]:
    """A queue that holds an overload, and the time at which it does."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.005)
    joined(queue, "a")
    assert queue.sweep(0.15) == ["a"]
    assert queue.standing
    return queue, 0.15


def spell(queue: DeadlineQueue[str], now: float, seconds: float, waiting: float) -> float:
    """Let somebody wait for that share of each 10 ms; return when that is over."""
    for _ in range(round(seconds * 100)):
        joined(queue, "b", now)
        assert queue.pop(now + waiting * 0.01)[0] == "b"
        now += 0.01
    queue.patience(now)
    return now


def test_a_queue_that_is_empty_now_and_then_still_holds_an_overload() -> None:
    """One in which nobody may wait long often is."""
    queue, now = overloaded()
    spell(queue, now, 2.0, waiting=0.4)
    assert queue.standing


def test_one_that_is_mostly_empty_does_not() -> None:
    """Though somebody waits again and again: that is chance, and they are served."""
    queue, now = overloaded()
    spell(queue, now, 0.3, waiting=0.2)
    assert not queue.standing


def test_an_overload_that_comes_back_is_seen_sooner() -> None:
    """After a quarter of the time, for a while."""
    for later, standing in ((0.0, True), (2.0, False)):
        queue, now = overloaded()
        now = spell(queue, now, 0.3, waiting=0.2) + later
        joined(queue, "c", now)
        assert queue.patience(now + 0.03) == (0.005 if standing else 0.1)
        assert queue.standing is standing


def test_the_last_one_to_wait_stays() -> None:
    """So that a place that comes free is used."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.005)
    joined(queue, "a")
    joined(queue, "b", 0.09)
    joined(queue, "c", 0.1)
    assert queue.sweep(0.12) == ["a", "b"]
    assert queue.sweep(0.15) == []
    assert queue.pop(0.15) == ("c", [])


def test_nobody_waits_longer_than_the_longest() -> None:
    """Not the last one either."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1)
    joined(queue, "a")
    assert queue.sweep(0.11) == ["a"]
    assert queue.count == 0


@pytest.mark.parametrize("wrong", [{"most": 0}, {"wait": 0.0, "target": 0.0}, {"wait": 0.1, "target": 0.2}])
def test_a_queue_without_room_or_time_is_refused(wrong: dict[str, float]) -> None:
    """Zero is no bound that a queue can keep."""
    with pytest.raises(ValueError, match="is none"):
        DeadlineQueue(**wrong)  # type: ignore[arg-type]


class Queueing(RuleBasedStateMachine):
    """Everybody who joined leaves exactly once."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: DeadlineQueue[int] = DeadlineQueue(most=6, wait=0.1, target=0.005)
        self.inside: dict[int, Waiter[int]] = {}
        self.came = 0
        self.now = 0.0

    def left(self, *entries: int) -> None:
        """Somebody is out; raises KeyError for who was not in."""
        for entry in entries:
            assert not self.inside.pop(entry).waits

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.004, 0.02, 0.2]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(left=st.sampled_from([0.002, 0.05, inf]), needs=st.sampled_from([0.0, 0.003]), repeated=st.booleans())
    def joins(self, left: float, needs: float, repeated: bool) -> None:
        if self.queue.room(self.now, self.now + left, needs, repeated):
            self.came += 1
            waiter, displaced = self.queue.join(self.came, self.now, self.now + left, needs, repeated)
            self.inside[self.came] = waiter
            assert all(self.inside[entry].repeated for entry in displaced)
            self.left(*displaced)

    @rule()
    def pops(self) -> None:
        waiting = list(self.inside.values())
        entry, late = self.queue.pop(self.now)
        if entry is not None:
            chosen = self.inside[entry]
            assert self.now + chosen.needs <= chosen.deadline
            assert self.now - chosen.since <= 0.1
            others = [other for other in waiting if other.entry not in late and other.repeated == chosen.repeated]
            assert chosen.deadline == min(other.deadline for other in others)
            self.left(entry)
        self.left(*late)

    @rule()
    def sweeps(self) -> None:
        self.left(*self.queue.sweep(self.now))
        assert all(self.now - waiter.since <= 0.1 for waiter in self.inside.values())

    @precondition(lambda self: bool(self.inside))
    @rule(data=st.data())
    def gives_up(self, data: st.DataObject) -> None:
        waiter = self.inside[data.draw(st.sampled_from(sorted(self.inside)))]
        assert self.queue.leave(waiter)
        assert not self.queue.leave(waiter)
        self.left(waiter.entry)

    @invariant()
    def counts(self) -> None:
        assert self.queue.count == len(self.inside) <= 6


TestQueueing = Queueing.TestCase


@given(st.lists(st.tuples(st.floats(0.0, 10.0), st.booleans()), min_size=1, max_size=30))
def test_the_order_is_that_of_deadlines(waiters: list[tuple[float, bool]]) -> None:
    """Among those who come for the first time, and then among the others."""
    queue: DeadlineQueue[tuple[bool, float]] = DeadlineQueue()
    for deadline, repeated in waiters:
        queue.join((repeated, deadline), 0.0, deadline, 0.0, repeated)
    taken = [queue.pop(0.0)[0] for _ in waiters]
    assert taken == sorted((repeated, deadline) for deadline, repeated in waiters)
