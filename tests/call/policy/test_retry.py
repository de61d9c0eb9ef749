"""What is made again, when, and why not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call.policy import Retry, RetryBudget, Safety, Stop, next_attempt, repeatable
from freestone.errors import (
    CANONICAL,
    Aborted,
    ConnectionLost,
    DeadlineExceeded,
    Internal,
    NotFound,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)


class Quota(ResourceExhausted):
    """The month's quota is used up."""


class Conflict(Aborted):
    """Somebody else has changed it."""


@pytest.mark.parametrize(
    ("failure", "begun", "safe"),
    [
        (Unavailable(), True, {"query", "idempotent", "kept", "command"}),
        (Unavailable(), False, {"query", "idempotent", "kept", "command"}),
        (ResourceExhausted(retry_after=0.1), True, {"query", "idempotent", "kept", "command"}),
        (ResourceExhausted(), False, {"query", "idempotent", "kept", "command"}),
        (ResourceExhausted(), True, set()),
        (Aborted(), True, {"query", "idempotent", "kept", "command"}),
        (ConnectionLost(), True, {"query", "idempotent", "kept"}),
        (DeadlineExceeded(), True, set()),
        (Internal(), True, set()),
        (NotFound(), True, set()),
        (Quota(retry_after=1.0), True, set()),
        (Conflict(), True, set()),
    ],
)
def test_only_what_can_do_no_harm_and_may_help_is_repeated(failure: ServiceError, begun: bool, safe: set[str]) -> None:
    """By what the error says, and what the operation is; an error of the domain says the same the next time."""
    assert {safety.value for safety in Safety if repeatable(failure, begun, safety)} == safe


def decided(failure: ServiceError, **changed: object) -> float | Stop:
    """Return the decision on a query that failed once."""
    values: dict[str, object] = {
        "begun": True, "leaving": False, "safety": Safety.QUERY, "sent": 1, "left": 10.0, "now": 0.0,
        "budget": RetryBudget(0.2, 1.0, 0.0), "random": random.Random(1), **changed,
    }  # fmt: skip
    return next_attempt(changed.pop("retry", Retry()), failure, **{k: v for k, v in values.items() if k != "retry"})  # type: ignore[arg-type]


def test_an_error_that_was_given_up_on_below_is_not_repeated() -> None:
    """Three layers that each try three times would be twenty-seven calls."""
    failure = Unavailable()
    failure.retried = True
    assert decided(failure) is Stop.BELOW
    assert Stop.BELOW.gave_up


def test_after_the_last_attempt_it_is_given_up() -> None:
    """And nobody above tries again."""
    assert isinstance(decided(Unavailable(), sent=2), float)
    assert decided(Unavailable(), sent=3) is Stop.ATTEMPTS
    assert Stop.ATTEMPTS.gave_up


def test_what_is_turned_off_may_be_done_above() -> None:
    """Then it was not tried again here."""
    assert decided(Unavailable(), retry=Retry(attempts=1)) is Stop.OFF
    assert not Stop.OFF.gave_up
    assert not Stop.UNSAFE.gave_up


def test_a_refusal_goes_straight_to_another_replica_even_where_repetitions_are_off() -> None:
    """Nothing was begun; a few times, in case every one of them is leaving."""
    assert decided(Unavailable(), begun=False, retry=Retry(attempts=1), safety=Safety.COMMAND) == 0.0
    assert isinstance(decided(Unavailable(), begun=False, sent=7, safety=Safety.COMMAND), float)
    assert decided(Unavailable(), begun=False, sent=8) is Stop.ATTEMPTS


def test_a_wait_that_is_longer_than_what_is_left_is_not_begun() -> None:
    """The caller hears at once."""
    assert decided(ResourceExhausted(retry_after=2.0), left=1.9) is Stop.DEADLINE


def test_an_overloaded_callee_is_left_alone_for_as_long_as_it_says() -> None:
    """And a little longer, by chance, so that all do not come back together."""
    delay = decided(ResourceExhausted(retry_after=2.0))
    assert isinstance(delay, float)
    assert 2.0 <= delay <= 2.01
    assert isinstance(decided(ResourceExhausted(), begun=False), float)  # one that says nothing: as any failure


def test_a_refusal_for_the_load_is_an_attempt_like_any_other() -> None:
    """It was not begun, and yet comes from who has enough to do: it does not go straight to the next."""
    assert decided(ResourceExhausted(), begun=False, sent=3) is Stop.ATTEMPTS
    assert decided(ResourceExhausted(), begun=False, retry=Retry(attempts=1)) is Stop.OFF
    assert decided(ResourceExhausted(), begun=False, leaving=True, budget=RetryBudget(0, 0, 0)) is Stop.BUDGET
    waits = [decided(ResourceExhausted(), begun=False, random=random.Random(seed)) for seed in range(50)]
    assert max(wait for wait in waits if isinstance(wait, float)) > 0.005


def test_the_bound_of_a_wait_doubles_with_each_attempt() -> None:
    """From the first repetition on; for what was refused, from the second on."""

    def longest(sent: int, *, begun: bool) -> float:
        policy = Retry(attempts=9, first=0.125, most=100.0)
        waits = [
            decided(Unavailable(), begun=begun, sent=sent, retry=policy, left=1e6, random=random.Random(seed))
            for seed in range(300)
        ]
        return max(wait for wait in waits if isinstance(wait, float))

    for sent, bound in ((1, 0.125), (2, 0.25), (4, 1.0)):
        assert 0.9 * bound < longest(sent, begun=True) < bound
        assert 0.9 * bound < longest(sent + 1, begun=False) < bound
    assert longest(1, begun=False) == 0.0


def test_no_time_left_is_no_time_for_another() -> None:
    """Not even for one that need not wait."""
    assert decided(Unavailable(), begun=False, left=0.0) is Stop.DEADLINE


def test_what_a_leaving_replica_refuses_costs_no_budget() -> None:
    """A rolling restart fails no call, however many were on their way."""
    budget = RetryBudget(0.0, 0.0, 0.0)
    assert decided(Unavailable(), begun=False, leaving=True, budget=budget) == 0.0
    assert decided(Unavailable(), begun=False, leaving=False, budget=budget) is Stop.BUDGET
    assert decided(Unavailable(), begun=True, leaving=True, budget=budget) is Stop.BUDGET


def test_what_died_with_its_replica_costs_no_budget_and_is_no_attempt() -> None:
    """However many calls were in flight there, and however soon its successors die too; but not for ever."""
    budget = RetryBudget(0.0, 0.0, 0.0)
    for sent in range(1, 10):
        assert isinstance(decided(ConnectionLost(), gone=True, sent=sent, budget=budget), float)
    assert decided(ConnectionLost(), gone=True, sent=10) is Stop.ATTEMPTS
    assert decided(ConnectionLost(), gone=True, retry=Retry(attempts=1)) is Stop.OFF
    assert decided(ConnectionLost(), gone=True, safety=Safety.COMMAND) is Stop.UNSAFE


def test_who_was_silent_is_treated_as_one_that_fails() -> None:
    """It may be overloaded, and would get the same again."""
    assert decided(ConnectionLost(), sent=3) is Stop.ATTEMPTS
    assert decided(ConnectionLost(), budget=RetryBudget(0.0, 0.0, 0.0)) is Stop.BUDGET
    assert decided(Unavailable(), gone=True, budget=RetryBudget(0.0, 0.0, 0.0)) is Stop.BUDGET


def test_without_budget_nothing_is_repeated() -> None:
    """A hundred callers of a service that is down."""
    budget = RetryBudget(0.0, 0.0, 0.0)
    assert decided(Unavailable(), budget=budget) is Stop.BUDGET


@given(
    st.sampled_from(CANONICAL),
    st.booleans(),
    st.sampled_from(list(Safety)),
    st.integers(1, 20),
    st.floats(0, 10),
    st.integers(1, 10),
)
def test_a_command_that_may_have_happened_is_never_repeated(
    kind: type[ServiceError], begun: bool, safety: Safety, sent: int, left: float, attempts: int
) -> None:
    """Unless its contract says that it may, or its callee keeps what it came to; and no wait outlasts the deadline."""
    decision = decided(kind(), begun=begun, safety=safety, sent=sent, left=left, retry=Retry(attempts=attempts))
    if isinstance(decision, float):
        assert 0 <= decision < left
        may_have = kind is ConnectionLost
        assert not may_have or safety in (Safety.QUERY, Safety.IDEMPOTENT, Safety.KEPT)
        assert kind in (Unavailable, ResourceExhausted, Aborted, ConnectionLost)
        assert sent < max(attempts, 8)
