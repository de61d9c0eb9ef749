"""Whether a replica that fails is better left alone: only if the others are better, and enough of them are left.

A breaker sees one replica. What every replica does, as to fail on one kind of request or while their common database
is down, is no reason to send everything to half of them.
"""

from __future__ import annotations

from collections.abc import Sequence


def may_eject(share: float, others: Sequence[float], ejected: int) -> bool:
    """Whether a replica with that share of errors may be ejected.

    ``others`` are the shares of the replicas that calls go to besides it, ``ejected`` is how many are ejected already.
    Never more than half of all are, and only one that fails twice as often as the others do on average.
    """
    count = len(others) + 1 + ejected
    if 2 * (ejected + 1) > count:
        return False
    return bool(others) and share >= 2.0 * sum(others) / len(others)
