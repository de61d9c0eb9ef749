"""A quantile of what was seen so far, in two numbers."""

from __future__ import annotations

from typing import Final, final

_STEP: Final = 0.05
"""How far one observation moves the estimate, as a share of it."""
_LEAST: Final = 1e-4
"""What the estimate never falls below: a clock that is coarser than what it measures sees much that takes no time."""


@final
class Quantile:
    """An estimate of a quantile of positive numbers that follows them as they change.

    Each number above the estimate moves it up, each below it down, so that it rests where the share above is what it
    should be (Ma, Muthukrishnan and Sandler, Frugal Streaming for Estimating Quantiles, 2013); the steps are
    shares of the estimate, because latencies span orders of magnitude.
    """

    __slots__ = ("_down", "_up", "count", "value")

    def __init__(self, quantile: float) -> None:
        if not 0 < quantile < 1:
            raise ValueError(f"a quantile is between 0 and 1, not {quantile}")
        self._up = 1.0 + _STEP * quantile
        self._down = 1.0 - _STEP * (1.0 - quantile)
        self.count = 0
        """How many numbers were observed."""
        self.value = 0.0
        """The estimate."""

    def observe(self, value: float) -> None:
        """Take a number into account."""
        self.count += 1
        if self.count == 1:
            self.value = max(value, _LEAST)
        else:
            self.value = max(self.value * (self._up if value > self.value else self._down), _LEAST)
