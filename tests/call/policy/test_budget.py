"""Repetitions are a share of calls, whatever happens when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.call.policy import RetryBudget

STEPS = st.lists(st.tuples(st.floats(0, 30), st.integers(0, 500), st.integers(0, 500)), max_size=30)


@given(STEPS, st.sampled_from([0.0, 0.1, 0.2, 1.0]), st.sampled_from([0.0, 0.5, 1.0]))
def test_no_more_is_spent_than_the_share_and_the_floor(
    steps: list[tuple[float, int, int]], share: float, floor: float
) -> None:
    """The advance is paid back, and the floor counts where calls are rare: the bound of the docstring."""
    budget, now, calls, spent = RetryBudget(share, floor, 0.0), 0.0, 0, 0
    for wait, made, wanted in steps:
        now += wait
        budget.calls += made
        calls += made
        spent += sum(budget.take(now) for _ in range(wanted))
        assert spent <= max(10 * floor, share * calls) + floor * now + 1e-6


def test_a_storm_is_at_most_a_fifth_more() -> None:
    """A thousand calls a second, each of which fails and would be made three times."""
    budget, spent = RetryBudget(0.2, 1.0, 0.0), 0
    for second in range(20):
        for call in range(1000):
            budget.calls += 1
            spent += sum(budget.take(second + call / 1000) for _ in range(2))
    assert 3500 < spent <= 4000


@given(spent=st.integers(1, 20))
def test_what_is_given_back_can_be_spent_again(spent: int) -> None:
    """As if it had not been taken."""
    budget = RetryBudget(0.2, 1.0, now=0.0)
    for _ in range(spent):
        assert budget.take(0.0)
        budget.give_back()
    assert [budget.take(0.0) for _ in range(11)] == [True] * 10 + [False]


def test_rare_calls_can_be_repeated() -> None:
    """One a minute, each with its two repetitions."""
    budget = RetryBudget(0.2, 1.0, 0.0)
    for minute in range(10):
        budget.calls += 1
        assert budget.take(minute * 60.0)
        assert budget.take(minute * 60.0)


def test_a_share_is_of_all_calls_however_they_are_told() -> None:
    """A thousand at once or one by one; what is advanced for the floor is part of it."""
    for step in (1, 10, 1000):
        budget, spent = RetryBudget(0.2, 1.0, 0.0), 0
        for _ in range(0, 1000, step):
            budget.calls += step
            spent += sum(budget.take(0.0) for _ in range(step))
        assert spent == 200, step


def test_the_floor_counts_beside_few_calls() -> None:
    """Their share is less: one in ten seconds, of which none would be repeated by a fifth."""
    budget = RetryBudget(0.2, 1.0, 0.0)
    budget.calls += 50  # which pay for the advance
    assert sum(budget.take(0.0) for _ in range(20)) == 10
    for number in range(1, 20):
        budget.calls += 1
        assert sum(budget.take(10.0 * number) for _ in range(5)) == 5


def test_what_is_not_spent_fades_however_often_it_is_looked_at() -> None:
    """Twice a second, as long as a minute after the last call."""
    budget = RetryBudget(0.2, 0.0, 0.0)
    budget.calls += 10_000
    looks = [budget.take(half / 2) for half in range(120)]
    assert all(looks[:10])
    assert sum(budget.take(60.0) for _ in range(100)) < 10


@given(st.floats(0.0, 100.0))
def test_a_clock_that_goes_back_takes_nothing(back: float) -> None:
    """As that of another event loop, in a test."""
    budget = RetryBudget(0.2, 1.0, 100.0)
    assert sum(budget.take(100.0 - back) for _ in range(20)) == 10


def test_what_was_earned_long_ago_is_not_spent_at_once() -> None:
    """A million good calls an hour ago are no reason for a storm now."""
    budget = RetryBudget(0.2, 1.0, 0.0)
    budget.calls += 1_000_000
    assert budget.take(10.0)
    assert sum(budget.take(3600.0) for _ in range(100)) <= 10
