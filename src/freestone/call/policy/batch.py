"""How the items of several calls are put together into few, and the results given back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def batches(sizes: Sequence[int], most: int) -> Iterator[range]:
    """Yield which calls go together, by their places: each in one piece, in order, at most so many items in all.

    A call that has more than that by itself goes alone.

    >>> list(batches([2, 2, 1, 9, 1], most=4))
    [range(0, 2), range(2, 3), range(3, 4), range(4, 5)]
    """
    begin = together = 0
    for place, size in enumerate(sizes):
        if place > begin and together + size > most:
            yield range(begin, place)
            begin, together = place, 0
        together += size
    if begin < len(sizes):
        yield range(begin, len(sizes))


def divide(results: Sequence[T], sizes: Sequence[int]) -> list[Sequence[T]]:
    """Return each call's part of the results. Raises ValueError if there is not one result for each item.

    >>> divide(("a", "b", "c"), [1, 0, 2])
    [('a',), (), ('b', 'c')]
    """
    if len(results) != sum(sizes):
        raise ValueError(f"{len(results)} results for {sum(sizes)} items")
    parts: list[Sequence[T]] = []
    start = 0
    for size in sizes:
        parts.append(results[start : start + size])
        start += size
    return parts
