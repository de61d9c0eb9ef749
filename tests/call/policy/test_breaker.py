"""When calls are kept from a replica."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call.policy import BREAKER_MOVES, Breaker, BreakerMove, BreakerState, Breaking, may_eject


def test_the_table_is_the_whole_machine() -> None:
    """Each state is left by some move, and reached by one."""
    assert {state for state, _ in BREAKER_MOVES} == set(BreakerState)
    assert set(BREAKER_MOVES.values()) == set(BreakerState)


@given(st.lists(st.sampled_from(list(BreakerMove)), max_size=20))
def test_a_move_that_is_not_in_the_table_changes_nothing(moves: list[BreakerMove]) -> None:
    breaker = Breaker(Breaking(), 0.0)
    for move in moves:
        before = breaker.state
        assert breaker.move(move, 0.0) is ((before, move) in BREAKER_MOVES)
        assert breaker.state is BREAKER_MOVES.get((before, move), before)


def test_five_failures_in_a_row_are_enough() -> None:
    """However few they are."""
    breaker = Breaker(Breaking(calls=1000), 0.0)
    assert [breaker.failed(0.1 * n, 0) for n in range(5)] == [False] * 4 + [True]
    assert breaker.suspicion == 1.0


def test_three_that_were_never_answered_are_enough() -> None:
    """Each of them has cost a caller all of its time."""
    breaker = Breaker(Breaking(calls=1000), 0.0)
    assert [breaker.failed(2.0 + 0.1 * n, 0, silent=True) for n in range(3)] == [False, False, True]


def test_an_answer_between_them_begins_the_row_again() -> None:
    """Then the share counts."""
    breaker = Breaker(Breaking(calls=1000), 0.0)
    assert not any(breaker.failed(0.1 * n, 1 if n % 4 == 0 else 0) for n in range(12))


def test_half_of_the_calls_in_the_window_trip_it() -> None:
    """As soon as there are enough of them."""
    breaker = Breaker(Breaking(window=5, errors=0.5, calls=10), 0.0)
    tripped = [breaker.failed(0.01 * n, 1) for n in range(6)]
    assert tripped == [False] * 5 + [True]  # the first of the ten have faded a little
    assert breaker.suspicion == pytest.approx(0.5, abs=0.01)


def test_fewer_than_that_do_not_trip_it() -> None:
    """However many calls there are; and a share counts from the first call on that makes it one of enough."""
    breaker = Breaker(Breaking(errors=0.5, calls=10), 0.0)
    assert not any(breaker.failed(0.0, answered) for answered in (9, 2, 2, 2, 2, 2, 2))
    assert breaker.share(0.0) == 7 / 28
    exact = Breaker(Breaking(errors=0.5, calls=10), 0.0)
    assert [exact.failed(0.0, 1) for _ in range(5)] == [False] * 4 + [True]
    assert exact.suspicion == 0.5


def test_five_in_a_row_are_certain_however_well_it_was_before() -> None:
    """A share of a thousandth says nothing then."""
    breaker = Breaker(Breaking(), 0.0)
    assert [breaker.failed(0.0, 5000 if n == 0 else 0) for n in range(5)] == [False] * 4 + [True]
    assert breaker.suspicion == 1.0


def test_an_error_fades_with_the_window() -> None:
    """From the moment at which it came, whenever the breaker was made, and however often it is told of another."""
    breaker = Breaker(Breaking(window=5, calls=1000), 100.0)
    for second in range(100, 105):
        breaker.failed(second, 1 if second == 102 else 0)
    bad = sum(exp(-(104 - second) / 5) for second in range(100, 105))
    good = (1 - exp(-1 / 5)) * 5 * exp(-2 / 5)
    assert breaker.share(104.0) == pytest.approx(bad / (good + bad))
    assert breaker.share(109.0) == pytest.approx(bad / (good + bad))  # both fade alike


def test_one_that_is_closed_again_has_forgotten_what_was() -> None:
    """One failure is one failure, and not the sixth in a row."""
    breaker = Breaker(Breaking(open=2.0), 0.0)
    for _ in range(5):
        breaker.failed(0.0, 0)
    for move in (BreakerMove.TRIP, BreakerMove.WAIT, BreakerMove.PROVE):
        breaker.move(move, 0.0)
    assert breaker.share(0.0) == 0.0
    assert [breaker.failed(0.0, 0) for _ in range(5)] == [False] * 4 + [True]
    for move in (BreakerMove.TRIP, BreakerMove.WAIT, BreakerMove.PROVE):
        breaker.move(move, 0.0)
    assert breaker.failed(0.0, 9) is False
    assert breaker.share(0.0) == 0.1


def test_one_that_opens_again_remembers_what_was() -> None:
    """Only an answer is a reason to forget."""
    breaker = Breaker(Breaking(open=2.0), 0.0)
    for _ in range(5):
        breaker.failed(0.0, 0)
    for move in (BreakerMove.TRIP, BreakerMove.WAIT, BreakerMove.FAIL):
        breaker.move(move, 0.0)
    assert breaker.share(0.0, 5) == 0.5
    assert breaker.suspicion == 1.0


def test_only_an_open_one_waits() -> None:
    """A closed one is never due; an open one is not tripped again, nor one that is looked at."""
    breaker = Breaker(Breaking(open=2.0), 0.0)
    assert not breaker.due(1000.0)
    breaker.move(BreakerMove.TRIP, 0.0)
    assert not any(breaker.failed(1.0, 0) for _ in range(10))
    breaker.move(BreakerMove.WAIT, 2.0)
    assert breaker.failed(2.0, 0) is False
    assert not breaker.due(1000.0)


def test_what_was_long_ago_does_not_count() -> None:
    """Neither good answers of an hour ago, nor errors of a minute ago."""
    breaker = Breaker(Breaking(window=5, errors=0.5, calls=10), 0.0)
    for n in range(4):
        breaker.failed(0.01 * n, 1)
    assert breaker.share(60.0, 100) < 0.01
    breaker.failed(3600.0, 3_600_000)  # a thousand a second: five thousand of them are in the window
    assert 1e-5 < breaker.share(3600.0) < 1e-3


def test_after_a_while_it_lets_one_through_to_look() -> None:
    """Three answers in a row close it; a failure opens it again."""
    breaker = Breaker(Breaking(open=2.0), 0.0)
    breaker.move(BreakerMove.TRIP, 10.0)
    assert not breaker.due(11.9)
    assert breaker.due(12.0)
    breaker.move(BreakerMove.WAIT, 12.0)
    assert [breaker.answered() for _ in range(2)] == [False, False]
    assert not breaker.failed(12.5, 0)
    breaker.move(BreakerMove.FAIL, 12.5)
    assert breaker.state is BreakerState.OPEN
    assert not breaker.due(14.4)
    breaker.move(BreakerMove.WAIT, 14.5)
    assert [breaker.answered() for _ in range(3)] == [False, False, True]


@given(st.floats(0, 1), st.lists(st.floats(0, 1), max_size=8), st.integers(0, 8))
def test_never_more_than_half_are_ejected(share: float, others: list[float], ejected: int) -> None:
    """Of all that are connected; and only one that fails twice as often as those that stay."""
    if may_eject(share, others, ejected):
        assert ejected + 1 <= (len(others) + 1 + ejected) / 2
        assert share >= 2 * sum(others) / len(others)


def test_half_may_be_ejected() -> None:
    """Of two one, of three one, of four two."""
    assert may_eject(1.0, [0.0], 0)
    assert [may_eject(1.0, [0.0], 1), may_eject(1.0, [0.0, 0.0], 0)] == [False, True]
    assert [may_eject(1.0, [0.0, 0.0], 1), may_eject(1.0, [0.0], 2)] == [True, False]


def test_what_all_of_them_do_is_no_reason_to_eject_one() -> None:
    """It is the request, or what they have in common."""
    assert may_eject(1.0, [0.1, 0.2], 0)
    assert may_eject(0.5, [0.25], 0)  # twice as often is enough
    assert not may_eject(0.49, [0.25], 0)
    assert not may_eject(0.6, [0.5, 0.6], 0)
    assert not may_eject(1.0, [], 0)
