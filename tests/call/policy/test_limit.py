"""How many calls a process serves at a time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.call.policy import AdaptiveLimit, Pace

Latency = Callable[[int], tuple[float, float]]
"""From calls in flight to the seconds that one takes and the lag in them."""


def serve(
    limit: AdaptiveLimit, latency: Latency, seconds: float, *, start: float = 0.0, pace: Pace | None = None
) -> list[int]:
    """Keep as many calls in flight as the limit allows for some time; return the limits that it had."""
    pace = pace or Pace()
    now, seen = start, [limit.value]
    flying: list[tuple[float, float, float]] = []
    while now < start + seconds:
        while len(flying) < limit.value:
            took, lag = latency(len(flying) + 1)
            heapq.heappush(flying, (now + took, now, lag))
        now, began, lag = heapq.heappop(flying)
        before = limit.value
        assert limit.record(pace, began, now, lag, len(flying) + 1) is (limit.value != before)
        seen.append(limit.value)
    return seen


def flat(in_flight: int) -> tuple[float, float]:
    """Wait for something that has room for everybody."""
    return 0.02, 0.0


def processor(in_flight: int) -> tuple[float, float]:
    """Compute for a millisecond, in turns with all others."""
    return 0.001 * in_flight, 0.001 * (in_flight - 1)


def behind_ten(in_flight: int) -> tuple[float, float]:
    """Use one of ten things for ten milliseconds."""
    return 0.01 * max(1.0, in_flight / 10), 0.0


def test_what_calls_take_as_usual_is_learnt() -> None:
    """At once from the first window, soon when they are quicker, hardly when they are slower, if at all."""
    pace = Pace()
    pace.add(0.25)
    pace.add(0.75)
    assert (pace.usual, pace.fresh, pace.expected()) == (None, False, 1.0)
    pace.learn(anew=False, rising=False)
    assert (pace.usual, pace.fresh) == (0.5, True)
    for took, how, usual in (
        (0.3, {"anew": False, "rising": False}, 0.5 - 0.3 * 0.2),
        (0.5, {"anew": True, "rising": False}, 0.5),
        (1.5, {"anew": False, "rising": False}, 0.5),
        (1.5, {"anew": False, "rising": True}, 0.51),
    ):
        pace.add(2 * took, calls=2)
        assert pace.expected() == 2 * (pace.usual or 0)
        pace.learn(**how)
        assert pace.usual == pytest.approx(usual)
        assert pace.fresh


def windows(
    limit: AdaptiveLimit, pace: Pace, *many: tuple[float, float, int], together: int = 1, usual: float = 0.01
) -> list[int]:
    """Let windows of twenty calls pass, with 45 in flight; return the limit after each.

    Each has the seconds and the lag of its calls, and how many of them are done.
    """
    now, seen = 100.0, list[int]()
    limit.record(pace, 0.0, now, 0.0, 45)  # what began before there was any is not counted
    pace.usual = usual
    for took, lag, done in many:
        now += 0.06
        for _ in range(0, 20, together):
            now += 0.01 * together
            some = min(done, together)
            done -= some
            limit.record_all(pace, together, now - took, now, together * took, together * lag, 45, some)
        seen.append(limit.value)
    return seen


@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize(
    ("took", "lag", "done", "limits"),
    [
        (0.0155, 0.0, 20, [62, 77, 96]),  # half more than usual, and a millisecond, is flat: it rises by a quarter
        (0.0165, 0.0, 20, [50, 45, 43]),  # more is not, if it is seen twice: held at what is in flight, then lowered
        (0.0315, 0.0, 20, [50, 45, 31]),  # by a trial, to 70 % at the least,
        (0.0325, 0.0, 20, [45, 31, 15]),  # without a second look if it is very slow, and to a half if that did no harm
        (0.02, 0.0039, 20, [50, 45, 36]),  # a fifth of lag is no proof
        (0.02, 0.0041, 20, [36, 28, 22]),  # more is: it falls at once to what keeps latency near the usual
        (0.05, 0.04, 20, [22, 11, 5]),  # and to a half at the least
        (0.01, 0.0, 18, [62, 77, 96]),  # nine of ten are done
        (0.01, 0.0, 17, [50, 45, 38]),  # fewer are as bad as calls that take longer
        (0.01, 0.0, 1, [45, 31, 15]),
        (0.01, 0.0, 0, [8, 50, 62]),  # nothing is: as few as hinder nobody; back when that did not help
    ],
)
def test_what_a_window_says(took: float, lag: float, done: int, limits: list[int], together: int) -> None:
    """Of calls that take 10 ms as usual, with a limit of 50."""
    limit = AdaptiveLimit(100, 4)
    limit.value = 50
    assert windows(limit, Pace(), *[(took, lag, done)] * 3, together=together) == limits


@pytest.mark.parametrize(("took", "limits"), [(0.0011, [62, 77]), (0.0012, [50, 45])])
def test_a_millisecond_more_is_noise(took: float, limits: list[int]) -> None:
    """For calls that take a tenth of one it is ten times as much."""
    limit, pace = AdaptiveLimit(100, 4), Pace()
    limit.value = 50
    assert windows(limit, pace, *[(took, 0.0, 20)] * 2, usual=0.0001) == limits


def test_usual_rises_while_the_limit_is_not_in_use() -> None:
    """Where it is, slow calls may be its doing."""
    for value, learnt in ((50, 0.01), (90, 0.01 + 0.01 * 0.005)):
        limit, pace = AdaptiveLimit(100, 4), Pace()
        limit.value = value
        windows(limit, pace, (0.015, 0.0, 20))
        assert pace.usual == pytest.approx(learnt)


def test_a_trial_that_does_harm_is_taken_back() -> None:
    """Less than nine tenths or so gets done by it: then that is how long calls take."""
    limit, pace = AdaptiveLimit(100, 4), Pace()
    limit.value = 50
    slow = (0.0325, 0.0, 20)
    assert windows(limit, pace, slow, slow, (0.0325, 0.0, 17)) == [45, 31, 50]
    assert pace.usual == pytest.approx(0.0325)
    limit, pace = AdaptiveLimit(100, 4), Pace()
    limit.value = 50
    assert windows(limit, pace, slow, slow, (0.0325, 0.0, 18)) == [45, 31, 15]


@given(
    st.integers(1, 20),
    st.integers(20, 500),
    st.lists(
        st.tuples(
            st.floats(0.0, 10.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(1, 600), st.integers(0, 2)
        ),
        max_size=300,
    ),
)
def test_the_limit_stays_within_its_bounds(
    least: int, most: int, calls: Iterable[tuple[float, float, float, int, int]]
) -> None:
    """Whatever calls took, and in whatever order they ended."""
    limit, paces, now = AdaptiveLimit(most, least), [Pace(), Pace(), Pace()], 0.0
    for seconds, share, later, in_flight, which in calls:
        now += later
        before = limit.value
        changed = limit.record(paces[which], now - seconds, now, share * seconds, in_flight)
        assert changed is (limit.value != before)
        assert least <= limit.value <= most


@settings(deadline=None, max_examples=30)
@given(st.floats(0.001, 0.5), st.integers(4, 60))
def test_the_limit_rises_while_latency_is_flat(seconds: float, start: int) -> None:
    """As long as it is in use, and up to the most, which takes fewer windows than there are before the first trial."""
    limit = AdaptiveLimit(100, 4)
    limit.value = start
    seen = serve(limit, lambda _: (seconds, 0.0), 40 * max(0.1, seconds))
    before_trial = seen[: next((i for i, (a, b) in enumerate(pairwise(seen), 1) if b < a), None)]
    assert before_trial == sorted(before_trial)
    assert before_trial[-1] == 100
    assert min(seen) == start  # and no trial goes to where it began


@settings(deadline=None)
@given(st.integers(1, 20))
def test_the_limit_falls_when_calls_wait_for_the_processor(milliseconds: int) -> None:
    """Even if it never saw a quiet time: the wait for the first turn is none of a call's own."""
    limit = AdaptiveLimit(400, 4)
    each = milliseconds / 1000
    seen = serve(limit, lambda n: (each * n, each * (n - 1)), 2000 * each)
    assert seen[-1] <= 8
    assert min(seen) >= 4


def test_a_processor_is_kept_busy_by_few() -> None:
    """The limit settles where one more gains nothing."""
    limit = AdaptiveLimit(1000, 4)
    settled = serve(limit, processor, 30)[-5000:]
    assert 4 <= min(settled) <= max(settled) <= 8


def test_the_limit_finds_what_is_scarce_elsewhere() -> None:
    """Ten connections to a database: to let a thousand wait for them only makes them late."""
    limit, pace = AdaptiveLimit(1000, 4), Pace()
    pace.usual = 0.01
    settled = serve(limit, behind_ten, 30, pace=pace)[-10_000:]
    assert max(settled) <= 60
    assert min(settled) >= 8


def test_the_limit_finds_it_although_it_never_saw_a_quiet_time() -> None:
    """Started into overload, it takes the latency there for usual, until a trial shows better."""
    limit = AdaptiveLimit(1000, 4)
    settled = serve(limit, behind_ten, 120)[-10_000:]
    assert max(settled) <= 150


def test_what_its_deadline_ended_was_not_done() -> None:
    """Five connections, 10 ms each, half a second's patience: of a thousand that wait, most wait for nothing."""
    limit, pace = AdaptiveLimit(1000, 4), Pace()
    pace.usual = 0.01
    now, flying = 0.0, list[tuple[float, float, bool]]()
    free_at = 0.0
    for _ in range(40_000):
        while len(flying) < limit.value:
            free = max(free_at, now)
            late = free + 0.01 > now + 0.5
            if not late:
                free_at = free + 0.002
            heapq.heappush(flying, (now + 0.5 if late else free + 0.01, now, not late))
        now, began, done = heapq.heappop(flying)
        limit.record(pace, began, now, 0.0, len(flying) + 1, done)
    assert limit.value <= 30


def ends_nothing(
    limit: AdaptiveLimit, pace: Pace, start: float, seconds: float, within: int
) -> tuple[list[int], float]:
    """Let a call expire each millisecond; all are done where no more than ``within`` are in flight.

    Return the limits that there were, and the time.
    """
    now, seen = start, [limit.value]
    flying: deque[tuple[float, float]] = deque()
    while now < start + seconds:
        now += 0.001
        while flying and flying[0][0] <= now:
            _, began = flying.popleft()
            limit.record(pace, began, now, 0.0, len(flying) + 1, done=now - began < 0.1)
            seen.append(limit.value)
        if len(flying) < limit.value:
            flying.append((now + (0.01 if len(flying) < within else 0.5), now))
            flying = deque(sorted(flying))
    return seen, now


def test_where_nothing_is_done_next_to_none_are_left_in_flight() -> None:
    """All wait for the same few things until their deadlines; a few at a time would be done."""
    limit, pace = AdaptiveLimit(1000, 4), Pace()
    pace.usual = 0.01
    seen, _ = ends_nothing(limit, pace, 0.0, 1.5, within=0)
    assert min(seen) == 8
    seen, _ = ends_nothing(limit, pace, 2.0, 3.0, within=50)
    assert min(seen) == 8  # what is left of the old ones
    assert limit.value == 1000  # all is done by the ten that there are at a time then


def test_where_nothing_is_done_by_few_either_the_limit_is_put_back() -> None:
    """What they wait for hangs. It is tried again now and then, and all is as before when that is over."""
    limit, pace = AdaptiveLimit(1000, 4), Pace()
    pace.usual = 0.01
    seen, now = ends_nothing(limit, pace, 0.0, 20.0, within=0)
    assert seen.count(8) > 0
    put_back = sum(after == 1000 > before for before, after in pairwise(seen))
    assert 2 <= put_back <= 8
    serve(limit, flat, 10.0, start=now + 1.0, pace=pace)
    assert limit.value == 1000


@settings(deadline=None, max_examples=20)
@given(st.integers(3, 100))
def test_a_slow_callee_is_no_reason_to_serve_less(slower: int) -> None:
    """The trial does not help, and is taken back; from then on that is what calls take."""
    limit, pace = AdaptiveLimit(200, 4), Pace()
    serve(limit, flat, 5, pace=pace)
    took = 0.02 * slower
    seen = serve(limit, lambda _: (took, 0.0), 25 * max(0.2, took), start=10, pace=pace)
    assert min(seen) >= 200 * 0.65
    assert max(seen[-2000:]) == 200
    assert pace.usual == pytest.approx(took, rel=0.1)


def test_an_overload_is_forgotten() -> None:
    """A quiet process has room for a burst again."""
    limit, pace = AdaptiveLimit(1000, 4), Pace()
    serve(limit, processor, 10, pace=pace)
    assert limit.value < 10
    for number in range(1000):
        limit.record(pace, 20 + number * 0.01, 20.001 + number * 0.01, 0.0, 2)
    assert limit.value == 1000


def test_each_operation_has_a_usual_of_its_own() -> None:
    """That callers ask for slow things rather than quick ones is no overload."""
    limit, quick, slow = AdaptiveLimit(100, 4), Pace(), Pace()
    now = 0.0
    for number in range(4000):
        now += 0.01
        pace, took = (slow, 0.5) if number > 2000 or number % 10 == 0 else (quick, 0.001)
        limit.record(pace, now - took, now, 0.0, 60)
        assert limit.value == 100


def test_one_slow_window_is_chance() -> None:
    """Without lag, twice in a row is the least evidence, unless it is very much slower."""
    limit, pace = AdaptiveLimit(100, 4), Pace()
    pace.usual = 0.01
    for number in range(20):
        limit.record(pace, 0.006 * number, 0.006 * number + 0.025, 0.0, 50)
    assert limit.value == 100


def test_what_began_before_any_call_had_ended_is_not_learnt() -> None:
    """A process that has just started is slow, and no call of it says what is usual."""
    limit, pace = AdaptiveLimit(1000, 4), Pace()
    for number in range(50):
        limit.record(pace, 1.0, 5.0 + 0.01 * number, 0.0, 50)
    assert (limit.value, pace.usual, pace.fresh) == (1000, None, True)
    for number in range(20):
        limit.record(pace, 5.6 + 0.01 * number, 5.61 + 0.01 * number, 0.0, 50)
    assert pace.usual == pytest.approx(0.01)


@pytest.mark.parametrize("halt", [0.2, 1.0])
@pytest.mark.parametrize("lag", [0.0, 1.0])
def test_a_halt_of_the_process_lowers_nothing(halt: float, lag: float) -> None:
    """What was under way took long for that alone, whether it waited for a turn or for something else."""
    limit, pace = AdaptiveLimit(1000, 4), Pace()
    serve(limit, flat, 1.0, pace=pace)
    before = limit.value
    for number in range(400):
        limit.record(pace, 1.0, 1.0 + halt + 0.001 * number, lag * halt, 400 - number)
    assert limit.value == before
    assert pace.usual == pytest.approx(0.02)


@pytest.mark.parametrize("lag", [0.0, 1.0])
def test_a_short_silence_is_no_halt(lag: float) -> None:
    """Calls that are late all the same are so for another reason: of less than an eighth of a second and a call."""
    limit, pace = AdaptiveLimit(1000, 4), Pace()
    serve(limit, flat, 1.0, pace=pace)
    before = limit.value
    for number in range(400):
        limit.record(pace, 1.0, 1.0 + 0.12 + 0.001 * number, 0.1 * lag, 400)
    assert limit.value < before


def test_what_stands_still_again_and_again_is_overloaded() -> None:
    """Its calls block it: that is how long they take."""
    limit, pace = AdaptiveLimit(1000, 4), Pace()
    serve(limit, flat, 1.0, pace=pace)
    for number in range(100):
        limit.record(pace, 1.0 + 0.2 * (number // 10), 2.0 + 0.2 * (number // 10), 0.9, 50)
    assert limit.value < 50


@pytest.mark.parametrize(("most", "least"), [(0, 0), (3, 4), (5, 0)])
def test_bounds_that_contradict_each_other_are_refused(most: int, least: int) -> None:
    """A limit of nothing serves nobody."""
    with pytest.raises(ValueError, match=f"a limit between {least} and {most} is none"):
        AdaptiveLimit(most, least)


def test_calls_that_take_no_time_by_the_clock_are_no_mistake() -> None:
    """A clock of milliseconds says so of most of them, of every one in a window, and not of the next."""
    limit, pace = AdaptiveLimit(100, 4), Pace()
    for number in range(1000):
        now = number // 10 * 0.01
        limit.record(pace, now if number % 300 else max(0.0, now - 0.001), now, 0.0, 5)
    assert limit.value == 100
