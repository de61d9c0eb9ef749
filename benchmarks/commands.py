"""Commands that write a row and announce an event, against the same two inserts by bare SQLAlchemy.

The files of both have the same settings, and both are in this process. A command here is a call of a client: context,
deadline, the rules of the boundary. SQLAlchemy is used as its documentation advises, with statements that are made
once, and by Core and by the ORM: the better of the two is what counts.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil
from sqlalchemy import Connection, event, insert
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone import Contract, Database, Event, Publisher, command, service
from freestone.call import Dispatcher, LocalTransport, client

from .load import Round, measure
from .peers import Call

LEVELS: Final = (1, 32)
"""How many commands are under way at a time."""
OURS, OURS_ORM = "freestone", "freestone, rows of the ORM"
CORE, ORM = "SQLAlchemy Core", "SQLAlchemy ORM"
Key = tuple[str, str, int]
"""Engine, way, commands at a time."""
Results = dict[Key, list[Round]]
_POOL: Final = 5
"""Connections of SQLAlchemy's pool, which is its default."""


class Base(DeclarativeBase):
    """The tables of the shop."""


class OrderRow(Base):
    """What was ordered."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]
    total: Mapped[int]


class OutboxRow(Base):
    """What is announced of it, as an outbox has it that one writes by hand."""

    __tablename__ = "outbox"
    position: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str]
    type: Mapped[str]
    subject: Mapped[str]
    data: Mapped[bytes]


ORDER: Final[dict[str, Any]] = {"customer": "customer-000-1234", "total": 5202}
PLACED: Final[dict[str, Any]] = {
    "id": "0190f6f2c1d57c2e8a4b3f9d5e6a7b8c",
    "type": "shop.OrderPlaced",
    "subject": "customer-000-1234",
    "data": b'{"customer":"customer-000-1234","total":5202}',
}
_ORDER = insert(OrderRow.__table__)  # type: ignore[arg-type]
_PLACED = insert(OutboxRow.__table__)  # type: ignore[arg-type]


class OrderPlaced(Event, key="customer"):
    """Announced with each order."""

    customer: str
    total: int


class Shop(Contract):
    """What is measured."""

    @command
    async def place(self, customer: str, total: int) -> None:
        """Insert an order, and announce it."""

    @command
    async def place_row(self, customer: str, total: int) -> None:
        """Do the same, with a row of the ORM."""


@service
class ShopService(Shop):
    """A row and an event a command: the id, the time and the trace of the event are made, and its fields encoded."""

    db: Database
    events: Publisher

    async def place(self, customer: str, total: int) -> None:
        """Insert and announce."""
        await self.db.execute(_ORDER, {"customer": customer, "total": total})
        self.events.publish(OrderPlaced(customer=customer, total=total))

    async def place_row(self, customer: str, total: int) -> None:
        """Insert and announce."""
        self.db.add(OrderRow(customer=customer, total=total))
        self.events.publish(OrderPlaced(customer=customer, total=total))


async def compare(rounds: int, seconds: float) -> Results:
    """Measure every way ``rounds`` times, one after the other in each round."""
    results: Results = {}
    with TemporaryDirectory(prefix="fsb-") as directory:
        async with contextlib.AsyncExitStack() as stack:
            ways = await stack.enter_async_context(_sqlite(Path(directory)))
            lanes = [
                ((engine, way, level), call, await _commands(call, level, seconds))
                for (engine, way), call in ways.items()
                for level in LEVELS
            ]
            for number in range(rounds):
                print(f"commands, round {number + 1} of {rounds} …", file=sys.stderr)
                for key, call, count in sorted(lanes, key=lambda it: (it[0][0], it[0][2])):
                    results.setdefault(key, []).append(await measure(call, key[2], count, psutil.Process()))
    return results


async def _commands(call: Call, level: int, seconds: float) -> int:
    """Warm up, and return how many take about that many seconds."""
    await measure(call, level, 2 * level + 20, psutil.Process())
    trial = await measure(call, level, 2 * level + 60, psutil.Process())
    return max(4 * level, int(trial.per_second * seconds))


@contextlib.asynccontextmanager
async def _sqlite(directory: Path) -> AsyncIterator[dict[tuple[str, str], Call]]:
    """Give the ways to do it in a SQLite file."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{directory}/peer.db", pool_size=_POOL, max_overflow=0)
    event.listen(engine.sync_engine, "connect", _settings)
    event.listen(engine.sync_engine, "begin", _immediate)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    database = Database.open(directory / "ours.db")
    publisher = Publisher(database)
    await publisher.start()
    async with database.transaction() as transaction:
        await transaction.run(lambda session: session.run_sync(lambda it: Base.metadata.create_all(it.connection())))
    try:
        yield {("SQLite", way): call for way, call in (ours(database, publisher) | bare(engine)).items()}
    finally:
        await database.close()
        await engine.dispose()


def ours(database: Database, publisher: Publisher) -> dict[str, Call]:
    """Return the commands."""
    shop = client(Shop, LocalTransport(Dispatcher({"shop": ShopService(db=database, events=publisher)}), "shop"))
    return {OURS: lambda: shop.place(**ORDER), OURS_ORM: lambda: shop.place_row(**ORDER)}


def bare(engine: AsyncEngine) -> dict[str, Call]:
    """Return the same by SQLAlchemy."""
    session_of = async_sessionmaker(engine, expire_on_commit=False)

    async def core() -> None:
        async with engine.begin() as connection:
            await connection.execute(_ORDER, ORDER)
            await connection.execute(_PLACED, PLACED)

    async def orm() -> None:
        async with session_of() as session, session.begin():
            session.add(OrderRow(**ORDER))
            session.add(OutboxRow(**PLACED))

    return {CORE: core, ORM: orm}


def _settings(connection: Any, _: object) -> None:
    """Have the settings that Freestone has: the same file format, the same durability."""
    connection.isolation_level = None  # SQLAlchemy's advice, for transactions that begin when they are told to
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def best(results: Results, engine: str, level: int) -> list[Round]:
    """Return, for each round, the better of SQLAlchemy's two ways."""
    pairs = zip(results[engine, CORE, level], results[engine, ORM, level], strict=True)
    return [max(pair, key=lambda it: it.per_second) for pair in pairs]


def ratios(results: Results, engine: str, level: int) -> list[float]:
    """Return, for each round, how many commands were done for one transaction of SQLAlchemy."""
    pairs = zip(results[engine, OURS, level], best(results, engine, level), strict=True)
    return [ours.per_second / theirs.per_second for ours, theirs in pairs]


def cpu(results: Results, engine: str, level: int) -> str:
    """Return the CPU microseconds of both, and the median of their ratios."""
    ours, theirs = results[engine, OURS, level], best(results, engine, level)
    less = median(b.server / a.server for a, b in zip(ours, theirs, strict=True))
    return f"{median(it.server for it in ours):.0f} against {median(it.server for it in theirs):.0f}: {less:.1f} times"


def table(results: Results) -> str:
    """Return the medians as a Markdown table."""
    lines = [
        "| a row and an event in one transaction | at | p50 µs | p99 µs | a second "
        "| × the better of SQLAlchemy's | CPU µs |",
        "|---|---|---|---|---|---|---|",
    ]
    for (engine, way, level), measured in sorted(results.items(), key=lambda it: (it[0][0], it[0][2])):
        pairs = zip(measured, best(results, engine, level), strict=True)
        beside = median(a.per_second / b.per_second for a, b in pairs)
        p50, p99, rate, spent = (median(getattr(it, name) for it in measured) for name in _FIELDS)
        lines.append(
            f"| {engine}, {way} | {level} | {p50:,.0f} | {p99:,.0f} | {rate:,.0f} | {beside:.2f} | {spent:,.0f} |"
        )
    return "\n".join(lines)


_FIELDS: Final = ("p50", "p99", "per_second", "server")
