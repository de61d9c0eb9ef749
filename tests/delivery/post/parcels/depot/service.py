"""The service that ships."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select

from freestone import Database, Publisher, service, subscribe
from parcels.folder import witness
from parcels.porch.contract import TakenIn

from .contract import Depot, Jammed, Returned, Shipped
from .tables import ConfirmedRow, StreetRow


@service
class DepotService(Depot):
    """Ships parcels, and hears what the porch has taken in."""

    db: Database
    events: Publisher

    async def start(self) -> None:
        witness()

    async def ship(self, street: str, how: str = "") -> int:
        number = await self._next(street)
        self.events.publish(Shipped(street=street, number=number, how=how))
        return number

    async def ship_many(self, street: str, count: int) -> int:
        for _ in range(count):
            number = await self.ship(street)
        return number

    async def ship_and_return(self, street: str) -> None:
        await self.ship(street)
        raise Returned(f"nobody lives in {street}")

    async def ship_garbled(self, street: str) -> int:
        number = await self._next(street)
        # No type checker let this pass, and nothing at run time looks.
        self.events.publish(Shipped(street=street, number=cast(int, f"No. {number}")))
        return number

    async def jam(self, street: str) -> None:
        self.events.publish(Jammed(street=street))

    async def shipped(self, street: str) -> int:
        row = await self.db.get(StreetRow, street)
        return 0 if row is None else row.shipped

    async def confirmed(self, street: str) -> tuple[int, ...]:
        rows = select(ConfirmedRow.number).where(ConfirmedRow.street == street).order_by(ConfirmedRow.id)
        return tuple(await self.db.scalars(rows))

    @subscribe(TakenIn, start="beginning")
    async def confirm(self, event: TakenIn) -> None:
        """Write down that a parcel has arrived."""
        self.db.add(ConfirmedRow(street=event.street, number=event.number))

    async def _next(self, street: str) -> int:
        row = await self.db.get(StreetRow, street)
        if row is None:
            row = StreetRow(name=street, shipped=0)
            self.db.add(row)
        row.shipped += 1
        return row.shipped
