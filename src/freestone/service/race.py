"""Whether a transaction that has lost a race is tried again, and when.

Two transactions that touch the same rows can't both have seen the same moment: one of them commits, and the database
takes the other back. Nothing is wrong with it, and it will do as well the next time. So it is run again, a bounded
number of times and after a wait by chance, for those who met once would else meet again.
"""

from __future__ import annotations

from typing import Final

from freestone.clock import Random

MOST_REPETITIONS: Final = 8
"""Times that a transaction is run again which loses each time, unless it is known how many do."""
_FIRST: Final = 0.01
"""Seconds that the wait before the first repetition has at most; it doubles with each."""
_DOUBLED: Final = 6
"""How often it doubles at most."""


def next_run(lost: int, left: float, random: Random, most: int = MOST_REPETITIONS) -> float | None:
    """Return the seconds to wait before the next run, or None if there is to be none.

    ``lost`` is how many runs have lost their race; ``left`` the seconds until the deadline, which no wait outlasts;
    ``most`` how many repetitions there may be.
    """
    if lost > most:
        return None
    delay = random.random() * _FIRST * 2.0 ** min(lost - 1, _DOUBLED)
    return delay if delay < left else None
