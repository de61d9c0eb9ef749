"""Services of a process hear each other's events."""

from __future__ import annotations

import asyncio

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone.app import local
from freestone.contract import Contract, Event, command, query
from freestone.data import Database
from freestone.events import Publisher, subscribe
from freestone.service import service


class Base(DeclarativeBase):
    pass


class SaleRow(Base):
    __tablename__ = "sale"
    number: Mapped[int] = mapped_column(primary_key=True)


class Till(Contract):
    class Sold(Event, key="item"):
        item: str
        number: int

    @command
    async def sell(self, item: str, number: int) -> None: ...


class Books(Contract):
    class Booked(Event, key="number"):
        number: int

    @query
    async def sales(self) -> tuple[int, ...]: ...


class Archive(Contract):
    @query
    async def size(self) -> int: ...


@service
class TillService(Till):
    events: Publisher

    async def sell(self, item, number):  # type: ignore[no-untyped-def]
        self.events.publish(Till.Sold(item, number))


@service
class BooksService(Books):
    db: Database
    events: Publisher

    async def start(self) -> None:
        async with self.db.transaction() as transaction:
            await transaction.run(lambda it: it.run_sync(lambda s: Base.metadata.create_all(s.connection())))

    async def sales(self):  # type: ignore[no-untyped-def]
        return tuple(await self.db.scalars(select(SaleRow.number).order_by(SaleRow.number)))

    @subscribe(Till.Sold)
    async def book(self, event: Till.Sold) -> None:
        self.db.add(SaleRow(number=event.number))
        self.events.publish(Books.Booked(event.number))


@service
class ArchiveService(Archive):
    async def start(self) -> None:
        self.seen: list[int] = []
        self.enough = asyncio.Event()

    async def size(self):  # type: ignore[no-untyped-def]
        return len(self.seen)

    @subscribe(Books.Booked)
    async def keep(self, event: Books.Booked) -> None:
        self.seen.append(event.number)
        if len(self.seen) == 5:
            self.enough.set()


async def test_events_go_from_service_to_service() -> None:
    """What a handler announces joins its transaction; a service without a database of its own hears too."""
    async with local(till=TillService, books=BooksService, archive=ArchiveService) as application:
        for number in range(5):
            await application.client(Till).sell("tea", number)
        async with asyncio.timeout(20):
            await application.service("archive").enough.wait()
        assert await application.client(Books).sales() == (0, 1, 2, 3, 4)
