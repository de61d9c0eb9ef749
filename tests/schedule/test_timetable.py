"""When a schedule ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.schedule.timetable import Every, Misread, Timetable, cron, every, shortest_step, since

BERLIN = "Europe/Berlin"
ZONES = ("Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut", "Antarctica/Troll")
EXPRESSIONS = (
    "0 6 * * *", "30 2 * * *", "0,30 2,3 * * *", "*/15 * * * *", "0 * * * *", "45 1 * * *", "15,45 1,2 * * *",
    "0 0 * * *", "5 */2 * * *", "* 2 * * *", "0 12 1 * *", "0 0 29 2 *", "0 0 * * 1#2", "0-59/7 0-4 * * *",
)  # fmt: skip


def changes(zone: str) -> list[datetime]:
    """Return the hours in which the clocks of a zone are set."""
    found: list[datetime] = []
    hour, info = datetime(2018, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    while hour.year < 2031:
        if hour.astimezone(info).utcoffset() != (hour + timedelta(hours=1)).astimezone(info).utcoffset():
            found.append(hour)
        hour += timedelta(hours=1)
    return found


CHANGES = [(zone, hour) for zone in ZONES for hour in changes(zone)]


def ticks(table: Timetable, start: datetime, count: int, zone: str = "UTC") -> list[str]:
    found: list[str] = []
    for _ in range(count):
        tick = table.next_after(start)
        assert tick is not None
        found.append(f"{tick.astimezone(ZoneInfo(zone)):%d %H:%M %z}")
        start = tick
    return found


@given(st.integers(1, 10**6), st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1)))
def test_steps_are_counted_from_1970(step: int, moment: datetime) -> None:
    """So they are the same for every process, whenever it was started."""
    moment = moment.replace(tzinfo=UTC)
    tick = Every(step).next_after(moment)
    assert tick is not None
    assert moment < tick <= moment + timedelta(seconds=step)
    assert int(tick.timestamp()) % step == 0


@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(CHANGES),
    st.integers(-20000, 20000),
    st.floats(0, 1, exclude_max=True),
)
def test_cron_is_a_fixed_set_of_moments(
    expression: str, change: tuple[str, datetime], seconds: int, part: float
) -> None:
    """Whoever asks at any time between two of them gets the same next one, also around a change of the clocks."""
    zone, hour = change
    table = cron(expression, zone)
    moment = hour + timedelta(seconds=seconds)
    tick = table.next_after(moment)
    assert tick is not None
    assert tick > moment
    asked = moment + (tick - moment) * part
    assert asked == tick or table.next_after(asked) == tick


def test_a_time_that_clocks_skip_is_run_right_after_the_gap() -> None:
    """On 31 March 2030 there is no half past two in Berlin; the run is not dropped."""
    start = datetime(2030, 3, 30, 12, tzinfo=UTC)
    assert ticks(cron("30 2 * * *", BERLIN), start, 3, BERLIN) == ["31 03:00 +0200", "01 02:30 +0200", "02 02:30 +0200"]


def test_two_times_in_the_gap_are_one_run() -> None:
    """Both would be run at its end."""
    start = datetime(2030, 3, 31, 0, tzinfo=UTC)
    assert ticks(cron("0,30 2,3 * * *", BERLIN), start, 2, BERLIN) == ["31 03:00 +0200", "31 03:30 +0200"]


def test_a_time_that_clocks_show_twice_is_run_once() -> None:
    """At its first showing; whoever asks between the two gets the next day."""
    table = cron("45 2 * * *", BERLIN)
    assert ticks(table, datetime(2030, 10, 26, 12, tzinfo=UTC), 2, BERLIN) == ["27 02:45 +0200", "28 02:45 +0100"]
    between = datetime(2030, 10, 27, 1, 10, tzinfo=UTC)
    assert ticks(table, between, 1, BERLIN) == ["28 02:45 +0100"]


def test_a_star_means_a_distance_and_ticks_through_both_changes() -> None:
    """Every hour is every hour, also on a day of 23 or 25 hours."""
    table = cron("0 * * * *", BERLIN)
    spring = since(table, datetime(2030, 3, 30, 22, 59, tzinfo=UTC), datetime(2030, 3, 31, 21, 59, tzinfo=UTC), 100)
    autumn = since(table, datetime(2030, 10, 26, 21, 59, tzinfo=UTC), datetime(2030, 10, 27, 22, 59, tzinfo=UTC), 100)
    assert (len(spring), len(autumn)) == (23, 25)


@given(st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES), st.integers(0, 6000), st.integers(1, 30))
def test_the_ticks_since_a_moment_are_the_latest_of_all(expression: str, zone: str, minutes: int, most: int) -> None:
    """However far back it lies."""
    table = cron(expression, zone)
    now = datetime(2030, 11, 1, 3, 3, tzinfo=UTC)
    last = now - timedelta(minutes=minutes)
    all_of_them: list[datetime] = []
    tick = table.next_after(last)
    while tick is not None and tick <= now:
        all_of_them.append(tick)
        tick = table.next_after(tick)
    assert since(table, last, now, most) == all_of_them[-most:]


def test_a_year_of_minutes_costs_no_more_than_a_day() -> None:
    """Only the latest are computed, not half a million."""

    class Counted:
        asked = 0

        def next_after(self, moment: datetime) -> datetime | None:
            self.asked += 1
            return Every(60).next_after(moment)

    table = Counted()
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert len(since(table, now - timedelta(days=365), now, 100)) == 100
    assert table.asked < 1440


@pytest.mark.parametrize("step", ["5 minutes", "1.5s", "250ms", 0, "0s", None, True])
def test_what_is_no_step_is_refused(step: object) -> None:
    """With what to write in its place."""
    with pytest.raises(Misread, match=r"is no (duration|whole number of seconds); say"):
        every(step)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("0 6 * *", "has not the five fields of cron"),
        ("0 0 6 * * *", "has not the five fields of cron"),
        ("61 6 * * *", "has a wrong minute"),
        ("0 6 * * MOO", "has a wrong day-of-week"),
        ("0 6 30 2 *", "has a wrong day-of-month"),
        (6, "has not the five fields of cron"),
    ],
)
def test_what_is_no_cron_expression_is_refused(expression: object, problem: str) -> None:
    """With the field that is wrong."""
    with pytest.raises(Misread, match=problem):
        cron(expression, "UTC")


@pytest.mark.parametrize("zone", ["Mars/Base", "", "../etc", None])
def test_a_time_zone_that_there_is_not_is_refused(zone: object) -> None:
    """With an example, and where zones come from."""
    with pytest.raises(Misread, match=r'there is no time zone .* here; name one of IANA, as "Europe/Berlin"'):
        cron("0 6 * * *", zone)


def test_the_shortest_step_of_a_timetable() -> None:
    """A jitter must be less."""
    assert shortest_step(every("5m")) == 300
    assert shortest_step(cron("0,10 6 * * *", "UTC")) == 600


def test_timetables_are_shown() -> None:
    """As they are declared."""
    assert str(every(90)) == "every 90s"
    assert str(cron("0  6 * * *", BERLIN)) == "cron 0 6 * * * Europe/Berlin"
