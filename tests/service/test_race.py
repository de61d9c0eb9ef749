"""Whether a transaction that lost a race is tried again, and when."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from freestone.service import MOST_REPETITIONS, next_run


@given(lost=st.integers(1, 100), most=st.integers(0, 100), left=st.floats(0, 100), seed=st.integers())
def test_it_is_bounded_and_never_waits_past_the_deadline(lost: int, most: int, left: float, seed: int) -> None:
    """Each wait has a bound that doubles, six times."""
    delay = next_run(lost, left, random.Random(seed), most)
    if lost > most:
        assert delay is None
    elif delay is not None:
        assert 0 <= delay < min(left, 0.01 * 2 ** min(lost - 1, 6))


def test_it_is_eight_unless_another_number_is_known() -> None:
    """A caller waits meanwhile."""
    assert next_run(MOST_REPETITIONS, 10, random.Random(1)) is not None
    assert next_run(MOST_REPETITIONS + 1, 10, random.Random(1)) is None


@given(seed=st.integers())
def test_the_wait_is_by_chance_over_all_of_its_range(seed: int) -> None:
    """Full jitter: those who met once do not meet again."""
    waits = [next_run(1, 10, it) for it in [random.Random(seed)] for _ in range(200)]
    assert all(wait is not None for wait in waits)
    assert min(waits) < 0.002 < 0.008 < max(waits)  # type: ignore[type-var]
