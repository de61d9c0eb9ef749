"""What is known of a name, over time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call import TcpAddress
from freestone.call.freshness import Bounds, Freshness

A, B = TcpAddress("10.0.0.1", 1), TcpAddress("10.0.0.2", 1)
EVENTS = st.lists(
    st.tuples(st.sampled_from(["found a", "found b", "missing", "failed", "wanted"]), st.floats(0.001, 100)),
    max_size=40,
)


@given(EVENTS, st.floats(0, 10_000))
def test_the_next_lookup_is_within_the_bounds(events: list[tuple[str, float]], ttl: float) -> None:
    """Never sooner than the least after the last, nor later than the most."""
    bounds = Bounds()
    known, now, looked = Freshness(bounds), 0.0, 0.0
    known.found(now, [A], ttl)
    for event, passed in events:
        now += passed
        apply(known, event, now, ttl)
        looked = looked if event == "wanted" else now
        assert known.due <= looked + bounds.most or known.due <= now
        assert known.due >= looked + bounds.least


@given(EVENTS)
def test_addresses_go_only_for_a_reason(events: list[tuple[str, float]]) -> None:
    """Others were found, or for long enough each answer said that there are none."""
    bounds = Bounds()
    known, now, missing = Freshness(bounds), 0.0, None
    known.found(now, [A], 1)
    expected: tuple[TcpAddress, ...] = (A,)
    for event, passed in events:
        now += passed
        before = known.addresses
        changed = apply(known, event, now, 1)
        if event.startswith("found"):
            expected, missing = (A,) if event.endswith("a") else (B,), None
        elif event == "missing":
            missing = now if missing is None else missing
            expected = () if now - missing >= bounds.missing else expected
        assert known.addresses == expected
        assert changed is (before != expected)


def apply(known: Freshness, event: str, now: float, ttl: float) -> bool:
    match event:
        case "missing":
            return known.missing(now, "it is not there")
        case "failed":
            known.failed(now, "no answer")
        case "wanted":
            known.wanted(now)
        case _:
            return known.found(now, [A if event.endswith("a") else B], ttl)
    return False


def test_failures_are_asked_about_ever_more_seldom() -> None:
    """Up to the most; an answer ends that."""
    known = Freshness(Bounds(least=1, most=5))
    waits: list[float] = []
    for _ in range(4):
        known.failed(0, "no answer")
        waits.append(known.due)
    assert waits == [1, 2, 4, 5]
    known.found(0, [A], 0)
    known.failed(0, "no answer")
    assert known.due == 1


def test_the_order_of_an_answer_is_of_no_meaning() -> None:
    """Name servers turn it with each answer."""
    known = Freshness(Bounds())
    assert known.found(0, [B, A, A], 1)
    assert not known.found(0, [A, B], 1)
    assert known.addresses == (A, B)


def test_bounds_that_contradict_each_other_are_refused() -> None:
    """At once."""
    for wrong in ({"least": 0.0}, {"least": 2.0, "most": 1.0}, {"missing": -1.0}):
        with pytest.raises(ValueError, match="contradicts itself"):
            Bounds(**wrong)
