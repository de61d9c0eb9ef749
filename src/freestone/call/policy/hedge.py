"""When a query that takes long is asked of a second replica too."""

from __future__ import annotations

from typing import Final, final

import msgspec

from .quantile import Quantile

_KNOWN: Final = 20
"""Answers before an estimate is believed."""


@final
class Hedge(msgspec.Struct, frozen=True):
    """A second request after most answers would have come; the slower one is cancelled.

    It shortens the tail at the price of a few more requests, which come out of the retry budget (Dean and Barroso,
    The Tail at Scale, 2013).
    """

    after: float = 0.95
    """The share of answers that come sooner than the second request is sent."""
    least: float = 0.001
    """Seconds before which no second request is sent, however quick the answers are."""

    def delay(self, seen: Quantile) -> float | None:
        """Return the seconds after which to send the second request; None while too little was seen."""
        return max(self.least, seen.value) if seen.count >= _KNOWN else None
