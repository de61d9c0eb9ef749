"""What the journal promises."""

from __future__ import annotations

from freestone import Contract, Message, query


class Entry(Message):
    """A movement, in the order in which the journal learned of it."""

    account: str
    transfer: str
    change: int
    number: int
    balance: int


class Journal(Contract):
    """What has moved."""

    @query
    async def length(self) -> int:
        """Return how many entries there are."""
        ...

    @query
    async def entries(self, account: str) -> tuple[Entry, ...]:
        """Return the movements of an account, as they came."""
        ...
