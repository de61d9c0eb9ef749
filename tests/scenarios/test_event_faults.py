"""An application whose events go through a real NATS, while NATS does what it does on bad days."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from freestone.app import App, Host, load, monolith
from freestone.cluster import NatsConnection, NatsSettings
from freestone.events import Waiting
from freestone.events.drivers.api import Api
from freestone.signals import SIGNALS, EventAbsorbed, EventsAppended, RelayDelayed, Signal
from freestone.testing.nats import NatsServer, nats_cluster, nats_server

from .market import LEDGER, SHOP, TOGETHER_FILE, write

PATIENCE = 60


@dataclass
class Heard:
    """What was announced."""

    signals: list[Signal] = field(default_factory=list)

    def __call__(self, signal: Signal) -> None:
        self.signals.append(signal)

    def of(self, kind: type[Signal]) -> list[Any]:
        return [signal for signal in self.signals if isinstance(signal, kind)]


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    SIGNALS.subscribe(heard)
    yield heard
    SIGNALS.unsubscribe(heard)


@pytest.fixture(autouse=True)
def _clean_modules() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("market_"):
            del sys.modules[name]


@contextlib.asynccontextmanager
async def market(tmp_path: Path, servers: Sequence[NatsServer], events: str) -> AsyncIterator[tuple[Host, Any, Any]]:
    """Run both services in this process, with NATS between them; give the host and a client of each."""
    urls = json.dumps([server.url for server in servers])
    file = TOGETHER_FILE + f"\n[nats]\nurl = {urls}\n"
    app: App = load(write(tmp_path / "market", file, events=f'broker = "nats"\n{events}', shop=SHOP, ledger=LEDGER))
    host = Host(monolith(app), "app")
    try:
        await host.start()
        yield host, *(host.client(app.services[name].contract) for name in ("orders", "ledger"))
    finally:
        await host.stop(10)


async def entries(ledger: Any, count: int) -> tuple[tuple[str, int], ...]:
    async with asyncio.timeout(PATIENCE):
        while len(found := await ledger.entries()) < count:  # noqa: ASYNC110 - it is written by a handler
            await asyncio.sleep(0.02)
    return tuple(found)


async def test_p13_what_comes_after_the_window_takes_effect_once(tmp_path: Path, heard: Heard) -> None:
    """The stream has forgotten the ids and stores the events a second time: the inbox knows them.

    That is what republishing does on purpose, to heal a broker that has lost something. What was not handled yet really
    arrives.
    """
    async with (
        nats_server(tmp_path / "nats") as server,
        market(tmp_path, [server], 'duplicate_window = "500ms"') as (host, orders, ledger),
    ):
        for number in range(10):
            await orders.order("ada", number)
        assert len(await entries(ledger, 10)) == 10
        outbox = host._binder.instances["orders"].events.outbox
        connection = NatsConnection(NatsSettings((server.url,)))
        await connection.start()
        api = Api(connection)
        async with asyncio.timeout(PATIENCE):
            while (await api.ask("STREAM.INFO.freestone_market"))["state"]["messages"] < 20:
                await asyncio.sleep(0.6)  # the window
                await Waiting(outbox).again(datetime(2000, 1, 1, tzinfo=UTC))
                await asyncio.sleep(0.1)
        await connection.close()
        await orders.order("ada", 10)
        assert await entries(ledger, 11) == tuple(("ada", number) for number in range(11))
    assert len(heard.of(EventAbsorbed)) >= 10, "nothing was absorbed"


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_commands_go_on_while_the_broker_is_away(tmp_path: Path, heard: Heard) -> None:
    """It is killed, and for longer than a publish is tried. Each event arrives when it is back, in its order."""
    async with nats_server(tmp_path / "nats") as server, market(tmp_path, [server], "") as (host, orders, ledger):
        await orders.order("ada", 0)
        await entries(ledger, 1)
        broker = next(worker for worker in host.background._running if hasattr(worker, "broker")).broker
        broker._patience = 0.5
        await server.kill()
        for number in range(1, 200):
            await orders.order("ada", number)
        async with asyncio.timeout(PATIENCE):
            while len(heard.of(RelayDelayed)) < 3:  # noqa: ASYNC110 - signals are not awaited
                await asyncio.sleep(0.02)
        await server.start()
        assert await entries(ledger, 200) == tuple(("ada", number) for number in range(200))


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_p36_no_command_fails_in_an_election(tmp_path: Path, heard: Heard) -> None:
    """The leader of the stream is killed under commands that publish: each event takes effect once, in order."""
    async with nats_cluster(tmp_path) as cluster, market(tmp_path, cluster, "replicas = 3") as (_, orders, ledger):
        async with asyncio.timeout(PATIENCE):
            while not heard.of(EventsAppended):
                await orders.order("eve", len(heard.signals))
                await asyncio.sleep(0.1)
        connection = NatsConnection(NatsSettings(tuple(server.url for server in cluster)))
        await connection.start()
        info = await Api(connection).ask("STREAM.INFO.freestone_market")
        leader = next(server for server in cluster if server.name == info["cluster"]["leader"])

        async def ordering() -> None:
            for number in range(400):
                await orders.order(("ada", "bob")[number % 2], number)

        going_on = asyncio.create_task(ordering())
        await entries(ledger, 50)
        await leader.kill()
        await going_on
        async with asyncio.timeout(PATIENCE):
            while len([it for it in await ledger.entries() if it[0] != "eve"]) < 400:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        found = await ledger.entries()
        await connection.close()
    for place, customer in enumerate(("ada", "bob")):
        assert [number for who, number in found if who == customer] == list(range(place, 400, 2))
    assert max(it.attempts for it in heard.of(EventsAppended)) > 1, "nothing met the election"
