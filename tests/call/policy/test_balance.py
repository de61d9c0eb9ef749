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


def test_each_pair_of_replicas_is_drawn() -> None:
    """The least loaded of four is in half of the pairs, whichever it is."""
    for least in "abcd":
        shop = balancer("a", "b", "c", "d")
        for it in shop.replicas:
            if it.name != least:
                it.begin(0.0)
        chosen = Counter(picked(shop, 0.0).name for _ in range(2000))
        assert 850 < chosen.pop(least) < 1150
        assert min(chosen.values()) > 100


def test_a_new_replica_is_expected_to_be_as_quick_as_the_others_are() -> None:
    """On the average of those that have answered."""
    shop = balancer("a", "b", "c")
    for name, took in (("a", 0.25), ("b", 0.75)):
        it = replica(shop, name)
        it.begin(0.0)
        it.answered(0.0, took)
    shop.arrived("new", Line(), 1.0)
    assert replica(shop, "new").latency == 0.5


def test_only_what_is_gone_is_forgotten() -> None:
    """Not who is still connected, though nobody names the address any more; nor who is named, and away."""
    shop = balancer("a", "b", "c")
    shop.left("nobody", Line())
    for name in "bc":
        connection = replica(shop, name).connection
        assert connection is not None
        shop.left(name, connection)
    shop.keep(["b"])
    assert {it.name for it in shop.replicas} == {"a", "b"}


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


def test_a_few_failures_are_no_reason() -> None:
    """Nor are any that do not speak against the replica."""
    shop = balancer("a", "b", breaking=Breaking())
    it = replica(shop, "a")
    fail(shop, "a", 1.0, 4)
    for _ in range(50):
        it.begin(1.0)
        shop.ended(it, 1.0, 1.0, blamed=False)
    assert it.sound
    fail(shop, "a", 1.0, 1)
    assert not it.sound


def test_a_call_counts_as_one_failure_unless_it_was_never_answered() -> None:
    """Then three are enough."""
    for silent, enough in ((False, 5), (True, 3)):
        shop = balancer("a", "b", breaking=Breaking())
        it, count = replica(shop, "a"), 0
        while it.sound:
            it.begin(1.0)
            shop.ended(it, 1.0, 1.0, blamed=True, silent=silent)
            count += 1
        assert count == enough


def test_one_that_has_left_is_not_judged() -> None:
    """Its calls end because it went; when it is back, it gets some."""
    shop = balancer("a", "b", breaking=Breaking())
    it = replica(shop, "a")
    assert it.connection is not None
    shop.left("a", it.connection)
    fail(shop, "a", 1.0)
    shop.arrived("a", Line(), 1.0)
    assert it.sound
    assert it.breaker is not None
    assert it.breaker.state is BreakerState.CLOSED


def test_a_bad_one_that_says_again_that_it_takes_calls_stays_where_it_is() -> None:
    """It had more to write than the network took; it is no better for that, and there once."""
    shop = balancer("a", "b", breaking=Breaking())
    fail(shop, "a", 1.0)
    connection, other = replica(shop, "a").connection, replica(shop, "b").connection
    assert connection is not None
    assert other is not None
    shop.arrived("a", connection, 1.1)
    assert {picked(shop, 1.2).name for _ in range(50)} == {"b"}
    shop.left("b", other)
    assert shop.connected
    assert picked(shop, 1.2).name == "a"
    shop.left("a", connection)
    assert not shop.connected


def test_one_that_is_looked_at_needs_room_for_that() -> None:
    """A full replica is asked nothing, good or bad."""
    shop = balancer("a", "b", breaking=Breaking(open=5.0))
    fail(shop, "a", 1.0)
    connection = replica(shop, "a").connection
    assert connection is not None
    connection.accepts = False
    assert picked(shop, 7.0).name == "b"
    connection.accepts = True
    assert picked(shop, 7.0).name == "a"


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


def test_all_processes_agree_on_the_home_of_a_key() -> None:
    """Those of another version too, while a rollout is under way: these numbers never change."""
    assert affinity("ada", "unix:///run/a.sock") == 1466277975875632201
    assert affinity(7, "tcp://10.0.0.1:7000") == 18120768759692316139


def home_of(shop: Balancer[Line], key: str, now: float) -> str | None:
    found = shop.home(key, now)
    return None if found is None else found.name


def test_a_home_that_fails_is_looked_at_with_its_own_keys() -> None:
    """Also when another replica is out as well, of which no call is to be had; all others have another home."""
    names = ["a", "b", "c", "d"]
    key = {max(names, key=lambda name: affinity(key, name)): key for key in map(str, range(100))}
    shop = balancer(*names, breaking=Breaking(open=5.0))
    for name in "ab":
        fail(shop, name, 1.0)
    for name in "ab":
        assert home_of(shop, key[name], 2.0) in ("c", "d")
    for name in "abcd":
        assert home_of(shop, key[name], 6.5) == name
    looked_at = replica(shop, "b")
    looked_at.begin(6.5)
    assert home_of(shop, key["b"], 6.5) in ("c", "d")  # one at a time
    for _ in range(3):
        shop.answered(looked_at, 6.5, 6.5)
        looked_at.begin(6.5)
    assert home_of(shop, key["b"], 6.5) == "b"
    assert home_of(shop, key["a"], 6.5) == "a"


def test_where_only_bad_ones_are_left_they_are_the_home() -> None:
    """Rather one that fails than none."""
    shop = balancer("a", "b", breaking=Breaking(open=5.0))
    fail(shop, "a", 1.0)
    other = replica(shop, "b").connection
    assert other is not None
    shop.left("b", other)
    assert {home_of(shop, str(number), 2.0) for number in range(10)} == {"a"}


def test_a_stream_goes_where_there_is_room() -> None:
    """Not to who is full; to a bad one if no other is left; to none if there is none."""
    shop = balancer("a", "b", "c", breaking=Breaking())
    fail(shop, "c", 1.0)
    full = replica(shop, "a").connection
    assert full is not None
    full.accepts = False
    for _ in range(20):
        it = shop.pick_for_stream(1.1)
        assert it is not None
        assert it.name == "b"
        it.streams += 1
    other = replica(shop, "b").connection
    assert other is not None
    shop.left("b", other)
    left = shop.pick_for_stream(1.1)
    assert left is not None
    assert left.name == "c"
    last = replica(shop, "c").connection
    assert last is not None
    last.accepts = False
    assert shop.pick_for_stream(1.1) is None


def test_another_is_the_least_loaded_of_the_sound_ones() -> None:
    """Not the same one, not a full one, not one that fails."""
    shop = balancer("a", "b", "c", "d", "e", breaking=Breaking())
    fail(shop, "e", 1.0)
    first = replica(shop, "a")
    for name, calls in (("b", 2), ("c", 1), ("d", 0)):
        for _ in range(calls):
            replica(shop, name).begin(1.0)
    for name in "dcb":
        it = shop.another(first, 1.0)
        assert it is not None
        assert it.name == name
        assert it.connection is not None
        it.connection.accepts = False
    assert shop.another(first, 1.0) is None


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
