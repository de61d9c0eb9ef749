"""What runs on a host of these tests, in a process that they start and tell the rest, a line at a time.

``serve ADDRESS NAME [NATS]``   a shop, which announces itself through NATS from the line ``here`` to the line ``gone``
``call ENDPOINT…``              calls it; other addresses come as a line, and the line ``linger`` is a long call
``call NATS``                   the same, where the shop announces itself
``names ADDRESS``               a DNS server; a line is a record, as ``shop.test A 10.0.0.1``
``nats ADDRESS``                a NATS server
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncGenerator, Callable

from freestone.call import (
    Dispatcher,
    Nameserver,
    Policies,
    Pool,
    Resolver,
    Server,
    SocketNetwork,
    TableResolver,
    WireTransport,
    client,
    parse_address,
    parse_endpoint,
    resolver_of,
)
from freestone.cluster import Announcement, NatsConnection, NatsResolver, NatsSettings
from freestone.contract import Contract, command, query
from freestone.deploy.supervisor import program
from freestone.errors import DidNotHappen, ServiceError
from freestone.service import deadline
from freestone.testing.nameserver import TestNameserver
from freestone.wire import Hello

SECONDS = 1.0
LINGERS = 3.0


class Shop(Contract):
    """Sells things."""

    @query
    async def where(self) -> str:
        """Return the host that answers."""

    @command
    async def buy(self, order: int) -> str:
        """Take an order."""

    @query
    async def linger(self) -> str:
        """Return the host that answers, after three seconds."""


class ShopService(Shop):
    def __init__(self, name: str) -> None:
        self.name = name

    async def where(self) -> str:
        return self.name

    async def buy(self, order: int) -> str:
        print(json.dumps({"order": order}), flush=True)
        return self.name

    async def linger(self) -> str:
        await asyncio.sleep(LINGERS)
        return self.name


async def serve(address: str, name: str, nats: str = "") -> None:
    hello = Hello(application="academy", process="shop", instance=name)
    server = Server(Dispatcher({"shop": ShopService(name)}), hello, network=SocketNetwork(plaintext=True))
    await server.listen(parse_address(address))
    resolver = await _through_nats(nats) if nats else None
    print("ready", flush=True)
    async for line in _told():
        assert resolver is not None
        if line == "here":
            await resolver.announce(lambda: Announcement("shop", name, (address,)))
        else:
            await resolver.leave()


async def call(*endpoints: str) -> None:
    hello = Hello(application="academy", process="edge", instance="1")
    resolver, told = await _resolver(endpoints)
    pool = Pool(hello, resolver, random=random.Random(1), network=SocketNetwork(plaintext=True))
    shop = client(Shop, WireTransport(pool, "shop", "shop", Policies(deadline=SECONDS)))
    print("ready", flush=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_go_on(shop, tasks))
        async for line in _told():
            if line == "linger":
                tasks.create_task(one(shop, 0, line, LINGERS + 5))
            else:
                told(line.split())


async def _resolver(endpoints: tuple[str, ...]) -> tuple[Resolver, Callable[[list[str]], None]]:
    """Return what finds the shop, and what tells it of other addresses, if it is to be told."""
    if endpoints[0].startswith("nats://"):
        return await _through_nats(endpoints[0]), _deaf
    if endpoints[0].startswith("dns"):
        at, nameserver = endpoints
        resolver = resolver_of({"shop": [parse_endpoint(at)]}, [Nameserver(nameserver)])
        await resolver.start()
        return resolver, _deaf
    table = TableResolver()

    def put(addresses: list[str] | tuple[str, ...]) -> None:
        table.put("shop", [parse_address(each) for each in addresses])

    put(endpoints)
    return table, put


def _deaf(addresses: list[str]) -> None:
    raise AssertionError(f"nobody here listens to {addresses}")


async def _through_nats(url: str) -> NatsResolver:
    connection = NatsConnection(NatsSettings((url,)))
    await connection.start()
    resolver = NatsResolver(connection, "academy")
    await resolver.start()
    return resolver


async def names(address: str) -> None:
    async with TestNameserver(address, 53) as server:
        print("ready", flush=True)
        async for line in _told():
            name, kind, value = line.split(maxsplit=2)
            server.put(name, kind, value)


def nats(address: str) -> None:
    print("ready", flush=True)
    os.execv(program(), ["nats-server", "-a", address])


async def _told() -> AsyncGenerator[str]:
    """Give what the test says, a line at a time; for ever, as it is the test that ends this process."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().strip()
    await asyncio.Event().wait()


async def _go_on(shop: Shop, tasks: asyncio.TaskGroup) -> None:
    order = 0
    while True:
        order += 1
        tasks.create_task(one(shop, order, "where" if order % 2 else "buy", SECONDS))
        await asyncio.sleep(0.03)


async def one(shop: Shop, number: int, what: str, seconds: float) -> None:
    began = time.monotonic()
    report: dict[str, object] = {"call": number, "what": what}
    try:
        async with deadline(seconds):
            report["by"] = await (shop.buy(number) if what == "buy" else getattr(shop, what)())
    except ServiceError as error:
        report |= {"error": type(error).__name__, "nothing": isinstance(error, DidNotHappen), "why": str(error)}
    report |= {"began": began, "took": time.monotonic() - began}
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    _, word, *words = sys.argv
    if word == "nats":
        nats(*words)
    asyncio.run({"serve": serve, "call": call, "names": names}[word](*words))
