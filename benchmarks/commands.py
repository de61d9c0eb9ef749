"""Commands that write a row and announce an event, against the same two inserts by bare SQLAlchemy.

The databases of both have the same settings, and both sides are in this process: on SQLite each has a file, on
PostgreSQL a database of one server. A command here is a call of a client: context, deadline, the rules of the boundary.
SQLAlchemy is used as its documentation advises, with statements that are made once, and by Core and by the ORM: the
better of the two is what counts. The orders are those of many customers, as the events of one customer have an order
to be kept.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil
from sqlalchemy import Connection, event, insert, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from freestone import Contract, Database, Event, Publisher, command, service
from freestone.call import Dispatcher, LocalTransport, client
from freestone.testing import postgres_server

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


CUSTOMERS: Final = 1000


def order(number: int) -> dict[str, Any]:
    """Return what is ordered."""
    return {"customer": f"customer-000-{number % CUSTOMERS:04}", "total": 5202}


def placed(number: int) -> dict[str, Any]:
    """Return what an outbox has of it."""
    customer: str = order(number)["customer"]
    return {
        "id": f"0190f6f2c1d57c2e8a4b{number:012x}",
        "type": "shop.OrderPlaced",
        "subject": customer,
        "data": b'{"customer":"%s","total":5202}' % customer.encode(),
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
            ways |= await stack.enter_async_context(_postgres())
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
    async with _both("SQLite", Database.open(directory / "ours.db"), engine) as ways:
        yield ways


@contextlib.asynccontextmanager
async def _postgres() -> AsyncIterator[dict[tuple[str, str], Call]]:
    """Give the ways to do it in PostgreSQL."""
    async with postgres_server() as server:
        theirs = make_url(await server.create_database()).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(theirs, pool_size=_POOL, max_overflow=0)
        async with _both("PostgreSQL", Database.open(await server.create_database(), name="shop"), engine) as ways:
            yield ways


@contextlib.asynccontextmanager
async def _both(name: str, database: Database, engine: AsyncEngine) -> AsyncIterator[dict[tuple[str, str], Call]]:
    """Make the tables on both sides, and give all ways of that engine."""
    publisher = Publisher(database)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await publisher.start()
        async with database.transaction() as transaction:
            await transaction.run(lambda session: session.run_sync(_create))
        yield {(name, way): call for way, call in (ours(database, publisher) | bare(engine)).items()}
    finally:
        await database.close()
        await engine.dispose()


def _create(session: Session) -> None:
    Base.metadata.create_all(session.connection())


def ours(database: Database, publisher: Publisher) -> dict[str, Call]:
    """Return the commands."""
    shop = client(Shop, LocalTransport(Dispatcher({"shop": ShopService(db=database, events=publisher)}), "shop"))
    numbers = itertools.count()
    return {OURS: lambda: shop.place(**order(next(numbers))), OURS_ORM: lambda: shop.place_row(**order(next(numbers)))}


def bare(engine: AsyncEngine) -> dict[str, Call]:
    """Return the same by SQLAlchemy."""
    session_of = async_sessionmaker(engine, expire_on_commit=False)
    numbers = itertools.count()

    async def core() -> None:
        number = next(numbers)
        async with engine.begin() as connection:
            await connection.execute(_ORDER, order(number))
            await connection.execute(_PLACED, placed(number))

    async def orm() -> None:
        number = next(numbers)
        async with session_of() as session, session.begin():
            session.add(OrderRow(**order(number)))
            session.add(OutboxRow(**placed(number)))

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
