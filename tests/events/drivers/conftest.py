"""A NATS server that keeps events, and brokers on it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from freestone.cluster import NatsConnection
from freestone.events import Cursor
from freestone.events.drivers import JetStreamBroker, StreamSettings
from freestone.events.drivers.api import Api
from freestone.signals import SIGNALS
from freestone.testing.conformance.broker import Act, Bench
from freestone.testing.nats import NatsServer, nats_server

from .heard import Heard

Connect = Callable[[], Awaitable[NatsConnection]]
Broker = Callable[..., Awaitable[JetStreamBroker]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with nats_server(tmp_path / "nats") as running:
        yield running


@pytest.fixture
async def broker(connect: Connect) -> AsyncIterator[Broker]:
    """Make a broker of an application, by default the shop's, as another process would."""
    made: list[JetStreamBroker] = []

    async def make(
        application: str = "shop", settings: StreamSettings | None = None, *, partitions: int = 8, patience: float = 30
    ) -> JetStreamBroker:
        found = JetStreamBroker(await connect(), application, settings, partitions=partitions, patience=patience)
        made.append(found)
        await found.start()
        return found

    yield make
    for each in made:
        await each.close()


@pytest.fixture
async def api(connect: Connect) -> Api:
    return Api(await connect())


@pytest.fixture
async def bench(server: NatsServer, broker: Broker, api: Api, tmp_path: Path) -> Bench:
    here, there = await broker(), await broker()

    async def lose() -> None:
        await api.ask("STREAM.DELETE.freestone_shop")

    async def trim(place: Cursor) -> None:
        await api.ask("STREAM.PURGE.freestone_shop", {"seq": place.position + 1})

    async def restart() -> None:
        await server.kill()
        await server.start()

    async def undo(act: Act) -> None:
        before = tmp_path / "before"
        await server.kill()
        shutil.copytree(server.directory, before)
        await server.start()
        await act()
        await server.kill()
        shutil.rmtree(server.directory)
        before.rename(server.directory)
        await server.start()

    return Bench(here, there, here.publish, 8, lose, trim, undo=undo, restart=restart)


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Hear what is announced."""
    heard = Heard()
    SIGNALS.subscribe(heard)
    yield heard
    SIGNALS.unsubscribe(heard)
