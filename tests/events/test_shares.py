"""Who works on which partition."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from freestone.events.shares import Members, shares

MEMBERS = st.sets(st.text("abcdefgh0123", min_size=1, max_size=6), min_size=1, max_size=6)


@given(count=st.integers(1, 64), members=MEMBERS)
def test_each_partition_has_one_member_and_nobody_has_more_than_a_share(count: int, members: set[str]) -> None:
    """Everybody computes the same, in whatever order the members are named."""
    found = shares(range(count), members)

    assert set(found) == set(range(count))
    assert set(found.values()) <= members
    assert max(Counter(found.values()).values()) <= -(-count // len(members))
    assert found == shares(reversed(range(count)), sorted(members, reverse=True))


@given(members=MEMBERS)
def test_most_partitions_stay_when_a_member_goes(members: set[str]) -> None:
    """Those of the others do, but for the ones that must make room."""
    before = shares(range(64), members | {"zz"})
    after = shares(range(64), members)

    moved = sum(1 for it in range(64) if before[it] != "zz" and before[it] != after[it])
    assert moved <= 32


def test_without_members_nobody_works() -> None:
    """There is nothing to share."""
    assert shares(range(4), []) == {}


def test_a_member_whose_beat_stands_still_is_gone() -> None:
    """By the clock of whoever watches; when it beats again, it lives again."""
    members = Members("me", seconds=6.0)
    assert members.look({"me": 1, "other": 4}, 99.0) == {"me", "other"}
    assert members.look({"me": 1, "other": 5}, 100.0) == {"me", "other"}
    assert members.look({"me": 2, "other": 5}, 105.9) == {"me", "other"}
    assert members.look({"me": 3, "other": 5}, 106.0) == {"me"}
    assert members.look({"me": 4, "other": 6}, 107.0) == {"me", "other"}


def test_a_member_that_a_newcomer_has_never_seen_beat_is_gone_sooner() -> None:
    """Those who died lately have left their rows, and would keep who comes in their place from what was theirs."""
    members = Members("me", seconds=6.0)
    assert members.look({"me": 1, "other": 5}, 100.0) == {"me", "other"}
    assert members.look({"me": 2, "other": 5}, 102.9) == {"me", "other"}
    assert members.look({"me": 3, "other": 5}, 103.0) == {"me"}
    assert members.look({"me": 4, "other": 6}, 104.0) == {"me", "other"}
    assert members.look({"me": 5, "other": 6}, 109.9) == {"me", "other"}


def test_a_member_that_left_is_gone_at_once() -> None:
    """It has taken its row away; and whoever looks counts itself in any case."""
    members = Members("me", seconds=6.0)
    members.look({"me": 1, "other": 5}, 100.0)
    assert members.look({}, 101.0) == {"me"}


def test_a_member_that_is_long_gone_is_forgotten() -> None:
    """Its row is for somebody to take away, and never one's own."""
    members = Members("me", seconds=6.0)
    members.look({"me": 1, "other": 5}, 0.0)
    members.look({"me": 1, "other": 5}, 119.0)
    assert members.gone(119.0) == frozenset()
    assert members.gone(120.0) == {"other"}
