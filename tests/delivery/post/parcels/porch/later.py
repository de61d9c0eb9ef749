"""The service that takes parcels in, a version later: two handlers have new names, and two are new."""

from __future__ import annotations

from freestone import service, subscribe
from parcels.depot.contract import Shipped

from .handlers import Handlers


@service
class LaterPorchService(Handlers):
    """Takes parcels in."""

    @subscribe(Shipped, name="take_in", start="beginning", tries=3, backoff="50ms")
    async def carry_in(self, event: Shipped) -> None:
        """The method was renamed, and the subscription was not."""
        await self.put(event, "take_in")

    @subscribe(Shipped, start="beginning", tries=3, backoff="50ms", on_failure="skip")
    async def look(self, event: Shipped) -> None:
        """It was ``glance``, and does not say so."""
        await self.put(event, "look")

    @subscribe(Shipped, start="now", tries=3, backoff="50ms")
    async def count(self, event: Shipped) -> None:
        """Hear what comes from now on."""
        await self.put(event, "count")
