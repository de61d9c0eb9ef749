"""Which of the events that wait for the broker are sent next. Pure: time and chance are arguments.

The events of a key go out in their order. One that the broker refuses holds back the later ones of its key, and no
others; it is tried again after a time that grows, and is never given up, for it has happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar, final

import msgspec

from .envelope import Envelope, partition_of

_LONGEST: Final = 300.0
"""The most seconds between two tries of an event that is refused."""
_FIRST: Final = 1.0
_AWAY_FIRST, _AWAY_LONGEST = 0.1, 5.0
"""Seconds between two tries while the broker is away, at first and at most."""

_E = TypeVar("_E", bound="Pending")


class Pending(msgspec.Struct, frozen=True):
    """An event that waits, and its row."""

    id: int
    envelope: Envelope


@final
class Slice(msgspec.Struct, frozen=True):
    """Some of the partitions into which the keys of an outbox are divided.

    >>> Slice(2, frozenset([0])).has("ada")
    True
    """

    count: int
    """Into how many they are divided."""
    partitions: frozenset[int]

    @property
    def is_whole(self) -> bool:
        """Whether it is all of them."""
        return len(self.partitions) == self.count

    def has(self, key: str) -> bool:
        """Whether the events of a key are in it."""
        return partition_of(key, self.count) in self.partitions


class _Held(msgspec.Struct, frozen=True):
    tries: int
    until: float


@final
class Backlog:
    """What is known of the keys that are held back.

    >>> backlog = Backlog()
    >>> backlog.refuse("ada", now=0.0, chance=1.0)
    1.0
    >>> backlog.held(now=0.5)
    frozenset({'ada'})
    >>> backlog.held(now=1.5)
    frozenset()
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._away = 0

    def held(self, now: float) -> frozenset[str]:
        """Return the keys of which nothing is sent now."""
        return frozenset(key for key, it in self._held.items() if it.until > now)

    def next(self, now: float) -> float | None:
        """Return when the first of the keys is tried again that are held now; None if none is."""
        return min((it.until for it in self._held.values() if it.until > now), default=None)

    def choose(self, rows: Iterable[_E], now: float, mine: Slice | None = None) -> Sequence[_E]:
        """Return those that are sent now, of rows in their order: those of the slice, or of all partitions."""
        held = self.held(now)
        rows = (row for row in rows if row.envelope.subject not in held)
        return [row for row in rows if mine is None or mine.has(row.envelope.subject)]

    def refuse(self, key: str, now: float, chance: float) -> float:
        """Hold back a key whose first event was refused. Returns for how many seconds; ``chance`` is in [0, 1)."""
        before = self._held.get(key)
        tries = 1 if before is None else before.tries + 1
        seconds = min(_LONGEST, _FIRST * 2.0 ** (tries - 1)) * (0.5 + chance / 2)
        self._held[key] = _Held(tries, now + seconds)
        return seconds

    def accept(self, keys: Iterable[str]) -> None:
        """Note that the broker has taken events of those keys."""
        self._away = 0
        for key in keys:
            self._held.pop(key, None)

    def away(self, chance: float) -> float:
        """Return how many seconds to wait for a broker that did not answer, more each time."""
        self._away += 1
        return min(_AWAY_LONGEST, _AWAY_FIRST * 2.0 ** (self._away - 1)) * (0.5 + chance / 2)
