"""How long to wait before the next attempt to connect."""

from __future__ import annotations

from typing import final

import msgspec

from freestone.clock import Random


@final
class Backoff(msgspec.Struct, frozen=True):
    """Exponential, with full jitter: callers that lost the same peer do not come back together."""

    first: float = 0.05
    """Seconds that the first wait has at most; it doubles with each failure."""
    most: float = 1.0
    """Seconds that any wait has at most."""

    def delay(self, failures: int, random: Random) -> float:
        """Return the seconds to wait after that many failures in a row; none after none."""
        if failures < 1:
            return 0.0
        # 2.0**60 seconds is beyond any maximum, and more would overflow a float some day.
        return random.random() * min(self.most, self.first * 2.0 ** min(failures - 1, 60))
