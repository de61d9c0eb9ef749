"""The service that keeps the accounts."""

from __future__ import annotations

from sqlalchemy import select

from freestone import Database, Publisher, errors, service

from .contract import Accounts, Balance, Moved, Overdrawn
from .tables import AccountRow, TransferRow


@service
class AccountsService(Accounts):
    """Keeps the accounts."""

    db: Database
    events: Publisher

    async def balances(self) -> tuple[Balance, ...]:
        rows = await self.db.scalars(select(AccountRow).order_by(AccountRow.name))
        return tuple(Balance(account=row.name, amount=row.amount, movements=row.movements) for row in rows)

    async def accepted(self) -> tuple[str, ...]:
        return tuple(await self.db.scalars(select(TransferRow.name).order_by(TransferRow.name)))

    async def open(self, account: str, amount: int) -> None:
        self.db.add(AccountRow(name=account, amount=amount, movements=0))

    async def transfer(self, transfer: str, source: str, target: str, amount: int) -> int:
        giver, taker = await self._account(source), await self._account(target)
        if giver.amount < amount:
            raise Overdrawn(f"{source} has {giver.amount}", account=source)
        self.db.add(TransferRow(name=transfer))
        self._move(giver, transfer, -amount)
        self._move(taker, transfer, amount)
        return giver.amount

    async def _account(self, name: str) -> AccountRow:
        row = await self.db.get(AccountRow, name)
        if row is None:
            raise errors.NotFound(f"there is no account {name}")
        return row

    def _move(self, row: AccountRow, transfer: str, change: int) -> None:
        row.amount += change
        row.movements += 1
        self.events.publish(
            Moved(account=row.name, transfer=transfer, change=change, number=row.movements, balance=row.amount)
        )
