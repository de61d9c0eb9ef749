"""What happens to events while NATS does not do what it should: it is really killed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from freestone.cluster import NatsConnection, NatsSettings
from freestone.errors import Unavailable
from freestone.events import Broker as AnyBroker
from freestone.events import Envelope, LogLost
from freestone.events.drivers import JetStreamBroker, StreamSettings
from freestone.events.drivers.api import Api
from freestone.testing.conformance.broker import ORDERED, SOURCE, Bench, envelope, named, read
from freestone.testing.nats import NatsServer, nats_cluster

from .conftest import Broker
from .heard import Heard


class Reader:
    """Somebody who reads on and on, in a task."""

    def __init__(self, broker: AnyBroker, partitions: int = 8) -> None:
        self.found: list[Envelope] = []
        self._broker = broker
        self._partitions = frozenset(range(partitions))
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def until(self, count: int, seconds: float) -> list[Envelope]:
        """Wait until that many have come."""
        async with asyncio.timeout(seconds):
            while len(self.found) < count:
                assert not self._task.done(), self._task
                self._more.clear()
                await self._more.wait()
        return self.found

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _read(self) -> None:
        async with contextlib.aclosing(
            self._broker.read(SOURCE, frozenset([ORDERED]), self._partitions, None)
        ) as batches:
            async for batch in batches:
                self.found += [it.envelope for it in batch if it.envelope is not None]
                self._more.set()


def in_order_of_keys(found: Sequence[Envelope], keys: int, count: int) -> None:
    """Assert that each of so many events is there once, and those of each of so many keys in their order."""
    assert sorted(it.id for it in found) == sorted(named(*range(count)))
    for key in range(keys):
        assert [it.id for it in found if it.subject == f"key {key}"] == named(*range(key, count, keys))


@pytest.mark.slow
async def test_p35_reading_goes_on_after_each_of_ten_restarts(bench: Bench, server: NatsServer, heard: Heard) -> None:
    """Within ten seconds, by itself, with nothing missing and nothing twice."""
    reader = Reader(bench.there)
    for number in range(10):
        await server.kill()
        await server.start()
        await bench.here.publish([envelope(number)])
        await reader.until(number + 1, 10)
    await reader.close()
    assert [it.id for it in reader.found] == named(*range(10))
    assert len(heard.resumed) >= 10


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Sequence[NatsServer]]:
    async with nats_cluster(tmp_path) as servers:
        yield servers


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("atomic", [True, pytest.param(False, marks=pytest.mark.thorough)])
async def test_p36_an_election_loses_nothing_and_doubles_nothing(
    cluster: Sequence[NatsServer], heard: Heard, atomic: bool
) -> None:
    """The leader of a stream with three replicas is killed under a publisher and a reader, twice; and then the server
    that the reader is connected to, which need not have been either.

    Whether the events go in batches, or one by one as to an older server.
    """
    urls = tuple(server.url for server in cluster)
    publishing, reading = NatsConnection(NatsSettings(urls)), NatsConnection(NatsSettings(urls))
    await publishing.start()
    await reading.start()
    settings = StreamSettings(replicas=3, atomic=atomic)
    here, there = JetStreamBroker(publishing, "shop", settings), JetStreamBroker(reading, "shop", settings)
    await here.publish([envelope(0, "key 0")])
    reader = Reader(there)
    count = 1

    async def publish(more: int) -> None:
        nonlocal count
        for _ in range(more):
            await here.publish([envelope(count + each, f"key {(count + each) % 7}") for each in range(10)])
            count += 10

    for _ in range(2):
        info = await Api(reading).ask("STREAM.INFO.freestone_shop")
        leader = next(server for server in cluster if server.name == info["cluster"]["leader"])
        going_on = asyncio.create_task(publish(60))
        await reader.until(count + 50, 60)
        await leader.kill()
        await going_on
        await reader.until(count, 60)
        await leader.start()
        async with asyncio.timeout(60):
            while not await _all_current(Api(reading)):  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.1)
    place = reading.client.connected_url
    assert place is not None
    await next(server for server in cluster if server.port == place.port).kill()
    await publish(5)
    await reader.until(count, 60)
    await reader.close()
    in_order_of_keys(reader.found, 7, count)
    assert max(it.attempts for it in heard.appended) > 1, "no publish met the election"
    assert heard.resumed, "the reader did not notice"
    await here.close()
    await there.close()
    await publishing.close()
    await reading.close()


async def _all_current(api: Api) -> bool:
    with contextlib.suppress(Unavailable):
        info = await api.ask("STREAM.INFO.freestone_shop")
        replicas = info["cluster"].get("replicas") or []
        return len(replicas) == 2 and all(it.get("current") and not it.get("offline") for it in replicas)
    return False


async def test_a_broker_that_is_away_for_long_is_told_and_tried_again(broker: Broker, server: NatsServer) -> None:
    """After its patience a publish says that the events are not known to be there; the next one brings them."""
    impatient = await broker(patience=1)
    reader = Reader(await broker())
    await impatient.publish([envelope(0)])
    await server.kill()
    for _ in range(2):
        with pytest.raises(Unavailable, match="1 events are not known to be in NATS"):
            await impatient.publish([envelope(1)])
    await server.start()
    await (await broker()).publish([envelope(1), envelope(2)])
    assert [it.id for it in await reader.until(3, 20)] == named(0, 1, 2)
    await reader.close()


async def test_brokers_start_before_their_server(broker: Broker, server: NatsServer) -> None:
    """The stream is made when it is there."""
    await server.kill()
    here, there = await broker(), await broker()
    reader = Reader(there)
    publishing = asyncio.create_task(here.publish([envelope(1)]))
    await server.start()
    await publishing
    assert [it.id for it in await reader.until(1, 20)] == named(1)
    await reader.close()


async def test_p13_an_event_that_comes_after_the_window_is_there_twice(broker: Broker) -> None:
    """The stream knows an id for its window, and no longer: it is the inbox that a handler is protected by."""
    settings = StreamSettings(duplicate_window=0.5)
    here, there = await broker(settings=settings), await broker(settings=settings)
    reader = Reader(there)
    await here.publish([envelope(1)])
    await here.publish([envelope(1)])
    await reader.until(1, 20)
    while len(reader.found) < 2:
        await asyncio.sleep(0.2)
        await here.publish([envelope(1)])
    assert {it.id for it in reader.found} == {"event-1"}
    await reader.close()


@pytest.mark.parametrize("damage", ["a flipped bit in the middle", "a torn end"])
async def test_p38_a_damaged_stream_is_noticed_and_serves_nothing_wrong(
    bench: Bench, server: NatsServer, damage: str
) -> None:
    """The server drops what is behind the damage. Whoever had read that is told; what is sent again is there again."""
    await bench.here.publish([envelope(number) for number in range(100)])
    found = await read(bench, bench.there, 100)
    await server.kill()
    (block,) = server.directory.rglob("*.blk")
    stored = bytearray(block.read_bytes())
    if damage == "a torn end":
        del stored[-7:]
    else:
        stored[len(stored) // 2] ^= 1
    block.write_bytes(stored)
    await server.start()
    with pytest.raises(LogLost):
        await read(bench, bench.there, 1, found[-1][1])
    left = (await bench.there.end(SOURCE)).position
    assert 0 < left < 100
    await bench.here.publish([envelope(number) for number in range(100)])
    again = [it for it, _ in await read(bench, bench.there, 100)]
    assert again == [it for it, _ in found]
