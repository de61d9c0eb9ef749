"""What the porch promises."""

from __future__ import annotations

from freestone import Contract, Event, query


class TakenIn(Event, key="street"):
    """A parcel has arrived."""

    street: str
    number: int


class Porch(Contract):
    """Takes parcels in."""

    @query
    async def taken(self, street: str, by: str = "take_in") -> tuple[int, ...]:
        """Return the numbers of a street in the order in which that handler has taken them in."""
        ...
