"""Events from the commit to the handler that hears them, against bare nats-py: publish, pull, acknowledge.

Both go through one NATS server with JetStream, in one process for each run, with 32 keys. The server syncs each
message, as that of a run does: only so does an acknowledgement outlast a power loss. What Freestone does beside: the
event is written with a row's durability to an outbox, carried in its key's order, and handled in a transaction with the
record that it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import nats
from nats.errors import TimeoutError as NothingCame

from freestone import Contract, Database, Event, Publisher, query, service, subscribe
from freestone.clock import SystemClock, system_random
from freestone.cluster import NatsConnection, NatsSettings
from freestone.events import Source, subscriptions
from freestone.events.drivers.jetstream import JetStreamBroker
from freestone.events.relay import Relay
from freestone.events.subscribers import Subscribers
from freestone.testing.nats import nats_server

OURS, BARE = "freestone, outbox to handler", "nats-py, publish and pull"
AT_ONCE: Final = 32
_PARTITIONS: Final = 8
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Flow:
    """What one round measured."""

    per_second: float
    p50: float
    """Milliseconds: of ours from the commit, of the bare one from the publish, until it has arrived; one at a time."""
    p99: float
    cpu: float
    """CPU microseconds an event, of this process."""


Results = dict[str, list[Flow]]


class Shop(Contract):
    """Whose events they are."""

    class Placed(Event, key="customer"):
        """What is measured."""

        customer: str
        number: int


class Journal(Contract):
    """Who hears them."""

    @query
    async def count(self) -> int:
        """Return how many were heard."""
        ...


@service
class JournalService(Journal):
    """Does nothing with them, so that only the way is measured."""

    db: Database

    async def start(self) -> None:
        """Hear nothing yet."""
        self.arrived: Callable[[], None] = lambda: None

    async def count(self) -> int:
        """Return nothing of interest."""
        return 0

    @subscribe(Shop.Placed, start="beginning", concurrency=AT_ONCE)
    async def note(self, event: Shop.Placed) -> None:
        """Hear one."""
        self.arrived()


class Way:
    """How events get from one end to the other."""

    def __init__(self, send: Callable[[int], Awaitable[object]]) -> None:
        self.send = send
        self._count = 0
        self._wanted = 0
        self._there = asyncio.Event()

    def arrived(self) -> None:
        """Be told of one that has arrived."""
        self._count += 1
        if self._count >= self._wanted:
            self._there.set()

    async def flow(self, events: int) -> tuple[float, float]:
        """Send so many, 32 at a time; return how many a second arrived, and the CPU microseconds of each."""
        self._expect(events)
        left = events

        async def sender() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await self.send(left)

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
        await asyncio.wait_for(self._there.wait(), 120)
        return events / (time.perf_counter() - began), (time.process_time() - cpu) / events * 1e6

    async def delays(self, events: int, *, from_commit: bool) -> list[float]:
        """Send one at a time; return after how many milliseconds each had arrived."""
        found: list[float] = []
        for number in range(events):
            self._expect(1)
            began = time.perf_counter()
            await self.send(number)
            if from_commit:
                began = time.perf_counter()
            await asyncio.wait_for(self._there.wait(), 60)
            found.append(max(0.0, time.perf_counter() - began) * 1000)
        return sorted(found)

    def _expect(self, events: int) -> None:
        self._count, self._wanted = 0, events
        self._there.clear()


async def compare(rounds: int, events: int = 3000, one_by_one: int = 150) -> Results:
    """Measure both ``rounds`` times, one after the other in each round."""
    results: Results = {}
    with TemporaryDirectory(prefix="fsb-") as directory:
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(nats_server(Path(directory, "nats"), durable=True))
            ways = {
                OURS: await stack.enter_async_context(_ours(server.url, Path(directory))),
                BARE: await stack.enter_async_context(_bare(server.url)),
            }
            for way in ways.values():
                await way.flow(events // 5)
            for number in range(rounds):
                print(f"events, round {number + 1} of {rounds} …", file=sys.stderr)
                for name, way in ways.items():
                    rate, cpu = await way.flow(events)
                    delays = await way.delays(one_by_one, from_commit=name == OURS)
                    p50, p99 = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
                    results.setdefault(name, []).append(Flow(rate, p50, p99, cpu))
    return results


@contextlib.asynccontextmanager
async def _ours(url: str, directory: Path) -> AsyncIterator[Way]:
    clock, random = SystemClock(), system_random()
    connection = NatsConnection(NatsSettings((url,)))
    await connection.start()
    broker = JetStreamBroker(connection, "bench", partitions=_PARTITIONS)
    await broker.start()
    publisher = Publisher(Database.open(directory / "shop.db"), source=Source("bench", "shop"), partitions=_PARTITIONS)
    await publisher.start()
    relay = Relay(publisher.outbox, broker, keep=_DAY, clock=clock, random=random)
    await relay.start()
    database = Database.open(directory / "journal.db")
    await database.start()
    journal = JournalService(db=database)
    await journal.start()
    subscribers = Subscribers(
        Source("bench", "journal"), journal, [(it, Source("bench", "shop")) for it in subscriptions(JournalService)],
        database=database, broker=broker, partitions=_PARTITIONS, instance="bench", clock=clock, random=random,
        remember=2 * _DAY,
    )  # fmt: skip
    await subscribers.start()
    way = Way(lambda number: publisher.send(Shop.Placed(customer=f"customer-{number % 32}", number=number)))
    journal.arrived = way.arrived
    try:
        yield way
    finally:
        await subscribers.stop(5)
        await relay.stop(5)
        await broker.close()
        await connection.close()
        await database.close()
        await publisher.close()


@contextlib.asynccontextmanager
async def _bare(url: str) -> AsyncIterator[Way]:
    sending, reading = await nats.connect(url), await nats.connect(url)
    publishes, pulls = sending.jetstream(), reading.jetstream()
    await publishes.add_stream(name="bare", subjects=["bare.>"])
    subscription = await pulls.pull_subscribe("bare.>", durable="bench", stream="bare")
    payload = b'{"customer":"customer-12","number":1234}'
    way = Way(lambda number: publishes.publish(f"bare.{number % 32}", payload))

    async def read() -> None:
        while True:
            with contextlib.suppress(NothingCame):
                for message in await subscription.fetch(100, timeout=1):
                    way.arrived()
                    await message.ack()

    reader = asyncio.create_task(read())
    try:
        yield way
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
        await sending.close()
        await reading.close()


def share(results: Results) -> list[float]:
    """Return, for each round, how many of ours there were a second for one of nats-py's."""
    return [ours.per_second / bare.per_second for ours, bare in zip(results[OURS], results[BARE], strict=True)]


def table(results: Results) -> str:
    """Return the medians as a Markdown table."""
    lines = [
        "| events, end to end | a second, 32 at a time | × nats-py | CPU µs | delay p50 ms, one at a time | p99 ms |",
        "|---|---|---|---|---|---|",
    ]
    for name, measured in results.items():
        pairs: Any = zip(measured, results[BARE], strict=True)
        beside = median(a.per_second / b.per_second for a, b in pairs)
        rate, p50, p99, cpu = (median(getattr(it, of) for it in measured) for of in ("per_second", "p50", "p99", "cpu"))
        lines.append(f"| {name} | {rate:,.0f} | {beside:.2f} | {cpu:,.0f} | {p50:.2f} | {p99:.2f} |")
    return "\n".join(lines)
