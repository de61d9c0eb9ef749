"""Results that are kept: for a time, so many of them, and not once they are dropped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from freestone.call.policy import Cache

TIME, MOST = 10.0, 3
keys = st.integers(0, 5)


class CacheMachine(RuleBasedStateMachine):
    """Any order of what can happen to a cache, beside a plain list of what was kept, the latest used last."""

    def __init__(self) -> None:
        super().__init__()
        self.cache: Cache[int, str, object] = Cache(TIME, MOST)
        self.now = 0.0
        self.kept: list[tuple[int, str, float]] = []
        self.calls: dict[int, tuple[object, float]] = {}
        self.forgotten: list[tuple[int, object]] = []

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule(key=keys)
    def begin(self, key: int) -> None:
        """A call is made, if none is under way."""
        if self.cache.under_way(key) is None:
            call = object()
            self.cache.begin(key, call)
            self.calls[key] = (call, self.now)

    @rule(key=keys)
    def end(self, key: int) -> None:
        """It brings a result."""
        if key in self.calls:
            call, since = self.calls.pop(key)
            assert self.cache.end(key, call)
            value = f"{key} at {since}"
            self.kept = [one for one in self.kept if one[0] != key]
            self.kept.append((key, value, since))
            assert self.cache.keep(key, value, since) is (len(self.kept) > MOST)
            self.kept = self.kept[-MOST:]

    @rule(key=keys)
    def look(self, key: int) -> None:
        """Nothing is served that is too old, and nothing that should not be there."""
        found = self.cache.look(key, self.now)
        mine = [one for one in self.kept if one[0] == key]
        self.kept = [one for one in self.kept if one[0] != key]
        if mine and self.now - mine[0][2] < TIME:
            self.kept.append(mine[0])
            assert found == mine[0][1:]
            assert self.now - found.since < TIME
        else:
            assert found is None

    @rule(dropped=st.sets(keys))
    def drop(self, dropped: set[int]) -> None:
        """What is under way is forgotten too."""
        count = self.cache.drop(dropped.__contains__)
        assert count == len([one for one in self.kept if one[0] in dropped])
        self.kept = [one for one in self.kept if one[0] not in dropped]
        for key in dropped & self.calls.keys():
            self.forgotten.append((key, self.calls.pop(key)[0]))

    @rule()
    def end_of_a_forgotten_call(self) -> None:
        """What it brings is not kept."""
        if self.forgotten:
            assert not self.cache.end(*self.forgotten.pop())

    @invariant()
    def there_are_not_too_many(self) -> None:
        """As many as the model has."""
        assert len(self.cache) == len(self.kept) <= MOST

    @invariant()
    def who_asks_joins_what_is_under_way(self) -> None:
        """Unless it was dropped."""
        for key in range(6):
            assert self.cache.under_way(key) is self.calls.get(key, (None,))[0]


TestCache = CacheMachine.TestCase


def test_what_is_kept_anew_is_the_last_to_be_given_up() -> None:
    """It is as good as used."""
    cache: Cache[int, str, object] = Cache(TIME, MOST)
    for key in range(MOST):
        cache.keep(key, "old", 0.0)
    cache.keep(0, "new", 1.0)
    cache.keep(MOST, "one more", 1.0)
    assert cache.look(1, 1.0) is None
    assert cache.look(0, 1.0) == ("new", 1.0)


def test_a_call_that_was_forgotten_ends_as_no_one() -> None:
    """Neither is the one that came after it touched."""
    cache: Cache[int, str, object] = Cache(TIME, MOST)
    old, new = object(), object()
    cache.begin(1, old)
    cache.drop(lambda _: True)
    cache.begin(1, new)
    assert cache.end(1, old) is False
    assert cache.under_way(1) is new


@given(st.floats(-100, 0, exclude_max=True))
def test_a_result_from_the_future_is_not_served(now: float) -> None:
    """A loop whose time goes back, as that of another test, has nothing of the old one's."""
    cache: Cache[int, str, object] = Cache(TIME, MOST)
    cache.keep(1, "a", 0.0)
    assert cache.look(1, now) is None
