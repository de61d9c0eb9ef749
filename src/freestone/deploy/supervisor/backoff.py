"""How long to wait before a crashed process is started again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Backoff:
    """Two waits, because two things go wrong. A process that does not come up is tried ever more seldom. One that had
    served is wanted back: the first time at once, and if it falls again and again, after a wait that leaves the
    machine at least as much rest as its start takes. Both are spread by chance, so that replicas that crashed
    together do not start together. All times in seconds.

    >>> backoff = Backoff(first=0.1, factor=2, ceiling=10, jitter=0.5)
    >>> backoff.unstarted(crashes=3, chance=1.0)
    0.2
    >>> backoff.served(crashes=1, start=0.8, chance=1.0)
    0.0
    """

    first: float = 0.2
    """The first wait, before it is spread."""
    factor: float = 2.0
    """By how much the wait grows with each crash that follows."""
    ceiling: float = 10.0
    """The longest wait for a process that does not come up."""
    served_ceiling: float = 1.0
    """The longest wait for a process that had served, unless its start takes longer: then that time."""
    jitter: float = 0.5
    """The share of the wait that chance may take away, from 0 (none) to 1 (all)."""
    stable: float = 10.0
    """A process that served this long before it crashed is taken for sound: its crashes are counted anew."""

    def unstarted(self, crashes: int, chance: float) -> float:
        """Return the wait after that many crashes in a row (1 or more) before the process served, for a chance in
        [0, 1].
        """
        return self._grown(crashes, self.ceiling, chance)

    def served(self, crashes: int, start: float, chance: float) -> float:
        """Return the wait after that many crashes in a row (1 or more) of a process that had served each time. The
        last ``start`` took that many seconds.
        """
        return 0.0 if crashes == 1 else self._grown(crashes - 1, max(self.served_ceiling, start), chance)

    def _grown(self, crashes: int, ceiling: float, chance: float) -> float:
        # The exponent is capped before the power is taken: a float overflows after a day of crashes.
        full = min(ceiling, self.first * self.factor ** min(crashes - 1, 64))
        return full * (1 - self.jitter * chance)
