"""What a caller knows of one replica."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call.policy import Balance, Breaking, Replica

NOISE = 0.001
MEMORY = 2.0


@dataclass(eq=False)
class Line:
    """A connection that takes calls."""

    accepts: bool = True


def warm(now: float = 0.0) -> Replica[Line]:
    """Return a replica that has been connected for long, and has not answered yet."""
    it: Replica[Line] = Replica("a", Balance(memory=MEMORY, slow_start=10.0), None, now - 100.0)
    it.connected(Line(), now - 100.0, 0.0)
    return it


def answers(it: Replica[Line], began: float, now: float) -> None:
    it.begin(began)
    it.answered(began, now)


def test_it_begins_with_nothing() -> None:
    """No call, no stream, no answer, and a breaker only where one is wanted."""
    it: Replica[Line] = Replica("a", Balance(), None, 0.0)
    assert (it.pending, it.streams, it.answers, it.latency, it.breaker) == (0, 0, 0, 0.0, None)
    assert it.sound
    assert Replica[Line]("a", Balance(), Breaking(), 0.0).breaker is not None


def test_a_new_one_is_expected_to_be_as_quick_as_the_others() -> None:
    """One that was known before is as quick as it was then."""
    it: Replica[Line] = Replica("a", Balance(), None, 0.0)
    it.connected(Line(), 0.0, 0.25)
    assert it.latency == 0.25
    it.connected(Line(), 1.0, 7.0)
    assert it.latency == 0.25


def test_a_new_connection_begins_slowly_and_the_same_one_does_not() -> None:
    """Who had more to write than the network took, and takes calls again, is as warm as before."""
    it: Replica[Line] = Replica("a", Balance(slow_start=10.0), None, 0.0)
    line = Line()
    it.connected(line, 0.0, 0.0)
    assert it.load(0.0) == pytest.approx(NOISE / 0.1)  # of its share, a tenth
    assert it.load(5.0) == pytest.approx(NOISE / 0.5)
    assert it.load(10.0) == pytest.approx(NOISE)
    it.connected(line, 10.0, 0.0)
    assert it.load(10.0) == pytest.approx(NOISE)
    it.connected(Line(), 10.0, 0.0)
    assert it.load(10.0) == pytest.approx(NOISE / 0.1)


def test_what_it_owes_over_a_new_connection_is_owed_since_then() -> None:
    """A silence before it connected is none of its own."""
    it = warm()
    it.begin(0.0)
    it.connected(Line(), 50.0, 0.0)
    assert it.load(61.0) == pytest.approx(2 * (11.0 + NOISE))


def test_its_load_is_the_calls_before_it_times_what_each_takes() -> None:
    it = warm()
    answers(it, 0.0, 0.5)
    assert it.load(0.5) == pytest.approx(0.5 + NOISE)
    for pending in range(1, 4):
        it.begin(0.5)
        assert it.load(0.5) == pytest.approx((pending + 1) * (0.5 + NOISE))


def test_one_that_owes_answers_is_as_slow_as_it_is_silent() -> None:
    """From when that is longer than it takes as a rule."""
    it = warm()
    answers(it, 0.0, 0.5)
    it.begin(0.5)
    assert it.load(0.75) == pytest.approx(2 * (0.5 + NOISE))
    assert it.load(3.5) == pytest.approx(2 * (3.0 + NOISE))


def test_a_latency_fades_while_nothing_is_asked() -> None:
    """What was slow is looked at again some day; a tenth of a second is no time."""
    it = warm()
    answers(it, 0.0, 0.5)
    assert it.load(0.5625) == pytest.approx(0.5 + NOISE)
    for silent in (0.125, 1.0, 5.0):
        assert it.load(0.5 + silent) == pytest.approx(0.5 * exp(-silent / MEMORY) + NOISE)
    it.begin(1.5)
    assert it.latency == pytest.approx(0.5 * exp(-1.0 / MEMORY))
    faded = it.latency
    it.begin(9.0)  # while it owes an answer, nothing fades
    assert it.latency == faded
    assert it.load(9.0) == pytest.approx(3 * (7.5 + NOISE))


def test_a_slow_answer_is_believed_at_once_and_a_quick_one_in_time() -> None:
    """An average that fades with its memory, and a peak."""
    it = warm()
    answers(it, 0.0, 0.25)
    answers(it, 0.25, 1.25)
    assert it.latency == 1.0
    it.begin(1.25)
    it.answered(1.25, 1.5)
    assert it.latency == pytest.approx(0.25 + 0.75 * MEMORY / (MEMORY + 0.25))
    before = it.latency
    it.begin(1.5)
    it.answered(1.5, 1.75)
    assert it.latency == pytest.approx(0.25 + (before - 0.25) * MEMORY / (MEMORY + 0.25))
    assert (it.pending, it.answers) == (0, 4)


def test_a_call_that_ended_otherwise_would_have_taken_at_least_as_long() -> None:
    """It makes a replica slower and never quicker, and is no answer."""
    it = warm()
    answers(it, 0.0, 0.5)
    it.begin(0.5)
    it.ended(0.5, 0.75)
    assert (it.latency, it.answers, it.pending) == (0.5, 1, 0)
    it.begin(0.75)
    it.ended(0.75, 2.75)
    assert it.latency == 2.0
    assert it.load(2.8) == pytest.approx(2.0 + NOISE)  # it fades from its end on
    assert it.load(3.75) == pytest.approx(2.0 * exp(-1.0 / MEMORY) + NOISE)


def test_one_that_still_owes_answers_goes_on_being_silent() -> None:
    """That one of its calls was given up is no sign of life."""
    it = warm()
    it.begin(0.0)
    it.begin(0.0)
    it.ended(0.0, 1.0)
    assert it.load(4.0) == pytest.approx(2 * (4.0 + NOISE))


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.0, 5.0), st.booleans()), max_size=40))
def test_a_latency_is_never_above_the_slowest_call(calls: list[tuple[float, float, bool]]) -> None:
    """Nor below nothing, whatever the calls come to."""
    it, now, slowest = warm(), 0.0, 0.0
    for idle, took, answered in calls:
        began = now + idle
        now = began + took
        slowest = max(slowest, now - began)
        it.begin(began)
        (it.answered if answered else it.ended)(began, now)
        assert 0.0 <= it.latency <= slowest + 1e-9
        assert it.latency >= (now - began) * (1 - 1e-9)
