"""When a peer that says nothing is asked whether it is there, and when it counts as lost.

Everything is counted in looks, of which there is one in each period. Any byte is a sign of life. One end asks first:
the other hears its ping, and need not ask as well. It does so a look later, if it has heard none.
"""

from __future__ import annotations

import enum
import math
from typing import Final, final

from freestone.wire import Limits

DOUBTED: Final = 4
"""Looks without an answer to a ping until a peer is in doubt; one may come after a halt of this process."""
_PARTS: Final = 4
"""Looks in the shortest of the limits on time."""


class Sign(enum.Enum):
    """What follows from a look."""

    ASK = "ask"
    """The peer is to be asked for a sign of life."""
    DOUBT = "doubt"
    """It has not given one yet: it may be gone, or only busy."""
    BACK = "back"
    """It was in doubt, and is there."""
    LOST = "lost"
    """It has given none for too long."""


def period(limits: Limits) -> float:
    """Return the seconds from one look to the next."""
    return min(limits.handshake, limits.ping, limits.frame_time) / _PARTS


@final
class Silence:
    """How long the peer of one connection has said nothing. ``first`` is whether this end asks first."""

    __slots__ = ("_ask", "_doubt", "_lost", "_still", "doubted")

    def __init__(self, limits: Limits, *, first: bool) -> None:
        each = period(limits)
        self._ask = math.ceil(limits.ping / each) + (not first)
        self._lost = max(math.ceil(limits.idle / each), self._ask + 1)
        self._doubt = min(self._ask + DOUBTED, self._lost - 1)
        self._still = 0
        self.doubted = False
        """Whether the peer is in doubt."""

    def look(self, heard: bool) -> Sign | None:
        """Count one look; ``heard`` is whether there was a sign of life since the one before."""
        if heard:
            self._still = 0
            back, self.doubted = self.doubted, False
            return Sign.BACK if back else None
        self._still = still = self._still + 1
        if still < self._ask:
            return None
        if still >= self._lost:
            return Sign.LOST
        if still == self._ask:
            return Sign.ASK
        if still == self._doubt:
            self.doubted = True
            return Sign.DOUBT
        return None
