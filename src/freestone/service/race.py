"""Whether a transaction that has lost a race is tried again, and when.

Two transactions that touch the same rows can't both have seen the same moment: one of them commits, and the database
takes the other back. Nothing is wrong with it, and it will do as well the next time. So it is run again, a bounded
number of times and after a wait by chance, for those who met once would else meet again.
"""

from __future__ import annotations

from typing import Final

from freestone.clock import Random

MOST_REPETITIONS: Final = 5
"""Times that a transaction is run again which loses each time."""
_FIRST: Final = 0.01
"""Seconds that the wait before the first repetition has at most; it doubles with each."""


def next_run(lost: int, left: float, random: Random) -> float | None:
    """Return the seconds to wait before the next run, or None if there is to be none.

    ``lost`` is how many runs have lost their race; ``left`` the seconds until the deadline, which no wait outlasts.
    """
    if lost > MOST_REPETITIONS:
        return None
    delay = random.random() * _FIRST * 2.0 ** (lost - 1)
    return delay if delay < left else None
