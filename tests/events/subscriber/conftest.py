"""A service that hears orders, on a broker in memory: what a test starts, breaks and starts again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone.clock import Clock, Random, SystemClock, system_random
from freestone.contract import Contract, Event, query
from freestone.data import Database
from freestone.errors import Unavailable
from freestone.events import (
    JSON,
    Broker,
    Cursor,
    Envelope,
    LogLost,
    LogTrimmed,
    Recorded,
    Source,
    partition_of,
    subscribe,
    subscriptions,
)
from freestone.events.inbox import began
from freestone.events.kept import KEPT
from freestone.events.subscribers import Subscribers
from freestone.service import service
from freestone.signals import SIGNALS, EventHandled, Signal

S = TypeVar("S", bound=Signal)

ORDERS = Source("shop", "orders")
JOURNAL = Source("shop", "journal")
PATIENCE = 60.0


class Base(DeclarativeBase):
    pass


class EntryRow(Base):
    """One event that took effect, in the order in which it did."""

    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    number: Mapped[int]


class Orders(Contract):
    class Placed(Event, key="customer"):
        customer: str
        number: int


class Journal(Contract):
    @query
    async def count(self) -> int: ...


Act = Callable[[Any], Awaitable[None]]


@service
class JournalService(Journal):
    db: Database

    async def start(self) -> None:
        self.acts: list[Act] = []

    async def count(self) -> int:
        return len((await self.db.scalars(select(EntryRow))).all())

    @subscribe(Orders.Placed, start="beginning", backoff=0.02, tries=3, deadline=20)
    async def note(self, event: Orders.Placed) -> None:
        for act in self.acts:
            await act(event)
        self.db.add(EntryRow(key=event.customer, number=event.number))


def placed(number: int, key: str = "ada", **more: Any) -> Envelope:
    """Return the envelope of an order, unlike that of any other number."""
    fields = {"customer": key, "number": number}
    return msgspec.structs.replace(
        Envelope(
            id=f"event-{number}",
            type="orders.Placed",
            source="/shop/orders",
            subject=key,
            time=datetime.now(UTC),
            version=1,
            data=msgspec.json.encode(fields),
            content_type=JSON,
        ),
        **more,
    )


class ListBroker:
    """A broker to which everything can be done that happens to logs."""

    def __init__(self, partitions: int = 1, window: int = 1000) -> None:
        """``window`` is how many of the latest events it absorbs when they come again."""
        self.partitions = partitions
        self.events: list[tuple[int, Envelope]] = []
        """The log: events, each with its position."""
        self.down = False
        """Whether nobody can reach it."""
        self._window = window
        self._log = 1
        self._last = 0
        self._first = 1
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Append the events. Raises Unavailable while it is down."""
        if self.down:
            raise Unavailable("the broker is down")
        for envelope in envelopes:
            if envelope.id not in {known.id for _, known in self.events[-self._window :] if self._window}:
                self.append(envelope)
        self._notify()

    def append(self, envelope: Envelope) -> None:
        """Append an event, also one that is there already."""
        self._last += 1
        partition = partition_of(envelope.subject, self.partitions)
        self.events.append((self._last, msgspec.structs.replace(envelope, partition=partition)))
        self._notify()

    def divide(self, partitions: int) -> None:
        """Sort the keys into another number of partitions, those of the log too."""
        self.partitions = partitions
        self.events = [
            (at, msgspec.structs.replace(envelope, partition=partition_of(envelope.subject, partitions)))
            for at, envelope in self.events
        ]

    def lose(self) -> None:
        """Make the log anew, with nothing in it."""
        self.events.clear()
        self._log += 1
        self._last, self._first = 0, 1
        self._notify()

    def trim(self, position: int) -> None:
        """Remove everything up to that position, as retention does."""
        self.events = [(at, envelope) for at, envelope in self.events if at > position]
        self._first = max(self._first, position + 1)
        self._notify()

    def go_back(self, position: int) -> None:
        """Remove everything after that position, as a restored backup does."""
        self.events = [(at, envelope) for at, envelope in self.events if at <= position]
        self._last = position
        self._notify()

    async def read(
        self, source: Source, types: frozenset[str], partitions: frozenset[int], after: Cursor | None
    ) -> AsyncGenerator[Sequence[Recorded]]:
        """Yield what follows the cursor. Raises LogLost and LogTrimmed."""
        position = 0
        if after is not None:
            self._check(after)
            position = after.position
        while True:
            changed = self._changed
            if not self.down:
                found = self._found(source, types, partitions, position)
                if found:
                    position = found[-1].cursor.position
                    yield found
                    continue
            await changed.wait()

    async def end(self, source: Source) -> Cursor:
        """Return the place after everything that is there. Raises Unavailable while it is down."""
        if self.down:
            raise Unavailable("the broker is down")
        return self._cursor(self._last)

    def come_back(self) -> None:
        """Be there again after it was down."""
        self.down = False
        self._notify()

    def _found(
        self, source: Source, types: frozenset[str], partitions: frozenset[int], position: int
    ) -> list[Recorded]:
        found: list[Recorded] = []
        whose = f"/{source.application}/{source.service}"
        for at, envelope in self.events:
            if at <= position:
                continue
            if envelope.source == whose and envelope.type in types and envelope.partition in partitions:
                found.append(Recorded(envelope, self._cursor(at)))
                if len(found) == 100:
                    return found
        reached = found[-1].cursor.position if found else position
        if self._last > reached:
            found.append(Recorded(None, self._cursor(self._last)))
        return found

    def _check(self, after: Cursor) -> None:
        if after.log != f"log {self._log}":
            raise LogLost(f"the cursor is of {after.log}, and this is log {self._log}")
        here = self._cursor(after.position)
        if after.position > self._last or (after.id and here.id and after.id != here.id):
            raise LogLost(f"the log was put back to before {after.position}")
        if after.position + 1 < self._first:
            raise LogTrimmed(
                f"the events from {after.position + 1} to {self._first - 1} are gone", self._cursor(self._first - 1)
            )

    def _cursor(self, position: int) -> Cursor:
        ids = (envelope.id for at, envelope in self.events if at == position)
        return Cursor(f"log {self._log}", position, next(ids, ""))

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Heard:
    """The signals of a test, and a way to wait for them."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self._changed = asyncio.Event()

    def __call__(self, signal: Signal, /) -> None:
        self.signals.append(signal)
        self._changed.set()

    def of(self, kind: type[S]) -> list[S]:
        """Return the signals of a kind."""
        return [signal for signal in self.signals if isinstance(signal, kind)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, which is looked at after each signal."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def count(self, kind: type[Signal], count: int) -> None:
        """Wait for so many signals of a kind."""
        await self.until(lambda: len(self.of(kind)) >= count)

    async def handled(self, count: int) -> None:
        """Wait until so many events were handled."""
        await self.count(EventHandled, count)


class Rig:
    """Starts the service, several times if need be, on one database and one broker."""

    def __init__(self, where: str | Path, heard: Heard) -> None:
        self.where = where
        self.heard = heard
        self.broker: Broker | Any = ListBroker()
        self.partitions = 1
        self.seconds = 10.0
        self.remember = 30 * 86400.0
        self.clock: Clock = SystemClock()
        self.random: Random = system_random()
        self.acts: list[Act] = []
        self._names = itertools.count()
        self.db = self.opened()

    def opened(self) -> Database:
        """Return the database, as another process opens it."""
        return Database.open(self.where, name="journal")

    async def prepare(self) -> None:
        await self.db.start()
        async with self.db.transaction() as transaction:
            await transaction.run(
                lambda session: session.run_sync(lambda it: Base.metadata.create_all(it.connection()))
            )

    @contextlib.asynccontextmanager
    async def listening(
        self, cls: type[Any] = JournalService, *, database: Database | None = None, drain: float = 10.0
    ) -> AsyncIterator[Any]:
        """Run a service for a block; gives the service."""
        database = database or self.db
        instance = cls(db=database)
        if hasattr(instance, "start"):
            await instance.start()
        instance.acts = self.acts
        workers = Subscribers(
            JOURNAL,
            instance,
            [(subscription, ORDERS) for subscription in subscriptions(cls)],
            database=database,
            broker=self.broker,
            partitions=self.partitions,
            instance=f"process {next(self._names)}",
            clock=self.clock,
            random=self.random,
            remember=self.remember,
            seconds=self.seconds,
        )
        await workers.start()
        instance.workers = workers
        try:
            yield instance
        finally:
            await workers.stop(drain)

    def divide(self, partitions: int) -> None:
        """Divide the log, for those who start from now on."""
        self.partitions = partitions
        self.broker.divide(partitions)

    async def kept(self, count: int) -> None:
        """Wait until so many events are kept."""

        async def are_kept() -> bool:
            async with self.db.separate("the test", read_only=True) as transaction:
                rows = await transaction.run(lambda session: session.execute(select(KEPT.c.id)))
                return len(rows.all()) >= count

        await self.eventually(are_kept)

    async def retry_all(self) -> None:
        """Have everything tried again that is aside, as a person does."""
        await self.write(update(KEPT).where(KEPT.c.state == "aside").values(state="retrying", tries=0, next_try=0))

    async def begun(self, subscription: str) -> None:
        """Wait until a subscription is remembered."""

        async def is_there() -> bool:
            return subscription in await began(self.db)

        await self.eventually(is_there)

    async def eventually(self, condition: Callable[[], Awaitable[bool]], patience: float = PATIENCE) -> None:
        """Wait for what no signal tells, as somebody who looks again and again."""
        async with asyncio.timeout(patience):
            while True:
                if await condition():
                    return
                await asyncio.sleep(0.01)

    async def write(self, statement: Any) -> None:
        """Execute a statement on the service's database."""

        async def work() -> None:
            await self.db.execute(statement)

        await self.db.transact(work)

    async def entries(self, key: str | None = None) -> list[int]:
        """Return the numbers of the events that took effect, in their order."""
        async with self.db.separate("the test", read_only=True) as transaction:
            rows = await transaction.run(lambda session: session.execute(select(EntryRow).order_by(EntryRow.id)))
            return [row.number for (row,) in rows if key is None or row.key == key]


@pytest.fixture
def heard() -> Any:
    heard = Heard()
    SIGNALS.subscribe(heard)
    yield heard
    SIGNALS.unsubscribe(heard)


@pytest.fixture(params=["sqlite", "postgresql"])
async def rig(tmp_path: Path, heard: Heard, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """The service on each database; a test that makes sense in one only parametrizes this, indirectly."""
    where: str | Path = tmp_path / "journal.db"
    if request.param == "postgresql":
        where = await request.getfixturevalue("postgres").create_database()
    rig = Rig(where, heard)
    await rig.prepare()
    yield rig
    await rig.db.close()


@pytest.fixture
def place() -> Callable[..., Envelope]:
    return placed


@pytest.fixture
def journal() -> Any:
    """What a test needs to declare a service of its own."""
    return SimpleNamespace(orders=Orders, journal=Journal, row=EntryRow)
