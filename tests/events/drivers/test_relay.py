"""A relay and a real server that refuses some events, dies, and is there again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from freestone.contract import Contract, Event
from freestone.data import Database
from freestone.events import Publisher, Relay, Source, Waiting
from freestone.signals import SIGNALS, EventRefused, RelayDelayed, Signal
from freestone.testing import FakeClock
from freestone.testing.nats import NatsServer

from .conftest import Broker

SOURCE = Source("shop", "orders")


class Shelf(Contract):
    class Put(Event, key="shelf"):
        shelf: str
        number: int
        weight: str = ""


@contextlib.asynccontextmanager
async def taking(server: NatsServer, most: int) -> AsyncIterator[NatsServer]:
    """Run the server with a bound on what it takes, on what it has stored, and kill it."""
    await server.kill()
    file = server.directory.with_suffix(".conf")
    file.write_text(f"max_payload: {most}\n", "utf-8")
    bounded = NatsServer(server.directory, server.port, "-c", str(file))
    await bounded.start()
    try:
        yield bounded
    finally:
        await bounded.kill()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_p06_p07_what_a_server_refuses_waits_for_one_that_takes_it_and_nothing_else_does(
    server: NatsServer, broker: Broker, db: Database, request: pytest.FixtureRequest
) -> None:
    """Events that are too large, more than a batch of them, at the head; the server is killed in the midst of it."""
    publisher = Publisher(db, source=SOURCE)
    await publisher.start()
    clock = FakeClock()
    refused: set[str] = set()
    delayed = asyncio.Event()
    read: dict[str, list[int]] = {}

    def hear(signal: Signal) -> None:
        if isinstance(signal, EventRefused):
            refused.add(signal.subject)
        elif isinstance(signal, RelayDelayed):
            delayed.set()

    async def publish(*events: Shelf.Put) -> None:
        async with db.transaction():
            for event in events:
                publisher.publish(event)

    async def read_until(count: int) -> None:
        """Read what is in the stream from its beginning, until there are so many."""
        read.clear()
        batches = carrier.read(SOURCE, frozenset(["orders.Put"]), frozenset(range(8)), None)
        async with asyncio.timeout(60), contextlib.aclosing(batches):
            while sum(map(len, read.values())) < count:
                for it in await anext(batches):
                    if it.envelope is not None:
                        number = msgspec.json.decode(it.envelope.data)["number"]
                        read.setdefault(it.envelope.subject, []).append(number)

    SIGNALS.subscribe(hear)
    request.addfinalizer(lambda: SIGNALS.unsubscribe(hear))
    await publish(*(Shelf.Put(f"low {number}", 0, "x" * 4000) for number in range(300)))
    await publish(Shelf.Put("low 0", 1), Shelf.Put("high", 0), Shelf.Put("high", 1))
    async with taking(server, 4096):
        carrier = await broker(patience=1.0)
        relay = Relay(publisher.outbox, carrier, keep=1000, poll=0.05, clock=clock)
        await relay.start()
        await read_until(2)
        assert read == {"high": [0, 1]}
    await publish(Shelf.Put("high", 2), Shelf.Put("low 1", 1))
    async with asyncio.timeout(60):
        await delayed.wait()
    async with taking(server, 2**20):
        clock.advance(600)  # those that were refused are tried again
        await read_until(305)
        await relay.stop(30)
        assert read == {"high": [0, 1, 2], "low 0": [0, 1], "low 1": [0, 1]} | {
            f"low {number}": [0] for number in range(2, 300)
        }
    assert len(refused) == 300
    waiting = Waiting(publisher.outbox)
    await waiting.start()
    assert await waiting.first(frozenset(), 1) == []
