"""The choice among replicas."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call.policy import least_of_two

LOADS = st.lists(st.integers(0, 1000), min_size=1, max_size=12)


@given(LOADS, st.randoms(use_true_random=False))
def test_the_choice_is_one_of_the_replicas(loads: list[int], chance: random.Random) -> None:
    """Whatever the loads and the chance."""
    assert 0 <= least_of_two(loads, chance) < len(loads)


@given(LOADS.filter(lambda loads: len(loads) > 1), st.randoms(use_true_random=False))
def test_the_one_that_has_most_is_never_chosen(loads: list[int], chance: random.Random) -> None:
    """Two different replicas are compared, and the most loaded of all loses against each other one."""
    most = max(loads)
    if loads.count(most) == 1:
        assert least_of_two(loads, chance) != loads.index(most)


@given(st.integers(2, 8))
def test_equal_replicas_are_chosen_equally(count: int) -> None:
    """By chance, so that no replica is everybody's first."""
    chance = random.Random(7)
    chosen = Counter(least_of_two([3] * count, chance) for _ in range(count * 400))
    assert set(chosen) == set(range(count))
    assert min(chosen.values()) > 250


def test_of_two_replicas_the_lesser_is_chosen() -> None:
    """Then there is no chance in it."""
    chance = random.Random(1)
    assert {least_of_two([5, 4], chance) for _ in range(50)} == {1}


def test_a_choice_from_nothing_is_refused() -> None:
    """The caller has to know whether there is a replica."""
    with pytest.raises(ValueError, match="there is nothing to choose from"):
        least_of_two([], random.Random(1))
