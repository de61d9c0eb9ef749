"""Which tick is to be run now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from freestone.schedule.due import MISSED, MOST, Missed, due, next_try
from freestone.schedule.timetable import Every

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOURLY = Every(3600)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def test_nothing_is_due_before_its_time() -> None:
    """Only when to look again is known."""
    found = due(HOURLY, "once", at(0), at(0.99))
    assert (found.tick, found.left_out, found.next) == (None, (), at(1))


def test_a_tick_is_due_at_its_time() -> None:
    """With any way of treating missed ones."""
    for missed in MISSED:
        found = due(HOURLY, missed, at(0), at(1))
        assert (found.tick, found.left_out, found.next) == (at(1), (), at(2))


def test_once_runs_the_latest_of_the_missed() -> None:
    """It stands for all."""
    found = due(HOURLY, "once", at(0), at(3.5))
    assert (found.tick, found.left_out, found.next) == (at(3), (at(1), at(2)), at(4))


def test_skip_runs_none_of_the_missed() -> None:
    """A minute after its time a tick counts as missed; a little later than its time is not too late."""
    assert due(HOURLY, "skip", at(0), at(3.5)).tick is None
    assert due(HOURLY, "skip", at(0), at(3.5)).left_out == (at(1), at(2), at(3))
    late = due(HOURLY, "skip", at(0), at(3) + timedelta(seconds=60))
    assert (late.tick, late.left_out) == (at(3), (at(1), at(2)))
    assert due(HOURLY, "skip", at(0), at(3) + timedelta(seconds=61)).tick is None
    assert due(HOURLY, "skip", at(0), at(3) + timedelta(seconds=61), jitter=5).tick == at(3)


def test_all_runs_each_of_the_missed_from_the_oldest_on() -> None:
    """The latest hundred at most."""
    found = due(HOURLY, "all", at(0), at(3.5))
    assert (found.tick, found.left_out) == (at(1), ())
    found = due(HOURLY, "all", at(0), at(MOST + 1))
    assert (found.tick, found.left_out) == (at(2), (at(1),))


def test_a_clock_that_goes_back_runs_nothing_twice() -> None:
    """What is settled stays settled; the next tick is the one after it."""
    found = due(HOURLY, "all", at(5), at(2))
    assert (found.tick, found.left_out, found.next) == (None, (), at(6))


@given(
    st.integers(1, 5000), st.sampled_from(MISSED), st.integers(-(10**6), 10**6),
    st.lists(st.integers(-20000, 20000), max_size=30),
)  # fmt: skip
def test_no_tick_is_run_twice_whatever_the_clock_does(step: int, missed: Missed, start: int, moves: list[int]) -> None:
    """Ticks that are run go forward only, are never in the future, and are moments of the timetable."""
    table = Every(step)
    now = last = NOON + timedelta(seconds=start)
    runs: list[datetime] = []
    for move in moves:
        now += timedelta(seconds=move)
        found = due(table, missed, last, now)
        assert found.next is not None
        assert found.next > now
        assert all(last < tick <= now for tick in found.left_out)
        if found.tick is None:
            last = found.left_out[-1] if found.left_out else last
            continue
        assert last < found.tick <= now
        assert int(found.tick.timestamp()) % step == 0
        runs.append(found.tick)
        last = found.tick
    assert runs == sorted(set(runs))


@given(st.integers(1, 5000), st.integers(0, 10**6), st.sampled_from(MISSED))
def test_whatever_is_missed_is_run_or_told_to_be_left_out(step: int, seconds: int, missed: Missed) -> None:
    """Up to the bound on what is looked at, nothing vanishes."""
    table = Every(step)
    now = NOON + timedelta(seconds=seconds)
    last, seen = NOON, 0
    while (found := due(table, missed, last, now)).tick or found.left_out:
        seen += len(found.left_out) + (found.tick is not None)
        last = found.tick or found.left_out[-1]
    passed = int(now.timestamp()) // step - int(NOON.timestamp()) // step
    assert seen == min(passed, MOST + 1)


def test_a_tick_that_failed_is_tried_again_until_the_next_is_due() -> None:
    """But all gives none up."""
    assert next_try("once", at(1), at(0.5)) == at(0.5)
    assert next_try("once", at(1), at(1)) is None
    assert next_try("skip", at(1), at(2)) is None
    assert next_try("all", at(1), at(2)) == at(2)
    assert next_try("once", None, at(2)) == at(2)
