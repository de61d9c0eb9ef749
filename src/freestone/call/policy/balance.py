"""Which of several replicas takes the next call."""

from __future__ import annotations

from collections.abc import Sequence

from freestone.clock import Random


def least_of_two(loads: Sequence[int], random: Random) -> int:
    """Return the index of the lesser of two loads picked by chance; one of them by chance if they are equal.

    It comes close to the least loaded of all without the herd that forms when every caller sees the same least
    (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001). Raises ValueError for no loads.
    """
    count = len(loads)
    if count < 2:
        if not count:
            raise ValueError("there is nothing to choose from")
        return 0
    first = int(random.random() * count)
    second = (first + 1 + int(random.random() * (count - 1))) % count
    return first if loads[first] <= loads[second] else second
