"""A circuit breaker: it keeps calls away from a replica that fails, and looks after a while whether it still does.

The states and what moves them are the table below; the diagram in docs/calls.md is that table. The share of errors
is counted over a window that slides: counts fade with its length as their time constant, which takes two numbers
instead of a ring. Successes are not told one by one, which would cost every call: whoever keeps the replica counts
them, and hands the number over when something fails.
"""

from __future__ import annotations

import enum
from math import exp
from typing import Final, final

import msgspec

_IN_A_ROW: Final = 5
"""Failures with no success between them that open a breaker, however few they are in the window."""
_PROBES: Final = 3
"""Answers in a row that close a breaker which was half open."""


@final
class Breaking(msgspec.Struct, frozen=True):
    """When a breaker opens, and for how long."""

    window: float = 5.0
    """Seconds over which errors are counted."""
    errors: float = 0.5
    """The share of errors in the window at which it opens."""
    calls: int = 10
    """Calls that the window must have for its share to mean something; five failures in a row need no window."""
    open: float = 5.0
    """Seconds for which an open breaker keeps calls away, before it lets one through to look."""


@final
class BreakerState(enum.Enum):
    """Whether calls go to the replica."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """They do not."""
    HALF_OPEN = "half open"
    """One at a time does, to see how it fares."""


@final
class BreakerMove(enum.Enum):
    """What moves a breaker."""

    TRIP = "too many errors"
    WAIT = "it was open for long enough"
    PROVE = "enough calls were answered"
    FAIL = "a call failed"


BREAKER_MOVES: Final = {
    (BreakerState.CLOSED, BreakerMove.TRIP): BreakerState.OPEN,
    (BreakerState.OPEN, BreakerMove.WAIT): BreakerState.HALF_OPEN,
    (BreakerState.HALF_OPEN, BreakerMove.PROVE): BreakerState.CLOSED,
    (BreakerState.HALF_OPEN, BreakerMove.FAIL): BreakerState.OPEN,
}
"""Where each move leads; what is not in the table changes nothing."""


@final
class Breaker:
    """The breaker of one replica."""

    __slots__ = ("_at", "_bad", "_breaking", "_good", "_in_a_row", "_probes", "_until", "state")

    def __init__(self, breaking: Breaking, now: float) -> None:
        self._breaking = breaking
        self.state = BreakerState.CLOSED
        self._at = now
        self._good = 0.0
        self._bad = 0.0
        self._in_a_row = 0
        self._probes = 0
        self._until = 0.0

    def share(self, now: float, answered: int = 0) -> float:
        """Return the share of errors in the window, if that many calls were answered since it was last told."""
        good, bad = self._faded(now, answered)
        return bad / (good + bad) if bad else 0.0

    def failed(self, now: float, answered: int, silent: bool = False) -> bool:
        """Count a failure, and the calls that were answered since the last one. Return whether it is time to trip.

        ``silent`` is whether there was no answer in all of the call's time. That counts as two in a row: it took longer
        to find out, and says more.
        """
        self._good, bad = self._faded(now, answered)
        self._bad = bad + 1.0
        self._at = now
        self._in_a_row = (0 if answered else self._in_a_row) + (2 if silent else 1)
        if self.state is not BreakerState.CLOSED:
            return False
        calls = self._good + self._bad
        return self._in_a_row >= _IN_A_ROW or (
            calls >= self._breaking.calls and self._bad >= self._breaking.errors * calls
        )

    @property
    def suspicion(self) -> float:
        """How bad the replica is taken to be when it trips: certain after failures in a row, else its share."""
        return 1.0 if self._in_a_row >= _IN_A_ROW else self._bad / (self._good + self._bad)

    def answered(self) -> bool:
        """Count an answer while it is half open. Return whether there were enough of them to close it."""
        self._probes += 1
        return self._probes >= _PROBES

    def due(self, now: float) -> bool:
        """Whether an open breaker has been open for long enough."""
        return self.state is BreakerState.OPEN and now >= self._until

    def move(self, move: BreakerMove, now: float) -> bool:
        """Go to where the table says. Return whether the state is another one now."""
        state = BREAKER_MOVES.get((self.state, move))
        if state is None:
            return False
        self.state = state
        self._probes = 0
        if state is BreakerState.OPEN:
            self._until = now + self._breaking.open
        elif state is BreakerState.CLOSED:
            self._good = self._bad = 0.0
            self._in_a_row = 0
        return True

    def _faded(self, now: float, answered: int) -> tuple[float, float]:
        elapsed = now - self._at
        if elapsed <= 0.0:
            return self._good + answered, self._bad
        window = self._breaking.window
        fading = exp(-elapsed / window)
        # Answers came evenly over the time: only those of late are in the window.
        return self._good * fading + answered * (1.0 - fading) * window / elapsed, self._bad * fading
