"""How long to wait before a crashed process is started again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with a ceiling, and spread by chance so that replicas that crashed together do not
    start together. All times in seconds.

    >>> Backoff(first=0.1, factor=2, ceiling=10, jitter=0.5).delay(failures=3, chance=1.0)
    0.2
    """

    first: float = 0.2
    """The wait after the first crash, before it is spread."""
    factor: float = 2.0
    """By how much the wait grows with each crash that follows."""
    ceiling: float = 10.0
    """The longest wait."""
    jitter: float = 0.5
    """The share of the wait that chance may take away, from 0 (none) to 1 (all)."""
    stable: float = 10.0
    """A process that ran this long before it crashed is taken for sound: its crashes are counted anew."""

    def delay(self, failures: int, chance: float) -> float:
        """Return the wait after that many crashes in a row (1 or more), for a chance in [0, 1]."""
        # The exponent is capped before the power is taken: a float overflows after a day of crashes.
        full = min(self.ceiling, self.first * self.factor ** min(failures - 1, 64))
        return full * (1 - self.jitter * chance)
