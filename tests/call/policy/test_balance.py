"""The choice among replicas."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from freestone.call.policy import Balance, Balancer, BreakerState, Breaking, QuickChance, Replica, affinity
from freestone.signals import SIGNALS, BreakerMoved, Signal


@dataclass(eq=False)
class Line:
    """A connection that takes calls, or does not."""

    accepts: bool = True


def balancer(*names: str, breaking: Breaking | None = None, slow_start: float = 0.001) -> Balancer[Line]:
    """Return a balancer with warm replicas of these names."""
    made: Balancer[Line] = Balancer("shop", Balance(slow_start=slow_start), breaking, random.Random(1))
    for name in names:
        made.arrived(name, Line(), -100.0)
    return made


def replica(of: Balancer[Line], name: str) -> Replica[Line]:
    return next(it for it in of.replicas if it.name == name)


def picked(of: Balancer[Line], now: float) -> Replica[Line]:
    found = of.pick(now)
    assert found is not None
    return found


def test_equal_replicas_are_chosen_equally() -> None:
    """By chance, so that no replica is everybody's first."""
    shop = balancer("a", "b", "c", "d")
    chosen = Counter(picked(shop, 0.0).name for _ in range(2000))
    assert set(chosen) == set("abcd")
    assert min(chosen.values()) > 400


def test_of_two_the_one_with_fewer_calls_is_chosen() -> None:
    """Then there is no chance in it."""
    shop = balancer("a", "b")
    replica(shop, "a").begin(0.0)
    assert {picked(shop, 0.0).name for _ in range(50)} == {"b"}


def test_one_slow_answer_is_believed_at_once() -> None:
    """And forgotten after some seconds, when it is looked at again."""
    shop = balancer("a", "b", "c")
    for name, took in (("a", 0.1), ("b", 0.001), ("c", 0.001)):
        it = replica(shop, name)
        it.begin(0.0)
        it.answered(0.0, took)
    assert "a" not in {picked(shop, 0.2).name for _ in range(50)}
    assert "a" in {picked(shop, 60.0).name for _ in range(50)}


def test_a_replica_that_is_silent_is_left_alone_before_its_calls_have_ended() -> None:
    """It owes an answer since a second, and the others answer in a millisecond."""
    shop = balancer("hung", "b")
    b = replica(shop, "b")
    replica(shop, "hung").begin(0.0)
    for _ in range(10):
        b.begin(0.999)
    assert {picked(shop, 1.0).name for _ in range(20)} == {"b"}


def test_a_new_replica_comes_to_its_share_slowly() -> None:
    """A cold cache is not asked everything at once."""
    shop = balancer("a", slow_start=10.0)
    shop.arrived("new", Line(), 0.0)
    shares = []
    for now in (0.1, 5.0, 11.0):
        chosen = Counter[str]()
        for _ in range(1000):
            it = picked(shop, now)
            it.begin(now)
            chosen[it.name] += 1
        shares.append(chosen["new"])
        for it in shop.replicas:
            while it.pending:
                it.ended(now, now)
    assert shares[0] < 150 < shares[1] < 450 <= shares[2] <= 550


def test_streams_are_spread_by_their_number() -> None:
    """However quick one replica was a moment ago."""
    shop = balancer("a", "b", "c")
    slow = replica(shop, "a")
    slow.begin(0.0)
    slow.answered(0.0, 0.1)
    for _ in range(30):
        it = shop.pick_for_stream(0.2)
        assert it is not None
        it.streams += 1
    assert min(it.streams for it in shop.replicas) >= 8


def test_a_full_replica_is_passed_over() -> None:
    """Whichever was drawn."""
    shop = balancer("a", "b")
    connection = replica(shop, "a").connection
    assert connection is not None
    connection.accepts = False
    assert {picked(shop, 0.0).name for _ in range(20)} == {"b"}
    other = replica(shop, "b").connection
    assert other is not None
    other.accepts = False
    assert shop.pick(0.0) is None
    assert shop.connected


def fail(shop: Balancer[Line], name: str, now: float, times: int = 5) -> None:
    it = replica(shop, name)
    for _ in range(times):
        it.begin(now)
        shop.ended(it, now, now, blamed=True)


def test_a_replica_that_fails_gets_no_calls_until_it_is_looked_at() -> None:
    """One at a time, and after three answers as many as the others."""
    shop, heard = balancer("a", "b", "c", breaking=Breaking(open=5.0)), list[Signal]()
    SIGNALS.subscribe(heard.append)
    try:
        fail(shop, "a", 1.0)
        assert "a" not in {picked(shop, 2.0).name for _ in range(50)}
        for _ in range(3):
            probe = picked(shop, 6.1)
            assert probe.name == "a"
            probe.begin(6.1)
            assert picked(shop, 6.1).name != "a"
            shop.answered(probe, 6.1, 6.1)
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert "a" in {picked(shop, 6.2).name for _ in range(50)}
    moved = [(it.replica, it.state, it.reason) for it in heard if isinstance(it, BreakerMoved)]
    assert moved == [
        ("a", "open", "too many errors"),
        ("a", "half open", "it was open for long enough"),
        ("a", "closed", "enough calls were answered"),
    ]


def test_never_more_than_half_are_kept_from_calls() -> None:
    """However many fail."""
    shop = balancer("a", "b", "c", breaking=Breaking())
    fail(shop, "a", 1.0)
    fail(shop, "b", 1.0)
    assert {picked(shop, 1.1).name for _ in range(50)} == {"b", "c"}


def test_a_single_replica_is_always_tried() -> None:
    """To fail for certain is no better than to try."""
    shop = balancer("a", breaking=Breaking())
    fail(shop, "a", 1.0, 50)
    assert picked(shop, 1.1).name == "a"


def test_when_only_bad_ones_are_left_they_are_tried() -> None:
    """The good one is gone."""
    shop = balancer("a", "b", breaking=Breaking())
    fail(shop, "a", 1.0)
    b = replica(shop, "b")
    assert b.connection is not None
    shop.left("b", b.connection)
    assert picked(shop, 1.1).name == "a"


def test_what_is_known_of_a_replica_outlives_its_connection() -> None:
    """One that fails does not become good by connecting again; one that is not resolved any more is forgotten."""
    shop = balancer("a", "b", "c", breaking=Breaking())
    fail(shop, "a", 1.0)
    first = replica(shop, "a").connection
    assert first is not None
    shop.left("a", first)
    shop.arrived("a", Line(), 1.2)
    assert "a" not in {picked(shop, 1.3).name for _ in range(50)}
    second = replica(shop, "a").connection
    assert second is not None
    shop.left("a", first)  # of which it had been told
    assert replica(shop, "a").connection is second
    shop.left("a", second)
    shop.keep(["b", "c"])
    assert {it.name for it in shop.replicas} == {"b", "c"}


@given(st.text(max_size=10), st.integers(2, 6))
def test_a_key_has_one_home_and_keeps_it(key: str, count: int) -> None:
    """While its home is there, whoever else comes or goes."""
    names = [f"replica{n}" for n in range(count)]
    shop = balancer(*names)
    home = shop.home(key, 0.0)
    assert home is not None
    for name in names:
        if name != home.name:
            rest = balancer(*(other for other in names if other != name))
            found = rest.home(key, 0.0)
            assert found is not None
            assert found.name == home.name
    if home.connection is not None:
        home.connection.accepts = False
    other = shop.home(key, 0.0)
    assert other is not None
    assert other.name == sorted(names, key=lambda name: affinity(key, name))[-2]


def test_keys_are_spread_over_the_replicas() -> None:
    shop = balancer("a", "b", "c")
    homes = Counter(home.name for key in range(3000) if (home := shop.home(key, 0.0)) is not None)
    assert min(homes.values()) > 900


@pytest.mark.parametrize("limit", [1, 2, 6, 1000])
def test_quick_chance_is_even(limit: int) -> None:
    """Each number below the limit comes about as often as any other."""
    chance = QuickChance(random.Random(5))
    drawn = Counter(chance.below(limit) for _ in range(limit * 200))
    assert set(drawn) == set(range(limit))
    assert min(drawn.values()) > 120


class Fleet(RuleBasedStateMachine):
    """Replicas that come, go, answer and fail in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.shop: Balancer[Line] = Balancer("shop", Balance(), Breaking(calls=2, open=1.0), random.Random(1))
        self.lines: dict[str, Line] = {}
        self.calls: list[tuple[Replica[Line], float]] = []

    @rule(name=st.sampled_from("abcde"), accepts=st.booleans())
    def arrive(self, name: str, accepts: bool) -> None:
        self.lines[name] = Line(accepts)
        self.shop.arrived(name, self.lines[name], self.now)

    @rule(name=st.sampled_from("abcde"))
    def leave(self, name: str) -> None:
        if name in self.lines:
            self.shop.left(name, self.lines.pop(name))

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(key=st.none() | st.text(max_size=3))
    def call(self, key: str | None) -> None:
        found = self.shop.pick(self.now) if key is None else self.shop.home(key, self.now)
        taking = [line for line in self.lines.values() if line.accepts]
        assert (found is None) == (not taking)
        if found is not None:
            assert found.connection in taking
            found.begin(self.now)
            self.calls.append((found, self.now))

    @precondition(lambda self: self.calls)
    @rule(index=st.integers(0, 100), how=st.sampled_from(["answered", "blamed", "ended"]))
    def end(self, index: int, how: str) -> None:
        it, began = self.calls.pop(index % len(self.calls))
        before = self.left_out()
        if how == "answered":
            self.shop.answered(it, began, self.now)
        else:
            self.shop.ended(it, began, self.now, blamed=how == "blamed")
        if self.left_out() > before:  # more may be, when others have gone, or come as bad as they went
            assert self.left_out() <= len(self.lines) / 2

    def left_out(self) -> int:
        """Return how many of the connected get no calls, or one at a time."""
        connected = [it for it in self.shop.replicas if it.connection is not None]
        return sum(it.breaker is not None and it.breaker.state is not BreakerState.CLOSED for it in connected)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.shop.connected == bool(self.lines)
        assert sum(it.pending for it in self.shop.replicas) == len(self.calls)
        assert all(it.load(self.now) >= 0 for it in self.shop.replicas)


TestFleet = Fleet.TestCase
