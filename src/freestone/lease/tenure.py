"""How long a holder may go on, and when it asks for more: pure, by a clock that never goes back.

::

    asked                renew                                         stop            expiry
      |---- a third -------|---- again and again until it succeeds ------|--- a sixth ---|
      the store counts from here at the earliest                         the work ends   others may begin

All is counted from the moment when the holder *sent* the request that was granted. The store counts from the moment
when it *granted* it, which is later: so a holder never believes longer in its lease than the store does, however long
the answer took. The sixth at the end is for the work to end in, and for clocks that do not run alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Tenure:
    """A lease of so many seconds, as its holder sees it. Times are those of the holder's monotonic clock.

    >>> tenure = Tenure(seconds=30, asked=100.0)
    >>> tenure.next_renewal(100.0), tenure.stop, tenure.expiry
    (110.0, 125.0, 130.0)
    """

    seconds: float
    asked: float
    """When the request was sent that was granted last."""

    @property
    def stop(self) -> float:
        """When the holder must have ended its work, unless the lease is renewed before."""
        return self.asked + self.seconds * 5 / 6

    @property
    def expiry(self) -> float:
        """Before this nobody else has the lease."""
        return self.asked + self.seconds

    def next_renewal(self, now: float) -> float:
        """Return when to ask next: after a third of the time, and then every twelfth until it is granted."""
        due = self.asked + self.seconds / 3
        return due if now < due else now + self.seconds / 12

    def is_over(self, now: float) -> bool:
        """Whether the holder must not go on."""
        return now >= self.stop

    def renewed(self, asked: float) -> Tenure:
        """Return the tenure after a renewal was granted that was asked for at that time."""
        return Tenure(self.seconds, max(self.asked, asked))


def next_try(now: float, until: float, seconds: float) -> float:
    """Return when somebody who waits until that time for a lease of so many seconds asks again."""
    return min(now + min(1.0, max(0.02, seconds / 20)), until)
