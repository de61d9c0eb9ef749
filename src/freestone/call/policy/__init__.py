"""What a call may cost and where it goes: pure decisions, with time as an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freestone.lazy import lazily

from .affinity import affinity as affinity
from .habit import Habit as Habit
from .limit import AdaptiveLimit as AdaptiveLimit
from .limit import Pace as Pace
from .queue import DeadlineQueue as DeadlineQueue
from .queue import Waiter as Waiter
from .serving import LIMIT_KINDS as LIMIT_KINDS
from .serving import LimitKind as LimitKind
from .serving import Serving as Serving

if TYPE_CHECKING:
    from .backoff import Backoff as Backoff
    from .balance import Balancer as Balancer
    from .batch import batches as batches
    from .batch import divide as divide
    from .breaker import BREAKER_MOVES as BREAKER_MOVES
    from .breaker import Breaker as Breaker
    from .breaker import BreakerMove as BreakerMove
    from .breaker import BreakerState as BreakerState
    from .breaker import Breaking as Breaking
    from .budget import RetryBudget as RetryBudget
    from .cache import Cache as Cache
    from .cache import Kept as Kept
    from .call_policy import CallPolicy as CallPolicy
    from .call_policy import Policies as Policies
    from .chance import QuickChance as QuickChance
    from .deadline import Deadlines as Deadlines
    from .ejection import may_eject as may_eject
    from .hedge import Hedge as Hedge
    from .quantile import Quantile as Quantile
    from .replica import Balance as Balance
    from .replica import Replica as Replica
    from .retry import Retry as Retry
    from .retry import Safety as Safety
    from .retry import Stop as Stop
    from .retry import next_attempt as next_attempt
    from .retry import repeatable as repeatable

__getattr__ = lazily(
    __name__,
    {
        "backoff": ("Backoff",),
        "balance": ("Balancer",),
        "batch": ("batches", "divide"),
        "breaker": ("BREAKER_MOVES", "Breaker", "BreakerMove", "BreakerState", "Breaking"),
        "budget": ("RetryBudget",),
        "cache": ("Cache", "Kept"),
        "call_policy": ("CallPolicy", "Policies"),
        "chance": ("QuickChance",),
        "deadline": ("Deadlines",),
        "ejection": ("may_eject",),
        "hedge": ("Hedge",),
        "quantile": ("Quantile",),
        "replica": ("Balance", "Replica"),
        "retry": ("Retry", "Safety", "Stop", "next_attempt", "repeatable"),
    },
)
"""Imported at the first use: what callers decide is nothing to who only serves."""
