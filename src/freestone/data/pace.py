"""Which statements are so quick that a trip to a thread would take longer than they do: learned from the last ones."""

from __future__ import annotations

from typing import Final, final

QUICK: Final = 0.0003
"""Seconds that a statement may take to be counted as quick: some trips to a thread."""
SLOW: Final = 0.002
"""Seconds from which on one is slow. What lies between says nothing: the machine is shared."""
_FIRST: Final = 3
_MOST: Final = 96
_GOOD: Final = 128
_TEXTS: Final = 1000


class _Known:
    """What is known of one statement."""

    __slots__ = ("good", "left", "step")

    def __init__(self) -> None:
        self.left = _FIRST
        """Quick runs in the thread that are still wanted before it is run at once."""
        self.step = _FIRST
        """How many those were the last time."""
        self.good = 0
        """Quick runs since it was slow."""


@final
class Pace:
    """Learns from each run of a statement, by its text, whether the next one is worth a trip to a thread.

    A statement is quick when three runs of it were. One that is slow takes that back: then 6 quick ones are wanted,
    the next time 12, and so on up to 96; 128 quick ones in a row make that forgotten. At most 1,000 statements are
    known.

    >>> pace = Pace()
    >>> for _ in range(3):
    ...     pace.learn("SELECT 1", 0.00001)
    >>> pace.is_quick("SELECT 1"), pace.is_quick("SELECT 2")
    (True, False)
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def is_quick(self, text: str) -> bool:
        """Return whether the next run of that statement will most likely be quick."""
        known = self._known.get(text)
        return known is not None and known.left == 0

    def learn(self, text: str, seconds: float) -> None:
        """Learn how long a run of that statement took."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _TEXTS:
                self._known.clear()
            known = self._known[text] = _Known()
        if seconds <= QUICK:
            known.good += 1
            if known.left:
                known.left -= 1
            if known.good >= _GOOD:
                known.step = _FIRST
        elif seconds >= SLOW:
            known.good = 0
            known.step = known.left = min(_MOST, known.step * 2)
