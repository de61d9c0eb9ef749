"""Positions on PostgreSQL, where transactions commit in another order than they begin."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import msgspec
import pytest
from sqlalchemy import select, text, update

from freestone.clock import SystemClock, SystemIds, system_random
from freestone.data import Database
from freestone.events import Choice, Cursor, EmbeddedBroker, Envelope, Following, Log, Publisher, Source, lags
from freestone.events.inbox import TABLES, Inbox
from freestone.events.outbox import OUTBOX

from .conftest import Opener, Orders, Placed

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

SOURCE = Source("shop", "orders")
TYPES, ALL = frozenset(["orders.Placed"]), frozenset([0])


@pytest.fixture
async def log(publisher: Publisher) -> Log:
    log = Log(publisher.outbox, SystemIds(SystemClock(), system_random()))
    await log.start()
    return log


async def commits_when(
    db: Database, publisher: Publisher, released: asyncio.Event, written: asyncio.Event, *events: Placed
) -> None:
    """Publish in a transaction that has its rows, and its ids, and commits only when it is released."""

    async def hold(_: object) -> None:
        written.set()
        await released.wait()

    async with db.transaction():
        for event in events:
            publisher.publish(event)
        db.before_commit(hold)


async def read(log: Log, count: int, after: Cursor | None = None) -> list[tuple[Envelope, Cursor]]:
    """Return the next events of the log."""
    found: list[tuple[Envelope, Cursor]] = []
    broker = EmbeddedBroker([log], poll=0.05)
    async with asyncio.timeout(60), contextlib.aclosing(broker.read(SOURCE, TYPES, ALL, after)) as batches:
        async for batch in batches:
            found += [(it.envelope, it.cursor) for it in batch if it.envelope is not None]
            if len(found) >= count:
                break
    return found


async def test_p01_a_transaction_that_commits_late_is_read_late_and_not_passed_over(
    db: Database, publisher: Publisher, log: Log
) -> None:
    """The lower number commits last, after a reader has read beyond it."""
    released, written = asyncio.Event(), asyncio.Event()
    late = asyncio.create_task(commits_when(db, publisher, released, written, Placed("late")))
    await written.wait()
    await publisher.send(Placed("early"))
    ((early, cursor),) = await read(log, 1)
    assert early.subject == "early"
    released.set()
    await late
    ((found, after),) = await read(log, 1, cursor)
    assert (found.subject, after.position) == ("late", cursor.position + 1)
    assert [it.subject for it in await publisher.outbox.written()] == ["late", "early"]  # by their ids


async def test_p01_a_person_who_watches_sees_what_commits_late(db: Database, publisher: Publisher) -> None:
    """Once, after what took a higher number; what was there before is not shown."""
    await publisher.send(Placed("before"))
    released, written = asyncio.Event(), asyncio.Event()
    late = asyncio.create_task(commits_when(db, publisher, released, written, Placed("late"), Placed("too")))
    await written.wait()
    await publisher.send(Placed("early"))
    following = Following(publisher.outbox, Choice())
    await following.start()
    await publisher.send(Placed("next"))
    shown = [[each.envelope.subject for each in await following.next(10)]]
    released.set()
    await late
    shown += [[each.envelope.subject for each in await following.next(1)] for _ in range(3)]
    assert shown == [["next"], ["late"], ["too"], []]


@pytest.mark.parametrize("broker", ["embedded", "nats"])
async def test_lag_counts_what_commits_late(db: Database, publisher: Publisher, log: Log, broker: str) -> None:
    """With a lower number than what a subscription has handled, whoever carries the events."""

    async def carried() -> str:
        """Have all that has committed carried on, and return the id of the one that came last."""
        if broker == "embedded":
            await log.settle()
        else:
            now = int(await db.scalar(text("SELECT extract(epoch FROM clock_timestamp()) * 1000000")) or 0)
            await db.execute(update(OUTBOX).where(OUTBOX.c.published.is_(None)).values(published=now))
        order = OUTBOX.c.position if broker == "embedded" else OUTBOX.c.published
        return str(await db.scalar(select(OUTBOX.c.event_id).order_by(order.desc(), OUTBOX.c.id.desc()).limit(1)))

    async def behind() -> int | None:
        [lag] = await lags(db, {SOURCE: db}, 1)
        return lag.behind

    inbox = Inbox(db, "note", SystemClock(), 1)
    async with db.separate("a test") as transaction:
        await transaction.prepare(TABLES)
    await inbox.begin("orders.Placed", SOURCE, None)
    released, written = asyncio.Event(), asyncio.Event()
    late = asyncio.create_task(commits_when(db, publisher, released, written, Placed("late"), Placed("too")))
    await written.wait()
    await publisher.send(Placed("early"))
    async with db.transaction():
        handled = await carried()
    await inbox.write({0: Cursor("log", 1, handled)})
    assert await behind() == 0
    released.set()
    await late
    assert await behind() == 2
    async with db.transaction():
        last = await carried()
    assert await behind() == 2
    await inbox.write({0: Cursor("log", 3, last)})
    assert await behind() == 0


async def test_p01_what_eight_writers_commit_is_read_and_nothing_else(
    db: Database, opener: Opener, publisher: Publisher, log: Log
) -> None:
    """Some of them are slow to commit, and some never do; each event is read once, and those of a key in order."""
    dice, committed = random.Random(7), list[str]()
    databases = [opener() for _ in range(2)]
    for database in databases:
        await database.start()
    publishers = [publisher, *(Publisher(each, contract=Orders, source=SOURCE) for each in databases)]

    async def write(writer: int) -> None:
        own = publishers[writer % 3]
        for number in range(40):
            mine = [f"{writer}-{number}-{part}" for part in range(dice.randint(1, 160))]
            with contextlib.suppress(LookupError):
                async with own.outbox.database.transaction():
                    for name in mine:
                        own.publish(Placed(name, number))
                    own.publish(Placed(f"writer {writer}", number))
                    own.outbox.database.before_commit(lambda _: asyncio.sleep(dice.random() * 0.01))
                    if dice.random() < 0.1:
                        raise LookupError("undone")
                committed.extend([*mine, f"writer {writer}"])

    reading = asyncio.create_task(read(log, 10**9))
    await asyncio.gather(*(write(writer) for writer in range(8)))
    found = await read(log, len(committed))
    reading.cancel()
    await asyncio.wait([reading])
    assert len(committed) > 20_000
    assert sorted(it.subject for it, _ in found) == sorted(committed)
    assert [cursor.position for _, cursor in found] == list(range(1, len(committed) + 1))
    for writer in range(8):
        numbers = [msgspec.json.decode(it.data)["count"] for it, _ in found if it.subject == f"writer {writer}"]
        assert numbers == sorted(numbers)
    for database in databases:
        await database.close()


async def until(db: Database, statement: str) -> None:
    """Wait until the database answers so."""
    async with asyncio.timeout(60):
        while True:
            async with db.separate("the test", read_only=True) as transaction:
                if await transaction.run(lambda session: session.scalar(text(statement))):
                    return
            await asyncio.sleep(0.01)


WAITS = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"


async def test_p02_of_two_transactions_with_one_key_the_second_waits_for_the_first(
    db: Database, publisher: Publisher, log: Log
) -> None:
    """Until it has committed, so that it can't be before it in the log; one with another key does not wait."""
    released, written = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(commits_when(db, publisher, released, written, Placed("a", 1)))
    await written.wait()
    second = asyncio.create_task(publisher.send(Placed("a", 2)))
    await until(db, WAITS)
    await publisher.send(Placed("b", 3))
    waited = not second.done()
    released.set()
    await asyncio.gather(first, second)
    assert waited
    found = [(it.subject, msgspec.json.decode(it.data)["count"]) for it, _ in await read(log, 3)]
    assert [it for it in found if it[0] == "a"] == [("a", 1), ("a", 2)]
    assert ("b", 3) in found


async def test_p02_transactions_that_share_keys_crosswise_do_not_lock_each_other_out(
    db: Database, publisher: Publisher, log: Log
) -> None:
    """Locks are taken in one order, whichever a handler published in."""

    async def both(first: str, second: str) -> None:
        async with db.transaction():
            publisher.publish(Placed(first))
            publisher.publish(Placed(second))

    await asyncio.gather(*(both(*pair) for pair in [("a", "b"), ("b", "a")] * 20))
    assert len(await read(log, 80)) == 80


@pytest.fixture
async def idle(db: Database, publisher: Publisher) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Opens transactions of somebody else that do nothing any more."""
    opened: list[asyncpg.Connection] = []
    url = db.store.url.reveal()  # type: ignore[attr-defined]

    async def open_(*statements: str) -> None:
        connection = await asyncpg.connect(url)
        opened.append(connection)
        for statement in statements:
            await connection.execute(statement)

    yield open_
    for connection in opened:
        connection.terminate()


async def test_p03_a_transaction_that_is_left_open_holds_up_no_event(
    publisher: Publisher, log: Log, idle: Callable[..., Awaitable[None]]
) -> None:
    """Neither one that has written something, nor one that dumps the database, nor one that has read the outbox."""
    await publisher.send(Placed("before"))
    await idle("BEGIN", "INSERT INTO \"order\" (id) VALUES ('left open')")
    await idle("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM freestone_outbox")
    await idle("BEGIN ISOLATION LEVEL SERIALIZABLE", "SELECT count(*) FROM freestone_outbox", "SELECT txid_current()")
    for number in range(20):
        await publisher.send(Placed("a", number))
    found = await read(log, 21)
    assert [it.subject for it, _ in found] == ["before", *["a"] * 20]


async def test_p33_no_replication_slot_stands_between_a_commit_and_its_event(
    db: Database, publisher: Publisher, log: Log
) -> None:
    """Events are read from their table. So no failover can lose the place of a reader, and nobody who is away keeps the
    server's own log from being removed.
    """
    await publisher.send(Placed("a"))
    assert [it.subject for it, _ in await read(log, 1)] == ["a"]
    async with db.separate("the test", read_only=True) as transaction:
        slots = await transaction.run(lambda session: session.scalar(text("SELECT count(*) FROM pg_replication_slots")))
    assert slots == 0


async def test_positions_are_given_by_several_processes_without_gaps(
    opener: Opener, publisher: Publisher, log: Log, db: Database
) -> None:
    """As while an old process and a new one overlap."""
    other = opener()
    await other.start()
    second = Log(Publisher(other, source=SOURCE).outbox, SystemIds(SystemClock(), system_random()))
    await second.start()

    async def settle(each: Log) -> None:
        for _ in range(50):
            each.look_again()
            await each.settle()

    async def write() -> None:
        for number in range(60):
            await publisher.send(Placed(f"key {number % 7}", number))

    await asyncio.gather(write(), settle(log), settle(second))
    found = await read(log, 60)
    assert [cursor.position for _, cursor in found] == list(range(1, 61))
    assert len({it.id for it, _ in found}) == 60
    await other.close()


async def test_what_another_process_commits_wakes_a_reader(opener: Opener, publisher: Publisher, log: Log) -> None:
    """At its commit: this reader would look by itself in an hour."""
    other = opener()
    await other.start()
    replica = Publisher(other, source=SOURCE)
    broker, found = EmbeddedBroker([log], poll=3600), list[str]()
    async with asyncio.timeout(60), contextlib.aclosing(broker.read(SOURCE, TYPES, ALL, None)) as batches:
        await publisher.send(Placed("own"))
        async for batch in batches:
            found += [it.envelope.subject for it in batch if it.envelope is not None]
            if len(found) == 5:
                break
            await replica.send(Placed(f"theirs {len(found)}"))
    assert found == ["own", *(f"theirs {number}" for number in range(1, 5))]
    await other.close()


async def test_commands_that_publish_do_not_lose_races_against_the_log(
    db: Database, publisher: Publisher, log: Log
) -> None:
    """What gives positions reads rows that commands insert, and takes none of them back for it."""
    reading = asyncio.create_task(read(log, 10**9))
    await asyncio.gather(*(publisher.send(Placed(f"key {number}")) for number in range(100)))
    assert len(await read(log, 100)) == 100
    reading.cancel()
    await asyncio.wait([reading])
