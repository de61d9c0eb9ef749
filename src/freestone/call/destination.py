"""What a process knows of one service elsewhere: which replica takes the next call, and what may be repeated."""

from __future__ import annotations

from typing import final

from freestone.clock import Random

from .connection import PeerConnection
from .policy import Balancer, CallPolicy, RetryBudget

_FLOOR = 1.0
"""Repetitions a second that a service may have however few calls it gets."""


@final
class Destination:
    """One service of a process elsewhere, as all of its callers here see it.

    It is of the service, not of the process: one that has lost its database fails while others beside it are well.
    """

    __slots__ = ("balancer", "budget")

    def __init__(self, service: str, policy: CallPolicy, random: Random, now: float) -> None:
        self.balancer: Balancer[PeerConnection] = Balancer(service, policy.balance, policy.breaker, random)
        self.budget = RetryBudget(policy.retry.budget, _FLOOR, now)
