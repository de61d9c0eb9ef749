"""How long to wait before a crashed process is started again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.deploy.supervisor import Backoff

chances = st.floats(0, 1)
failures = st.integers(1, 100_000)


def test_the_wait_doubles_with_each_crash() -> None:
    """Without chance, the waits are first, twice that, four times that …"""
    backoff = Backoff(first=0.5, factor=2, ceiling=100, jitter=0)
    assert [backoff.delay(n, 0.7) for n in (1, 2, 3, 4)] == [0.5, 1, 2, 4]


@given(failures, chances)
def test_the_wait_has_a_ceiling_and_a_floor(n: int, chance: float) -> None:
    """However many crashes and whatever chance says, the wait is between half the first and the ceiling."""
    backoff = Backoff(first=0.2, ceiling=10, jitter=0.5)
    assert 0.1 <= backoff.delay(n, chance) <= 10


@given(failures, chances)
def test_more_crashes_never_shorten_the_wait(n: int, chance: float) -> None:
    """For one chance, the wait grows with the crashes, or stays at the ceiling."""
    assert Backoff().delay(n, chance) <= Backoff().delay(n + 1, chance)
