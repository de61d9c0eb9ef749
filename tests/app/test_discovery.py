"""What a file says about NATS and discovery, and two hosts that find each other by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from freestone.app import App, Host, plan, render
from freestone.call import TcpAddress
from freestone.cluster import NatsSettings
from freestone.testing.nats import nats_server

SHOP = """
name = "shop"

[services]
prices = "shop:PricesService"
orders = "shop:OrdersService"

[topologies.split]
prices = { services = ["prices"], replicas = 2, listen = "tcp://0.0.0.0:7000", plaintext = true }
orders = { services = ["orders"], listen = "tcp://0.0.0.0:7000", plaintext = true }
"""


def test_processes_that_announce_themselves_may_listen_alike(loaded: Callable[..., App]) -> None:
    """They are on machines of their own; in a run on this one they have sockets."""
    app = loaded(
        SHOP + '[nats]\nurl = "nats://10.0.0.9:4222"\ncredentials = "shop.creds"\n[discovery]\nby = "nats"\n'
        'advertise = "10.0.0.7"\n'
    )
    assert app.discovery is not None
    assert app.nats == NatsSettings(("nats://10.0.0.9:4222",), str(app.directory / "shop.creds"))
    assert app.discovery.advertise == "10.0.0.7"
    made = plan(app, "split").process("prices")
    assert made.discovered
    assert made.listens_here is None
    assert len(made.addresses(Path("/run"))) == 2
    assert "prices ×2, on tcp://0.0.0.0:7000 in the clear, found through NATS" in render(plan(app, "split"))


def test_nats_alone_discovers_nothing(loaded: Callable[..., App]) -> None:
    """Leases may need it."""
    app = loaded(SHOP.replace("replicas = 2, ", "").replace("7000", "7001", 1) + '[nats]\nurl = "nats://a:4222"\n')
    assert app.discovery is None
    assert app.nats == NatsSettings(("nats://a:4222",))


def test_mistakes_are_told_together(mistakes: Callable[..., list[str]]) -> None:
    """Each with its line, and without a password."""
    told = mistakes(
        SHOP + '[nats]\nurl = ["http://ada:secret@a", "nats://b:x"]\nuser = "ada"\n[discovery]\nby = "dns"\n'
        'advertise = "a:7000"\n'
    )
    advice = 'write it as "nats://10.0.0.9:4222"'
    assert told == [
        f'freestone.toml:12: nats.url: "a" is no address of a NATS server; {advice}',
        f'freestone.toml:12: nats.url: "nats://b:x" is no address of a NATS server; {advice}',
        "freestone.toml:13: nats.user: there is no such key; the keys are url, credentials",
        'freestone.toml:15: discovery.by: it can\'t be "dns"; write by = "nats", or take [discovery] out',
        'freestone.toml:16: discovery.advertise: "a:7000" is no host; leave out the port: it is that where a process '
        "listens",
    ]


def test_discovery_needs_to_know_where_nats_is(mistakes: Callable[..., list[str]]) -> None:
    """And says how to write it."""
    (told,) = mistakes(SHOP + '[discovery]\nby = "nats"\n')
    assert "there is no [nats]; say where NATS is" in told


async def test_hosts_find_each_other(loaded: Callable[..., App], tmp_path: Path) -> None:
    """Whichever starts first; each says where it listens, as others reach it, and leaves at once."""
    async with nats_server(tmp_path / "nats") as server:
        app = loaded(SHOP + f'[nats]\nurl = "{server.url}"\n[discovery]\nby = "nats"\n')
        made = plan(app, "split")
        orders = Host(made, "orders", discover=True)
        prices = Host(made, "prices", discover=True)
        await orders.start([TcpAddress("127.0.0.1", 0)])
        calling = asyncio.create_task(orders.client(app.services["orders"].contract).total("one"))
        await prices.start([TcpAddress("0.0.0.0", 0)])
        assert await calling == 1
        assert orders._rendezvous is not None
        (found,) = orders._rendezvous.resolve("prices")
        assert isinstance(found, TcpAddress)
        assert found.host == "127.0.0.1"
        gone = asyncio.Event()
        orders._rendezvous.watch(gone.set)
        await prices.stop(1)
        async with asyncio.timeout(5):
            await gone.wait()
        assert orders._rendezvous.resolve("prices") == ()
        await orders.stop(1)
