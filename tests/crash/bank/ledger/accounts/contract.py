"""What the accounts promise."""

from __future__ import annotations

from freestone import Contract, Event, Message, command, errors, query


class Overdrawn(errors.FailedPrecondition):
    """The account has less than that."""

    account: str


class Moved(Event, key="account"):
    """Money has come to an account, or has left it."""

    account: str
    transfer: str
    change: int
    """What has come; negative if it has left."""
    number: int
    """Which movement of the account it is, from 1."""
    balance: int
    """What the account has since."""


class Balance(Message):
    """An account."""

    account: str
    amount: int
    movements: int


class Accounts(Contract):
    """Who has how much."""

    @query
    async def balances(self) -> tuple[Balance, ...]:
        """Return all accounts, in the order of their names."""
        ...

    @query
    async def accepted(self) -> tuple[str, ...]:
        """Return the transfers that were made, in the order of their names; one that was made twice, twice."""
        ...

    @command
    async def open(self, account: str, amount: int) -> None:
        """Open an account that has so much. Raises AlreadyExists."""
        ...

    @command(raises=[Overdrawn])
    async def transfer(self, transfer: str, source: str, target: str, amount: int) -> int:
        """Move money, publish Moved for both accounts, and return what the source has left. Raises Overdrawn."""
        ...
