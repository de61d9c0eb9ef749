"""The seam to whatever keeps leases: a service's database, NATS, or a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final


@final
@dataclass(frozen=True, slots=True)
class Held:
    """The answer that somebody has the lease."""

    by: str
    """The holder, for people."""


class LeaseStore(Protocol):
    """Keeps who holds which lease, and counts the tokens. It passes ``freestone.testing.conformance.lease``.

    Time is the store's own. What it can't do because it is out of reach raises Unavailable, or another error of a call,
    within a bounded time.
    """

    async def acquire(self, name: str, holder: str, seconds: float) -> int | Held:
        """Give a lease that nobody has, or whose time is over, and return its token, higher than any before.

        It lasts for that many seconds from some moment between the call and its return.
        """
        ...

    async def renew(self, name: str, token: int, seconds: float) -> bool:
        """Let the lease with this token last for that many seconds from now. False if it is somebody else's, or free.

        One whose time is over and that nobody has taken may be renewed.
        """
        ...

    async def release(self, name: str, token: int) -> None:
        """Free the lease with this token. Does nothing if it is not held any more."""
        ...
