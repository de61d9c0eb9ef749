"""Which replica of a service works on which partition: computed by each from who lives, and the same for all.

Rendezvous hashing with bounded loads: each partition is drawn to every member with a strength of its own, and goes to
the strongest that has room, where room is the even share rounded up. When members come or go, most partitions stay.

It only says what is best. That no two work on one partition is what its lease is for.

A member is known to live by its *beat*, a number that it raises every few moments in a table of the service's database.
Nobody's time of day is compared: whoever watches a beat stand still for long enough, by a clock of its own, takes the
member for gone. Of those whose beat never moved since it watches, as a newcomer finds them where others have died, it
does not suppose as long that they live. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import final

import msgspec

from freestone.call import affinity


def shares(partitions: Iterable[int], members: Iterable[str]) -> Mapping[int, str]:
    """Return who works on each partition. Without members, nobody.

    >>> sorted(shares(range(4), ["a", "b"]).values())
    ['a', 'a', 'b', 'b']
    """
    wanted, living = sorted(set(partitions)), sorted(set(members))
    if not living:
        return {}
    room = dict.fromkeys(living, -(-len(wanted) // len(living)))
    drawn = sorted(
        ((affinity(partition, member), partition, member) for partition in wanted for member in living), reverse=True
    )
    found: dict[int, str] = {}
    for _, partition, member in drawn:
        if partition not in found and room[member] > 0:
            found[partition] = member
            room[member] -= 1
    return found


class _Seen(msgspec.Struct, frozen=True):
    beat: int
    since: float
    """When it was first seen to be this."""
    moved: bool
    """Whether it was seen to be another one before."""


@final
class Members:
    """Who lives, as one member sees it.

    >>> members = Members("me", seconds=6.0)
    >>> sorted(members.look({"me": 4, "other": 7}, now=100.0))
    ['me', 'other']
    >>> sorted(members.look({"me": 5, "other": 8}, now=101.0))
    ['me', 'other']
    >>> sorted(members.look({"me": 6, "other": 8}, now=107.0))
    ['me']
    """

    def __init__(self, me: str, seconds: float) -> None:
        self._me = me
        self._seconds = seconds
        self._seen: dict[str, _Seen] = {}

    def look(self, beats: Mapping[str, int], now: float) -> frozenset[str]:
        """Return who lives, oneself included, given everybody's beat and a time that never goes back."""
        self._seen = {member: self._sight(member, beat, now) for member, beat in beats.items()}
        living = [member for member, seen in self._seen.items() if now - seen.since < self._patience(seen)]
        return frozenset((self._me, *living))

    def gone(self, now: float) -> frozenset[str]:
        """Return who has not lived for so long that nothing of it need be remembered."""
        longest = 20 * self._seconds
        return frozenset(
            member for member, seen in self._seen.items() if member != self._me and now - seen.since >= longest
        )

    def _sight(self, member: str, beat: int, now: float) -> _Seen:
        before = self._seen.get(member)
        if before is None:
            return _Seen(beat, now, moved=False)
        return before if before.beat == beat else _Seen(beat, now, moved=True)

    def _patience(self, seen: _Seen) -> float:
        return self._seconds if seen.moved else self._seconds / 2
