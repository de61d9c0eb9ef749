"""The embedded broker keeps the rules of brokers, on the outbox of a service."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from freestone.clock import SystemClock, SystemIds, system_random
from freestone.data import Database
from freestone.events import (
    Cursor,
    EmbeddedBroker,
    Envelope,
    Log,
    LogLost,
    LogTrimmed,
    Outbox,
    Publisher,
    Recorded,
    Source,
)
from freestone.events.log import LOG
from freestone.events.outbox import OUTBOX
from freestone.testing import FakeClock
from freestone.testing.conformance.broker import (
    CHECKS,
    CHECKS_OF_RESTORING,
    SOURCE,
    Bench,
    Check,
)

from .conftest import Opener, Placed

IDS = SystemIds(SystemClock(), system_random())


async def append(outbox: Outbox, envelopes: Sequence[Envelope]) -> None:
    """Write events as a publisher does."""
    async with outbox.database.transaction() as transaction:
        await outbox.write(transaction, envelopes)


@pytest.fixture
async def bench(opener: Opener, engine: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """Two processes that have one database."""
    databases = [opener() for _ in range(2)]
    outboxes = [Outbox(database, SOURCE) for database in databases]
    brokers = [EmbeddedBroker([Log(outbox, IDS)], poll=0.05) for outbox in outboxes]
    for broker in brokers:
        await broker.start()
    here = outboxes[0]
    position = OUTBOX.c.id if engine == "sqlite" else OUTBOX.c.position

    async def announce(envelopes: Sequence[Envelope]) -> None:
        await append(here, envelopes)

    async def lose() -> None:
        async with databases[0].transaction():
            await databases[0].execute(delete(LOG))
            await databases[0].execute(delete(OUTBOX))
        await Log(here, IDS).start()

    async def trim(to: Cursor) -> None:
        async with databases[0].transaction():
            newest = select(func.max(position)).scalar_subquery()  # which retention leaves
            await databases[0].execute(delete(OUTBOX).where(position <= to.position, position < newest))

    async def undo(act: Callable[[], Awaitable[None]]) -> None:
        for database in databases:
            await database.close()
        shutil.copy(tmp_path / "orders.db", tmp_path / "backup.db")
        for database in databases:
            await database.start()
        await act()
        for database in databases:
            await database.close()
        shutil.copy(tmp_path / "backup.db", tmp_path / "orders.db")
        for database in databases:
            await database.start()

    yield Bench(brokers[0], brokers[1], announce, 1, lose, trim, undo)
    for broker in brokers:
        await broker.close()
    for database in databases:
        await database.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_embedded_broker_keeps_the_rules(check: Check, bench: Bench) -> None:
    """The suite of the seam, between two processes that have one database."""
    async with asyncio.timeout(60):
        await check(bench)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("check", CHECKS_OF_RESTORING, ids=lambda check: check.__name__)
async def test_the_embedded_broker_notices_a_backup(check: Check, bench: Bench) -> None:
    """A file of SQLite that was put back."""
    async with asyncio.timeout(60):
        await check(bench)


@pytest.fixture
async def log(publisher: Publisher) -> Log:
    """The log of the service ``orders``."""
    log = Log(publisher.outbox, IDS)
    await log.start()
    return log


async def publish(publisher: Publisher, *orders: str) -> None:
    """Publish an event for each order, in a transaction each."""
    for order in orders:
        await publisher.send(Placed(order))


async def take(batches: AsyncIterator[Sequence[Recorded]], count: int) -> list[str]:
    """Return the subjects of the next events."""
    found: list[str] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found += [it.envelope.subject for it in await anext(batches) if it.envelope is not None]
    return found


TYPES, ALL = frozenset(["orders.Placed"]), frozenset([0])


async def test_a_reader_is_woken_by_the_commit(publisher: Publisher, log: Log) -> None:
    """It does not wait for its next look, which here would be in an hour."""
    broker = EmbeddedBroker([log], poll=3600)
    async with contextlib.aclosing(broker.read(Source("shop", "orders"), TYPES, ALL, None)) as batches:
        for order in ("a", "b", "c"):
            waiting = asyncio.ensure_future(take(batches, 1))
            await publish(publisher, order)
            assert await waiting == [order]


async def test_the_log_is_there_after_a_restart(opener: Opener) -> None:
    """With its identity, its events and their places."""
    cursors: list[Cursor] = []
    for order in ("a", "b"):
        database = opener()
        publisher = Publisher(database, source=Source("shop", "orders"))
        broker = EmbeddedBroker([Log(publisher.outbox, IDS)])
        await broker.start()
        await publish(publisher, order)
        after = cursors[-1] if cursors else None
        async with contextlib.aclosing(broker.read(Source("shop", "orders"), TYPES, ALL, after)) as batches:
            (found,) = await anext(batches)
        assert found.envelope is not None
        assert found.envelope.subject == order
        cursors.append(found.cursor)
        await broker.close()
        await database.close()


async def test_a_place_in_a_stream_says_that_the_broker_is_another(log: Log, publisher: Publisher) -> None:
    """Nothing is lost: the application ran in several processes before."""
    broker = EmbeddedBroker([log])
    await broker.start()
    await publish(publisher, "a")
    after = Cursor("2026-11-25T00:00:00.5Z", 7, "event-7")
    async with contextlib.aclosing(broker.read(Source("shop", "orders"), TYPES, ALL, after)) as batches:
        with pytest.raises(LogLost, match="from the database of orders now, and came by NATS before") as caught:
            await anext(batches)
    assert caught.value.moved
    await broker.close()


async def test_events_of_somebody_else_are_not_here(log: Log) -> None:
    """Whoever asks for them has placed the services wrongly."""
    with pytest.raises(LookupError, match="payments of shop is not in this process, nor are its events"):
        await EmbeddedBroker([log]).end(Source("shop", "payments"))


async def test_old_events_are_removed(db: Database) -> None:
    """Once they were kept for as long as the file says; the newest stays, for it tells where the log is."""
    clock = FakeClock()
    publisher = Publisher(db, clock=clock)
    log = Log(publisher.outbox, IDS)
    await log.start()
    await publish(publisher, "a", "b")
    clock.advance(100)
    await publish(publisher, "c")
    assert await log.trim(clock.now() - timedelta(seconds=50)) == 2
    assert await log.trim(clock.now() + timedelta(seconds=50)) == 0
    assert [it.subject for it in await publisher.outbox.written()] == ["c"]


async def test_what_nobody_has_read_is_not_removed(publisher: Publisher, log: Log) -> None:
    """However old it is: a reader that is slow loses nothing. One that is gone holds up nothing."""
    later = SystemClock().now() + timedelta(days=100)
    await publish(publisher, "a", "b", "c", "d")
    start = (await log.after(0, TYPES, ALL))[0].cursor
    broker = EmbeddedBroker([log], poll=3600)
    async with contextlib.aclosing(broker.read(Source("shop", "orders"), TYPES, ALL, start)) as batches:
        await anext(batches)
        assert await log.trim(later) == 1
        reading = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        assert await log.trim(later) == 2
        reading.cancel()
        await asyncio.wait([reading])
    with pytest.raises(LogTrimmed, match="2 events of orders after position 1 were not read before they were removed"):
        await log.check(start)


async def test_events_are_removed_in_the_background(db: Database) -> None:
    """By the broker itself, again and again."""
    clock = FakeClock()
    publisher = Publisher(db, clock=clock)
    broker = EmbeddedBroker([Log(publisher.outbox, IDS)], keep=1000, clock=clock)
    await broker.start()
    await publish(publisher, "a", "b")
    async with asyncio.timeout(30):
        while len(await publisher.outbox.written()) == 2:
            clock.advance(101)
            await asyncio.sleep(0.01)
    assert clock.monotonic() > 1000
    await broker.close()


async def test_p04_events_of_one_transaction_are_all_read_however_small_the_pieces(
    publisher: Publisher, log: Log, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, under an id of its own."""
    monkeypatch.setattr("freestone.events.log._AT_ONCE", 1)
    async with db.transaction():
        for number in range(3):
            publisher.publish(Placed("a", number))
    broker = EmbeddedBroker([log])
    found: list[str] = []
    async with contextlib.aclosing(broker.read(Source("shop", "orders"), TYPES, ALL, None)) as batches:
        while len(found) < 3:
            (one,) = await anext(batches)
            assert one.envelope is not None
            found.append(one.envelope.id)
    assert len(set(found)) == 3
