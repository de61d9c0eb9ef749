"""The real clock and the fake one keep the same promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from freestone.clock import Clock, SystemClock, SystemIds, system_random
from freestone.testing import FakeClock, FakeIds, fake_random
from freestone.testing.conformance import clock as conformance


def stand_by(seconds: float) -> None:
    """Real time passes on its own."""


@pytest.fixture(params=["system", "fake"])
def made(request: pytest.FixtureRequest) -> tuple[Clock, Callable[[float], None]]:
    if request.param == "system":
        return SystemClock(), stand_by
    clock = FakeClock()
    return clock, clock.advance


async def test_a_clock_keeps_its_promises(made: tuple[Clock, Callable[[float], None]]) -> None:
    """The whole suite, for each."""
    clock, advance = made
    conformance.check_now_is_aware_and_in_utc(clock)
    conformance.check_monotonic_never_goes_back(clock, advance)
    await conformance.check_sleep_lasts(clock, advance)
    await conformance.check_sleepers_wake_in_order(clock, advance)
    await conformance.check_sleep_can_be_cancelled(clock, advance)
    await conformance.check_sleeping_no_time_gives_way(clock)


def test_the_fake_wall_clock_can_jump_alone() -> None:
    """As when somebody sets it: the monotonic clock does not notice."""
    clock = FakeClock()
    before = clock.now(), clock.monotonic()
    clock.jump(-3600)
    assert clock.now() < before[0]
    assert clock.monotonic() == before[1]


def test_the_fake_clock_refuses_a_time_without_a_zone() -> None:
    """And says what to pass."""
    with pytest.raises(ValueError, match=r"needs an aware time; pass datetime\(..., tzinfo=UTC\)"):
        FakeClock(datetime(2030, 1, 1))


def test_time_does_not_go_back() -> None:
    """``advance`` refuses."""
    with pytest.raises(ValueError, match="time does not go back"):
        FakeClock().advance(-1)


def test_system_ids_are_unique_and_sort_by_time() -> None:
    """UUID version 7 in 32 digits, RFC 9562 section 5.7."""
    clock = FakeClock()
    ids = SystemIds(clock, system_random())
    first = ids.new()
    clock.advance(0.001)
    second = ids.new()
    assert first < second
    assert len(first) == 32
    assert first[12] == "7"
    assert first[16] in "89ab"


def test_fake_ids_count() -> None:
    """So that a test can name them."""
    ids = FakeIds()
    assert [ids.new()[-1], ids.new()[-1]] == ["1", "2"]


def test_fake_random_repeats() -> None:
    """The same seed, the same chance."""
    assert fake_random(7).random() == fake_random(7).random()
