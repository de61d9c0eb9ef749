"""Slows down who guesses passwords: no I/O, no clock."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final, final

LARGEST: Final = 10_000
"""Names that are remembered at a time."""


@final
class Throttle:
    """Counts the recent failures of each name, in this process alone: a restart forgets them.

    Args:
        failures: How many a name may have within the window.
        seconds: The length of the window.
    """

    def __init__(self, failures: int, seconds: float) -> None:
        self._failures = failures
        self._seconds = seconds
        self._recent: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, name: str, now: float) -> float:
        """Return the seconds until the name may be tried again; 0 if it may be now."""
        recent = self._recent.get(name)
        if recent is None or len(recent) < self._failures:
            return 0.0
        return max(0.0, recent[0] + self._seconds - now)

    def fail(self, name: str, now: float) -> None:
        """Count a failure."""
        self._recent.setdefault(name, deque(maxlen=self._failures)).append(now)
        self._recent.move_to_end(name)
        while len(self._recent) > LARGEST:
            self._recent.popitem(last=False)

    def succeed(self, name: str) -> None:
        """Forget the failures of a name whose owner is back."""
        self._recent.pop(name, None)
