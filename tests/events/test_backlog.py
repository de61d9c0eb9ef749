"""Which events are sent next, whatever was refused before."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from freestone.events import Envelope
from freestone.events.backlog import Backlog, Pending


def pending(id_: int, key: str) -> Pending:
    return Pending(
        id_,
        Envelope(
            id=str(id_), type="orders.Placed", source="/shop/orders", subject=key,
            time=datetime(2026, 1, 1, tzinfo=UTC), version=1, data=b"",
        ),
    )  # fmt: skip


keys = st.sampled_from("abc")
steps = st.lists(st.tuples(keys, st.booleans(), st.floats(0, 20)), max_size=30)


@given(st.lists(keys, max_size=20), steps, st.floats(0, 0.99))
def test_what_is_sent_keeps_the_order_of_each_key(
    rows: list[str], steps: list[tuple[str, bool, float]], chance: float
) -> None:
    """A key is sent whole, in its order, or not at all."""
    backlog, now = Backlog(), 0.0
    for key, refused, later in steps:
        if refused:
            backlog.refuse(key, now, chance)
        else:
            backlog.accept([key])
        now += later
    those = [pending(number, key) for number, key in enumerate(rows)]
    chosen = backlog.choose(those, now)
    held = backlog.held(now)
    assert [it for it in those if it.envelope.subject not in held] == list(chosen)
    due = backlog.next(now)
    assert (due is None) == (not held)
    assert due is None or due > now


@given(st.floats(0, 0.99))
def test_an_event_that_is_refused_is_tried_ever_more_seldom(chance: float) -> None:
    """Up to every five minutes, for ever."""
    backlog = Backlog()
    waits = [backlog.refuse("a", 0, chance) for _ in range(20)]
    assert waits == sorted(waits)
    assert 0.5 <= waits[0] <= 1
    assert 150 <= waits[-1] <= 300


@given(st.floats(0, 0.99))
def test_a_broker_that_is_away_is_tried_again_soon(chance: float) -> None:
    """At first at once, later every few seconds; and at once again when it was there meanwhile."""
    backlog = Backlog()
    waits = [backlog.away(chance) for _ in range(20)]
    assert waits == sorted(waits)
    assert waits[0] <= 0.1
    assert 2.5 <= waits[-1] <= 5
    backlog.accept(["a"])
    assert backlog.away(chance) == waits[0]


def test_a_key_that_is_taken_starts_anew() -> None:
    """Its next refusal is its first."""
    backlog = Backlog()
    first = backlog.refuse("a", 0, 0)
    backlog.refuse("a", 0, 0)
    backlog.accept(["a"])
    assert backlog.refuse("a", 0, 0) == first
