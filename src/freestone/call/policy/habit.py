"""Whether the calls of an operation tend to end without waiting for anything: learned from the last ones."""

from __future__ import annotations

from typing import Final, final

_MOST: Final = 64


@final
class Habit:
    """Says whether the next call is worth starting at once.

    A call that is started at once and then waits costs more than one that was given a task to begin with. After one
    that waited, so many are given a task before another is tried: 1, 2, 4 and so on up to 64. One that did not wait
    ends that at once. So an operation that never waits pays nothing, one that always does is tried in vain once in
    65 calls, and one that does now and then (a cache that is missed) is mostly started at once.

    >>> habit = Habit()
    >>> habit.tries(), habit.waited(), habit.tries(), habit.tries()
    (True, None, False, True)
    """

    __slots__ = ("skips", "step")

    def __init__(self) -> None:
        self.skips = 0
        """Calls that are still to be given a task."""
        self.step = 0
        """Calls that were given a task after the last one that waited; 0 if one has ended at once since."""

    def tries(self) -> bool:
        """Return whether to start the next call at once, and count it."""
        if self.skips:
            self.skips -= 1
            return False
        return True

    def waited(self) -> None:
        """Learn that a call which was started at once had to wait."""
        self.skips = self.step = min(_MOST, self.step * 2 or 1)

    def ran(self) -> None:
        """Learn that a call which was started at once ended without waiting."""
        self.step = 0
