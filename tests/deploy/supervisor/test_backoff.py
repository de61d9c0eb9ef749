"""How long to wait before a crashed process is started again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.deploy.supervisor import Backoff

chances = st.floats(0, 1)
crashes = st.integers(1, 100_000)
starts = st.floats(0, 60)


def test_the_wait_for_what_does_not_come_up_doubles_with_each_crash() -> None:
    """Without chance, the waits are first, twice that, four times that …"""
    backoff = Backoff(first=0.5, factor=2, ceiling=100, jitter=0)
    assert [backoff.unstarted(n, 0.7) for n in (1, 2, 3, 4)] == [0.5, 1, 2, 4]


def test_what_had_served_is_started_at_once_and_then_after_short_waits() -> None:
    """The first crash costs no wait; the ceiling is low, however often it falls."""
    backoff = Backoff(first=0.2, factor=2, served_ceiling=1, jitter=0)
    assert [backoff.served(n, 0.4, 0.7) for n in (1, 2, 3, 4, 5, 6)] == [0, 0.2, 0.4, 0.8, 1, 1]


@given(crashes, chances)
def test_the_wait_has_a_ceiling_and_a_floor(n: int, chance: float) -> None:
    """However many crashes and whatever chance says, the wait is between half the first and the ceiling."""
    backoff = Backoff(first=0.2, ceiling=10, jitter=0.5)
    assert 0.1 <= backoff.unstarted(n, chance) <= 10


@given(crashes, starts, chances)
def test_more_crashes_never_shorten_the_wait(n: int, start: float, chance: float) -> None:
    """For one chance, both waits grow with the crashes, or stay at the ceiling."""
    assert Backoff().unstarted(n, chance) <= Backoff().unstarted(n + 1, chance)
    assert Backoff().served(n, start, chance) <= Backoff().served(n + 1, start, chance)


@given(crashes, starts, chances)
def test_what_had_served_is_never_away_for_longer_than_a_second_or_its_start(
    n: int, start: float, chance: float
) -> None:
    """One that is killed again and again comes back again and again."""
    assert Backoff().served(n, start, chance) <= max(1, start)


@given(st.integers(12, 100_000), starts, chances)
def test_what_falls_at_each_request_leaves_the_machine_a_rest(n: int, start: float, chance: float) -> None:
    """After a dozen crashes it rests for half of the time that its start took, or longer, and for half a second."""
    assert Backoff().served(n, start, chance) >= max(0.5, start / 2)
