"""The service that takes parcels in."""

from __future__ import annotations

from freestone import service, subscribe
from parcels.depot.contract import Jammed, Shipped

from .handlers import Handlers


@service
class PorchService(Handlers):
    """Takes parcels in: one handler has a street wait for a parcel that is set aside, the other does not."""

    @subscribe(Shipped, start="beginning", tries=3, backoff="50ms")
    async def take_in(self, event: Shipped) -> None:
        """Take it in, and say so."""
        await self.put(event, "take_in")

    @subscribe(Shipped, start="beginning", tries=3, backoff="50ms", on_failure="skip")
    async def glance(self, event: Shipped) -> None:
        """Look at it."""
        await self.put(event, "glance")

    @subscribe(Jammed, start="beginning", tries=2, backoff="50ms", deadline="300ms")
    async def pull(self, event: Jammed) -> None:
        """Try to get it free."""
        await self.get_stuck(event)
