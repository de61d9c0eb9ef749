"""How far a log is read whose keys are divided into another number of partitions than before.

What is known is of the form *this partition, of so many, is done up to there*, and stays true whatever the number is
now. A *part* is what lies in one partition for every number in question. Of each part the furthest place counts that
something is known to be done up to, and of a partition the nearest of its parts.

Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import msgspec

from .broker import Cursor


@final
class Done(msgspec.Struct, frozen=True):
    """That a partition is done up to a place."""

    partition: int
    partitions: int
    """Of how many it is one."""
    cursor: Cursor


def divided(known: Sequence[Done], partitions: int) -> dict[int, Cursor]:
    """Return up to where each of so many partitions is done; one of which that is not known is left out.

    >>> halves = [Done(0, 2, Cursor("log", 9)), Done(1, 2, Cursor("log", 4))]
    >>> [cursor.position for cursor in divided(halves, 1).values()]
    [4]
    >>> [cursor.position for cursor in divided(halves, 4).values()]
    [9, 4, 9, 4]
    """
    parts = math.lcm(partitions, *(it.partitions for it in known))
    found: dict[int, Cursor] = {}
    for partition in range(partitions):
        places = [_furthest(known, part) for part in range(partition, parts, partitions)]
        certain = [place for place in places if place is not None]
        if len(certain) == len(places) and _is_one_log(certain):
            found[partition] = min(certain, key=lambda it: it.position)
    return found


def _furthest(known: Sequence[Done], part: int) -> Cursor | None:
    """Return up to where a part is done, None if nobody knows: nothing was noted, or of two logs, one of them lost."""
    places = [it.cursor for it in known if part % it.partitions == it.partition]
    if not places or not _is_one_log(places):
        return None
    return max(places, key=lambda it: it.position)


def _is_one_log(places: Sequence[Cursor]) -> bool:
    return len({it.log for it in places}) == 1
