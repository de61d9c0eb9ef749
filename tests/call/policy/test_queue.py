"""A short queue before a limit."""

from __future__ import annotations

import random
import weakref
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


def test_of_those_without_a_deadline_the_first_to_come_is_first() -> None:
    """Else one of them might be passed over again and again."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=100.0)
    for number in range(20):
        joined(queue, str(number), float(number))
    assert [queue.pop(20.0)[0] for _ in range(10)] == [str(number) for number in range(10)]
    for number in range(20, 30):
        joined(queue, str(number), float(number))
    assert order(queue, 30.0) == [str(number) for number in range(10, 30)]


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
    assert not queue.room(now, now + 0.07, 0.04, repeated=False)  # it would have its turn, and be late
    assert queue.room(now, now + 0.07, 0.01, repeated=False)


def moving(queue: DeadlineQueue[str], count: int, gap: float) -> float:
    """Let so many wait in a queue that moves one in ``gap`` seconds; return the time."""
    now = 0.0
    for _ in range(count):
        joined(queue, "waits", now)
    for _ in range(200):
        now += gap
        assert queue.pop(now) == ("waits", [])
        joined(queue, "waits", now)
    return now


def test_nobody_joins_who_would_have_to_be_sent_away() -> None:
    """One in 10 ms, and a patience of 100 ms: six may wait before, and eight may not, however far the deadline is."""
    for count, room in ((6, True), (8, False)):
        queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.1)
        now = moving(queue, count, 0.01)
        assert queue.room(now, inf, 0.0, repeated=False) is room


def test_a_slow_queue_makes_room_as_a_full_one_does() -> None:
    """For what comes for the first time; what comes again displaces nobody."""
    for count, made in ((6, []), (8, ["again"])):
        for repeated in (False, True):
            queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.1)
            now = moving(queue, count - 1, 0.01)
            joined(queue, "again", now, repeated=True)
            _, displaced = queue.join("one", now, inf, repeated=repeated)
            assert displaced == ([] if repeated else made)


def test_a_queue_that_moves_slowly_lets_two_wait_in_an_overload() -> None:
    """The next, and one that is there when that one has left; but nobody for longer than the longest."""
    for gap, patience in ((0.02, 0.04), (0.001, 0.005), (0.08, 0.1)):
        queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.005)
        now = 0.0
        for _ in range(100):
            joined(queue, "a", now)
            joined(queue, "b", now)
            assert queue.pop(now)[0] == "a"
            now += gap
            assert queue.pop(now)[0] == "b"
        joined(queue, "c", now)
        assert queue.patience(now + 0.15) == pytest.approx(patience, rel=0.001)
        assert queue.standing


def test_how_fast_it_moves_is_seen_while_somebody_waits() -> None:
    """Not from the last one of a burst to the first of the next, whether the last one worked or gave up."""
    for gives_up in (False, True):
        queue: DeadlineQueue[str] = DeadlineQueue(wait=10.0, target=0.005)
        joined(queue, "one", deadline=20.0)
        last, _ = queue.join("two", 0.0, inf)
        assert queue.pop(0.0) == ("one", [])
        assert queue.leave(last) if gives_up else queue.pop(0.0)[0] == "two"
        joined(queue, "three", 5.0, deadline=20.0)
        joined(queue, "four", 5.0, deadline=21.0)
        assert queue.pop(5.0) == ("three", [])
        assert queue.delay() == 0.0
        assert queue.pop(5.5) == ("four", [])
        joined(queue, "five", 6.0)
        assert queue.delay() == pytest.approx(0.05)


def test_a_burst_may_wait_longer_than_an_overload() -> None:
    """The queue that was empty just now holds for 100 ms, the one that stands for 5."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.005)
    joined(queue, "burst")
    joined(queue, "burst", 0.01)
    assert queue.pop(0.09) == ("burst", [])
    joined(queue, "next", 0.095)
    assert not queue.standing
    joined(queue, "last", 0.1)
    assert queue.pop(0.106) == ("last", ["burst", "next"])  # the last one to wait has some time yet
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
    assert not queue.standing
    assert queue.sweep(1.11) == ["came"]
    assert queue.standing


def test_a_halt_is_no_part_of_how_long_a_queue_has_stood() -> None:
    """What was before it, and after, is."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=0.1, target=0.005)
    joined(queue, "a")
    queue.resume(1.0625, 1.0)
    assert queue.patience(1.09) == 0.1
    assert queue.patience(1.11) == 0.005


def test_a_halt_is_no_part_of_how_long_a_queue_was_empty() -> None:
    """An overload is not over for that, nor goes on for that."""
    queue, now = overloaded()
    assert queue.patience(now + 0.01) == 0.005
    queue.resume(now + 1.01, 1.0)
    joined(queue, "b", now + 1.011)
    assert queue.pop(now + 1.08)[0] == "b"  # the last one to wait may wait that long
    joined(queue, "c", now + 1.081)
    assert queue.pop(now + 1.102)[0] == "c"
    assert queue.patience(now + 1.103) == 0.005
    queue, now = overloaded()
    joined(queue, "b", now + 0.03)
    queue.resume(now + 1.03, 1.0)
    assert queue.pop(now + 1.035)[0] == "b"
    assert queue.patience(now + 1.09) == 0.005
    assert queue.patience(now + 1.11) == 0.1


def test_a_halt_does_not_lead_into_the_future() -> None:
    """Whoever waits is watched from its end on, though the watch began during it."""
    queue, now = overloaded()
    queue.resume(now + 0.05, 1.0)
    assert queue.patience(now + 0.16) == 0.1
    moved: DeadlineQueue[str] = DeadlineQueue(wait=10.0)
    for deadline, entry in enumerate(("a", "b", "c", "d"), 100):
        joined(moved, entry, deadline=deadline)
    moved.resume(2.0, 2.0)  # nobody has left yet, and that is no time
    assert moved.pop(2.0) == ("a", [])
    assert moved.delay() == 0.0
    moved.resume(2.25, 1.0)
    assert moved.pop(2.5) == ("b", [])
    assert moved.delay() == pytest.approx(2 * 0.1 * 0.25)


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
    for later, standing in ((0.0, True), (0.7, True), (1.2, False)):
        queue, now = overloaded()
        now = spell(queue, now, 0.3, waiting=0.2) + later
        joined(queue, "c", now)
        assert queue.patience(now + 0.02) == 0.1
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


def test_who_would_be_late_is_told_so_at_once() -> None:
    """Not when the deadline passes, but when it is too near for the work."""
    queue: DeadlineQueue[str] = DeadlineQueue(wait=10.0)
    joined(queue, "a", deadline=0.5, needs=0.25)
    assert queue.sweep(0.25) == []
    assert queue.sweep(0.3) == ["a"]


def test_a_full_queue_in_which_nobody_comes_again_has_no_room_to_make() -> None:
    """Nobody else leaves for who comes. One place is a queue too."""
    queue: DeadlineQueue[str] = DeadlineQueue(most=1)
    joined(queue, "one")
    assert queue.room(0.0, inf, 0.0, repeated=False) is False
    assert queue.join("two", 0.0, inf)[1] == []


class Entry:
    """Something that waits, and can be seen to be gone."""


@pytest.mark.parametrize("repeated", [False, True])
def test_nothing_is_kept_of_those_who_have_left(repeated: bool) -> None:
    """But for a few, though the one with the nearest deadline stays: callers give up by the thousand."""
    queue: DeadlineQueue[Entry] = DeadlineQueue(most=1000)
    queue.join(Entry(), 0.0, 1.0, 0.0, repeated)
    gone = list[weakref.ref[Entry]]()
    for number in range(200):
        entry = Entry()
        gone.append(weakref.ref(entry))
        queue.leave(queue.join(entry, 0.0, 2.0 + number, 0.0, repeated)[0])
        del entry
    assert sum(it() is not None for it in gone) <= 18


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


@given(st.lists(st.floats(0.0, 10.0), min_size=40, max_size=80, unique=True), st.randoms(use_true_random=False))
def test_the_order_stays_when_most_have_left(deadlines: list[float], chance: random.Random) -> None:
    """However they lay among each other."""
    queue: DeadlineQueue[float] = DeadlineQueue()
    waiters = [queue.join(deadline, 0.0, deadline)[0] for deadline in deadlines]
    leaving = set(chance.sample(deadlines, len(deadlines) - 6))
    for waiter in waiters:
        if waiter.entry in leaving:
            queue.leave(waiter)
    assert [queue.pop(0.0)[0] for _ in range(6)] == sorted(set(deadlines) - leaving)
