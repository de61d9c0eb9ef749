"""How long to wait before connecting again."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from freestone.call.policy import Backoff


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_a_wait_is_never_longer_than_the_longest(failures: int, chance: random.Random) -> None:
    """However many attempts have failed."""
    assert 0 <= Backoff(first=0.1, most=2.0).delay(failures, chance) <= 2.0


def test_the_first_attempt_waits_for_nothing() -> None:
    """There was no failure."""
    assert Backoff().delay(0, random.Random(1)) == 0


def test_waits_double_and_are_spread() -> None:
    """Full jitter: anything from nothing to the bound."""
    chance = random.Random(1)
    backoff = Backoff(first=0.1, most=10.0)
    for failures, bound in ((1, 0.1), (2, 0.2), (4, 0.8)):
        waits = [backoff.delay(failures, chance) for _ in range(300)]
        assert 0.9 * bound < max(waits) < bound
        assert min(waits) < 0.1 * bound
