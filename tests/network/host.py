"""What runs on a host of these tests, in a process that they start: ``serve ADDRESS NAME`` or ``call ADDRESS…``."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

from freestone.call import (
    Dispatcher,
    Policies,
    Pool,
    Server,
    SocketNetwork,
    TableResolver,
    WireTransport,
    client,
    parse_address,
)
from freestone.contract import Contract, command, query
from freestone.errors import DidNotHappen, ServiceError
from freestone.service import deadline
from freestone.wire import Hello

SECONDS = 1.0


class Shop(Contract):
    """Sells things."""

    @query
    async def where(self) -> str:
        """Return the host that answers."""

    @command
    async def buy(self, order: int) -> str:
        """Take an order."""


class ShopService(Shop):
    def __init__(self, name: str) -> None:
        self.name = name

    async def where(self) -> str:
        return self.name

    async def buy(self, order: int) -> str:
        print(json.dumps({"order": order}), flush=True)
        return self.name


async def serve(address: str, name: str) -> None:
    hello = Hello(application="academy", process="shop", instance=name)
    server = Server(Dispatcher({"shop": ShopService(name)}), hello, network=SocketNetwork(plaintext=True))
    await server.listen(parse_address(address))
    print("ready", flush=True)
    await asyncio.Event().wait()


async def call(addresses: list[str]) -> None:
    hello = Hello(application="academy", process="edge", instance="1")
    table = TableResolver()
    table.put("shop", [parse_address(each) for each in addresses])
    pool = Pool(hello, table, random=random.Random(1), network=SocketNetwork(plaintext=True))
    shop = client(Shop, WireTransport(pool, "shop", "shop", Policies(deadline=SECONDS)))
    loop = asyncio.get_running_loop()

    def told() -> None:
        table.put("shop", [parse_address(each) for each in sys.stdin.readline().split()])

    loop.add_reader(sys.stdin, told)
    print("ready", flush=True)
    tasks: set[asyncio.Task[None]] = set()
    order = 0
    while True:
        order += 1
        task = loop.create_task(one(shop, order))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await asyncio.sleep(0.03)


async def one(shop: Shop, order: int) -> None:
    began, what = time.monotonic(), "where" if order % 2 else "buy"
    report: dict[str, object] = {"call": order, "what": what}
    try:
        async with deadline(SECONDS):
            report["by"] = await (shop.where() if order % 2 else shop.buy(order))
    except ServiceError as error:
        report |= {"error": type(error).__name__, "nothing": isinstance(error, DidNotHappen), "why": str(error)}
    report |= {"began": began, "took": time.monotonic() - began}
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    _, word, *words = sys.argv
    asyncio.run(serve(*words) if word == "serve" else call(words))
