"""What goes wrong is decided by the plan, the time and the edge's own chance alone."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.errors import CANONICAL, DidNotHappen, Internal
from freestone.testing.faults import (
    Action,
    Cut,
    Drop,
    Edge,
    Failure,
    Fault,
    FaultPlan,
    Latency,
    Refusal,
    Slow,
)

EDGE = Edge("progress", "split", "catalog", "path")

few_seconds = st.floats(0, 5)
whats = st.one_of(
    st.builds(Latency, few_seconds, few_seconds),
    st.builds(Failure, st.sampled_from(CANONICAL), st.none() | st.booleans()),
    st.builds(Refusal),
    st.builds(Drop, st.none() | st.booleans()),
    st.builds(Cut, few_seconds),
)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    after = draw(st.floats(0, 100))
    return Fault(
        name=draw(st.sampled_from("abcdefgh")),
        what=draw(whats),
        caller=draw(st.sampled_from(["*", "progress", "split", "edge"])),
        service=draw(st.sampled_from(["*", "catalog", "identity"])),
        method=draw(st.sampled_from(["*", "path", "paths"])),
        probability=draw(st.floats(0, 1)),
        after=after,
        until=draw(st.just(math.inf) | st.floats(after, 200, exclude_min=True)),
    )


plans = st.builds(FaultPlan, st.lists(faults(), max_size=5).map(tuple), st.integers(0, 2**32))
times = st.lists(st.floats(0, 200), min_size=1, max_size=20)


def decisions(plan: FaultPlan, now: list[float], seed: int = 1) -> list[Action]:
    chance = random.Random(seed)
    return [plan.decide(EDGE, at, chance) for at in now]


@given(plans, times)
def test_a_seed_repeats_every_decision(plan: FaultPlan, now: list[float]) -> None:
    """The same calls at the same times meet the same faults."""
    assert decisions(plan, now) == decisions(plan, now)


@given(plans, faults(), times)
def test_one_fault_changes_nothing_of_another(plan: FaultPlan, other: Fault, now: list[float]) -> None:
    """To take a fault out of its time, or its probability away, leaves the latencies of the others as they were."""
    first = replace(other, name="x", service="*", caller="*", method="*")
    never = replace(first, probability=0.0)
    both, one = (FaultPlan((it, *plan.faults)) for it in (first, never))
    for with_it, without in zip(decisions(both, now), decisions(one, now), strict=True):
        assert [it for it in with_it.late if it.name != "x"] == list(without.late)


@given(plans, times)
def test_a_fault_keeps_to_its_edge_and_time(plan: FaultPlan, now: list[float]) -> None:
    """Who calls, what is called, from when until when; and it is one of the plan's."""
    for at, action in zip(now, decisions(plan, now), strict=True):
        for fault in (*action.late, *([action.end] if action.end else [])):
            assert fault in plan.faults
            assert fault.after <= at < fault.until
            assert fault.caller in ("*", "progress", "split")
            assert fault.service in ("*", "catalog")
            assert fault.method in ("*", "path")


@given(plans, times)
def test_what_is_said_not_to_have_happened_does_not_happen(plan: FaultPlan, now: list[float]) -> None:
    """The promise of the errors holds for injected ones."""
    for action in decisions(plan, now):
        match action.end and action.end.what:
            case Failure(error) if issubclass(error, DidNotHappen):
                assert not action.happens
            case Failure(_, happened) | Drop(happened) if happened is not None:
                assert action.happens is happened
            case Refusal():
                assert not action.happens
            case Cut(within):
                assert action.happens
                assert 0 <= action.cut_after <= within
            case None:
                assert action.happens
            case _:
                pass


@given(plans, times)
def test_latencies_add_up(plan: FaultPlan, now: list[float]) -> None:
    """Each gives its time, and its spread at most."""
    for action in decisions(plan, now):
        least = sum(it.what.seconds for it in action.late if isinstance(it.what, Latency))
        most = sum(it.what.seconds + it.what.spread for it in action.late if isinstance(it.what, Latency))
        assert least - 1e-9 <= action.latency <= most + 1e-9


@given(whats, st.integers(0, 2**32))
def test_probability_is_a_share(what: Latency | Failure | Refusal | Drop | Cut, seed: int) -> None:
    """None at 0, each call at 1; about so many in between."""

    def taken(probability: float, calls: int) -> int:
        made = decisions(FaultPlan((Fault("f", what, probability=probability),)), [0.0] * calls, seed)
        return sum(bool(action.late or action.end) for action in made)

    assert taken(0, 50) == 0
    assert taken(1, 50) == 50
    assert 100 < taken(0.3, 1000) < 500


def test_a_coin_decides_what_may_have_happened() -> None:
    """Both sides of the doubt are met."""
    plan = FaultPlan((Fault("f", Failure(Internal)),))
    assert {action.happens for action in decisions(plan, [0.0] * 50)} == {True, False}


def test_the_first_that_ends_a_call_is_taken() -> None:
    """In the plan's order; a latency before it is taken too."""
    late, refused = Fault("late", Latency(1)), Fault("refused", Refusal())
    plan = FaultPlan((refused, Fault("dropped", Drop()), late))
    [action] = decisions(plan, [0.0])
    assert (action.end, action.late, action.latency) == (refused, (late,), 1)


def test_bytes_are_slow_for_a_share_of_the_connections() -> None:
    """They are no matter of calls."""
    plan = FaultPlan((Fault("slow", Slow(1), probability=0.5),))
    connection = Edge("", "edge", "catalog")
    chance = random.Random(1)
    slow = [len(plan.decide_connection(connection, chance)) for _ in range(100)]
    assert 20 < sum(slow) < 80
    assert decisions(plan, [0.0] * 5) == [Action()] * 5


@given(plans)
def test_an_edge_that_nothing_concerns_is_left_alone(plan: FaultPlan) -> None:
    """Then its calls are not even looked at."""
    edge = Edge("progress", "split", "catalog")
    assert plan.concerns(edge) == any(
        it.caller in ("*", "progress", "split") and it.service in ("*", "catalog") for it in plan.faults
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": 1.5}, "a probability is from 0 to 1, not 1.5"),
        ({"probability": -0.1}, "a probability is from 0 to 1, not -0.1"),
        ({"after": 5.0, "until": 5.0}, "it would end, after 5 s, before it begins, after 5 s"),
        ({"what": Slow(1), "method": "path"}, "bytes belong to a connection, over which all methods are called"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    """When the fault is made."""
    with pytest.raises(ValueError, match=message):
        replace(Fault("f", Refusal()), **change)  # type: ignore[arg-type]
