"""What the depot promises."""

from __future__ import annotations

from freestone import Contract, Event, command, errors, query


class Returned(errors.FailedPrecondition):
    """The parcel does not leave the depot."""


class Shipped(Event, key="street"):
    """A parcel was shipped."""

    street: str
    number: int
    """The how many-th of its street it is, from 1, in the order of the commits."""
    how: str = ""
    """What its handlers do, last of all: ``broken`` fails, and ``refused`` is rejected, until the street is mended;
    ``held`` waits for that; ``fragile`` fails twice. ``together`` begins only when a parcel of the street with the same
    letters in reverse is being handled."""


class Jammed(Event, key="street"):
    """A parcel was shipped that gets stuck."""

    street: str


class Depot(Contract):
    """Ships parcels."""

    @command
    async def ship(self, street: str, how: str = "") -> int:
        """Ship the next parcel of a street, publish Shipped, and return its number."""
        ...

    @command
    async def ship_many(self, street: str, count: int) -> int:
        """Ship so many at once, and return the number of the last."""
        ...

    @command(raises=[Returned])
    async def ship_and_return(self, street: str) -> None:
        """Ship a parcel, publish Shipped, and raise Returned."""
        ...

    @command
    async def ship_garbled(self, street: str) -> int:
        """Ship a parcel whose event nobody can read, and return its number."""
        ...

    @command
    async def jam(self, street: str) -> None:
        """Publish Jammed."""
        ...

    @query
    async def shipped(self, street: str) -> int:
        """Return how many parcels of a street were shipped."""
        ...

    @query
    async def confirmed(self, street: str) -> tuple[int, ...]:
        """Return the numbers that the porch has confirmed, in the order in which it was heard."""
        ...
