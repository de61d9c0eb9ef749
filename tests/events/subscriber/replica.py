"""A process of its own that hears orders: ``replica.py DATABASE NATS GATE``. It says what it does, line by line.

The handler of an order by ``gate`` waits for the file GATE to be there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import text

from freestone.clock import SystemClock, system_random
from freestone.cluster import NatsConnection, NatsSettings
from freestone.contract import Contract, Event, query
from freestone.data import Database
from freestone.events import Source, subscribe, subscriber, subscriptions
from freestone.events.drivers import JetStreamBroker
from freestone.events.subscribers import Subscribers
from freestone.service import service
from freestone.signals import SIGNALS, EventAbsorbed, EventHandled, PartitionsShared


class Orders(Contract):
    class Placed(Event, key="customer"):
        customer: str
        number: int


class Journal(Contract):
    @query
    async def count(self) -> int: ...


@service
class JournalService(Journal):
    db: Database

    async def count(self) -> int:
        return 0

    @subscribe(Orders.Placed, start="beginning", concurrency=4)
    async def note(self, event: Orders.Placed) -> None:
        if event.customer == "gate":
            say(f"at the gate {event.number}")
            while not Path(sys.argv[3]).exists():  # noqa: ASYNC110 - somebody outside makes it
                await asyncio.sleep(0.01)
        await self.db.execute(
            text('INSERT INTO entry ("key", number) VALUES (:key, :number)'),
            {"key": event.customer, "number": event.number},
        )


def say(line: str) -> None:
    print(line, flush=True)


def hear(signal: Any) -> None:
    if isinstance(signal, EventAbsorbed):
        say(f"absorbed {signal.id}")
    elif isinstance(signal, EventHandled):
        say(f"handled {signal.id}")
    elif isinstance(signal, PartitionsShared):
        say(f"partitions {len(signal.partitions)}")


async def main() -> None:
    subscriber._WRITE = 3600.0  # no cursor is written in passing, so a kill leaves much to be absorbed
    SIGNALS.subscribe(hear)
    database = Database.open(sys.argv[1])
    await database.start()
    connection = NatsConnection(NatsSettings((sys.argv[2],)))
    await connection.start()
    broker = JetStreamBroker(connection, "shop", partitions=8)
    await broker.start()
    workers = Subscribers(
        Source("shop", "journal"),
        JournalService(db=database),
        [(subscription, Source("shop", "orders")) for subscription in subscriptions(JournalService)],
        database=database,
        broker=broker,
        partitions=8,
        instance=f"process {os.getpid()}",
        clock=SystemClock(),
        random=system_random(),
        remember=86400.0,
        seconds=10.0,
    )
    await workers.start()
    say("ready")
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="log %(message)s")
    asyncio.run(main())
