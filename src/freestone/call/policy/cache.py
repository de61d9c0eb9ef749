"""Results that a client keeps for a while, and the calls that are under way for those that it has not.

Theory: a result is as old as the moment at which its call was made, not as the one at which it came: nothing that the
callee has done since is in it. So no result is ever served that is older than its time. A call that is under way when
its key is dropped is forgotten: whoever asks from then on makes another one, and what the old one brings is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar, final

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
F = TypeVar("F")


class Kept(NamedTuple, Generic[V]):
    """A result, and since when it is true."""

    value: V
    since: float


@final
class Cache(Generic[K, V, F]):
    """The results of one operation by key, the least recently used first; ``F`` stands for a call that is under way."""

    __slots__ = ("__weakref__", "_kept", "_most", "_time", "_under_way")

    def __init__(self, time: float, most: int) -> None:
        self._time = time
        self._most = most
        self._kept: dict[K, Kept[V]] = {}
        self._under_way: dict[K, F] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def look(self, key: K, now: float) -> Kept[V] | None:
        """Return what is kept under the key, None if there is nothing or its time is over."""
        kept = self._kept.pop(key, None)
        if kept is None or not 0 <= now - kept.since < self._time:
            return None
        self._kept[key] = kept  # it is the last to be given up now
        return kept

    def under_way(self, key: K) -> F | None:
        """Return the call that is under way for the key."""
        return self._under_way.get(key)

    def begin(self, key: K, call: F) -> None:
        """Note that a call for the key is under way, in the place of any other."""
        self._under_way[key] = call

    def end(self, key: K, call: F) -> bool:
        """Note that a call is over. Whether it was still the one for its key, so that its result may be kept."""
        if self._under_way.get(key) is not call:
            return False
        del self._under_way[key]
        return True

    def keep(self, key: K, value: V, since: float) -> bool:
        """Keep a result, and give up the least recently used one if there are too many. Return whether one was."""
        self._kept.pop(key, None)
        self._kept[key] = Kept(value, since)
        if len(self._kept) <= self._most:
            return False
        del self._kept[next(iter(self._kept))]
        return True

    def drop(self, matches: Callable[[K], bool]) -> int:
        """Forget what is kept or under way for the keys that match. Return how many results that were."""
        dropped = [key for key in self._kept if matches(key)]
        for key in dropped:
            del self._kept[key]
        for key in [key for key in self._under_way if matches(key)]:
            del self._under_way[key]
        return len(dropped)
