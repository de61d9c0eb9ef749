"""When the weekly letters are due."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.notifications.week import APART, LATE, due, may_remind

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY, SUNDAY = 0, 6


def berlin(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=BERLIN)  # type: ignore[misc, arg-type]


def test_they_are_due_from_that_time_of_that_weekday() -> None:
    """In the zone that was set; a minute before it is too early."""
    moment = berlin(2026, 11, 23, 9)
    assert due(berlin(2026, 11, 23, 8, 59), MONDAY, time(9), BERLIN) is None
    assert due(moment, MONDAY, time(9), BERLIN) == moment
    assert due(berlin(2026, 11, 23, 23), MONDAY, time(9), BERLIN) == moment


def test_what_was_missed_comes_a_little_later_or_not_at_all() -> None:
    """After an outage within a day; then it waits for the next week."""
    moment = berlin(2026, 11, 23, 9)
    assert due(moment + LATE, MONDAY, time(9), BERLIN) == moment
    assert due(moment + LATE + timedelta(seconds=1), MONDAY, time(9), BERLIN) is None


def test_summer_time_moves_the_moment_with_the_clocks() -> None:
    """Nine is nine, in winter and in summer."""
    winter, summer = berlin(2026, 3, 23, 9), berlin(2026, 3, 30, 9)
    assert due(winter, MONDAY, time(9), BERLIN) == winter
    assert due(summer, MONDAY, time(9), BERLIN) == summer
    assert summer.astimezone(UTC) - winter.astimezone(UTC) == timedelta(days=7, hours=-1)


def test_a_time_that_clocks_skip_or_have_twice_is_there_once() -> None:
    """02:30 in the nights in which summer begins and ends."""
    begins = due(berlin(2026, 3, 29, 4), SUNDAY, time(2, 30), BERLIN)
    assert begins is not None
    assert begins == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    ends = due(berlin(2026, 10, 25, 4), SUNDAY, time(2, 30), BERLIN)
    assert ends == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("days", "allowed"), [(None, True), (7, True), (6.5, True), (5.9, False), (0, False)])
def test_nobody_is_reminded_twice_a_week(days: float | None, allowed: bool) -> None:
    """Also when the weekday was changed in between."""
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    last = None if days is None else now - timedelta(days=days)
    assert may_remind(now, now, last) is allowed


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    steps=st.lists(st.integers(min_value=1, max_value=3 * 24 * 60), max_size=60),
    weekday=st.integers(0, 6),
    moment=st.times(),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_however_often_it_is_looked_there_is_at_most_one_a_week(
    start: datetime, steps: list[int], weekday: int, moment: time, zone: str
) -> None:
    """And each is within a day of its moment."""
    now, reminded = start.replace(tzinfo=UTC), []
    for step in steps:
        now += timedelta(minutes=step)
        since = due(now, weekday, moment, ZoneInfo(zone))
        if since is not None:
            assert timedelta() <= now - since <= LATE
            assert since.astimezone(ZoneInfo(zone)).weekday() == weekday
            if may_remind(now, since, reminded[-1] if reminded else None):
                reminded.append(now)
    assert all(later - earlier >= APART for earlier, later in itertools.pairwise(reminded))
