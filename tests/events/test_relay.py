"""What is in the outbox goes to the broker, whatever that does."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text, update

from freestone.clock import SystemClock
from freestone.data import Database, Transaction
from freestone.data.notices import Notices, Within
from freestone.errors import InvalidArgument, ResourceExhausted, Unavailable
from freestone.events import Broker, Cursor, Envelope, Publisher, Recorded, Relay, Source, Waiting
from freestone.events.kept import executed
from freestone.events.outbox import OUTBOX
from freestone.signals import (
    SIGNALS,
    EventRefused,
    EventsAcknowledged,
    EventsRemoved,
    EventsWaiting,
    RelayDelayed,
    Signal,
)
from freestone.testing import FakeClock, fake_random

from .conftest import Opener, Orders, Placed


class Noting:
    """A broker that keeps what it is given in a list, and fails as it is told. What is not read needs no log."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.failing: Callable[[Sequence[Envelope]], Exception | None] = lambda _: None
        self.calls = 0

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        error = self.failing(envelopes)
        if error is not None:
            raise error
        known = {it.id for it in self.taken}
        self.taken += [it for it in envelopes if it.id not in known]

    async def read(
        self, source: Source, types: frozenset[str], partitions: frozenset[int], after: Cursor | None
    ) -> AsyncGenerator[Sequence[Recorded]]:
        raise NotImplementedError
        yield

    async def end(self, source: Source) -> Cursor:
        raise NotImplementedError


async def until(condition: Callable[[], Any]) -> None:
    """Wait until it is so; a condition may have to be awaited."""
    async with asyncio.timeout(60):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def relaying(publisher: Publisher, broker: Broker, **options: Any) -> AsyncIterator[Relay]:
    """Relay for a block."""
    relay = Relay(publisher.outbox, broker, keep=1000, random=fake_random(), **options)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop(5)


@pytest.fixture
def heard() -> Any:
    """What the process announces meanwhile."""
    signals: list[Signal] = []
    SIGNALS.subscribe(signals.append)
    yield signals
    SIGNALS.unsubscribe(signals.append)


async def waiting(publisher: Publisher) -> list[str]:
    """Return the keys of what is not marked as sent."""
    async with publisher.outbox.database.separate("the test", read_only=True) as transaction:
        rows = await transaction.run(
            lambda session: session.execute(
                select(OUTBOX.c.subject).where(OUTBOX.c.published.is_(None)).order_by(OUTBOX.c.id)
            )
        )
        return [row.subject for row in rows]


async def is_empty(publisher: Publisher) -> bool:
    return await waiting(publisher) == []


def subjects(broker: Noting) -> list[str]:
    return [it.subject for it in broker.taken]


async def test_what_was_committed_is_sent_and_kept(publisher: Publisher, heard: list[Signal]) -> None:
    """What was there before, and what comes, at its commit; it is marked only once the broker has acknowledged it."""
    broker = Noting()
    await publisher.send(Placed("a"))
    async with relaying(publisher, broker, poll=3600):
        await until(lambda: subjects(broker) == ["a"])
        await publisher.send(Placed("b"))
        await until(lambda: subjects(broker) == ["a", "b"])
        await until(lambda: EventsAcknowledged("orders", 1) in heard)
    assert await waiting(publisher) == []
    assert [it.subject for it in await publisher.outbox.written()] == ["a", "b"]


async def test_p05_of_several_relays_one_is_at_work_and_keeps_the_order(
    db: Database, opener: Opener, publisher: Publisher
) -> None:
    """Three relays of one outbox, each with connections of its own, one key, a thousand events."""
    broker = Noting()
    databases = [opener() for _ in range(2)]
    for database in databases:
        await database.start()
    others = [Publisher(database, contract=Orders, source=Source("shop", "orders")) for database in databases]
    async with contextlib.AsyncExitStack() as stack:
        for each in (publisher, *others):
            await stack.enter_async_context(relaying(each, broker, poll=0.05, seconds=1.0))
        for start in range(0, 1000, 50):
            async with db.transaction():
                for number in range(start, start + 50):
                    publisher.publish(Placed("a", number))
        await until(lambda: len(broker.taken) == 1000)
    numbers = [msgspec.json.decode(it.data, type=Placed).count for it in broker.taken]
    assert numbers == list(range(1000))
    for database in databases:
        await database.close()


class Sharing(Noting):
    """The broker as one of several relays reaches it: what each was given is in a list of its own, too."""

    def __init__(self, all_of_it: Noting) -> None:
        super().__init__()
        self.all = all_of_it
        self.given: list[Envelope] = []
        self.blocked: asyncio.Event | None = None
        self.blocks = asyncio.Event()

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        if self.blocked is not None:
            self.blocks.set()
            await self.blocked.wait()
        self.given += envelopes
        await self.all.publish(envelopes)


@contextlib.asynccontextmanager
async def replicas(opener: Opener, count: int) -> AsyncIterator[list[Publisher]]:
    """Give the publishers of so many processes, whose outbox has eight partitions."""
    async with contextlib.AsyncExitStack() as stack:
        found: list[Publisher] = []
        for _ in range(count):
            database = opener()
            await database.start()
            stack.push_async_callback(database.close)
            found.append(Publisher(database, contract=Orders, source=Source("shop", "orders"), partitions=8))
        yield found


async def shared(*relays: Relay) -> None:
    """Wait until each partition is one relay's, and nobody has more than a share."""

    def fairly() -> bool:
        held = [relay.mine.partitions for relay in relays]
        together = sorted(it for each in held for it in each)
        return together == list(range(8)) and max(map(len, held)) <= -(-8 // len(held))

    await until(fairly)


def in_order(broker: Noting, count: int) -> bool:
    """Whether each of twenty keys has so many events, in the order of their numbers."""
    numbers: dict[str, list[int]] = {}
    for envelope in broker.taken:
        numbers.setdefault(envelope.subject, []).append(msgspec.json.decode(envelope.data)["count"])
    return len(numbers) == 20 and all(them == list(range(count)) for them in numbers.values())


async def announce(publisher: Publisher, number: int) -> None:
    """Publish an event of each of twenty keys."""
    async with publisher.outbox.database.transaction():
        for key in range(20):
            publisher.publish(Placed(f"key {key}", number))


async def test_p05_replicas_share_the_partitions_and_the_order_of_each_key_stays(
    opener: Opener, publisher: Publisher
) -> None:
    """While one is added, and one leaves; each sends what is its own."""
    everything = Noting()
    brokers = [Sharing(everything) for _ in range(3)]
    numbers = iter(range(100))
    options: dict[str, Any] = {"poll": 0.05, "seconds": 3.0}

    async def announce_some() -> None:
        for _ in range(5):
            await announce(publisher, next(numbers))

    async with replicas(opener, 3) as publishers, contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(relaying(publishers[0], brokers[0], **options))
        second = await stack.enter_async_context(relaying(publishers[1], brokers[1], **options))
        await announce_some()
        await shared(first, second)
        await announce_some()
        async with relaying(publishers[2], brokers[2], **options) as third:
            await announce_some()
            await shared(first, second, third)
            await announce_some()
            await until(lambda: is_empty(publisher))
        await announce_some()
        await shared(first, second)
        await until(lambda: is_empty(publisher))
        for each in brokers:
            each.given.clear()
        await announce(publisher, next(numbers))
        await until(lambda: is_empty(publisher))
        for relay, broker in ((first, brokers[0]), (second, brokers[1])):
            assert broker.given
            assert all(relay.mine.has(it.subject) for it in broker.given)
    assert in_order(everything, next(numbers))


async def test_p05_a_relay_that_lost_its_partitions_and_goes_on_does_no_harm(
    opener: Opener, publisher: Publisher
) -> None:
    """It was stopped while it sent; another has sent the same and more, and what it sends then is known."""
    everything = Noting()
    zombie, heir = Sharing(everything), Sharing(everything)
    zombie.blocked = asyncio.Event()
    async with replicas(opener, 2) as (stale, fresh), relaying(stale, zombie, poll=0.05, seconds=3.0) as paused:
        await until(lambda: len(paused.mine.partitions) == 8)
        for number in range(3):
            await announce(publisher, number)
        await zombie.blocks.wait()
        for lease in paused._partitions.held.values():  # it neither renews them nor notices that they are over
            for keeper in lease._keepers:
                keeper.cancel()
        assert paused._partitions._beating is not None
        paused._partitions._beating.cancel()
        async with relaying(fresh, heir, poll=0.05, seconds=3.0):
            await until(lambda: in_order(everything, 3))
            zombie.blocked.set()
            await until(lambda: zombie.given)
            assert {it.id for it in zombie.given} <= {it.id for it in heir.given}
            await announce(publisher, 3)
            await until(lambda: len(everything.taken) == 80)
    assert in_order(everything, 4)


async def test_what_is_being_sent_of_a_partition_arrives_before_it_is_another_ones(
    opener: Opener, publisher: Publisher
) -> None:
    """So that as a rule nothing is sent twice when a replica is added."""
    everything = Noting()
    slow, other = Sharing(everything), Sharing(everything)
    async with replicas(opener, 2) as (one, two), relaying(one, slow, poll=0.05, seconds=3.0) as busy:
        await until(lambda: len(busy.mine.partitions) == 8)
        slow.blocked = asyncio.Event()
        await announce(publisher, 0)
        await slow.blocks.wait()
        async with relaying(two, other, poll=0.05, seconds=3.0) as added:
            await until(lambda: len(busy.mine.partitions) == 4)
            assert (len(busy._partitions.held), added.mine.partitions) == (8, frozenset())
            slow.blocked.set()
            await shared(busy, added)
            await until(lambda: is_empty(publisher))
    assert len(slow.given) == 20
    assert other.given == []


async def test_rows_of_an_older_version_are_sent_in_the_order_of_their_keys(
    opener: Opener, publisher: Publisher, db: Database
) -> None:
    """They lack what tells their partition, and so do those of a replica that is not replaced yet."""
    everything = Noting()
    for number in range(4):
        await announce(publisher, number)
        if number % 2 == 0:
            async with db.transaction():
                await db.execute(update(OUTBOX).values(hash=None))
    async with (
        replicas(opener, 2) as (one, two),
        relaying(one, everything, poll=0.05),
        relaying(two, everything, poll=0.05),
    ):
        await until(lambda: in_order(everything, 4))


async def test_an_outbox_of_an_older_version_gets_the_column_that_it_lacks(
    opener: Opener, publisher: Publisher, db: Database
) -> None:
    """What is in it stays, and is sent."""
    await publisher.send(Placed("a"))
    async with db.transaction():
        await db.execute(text("ALTER TABLE freestone_outbox DROP COLUMN hash"))
        await db.execute(text("UPDATE freestone_schema SET steps = 1 WHERE part = 'outbox'"))
    broker = Noting()
    async with replicas(opener, 1) as (newer,):
        await newer.send(Placed("a", 2))
        async with relaying(newer, broker):
            await until(lambda: subjects(broker) == ["a", "a"])


async def test_p06_an_event_that_is_refused_holds_back_its_own_key(publisher: Publisher, heard: list[Signal]) -> None:
    """The later ones of the key wait for it; others do not."""
    broker = Noting()
    refusals: list[str] = []

    def refuse_once(envelopes: Sequence[Envelope]) -> Exception | None:
        first = [it for it in envelopes if it.data == b'{"order":"a","count":1}']
        if first and len(refusals) < 2:
            refusals.append(first[0].id)
            return InvalidArgument("not this one")
        return None

    broker.failing = refuse_once
    async with publisher.outbox.database.transaction():
        for order, number in (("a", 1), ("b", 2), ("a", 3), ("b", 4)):
            publisher.publish(Placed(order, number))
    async with relaying(publisher, broker):
        await until(lambda: len(broker.taken) == 2)
        assert subjects(broker) == ["b", "b"]
        await until(lambda: len(broker.taken) == 4)
    assert [msgspec.json.decode(it.data)["count"] for it in broker.taken] == [2, 4, 1, 3]
    (refused,) = [it for it in heard if isinstance(it, EventRefused)]
    assert (refused.subject, str(refused.error)) == ("a", "not this one")
    assert len(refusals) == 2


async def test_p07_events_that_are_refused_for_ever_keep_no_other_waiting(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though they fill more than one batch at the head, and they are not tried in a tight loop."""
    monkeypatch.setattr("freestone.events.relay._AT_ONCE", 8)
    broker = Noting()

    def poison(envelopes: Sequence[Envelope]) -> Exception | None:
        return InvalidArgument("never") if any(it.subject.startswith("bad") for it in envelopes) else None

    broker.failing = poison
    async with publisher.outbox.database.transaction():
        for number in range(20):
            publisher.publish(Placed(f"bad {number}"))
        publisher.publish(Placed("good"))
    clock = FakeClock()
    async with relaying(publisher, broker, clock=clock, poll=0.02):
        await until(lambda: subjects(broker) == ["good"])
        calls = broker.calls
        await publisher.send(Placed("better"))
        await until(lambda: subjects(broker) == ["good", "better"])
        assert broker.calls == calls + 1
    assert len(await waiting(publisher)) == 20


async def test_p36_a_broker_that_is_away_keeps_nobody_waiting(publisher: Publisher, heard: list[Signal]) -> None:
    """Commands go on; what they announce is sent when it is back, in order, each once."""
    broker = Noting()
    broker.failing = lambda _: Unavailable("away")
    async with relaying(publisher, broker):
        for number in range(30):
            await publisher.send(Placed("a", number))
        await until(lambda: sum(isinstance(it, RelayDelayed) for it in heard) >= 4)
        delays = [it.seconds for it in heard if isinstance(it, RelayDelayed)]
        assert delays[0] < delays[3]
        broker.failing = lambda _: None
        await until(lambda: len(broker.taken) == 30)
    assert [msgspec.json.decode(it.data)["count"] for it in broker.taken] == list(range(30))


async def test_a_full_outbox_refuses_events_until_the_broker_takes_some(
    publisher: Publisher, heard: list[Signal]
) -> None:
    """At the bound that is set, with an error that says when to try again."""
    broker = Noting()
    broker.failing = lambda _: Unavailable("away")
    for number in range(5):
        await publisher.send(Placed("a", number))
    clock = FakeClock()
    async with relaying(publisher, broker, most=5, clock=clock):
        await until(lambda: publisher.outbox.full)
        with pytest.raises(ResourceExhausted, match="5 events of orders wait in its outbox for the broker"):
            await publisher.send(Placed("b"))
        broker.failing = lambda _: None
        await until(lambda: len(broker.taken) == 5)
        while publisher.outbox.full:
            clock.advance(2.0)
            await asyncio.sleep(0.01)
        await publisher.send(Placed("b"))
        await until(lambda: len(broker.taken) == 6)
    assert [it.full for it in heard if isinstance(it, EventsWaiting)] == [True, False]


async def test_a_relay_sends_what_waits_before_it_stops(publisher: Publisher) -> None:
    """As long as it is given time."""
    broker = Noting()
    async with relaying(publisher, broker) as relay:
        await until(lambda: relay.mine.partitions)
        async with publisher.outbox.database.transaction():
            for number in range(600):
                publisher.publish(Placed("a", number))
    assert len(broker.taken) == 600
    assert await waiting(publisher) == []


async def test_a_relay_stops_though_the_broker_is_away(publisher: Publisher) -> None:
    """What waits is there for the process that follows."""
    broker = Noting()
    broker.failing = lambda _: Unavailable("away")
    await publisher.send(Placed("a"))
    async with asyncio.timeout(30):
        async with relaying(publisher, broker):
            await until(lambda: broker.calls)
    assert await waiting(publisher) == ["a"]


async def test_old_events_go_once_they_are_sent(publisher: Publisher) -> None:
    """What waits is kept however old it is, and the newest is, too."""
    broker, outbox = Noting(), publisher.outbox
    for order in ("a", "b", "c", "d"):
        await publisher.send(Placed(order))
    look = Waiting(outbox)
    await look.start()
    rows = await look.first(frozenset(), 10)
    now = SystemClock().now()
    await look.mark([rows[0], rows[2], rows[3]], now)
    assert await look.trim(now - timedelta(days=1)) == 0
    assert await look.trim(now + timedelta(days=1)) == 2
    assert [it.subject for it in await outbox.written()] == ["b", "d"]
    async with relaying(publisher, broker):
        await until(lambda: subjects(broker) == ["b"])


async def test_the_relay_removes_what_is_old(publisher: Publisher, heard: list[Signal]) -> None:
    """Soon after its start, for a process may not live for long, and now and then after it."""
    broker, clock = Noting(), FakeClock()
    for order in ("a", "b", "c"):
        await publisher.send(Placed(order))
    look = Waiting(publisher.outbox)
    await look.start()
    await look.mark((await look.first(frozenset(), 10))[:2], clock.now())

    def removed() -> int:
        return sum(it.count for it in heard if isinstance(it, EventsRemoved))

    async with relaying(publisher, broker, clock=clock, poll=0.02):  # for which it is 2030
        await until(lambda: is_empty(publisher))
        clock.advance(61)
        await until(lambda: removed() == 2)
        await publisher.send(Placed("d"))
        await until(lambda: is_empty(publisher))
        clock.advance(101)
        await until(lambda: removed() == 3)
    assert [it.subject for it in await publisher.outbox.written()] == ["d"]


async def test_what_was_sent_is_sent_again(publisher: Publisher) -> None:
    """Since a time, for a broker that has lost it, in its order; whoever asks is told how far it is."""
    broker, look = Noting(), Waiting(publisher.outbox)
    await look.start()
    for order in ("a", "b", "c"):
        await publisher.send(Placed(order))
    old = SystemClock().now() - timedelta(hours=1)
    async with publisher.outbox.database.transaction():
        await publisher.outbox.database.execute(
            update(OUTBOX).where(OUTBOX.c.subject == "a").values(time=int(old.timestamp() * 1e6))
        )
    told: list[tuple[int, int]] = []
    async with relaying(publisher, broker):
        await until(lambda: len(broker.taken) == 3)
        await until(lambda: is_empty(publisher))
        broker.taken.clear()
        assert await look.again(old + timedelta(minutes=1), lambda done, total: told.append((done, total))) == 2
        await until(lambda: len(broker.taken) == 2)
    assert subjects(broker) == ["b", "c"]
    assert told == [(2, 2)]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_what_is_sent_while_it_is_chosen_what_is_sent_again_is_left_alone(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would never end, in a service that goes on announcing, and there is nothing to heal."""
    look, told = Waiting(publisher.outbox), list[tuple[int, int]]()
    await look.start()
    for order in ("a", "b", "c", "d", "e"):
        await publisher.send(Placed(order))
    await look.mark(await look.first(frozenset(), 10), SystemClock().now())
    monkeypatch.setattr("freestone.events.waiting._MANY", 2)

    async def executed_while_others_work(transaction: Transaction, statement: Any) -> list[Any]:
        found = await executed(transaction, statement)
        assert len(await publisher.outbox.written()) < 15
        await publisher.send(Placed("meanwhile"))
        await look.mark(await look.first(frozenset(), 10), SystemClock().now())
        return found

    monkeypatch.setattr("freestone.events.waiting.executed", executed_while_others_work)
    assert await look.again(SystemClock().now() - timedelta(hours=1), lambda *it: told.append(it)) == 5
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert await waiting(publisher) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("held", [1, 600])
async def test_held_keys_are_passed_over_however_many(publisher: Publisher, held: int) -> None:
    """In the database or, where they are too many for a query, here."""
    async with publisher.outbox.database.transaction():
        for order in ("key 0", "other"):
            publisher.publish(Placed(order))
    look = Waiting(publisher.outbox)
    await look.start()
    found = await look.first(frozenset(f"key {number}" for number in range(held)), 10)
    assert [it.envelope.subject for it in found] == (["other"] if held == 1 else ["key 0", "other"])


async def test_a_lost_lease_does_not_end_the_relay(publisher: Publisher, tmp_path: Path) -> None:
    """Whatever the database does, it begins again."""
    broker = Noting()
    async with relaying(publisher, broker, seconds=0.5) as relay:
        await until(lambda: relay.mine.partitions)
        await publisher.outbox.database.close()
        await publisher.outbox.database.start()
        (lease,) = relay._partitions.held.values()
        await lease.store.release(lease.name, lease.token)  # so the next renewal is told that it is somebody else's
        await until(lambda: relay._partitions.held.get(0) not in (None, lease))
        await publisher.send(Placed("a"))
        await until(lambda: subjects(broker) == ["a"])


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_what_another_process_commits_wakes_the_relay(opener: Opener, publisher: Publisher) -> None:
    """At its commit: this relay would look by itself in an hour. Also after the connection was ended that told it."""
    broker, other = Noting(), opener()
    await other.start()
    replica = Publisher(other, contract=Orders, source=Source("shop", "orders"))
    async with relaying(publisher, broker, poll=3600, unheard=3600) as relay:
        await until(lambda: relay.mine.partitions)
        await until(lambda: publisher.outbox.database.notices.is_connected)
        await replica.send(Placed("a"))
        await until(lambda: subjects(broker) == ["a"])
        async with other.transaction():
            ended = (
                "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = :name"
            )
            assert await other.scalar(text(ended), {"name": "freestone orders, listening"}) == 2
        await replica.send(Placed("b"))
        await until(lambda: subjects(broker) == ["a", "b"])
    await other.close()


async def test_a_relay_that_nobody_can_tell_looks_more_often(opener: Opener, publisher: Publisher) -> None:
    """As where two processes have one file, or a pooler passes no notices on."""
    broker, other = Noting(), opener()
    await other.start()
    replica = Publisher(other, contract=Orders, source=Source("shop", "orders"))
    publisher.outbox.database.notices = Notices("orders", Within(), fake_random())
    async with relaying(publisher, broker, poll=3600, unheard=0.02) as relay:
        await until(lambda: relay.mine.partitions)
        await replica.send(Placed("a"))
        await until(lambda: subjects(broker) == ["a"])
    await other.close()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_p03_a_transaction_that_is_left_open_holds_up_no_relay(opener: Opener, publisher: Publisher) -> None:
    """Not one that has read the outbox, and none that has published, and written its row, and does not commit."""
    broker, other = Noting(), opener()
    await other.start()
    replica = Publisher(other, contract=Orders, source=Source("shop", "orders"))
    written, left = asyncio.Event(), asyncio.Event()

    async def hang(_: Transaction) -> None:
        written.set()
        await left.wait()

    async def never_ends() -> None:
        async with other.transaction():
            await other.scalar(select(OUTBOX.c.id).limit(1))
            replica.publish(Placed("slow"))
            other.before_commit(hang)

    async with relaying(publisher, broker):
        await publisher.send(Placed("before"))
        writing = asyncio.create_task(never_ends())
        await written.wait()
        for number in range(20):
            await publisher.send(Placed(f"quick {number}"))
        await until(lambda: len(broker.taken) == 21)
        left.set()
        await writing
        await until(lambda: len(broker.taken) == 22)
    assert subjects(broker) == ["before", *(f"quick {number}" for number in range(20)), "slow"]
    await other.close()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_p05_a_key_stays_in_order_when_its_first_event_commits_while_others_are_sent(
    db: Database, publisher: Publisher
) -> None:
    """Its number is lower than that of what was just sent, and that of the second one higher: who only looks further
    on sends the second before the first.
    """
    numbered, sent, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait(_: Transaction) -> None:
        numbered.set()
        await go_on.wait()

    async def late() -> None:
        async with db.transaction():
            publisher.publish(Placed(order="slow", count=1))
            db.before_commit(wait)  # after it was written, and has its number
        async with db.transaction():
            publisher.publish(Placed(order="slow", count=2))

    class Slow(Noting):
        async def publish(self, envelopes: Sequence[Envelope]) -> None:
            if not self.calls:
                sent.set()
                await writing
            await super().publish(envelopes)

    broker = Slow()
    async with relaying(publisher, broker):
        writing = asyncio.create_task(late())
        try:
            await numbered.wait()
            async with db.transaction():
                publisher.publish(Placed(order="quick"))
            async with asyncio.timeout(30):
                await sent.wait()
        finally:
            go_on.set()
            await writing
        await until(lambda: len(broker.taken) == 3)
    counts = [msgspec.json.decode(it.data)["count"] for it in broker.taken if it.subject == "slow"]
    assert counts == [1, 2]
