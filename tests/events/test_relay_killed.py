"""A relay that is killed with SIGKILL between two of its steps, towards a real broker."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from freestone.cluster import NatsConnection, NatsSettings
from freestone.events import Source
from freestone.events.drivers import JetStreamBroker
from freestone.testing import crashes
from freestone.testing.nats import nats_server

PROGRAM = """
import asyncio, sys
from pathlib import Path
from freestone import Contract, Database, Event, Publisher
from freestone.cluster import NatsConnection, NatsSettings
from freestone.events import Relay, Source
from freestone.events.drivers import JetStreamBroker, StreamSettings
from freestone.signals import SIGNALS, EventsAppended
from freestone.testing.crash import crash_as_told

class Orders(Contract):
    class Placed(Event, key="order"):
        order: str

async def main(url, file, at, log):
    absorbed = []
    SIGNALS.subscribe(lambda it: absorbed.append(it.duplicates) if isinstance(it, EventsAppended) else None)
    crash_as_told("orders", {"FREESTONE_CRASH_AT": at, "FREESTONE_CRASH_LOG": log})
    connection = NatsConnection(NatsSettings((url,)))
    await connection.start()
    broker = JetStreamBroker(connection, "shop", StreamSettings(atomic=False))
    await broker.start()
    publisher = Publisher(Database.open(file), source=Source("shop", "orders"))
    await publisher.start()
    if not await publisher.outbox.written():
        async with publisher.outbox.database.transaction():
            for number in range(5):
                publisher.publish(Orders.Placed(f"order {number % 2}"))
    relay = Relay(publisher.outbox, broker, keep=1000, seconds=0.5)
    await relay.start()
    async with asyncio.timeout(50):
        while not relay.mine.partitions:
            await asyncio.sleep(0.01)
    await relay.stop(30)
    print(sum(absorbed))
    await connection.close()
    await publisher.close()

asyncio.run(main(*sys.argv[1:]))
"""


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("point", "absorbed"), [("acknowledged", 5), ("leaving", 0)])
async def test_p08_events_whose_relay_was_killed_are_sent_once_in_effect(
    tmp_path: Path, point: str, absorbed: int
) -> None:
    """Between acknowledgement and mark they are sent again, under the same ids, and absorbed."""
    program, log = tmp_path / "program.py", tmp_path / "crashes.txt"
    program.write_text(PROGRAM)
    async with nats_server(tmp_path / "nats") as server:
        command = [sys.executable, str(program), server.url, str(tmp_path / "orders.db"), point, str(log)]
        killed = await asyncio.to_thread(run, command)
        assert (killed.returncode, crashes(log)) == (-signal.SIGKILL, [point]), killed.stderr
        again = await asyncio.to_thread(run, command)
        assert (again.returncode, again.stdout.strip()) == (0, str(absorbed)), again.stderr
        connection = NatsConnection(NatsSettings((server.url,)))
        await connection.start()
        broker = JetStreamBroker(connection, "shop")
        found: list[str] = []
        batches = broker.read(Source("shop", "orders"), frozenset(["orders.Placed"]), frozenset(range(8)), None)
        while len(found) < 5:
            found += [it.envelope.id for it in await anext(batches) if it.envelope is not None]
        await batches.aclose()
        assert (await broker.end(Source("shop", "orders"))).position == 5
        assert len(set(found)) == 5
        await connection.close()
