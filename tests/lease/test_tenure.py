"""When a holder asks for more time, and when it must have ended: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.lease import Tenure
from freestone.lease.tenure import next_try

SECONDS = st.floats(0.5, 3600)
TIMES = st.floats(0, 1e6)


def test_a_lease_is_renewed_at_a_third_of_its_time() -> None:
    """So that two heartbeats may fail."""
    assert Tenure(30, 100).next_renewal(100) == 110
    assert Tenure(30, 100).next_renewal(109) == 110


def test_what_was_not_renewed_is_tried_again_at_short_intervals() -> None:
    """A twelfth of the time."""
    assert Tenure(30, 100).next_renewal(112) == 114.5


@given(SECONDS, TIMES, st.lists(st.tuples(st.floats(0, 4000), st.booleans(), st.floats(0, 4000)), max_size=30))
def test_a_holder_never_goes_on_when_somebody_else_may_begin(
    seconds: float, start: float, requests: list[tuple[float, bool, float]]
) -> None:
    """However late an answer comes, and whichever are lost: the store's time began after the request was sent."""
    tenure = Tenure(seconds, start)
    now, may_begin = start, start + seconds
    for pause, answered, delay in requests:
        asked = now + pause
        if tenure.is_over(asked):
            break
        now = asked + delay
        if now < may_begin:  # the store grants at the latest possible moment that is still in the tenure, or earlier
            may_begin = max(may_begin, asked + seconds)
            if answered:
                tenure = tenure.renewed(asked)
        assert tenure.stop < tenure.expiry <= may_begin


@given(SECONDS, TIMES, st.floats(0, 1))
def test_the_next_renewal_comes_before_the_end(seconds: float, asked: float, share: float) -> None:
    """From whatever moment on, as long as there is a twelfth left."""
    tenure = Tenure(seconds, asked)
    now = asked + share * seconds * 3 / 4
    assert now <= tenure.next_renewal(now) <= tenure.stop + 1e-6


@given(SECONDS, TIMES, st.floats(0, 100))
def test_an_older_answer_takes_nothing_back(seconds: float, asked: float, earlier: float) -> None:
    """Answers may overtake each other."""
    tenure = Tenure(seconds, asked)
    assert tenure.renewed(asked - earlier) == tenure


@given(TIMES, st.floats(0, 100), SECONDS)
def test_who_waits_asks_again_in_time(now: float, wait: float, seconds: float) -> None:
    """Not in a tight loop, not later than a second, and a last time at the end."""
    following = next_try(now, now + wait, seconds)
    assert now <= following <= now + wait
    assert following <= now + 1 or following == pytest.approx(now + 1)
    assert following >= min(now + 0.02, now + wait)
