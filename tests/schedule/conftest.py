"""Schedules in virtual time: the clock goes on only when every ticker sleeps."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import BigInteger, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone import Contract, Database, command, service
from freestone.schedule import Bound, Schedules, schedules
from freestone.signals import SIGNALS, Signal
from freestone.testing import FakeClock, PostgresServer, fake_random

S = TypeVar("S", bound=Signal)

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
PATIENCE = 20.0


class Base(DeclarativeBase):
    pass


class RunRow(Base):
    __tablename__ = "run"
    id: Mapped[int] = mapped_column(primary_key=True)
    tick: Mapped[int] = mapped_column(BigInteger)


class Desk(Contract):
    @command
    async def put(self) -> None:
        """Put something down."""


class Calendar:
    """A clock that a test moves from one sleeper's waking to the next."""

    def __init__(self, now: datetime = NOON) -> None:
        self.fake = FakeClock(now)
        self.tickers = 1
        """How many have to sleep before time goes on."""
        self._naps: list[float] = []
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return self.fake.now()

    def monotonic(self) -> float:
        return self.fake.monotonic()

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        if task.get_name().startswith("turn "):
            await self.fake.sleep(seconds)
            return
        end = self.monotonic() + seconds
        self._naps.append(end)
        self._changed.set()
        try:
            await self.fake.sleep(seconds)
        finally:
            self._naps.remove(end)

    async def idle(self) -> None:
        """Wait until every ticker sleeps."""
        async with asyncio.timeout(PATIENCE):
            while len([nap for nap in self._naps if nap > self.monotonic()]) < self.tickers:
                self._changed.clear()
                await self._changed.wait()

    async def until(self, moment: datetime) -> None:
        """Let time go on to that moment, and let be done what is due then."""
        await self.idle()
        while self.now() < moment:
            left = (moment - self.now()).total_seconds()
            self.fake.advance(min(left, min(self._naps) - self.monotonic()))
            await self.idle()

    async def passing(self, **delta: float) -> None:
        """Let that much time go by."""
        await self.until(self.now() + timedelta(**delta))


class Heard:
    """The signals that were announced."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []

    def __call__(self, signal: Signal) -> None:
        self.signals.append(signal)

    def of(self, kind: type[S]) -> list[S]:
        return [signal for signal in self.signals if isinstance(signal, kind)]

    def ticks(self, kind: type[Any]) -> list[str]:
        """Return the ticks that signals of that kind are about, as day and time."""
        return [f"{signal.tick:%d %H:%M:%S}" for signal in self.of(kind)]


@pytest.fixture
def heard() -> Iterator[Heard]:
    it = Heard()
    SIGNALS.subscribe(it)
    yield it
    SIGNALS.unsubscribe(it)


@pytest.fixture(params=["sqlite", "postgresql"])
async def where(tmp_path: Path, request: pytest.FixtureRequest) -> str | Path:
    """Where the database of the desk is, on each engine. On PostgreSQL a turn is counted by the server's clock."""
    if request.param == "sqlite":
        return tmp_path / "desk.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return await server.create_database()


@pytest.fixture
async def calendar() -> Calendar:
    return Calendar()


def desk(declare: Callable[[Any], Any]) -> type[Any]:
    """Return a service with one schedule, whose runs write a row; ``fails`` is what the next ones raise."""

    @service
    class DeskService(Desk):
        db: Database

        async def put(self) -> None: ...

        @declare
        async def run(self, tick: datetime) -> None:
            self.db.add(RunRow(tick=int(tick.timestamp())))
            await self.db.flush()
            fails: list[Exception] = self.__dict__.setdefault("fails", [])
            if fails:
                raise fails.pop(0)

    return DeskService


@contextlib.asynccontextmanager
async def replica(
    where: str | Path, calendar: Calendar, cls: type[Any], *, fails: Sequence[Exception] = ()
) -> AsyncIterator[Any]:
    """Run the schedules of a service on a database for a block; give the service."""
    database = Database.open(where, clock=calendar, connections=6)
    await database.start()
    try:
        async with database.transaction() as transaction:
            await transaction.run(
                lambda session: session.run_sync(lambda it: Base.metadata.create_all(it.connection()))
            )
        instance = cls(db=database)
        instance.fails = list(fails)
        bound = [Bound("shop", "desk", instance, each, database) for each in schedules(cls)]
        running = Schedules(bound, calendar, fake_random())
        await running.start()
        try:
            yield instance
        finally:
            await running.stop(PATIENCE)
    finally:
        await database.close()


async def ran(instance: Any) -> list[str]:
    """Return the ticks whose runs have committed, in their order."""
    async with instance.db.transaction():
        ticks = await instance.db.scalars(select(RunRow.tick).order_by(RunRow.id))
    return [f"{datetime.fromtimestamp(tick, UTC):%d %H:%M:%S}" for tick in ticks]
