"""What is learned from calls that waited."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.call.policy import Habit


def tried(waits: list[bool]) -> int:
    """Return how many of the calls, which wait or not, were started at once; learn from those."""
    habit, count = Habit(), 0
    for wait in waits:
        if habit.tries():
            count += 1
            if wait:
                habit.waited()
            else:
                habit.ran()
    return count


@given(st.integers(0, 500))
def test_an_operation_that_never_waits_is_always_started_at_once(calls: int) -> None:
    """It pays nothing for the others."""
    assert tried([False] * calls) == calls


def test_an_operation_that_always_waits_is_seldom_tried() -> None:
    """Once in 65 calls, after the first few."""
    assert tried([True] * (1 + 1 + 2 + 4 + 8 + 16 + 32 + 6)) == 7
    assert tried([True] * 6500) <= 6500 // 65 + 7
    for again in (0, 1, 10):
        assert tried([True] * (70 + 65 * again)) == 7 + again
        assert tried([True] * (70 + 65 * again - 1)) == 7 + again - 1


def test_it_is_tried_again_after_64_calls_however_long_it_always_waited() -> None:
    """The pause does not grow for ever."""
    waits = [True] * 100_000
    assert tried([*waits, *[False] * 65]) > tried(waits)


@given(st.lists(st.booleans(), max_size=300))
def test_an_operation_that_stops_waiting_is_soon_started_at_once_again(waits: list[bool]) -> None:
    """Whatever came before: after at most 64 more calls."""
    before = tried(waits)
    assert tried(waits + [False] * 100) >= before + 36


@given(st.lists(st.just([True] + [False] * 9), max_size=50))
def test_an_operation_that_waits_now_and_then_is_mostly_started_at_once(tens: list[list[bool]]) -> None:
    """One call of ten waits: at most one more of the ten is given a task for that."""
    waits = [wait for ten in tens for wait in ten]
    assert tried(waits) >= len(waits) * 0.9
