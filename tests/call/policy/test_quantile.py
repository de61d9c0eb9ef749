"""The p95 so far."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call.policy import Hedge, Quantile


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95])
def test_the_share_that_is_below_is_the_one_that_was_asked_for(quantile: float) -> None:
    """Of what came while it was at rest."""
    chance, seen, below = random.Random(3), Quantile(quantile), 0
    for number in range(20_000):
        value = chance.lognormvariate(-6.0, 0.7)
        if number >= 2000:
            below += value <= seen.value
        seen.observe(value)
    assert below / 18_000 == pytest.approx(quantile, abs=0.02)


def test_it_follows_a_change() -> None:
    """A callee that became a hundred times as slow is seen as such within a few hundred answers."""
    chance, seen = random.Random(3), Quantile(0.95)
    for _ in range(2000):
        seen.observe(chance.uniform(0.001, 0.002))
    for _ in range(300):
        seen.observe(chance.uniform(0.1, 0.2))
    assert 0.1 < seen.value < 0.3


@given(st.lists(st.floats(1e-6, 100.0), min_size=1, max_size=200))
def test_it_stays_near_what_was_seen(values: list[float]) -> None:
    """It is never a step beyond the largest or the smallest."""
    seen = Quantile(0.95)
    for value in values:
        seen.observe(value)
    assert min(0.99 * min(values), 1e-4) <= seen.value <= max(1.06 * max(values), 1e-4)


def test_a_coarse_clock_does_not_hold_it_at_nothing() -> None:
    """What took less than a tick took no time, and what comes later is seen."""
    seen = Quantile(0.95)
    for _ in range(100):
        seen.observe(0.0)
    for _ in range(300):
        seen.observe(0.05)
    assert seen.value > 0.04


def test_the_first_number_is_the_first_estimate() -> None:
    """And what took no time is taken for a tenth of a millisecond, so that what is longer can be seen above it."""
    seen = Quantile(0.95)
    seen.observe(3.0)
    assert (seen.value, seen.count) == (3.0, 1)
    quick = Quantile(0.95)
    for _ in range(100):
        quick.observe(0.0)
        assert quick.value >= 1e-4


@pytest.mark.parametrize("quantile", [0.0, 1.0, -1.0])
def test_what_is_no_quantile_is_refused(quantile: float) -> None:
    with pytest.raises(ValueError, match="a quantile is between 0 and 1"):
        Quantile(quantile)


def test_nothing_is_hedged_before_enough_was_seen() -> None:
    """And never sooner than the least."""
    seen, hedge = Quantile(0.95), Hedge(0.95, least=0.01)
    for _ in range(19):
        seen.observe(0.5)
    assert hedge.delay(seen) is None
    seen.observe(0.5)
    assert hedge.delay(seen) == seen.value
    assert Hedge(0.95, least=3.0).delay(seen) == 3.0
