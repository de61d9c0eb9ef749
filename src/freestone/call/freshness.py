"""What is known of one name, and until when: pure, time is an argument.

The last addresses that were found are used until there are others: a name server that fails, or says for a moment that
there is no such name, must not stop an application whose replicas are all alive.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

import msgspec

from .address import Address


@final
class Bounds(msgspec.Struct, frozen=True):
    """How often a name is looked up, all in seconds. Raises ValueError if they contradict each other."""

    least: float = 1.0
    """Between two lookups, at least: a record that says 0 s is looked up no more often, nor is one that fails."""
    most: float = 30.0
    """Between two lookups, at most, whatever the record says."""
    missing: float = 10.0
    """For how long there must be no such name until the addresses that it had are given up."""

    def __post_init__(self) -> None:
        if not 0 < self.least <= self.most or self.missing < 0:
            raise ValueError(f"{self} contradicts itself")


@final
class Freshness:
    """The addresses of one name. Each method that takes what came returns whether the addresses changed."""

    def __init__(self, bounds: Bounds) -> None:
        self.addresses: tuple[Address, ...] = ()
        self.trouble = "it was not looked up yet"
        """Why the last lookup brought nothing; empty if it did."""
        self.due = 0.0
        """When to look again."""
        self._bounds = bounds
        self._looked = float("-inf")
        self._missing_since: float | None = None
        self._failures = 0

    def found(self, now: float, addresses: Iterable[Address], ttl: float) -> bool:
        """Take the addresses that hold for that many seconds. Their order is of no meaning, and is not kept."""
        self.trouble, self._missing_since, self._failures = "", None, 0
        self._look_again(now, max(self._bounds.least, min(ttl, self._bounds.most)))
        return self._replace(tuple(sorted(set(addresses), key=str)))

    def missing(self, now: float, trouble: str) -> bool:
        """Take the answer that there is no such name, or nothing under it."""
        self.trouble, self._failures = trouble, 0
        if self._missing_since is None:
            self._missing_since = now
        self._look_again(now, self._bounds.least)
        return now - self._missing_since >= self._bounds.missing and self._replace(())

    def failed(self, now: float, trouble: str) -> None:
        """Take no answer at all. What was known stays, for as long as it takes."""
        self.trouble = trouble
        self._look_again(now, min(self._bounds.least * 2.0 ** min(self._failures, 30), self._bounds.most))
        self._failures += 1

    def wanted(self, now: float) -> bool:
        """Bring the next lookup forward, because nobody answers at the addresses; return whether it is due now."""
        self.due = min(self.due, max(now, self._looked + self._bounds.least))
        return self.due <= now

    def _look_again(self, now: float, seconds: float) -> None:
        self._looked, self.due = now, now + seconds

    def _replace(self, addresses: tuple[Address, ...]) -> bool:
        changed = addresses != self.addresses
        self.addresses = addresses
        return changed
