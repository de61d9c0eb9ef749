"""The service that keeps the journal: it listens to the accounts."""

from __future__ import annotations

from sqlalchemy import func, select

from freestone import Database, service, subscribe
from ledger.accounts.contract import Moved

from .contract import Entry, Journal
from .tables import EntryRow


@service
class JournalService(Journal):
    """Keeps the journal."""

    db: Database

    async def length(self) -> int:
        return await self.db.scalar(select(func.count()).select_from(EntryRow)) or 0

    async def entries(self, account: str) -> tuple[Entry, ...]:
        rows = await self.db.scalars(select(EntryRow).where(EntryRow.account == account).order_by(EntryRow.place))
        return tuple(
            Entry(account=it.account, transfer=it.transfer, change=it.change, number=it.number, balance=it.balance)
            for it in rows
        )

    @subscribe(Moved, start="beginning")
    async def note(self, event: Moved) -> None:
        """Write it down."""
        count = select(func.count()).select_from(EntryRow).where(EntryRow.account == event.account)
        self.db.add(
            EntryRow(
                account=event.account,
                transfer=event.transfer,
                change=event.change,
                number=event.number,
                balance=event.balance,
                place=await self.db.scalar(count) or 0,
            )
        )
