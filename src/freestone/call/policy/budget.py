"""How often calls may be repeated, all of them together: a share of the recent ones.

When a callee fails, each of its callers wants to try again, and three attempts a call are three times the load on
what is down already. A budget bounds the sum: with a share of 0.2 the callee sees 1.2 times the load, whatever the
number of attempts (Tales of the Finagle, RetryBudget; Site Reliability Engineering, chapter 22).
"""

from __future__ import annotations

from math import exp
from typing import Final, final

WINDOW: Final = 10.0
"""Seconds for which a call is recent: what was earned and not used fades with this time constant."""


@final
class RetryBudget:
    """Earned by calls, spent by repetitions and hedges of them.

    ``share`` of the recent calls may be repeated, or ``floor`` a second where that is more, so that rare calls can be
    repeated too. A new budget is advanced what ten seconds of its floor are; the first calls pay for it. So no more
    is ever spent than ``max(10 * floor, share * calls) + floor * seconds``, where only seconds with few calls count.

    >>> budget = RetryBudget(0.2, 1.0, now=0.0)
    >>> budget.calls += 1000
    >>> sum(budget.take(0.0) for _ in range(1000))
    200
    """

    __slots__ = ("_at", "_floor", "_share", "_tokens", "calls")

    def __init__(self, share: float, floor: float, now: float) -> None:
        self._share = share
        self._floor = floor
        self._at = now
        self._tokens = floor * WINDOW
        self.calls = -int(self._tokens / share) if share else 0
        """Add one for each call; it is a plain number because every call does. Negative while there is an advance."""

    def take(self, now: float) -> bool:
        """Spend on one repetition. Return False if there is nothing left for it."""
        self._earn(now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def give_back(self) -> None:
        """Take back what was spent last: the repetition could not be sent."""
        self._tokens += 1.0

    def _earn(self, now: float) -> None:
        elapsed = max(0.0, now - self._at)
        self._at = now
        earned = self._floor * elapsed
        if self.calls > 0:
            earned = max(earned, self._share * self.calls)
            self.calls = 0
        if elapsed > 0.0:
            # What came in evenly over the time has faded too: the integral of exp(-t / WINDOW).
            fading = exp(-elapsed / WINDOW)
            earned *= (1.0 - fading) * WINDOW / elapsed
            self._tokens *= fading
        self._tokens += earned
