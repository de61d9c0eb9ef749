"""Whether a call that failed is made again, and when."""

from __future__ import annotations

import enum
from typing import Final, final

import msgspec

from freestone.clock import Random
from freestone.errors import Aborted, ConnectionLost, ResourceExhausted, ServiceError, Unavailable

from .backoff import Backoff
from .budget import RetryBudget

_REFUSALS: Final = 8
"""Times that a call may be sent which each time is refused before it began, as replicas that are leaving do."""
_DEATHS: Final = 10
"""Times that a call may be sent whose replica dies each time. It is bounded, for it may be the call that kills them."""


@final
class Retry(msgspec.Struct, frozen=True):
    """How calls are repeated. Raises ValueError for what contradicts itself."""

    attempts: int = 3
    """Times that a call is made, the first one included; with 1 nothing is repeated."""
    first: float = 0.01
    """Seconds that the wait before the first repetition has at most; it doubles with each."""
    most: float = 1.0
    """Seconds that any wait has at most."""
    budget: float = 0.2
    """How many repetitions there may be for each call to the service, over all of the calls of late."""

    @property
    def backoff(self) -> Backoff:
        """How long to wait: exponential, with full jitter."""
        return Backoff(self.first, self.most)


@final
class Safety(enum.Enum):
    """What a repetition of an operation can do."""

    QUERY = "query"
    """Nothing: it reads."""
    IDEMPOTENT = "idempotent"
    """Nothing: the contract says that the command has one effect however often it is made."""
    KEPT = "kept"
    """Nothing: all attempts of a command carry one key, and whoever took it keeps what it came to."""
    COMMAND = "command"
    """It may have its effect twice, for whoever took it keeps nothing; where nothing happened, the second is the
    first."""


@final
class Stop(enum.Enum):
    """Why a call is not made again."""

    UNSAFE = "to repeat it may do harm, or can't help"
    OFF = "repetitions are turned off"
    BELOW = "it was repeated further down"
    ATTEMPTS = "every attempt was made"
    BUDGET = "the budget is spent"
    DEADLINE = "the deadline is too near"

    @property
    def gave_up(self) -> bool:
        """Whether the policy is at its end, so that no layer above should try again either."""
        return self in (Stop.BELOW, Stop.ATTEMPTS, Stop.BUDGET, Stop.DEADLINE)


def repeatable(failure: ServiceError, begun: bool, safety: Safety) -> bool:
    """Whether a call that failed so may be made again. ``begun`` is whether a handler may have run.

    This is the one place that knows. Only the canonical classes themselves count: an error of the domain that derives
    from one, as a quota that is used up, says the same the next time.
    """
    kind = type(failure)
    if kind is Unavailable or kind is Aborted:
        return True
    if isinstance(failure, ResourceExhausted) and kind is ResourceExhausted:
        # One that was begun and does not say when to come back is about what was asked for, not about the load.
        return not begun or failure.retry_after is not None
    return kind is ConnectionLost and safety is not Safety.COMMAND


def next_attempt(
    retry: Retry,
    failure: ServiceError,
    *,
    begun: bool,
    leaving: bool,
    gone: bool = False,
    safety: Safety,
    sent: int,
    left: float,
    budget: RetryBudget,
    now: float,
    random: Random,
) -> float | Stop:
    """Return the seconds to wait before a call is made again, or why it is not. Spends from the budget if it is.

    ``sent`` is how many times it was sent, ``left`` the seconds until its deadline. ``leaving`` is whether the replica
    has said goodbye, ``gone`` whether it has ended: what it refuses then, or had in flight, goes elsewhere, or waits
    for a successor, and costs no budget, because no more comes to that replica.
    """
    if failure.retried:
        return Stop.BELOW
    if not repeatable(failure, begun, safety):
        return Stop.UNSAFE
    refused = not begun and type(failure) is Unavailable
    gone = gone and type(failure) is ConnectionLost
    if not refused and retry.attempts == 1:
        return Stop.OFF
    if sent >= max(_REFUSALS if refused else _DEATHS if gone else 1, retry.attempts):
        return Stop.ATTEMPTS
    # Who was sent away by a replica that is leaving goes straight to another one, the first time.
    delay = retry.backoff.delay(sent - 1 if refused else sent, random)
    if isinstance(failure, ResourceExhausted) and failure.retry_after is not None:
        delay += failure.retry_after
    if delay >= left:
        return Stop.DEADLINE
    return delay if (refused and leaving) or gone or budget.take(now) else Stop.BUDGET
