"""What the handlers of the porch do, under whatever name and in whichever version of the service."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from freestone import Database, Publisher, errors
from parcels.depot.contract import Jammed, Shipped
from parcels.folder import note, noted, witness

from .contract import Porch, TakenIn
from .tables import ParcelRow


class Handlers(Porch):
    """A porch that hears nothing yet."""

    db: Database
    events: Publisher

    async def start(self) -> None:
        witness()

    async def taken(self, street: str, by: str = "take_in") -> tuple[int, ...]:
        rows = select(ParcelRow.number).where(ParcelRow.street == street, ParcelRow.handler == by)
        return tuple(await self.db.scalars(rows.order_by(ParcelRow.id)))

    async def put(self, event: Shipped, handler: str) -> None:
        """Take a parcel in, if it allows that."""
        tries = note(f"{event.street} {handler} {event.number}")
        if event.how == "together":
            await _until(f"{event.street[::-1]} {handler} {event.number}")
        self.db.add(ParcelRow(handler=handler, street=event.street, number=event.number))
        if handler == "take_in":
            self.events.publish(TakenIn(street=event.street, number=event.number))
        await self.db.flush()
        await _misbehave(event, tries)

    async def get_stuck(self, event: Jammed) -> None:
        """Never end."""
        try:
            await asyncio.Event().wait()
        finally:
            note(f"{event.street} cancelled")


async def _misbehave(event: Shipped, tries: int) -> None:
    """Do what the parcel says, after everything else of the handler, for of that nothing may be left."""
    mended = bool(noted(f"{event.street} mended"))
    match event.how:
        case "broken" if not mended:
            raise RuntimeError("the lid is broken")
        case "fragile" if tries <= 2:
            raise RuntimeError("it fell down")
        case "refused" if not mended:
            raise errors.Reject("it ticks")
        case "held":
            await _until(f"{event.street} mended")


async def _until(name: str) -> None:
    """Wait until something of that name has happened, in whichever process."""
    while not noted(name):  # noqa: ASYNC110 - a file is no event
        await asyncio.sleep(0.01)
