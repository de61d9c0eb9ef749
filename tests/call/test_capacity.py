"""What connections cost when they are idle, and what they hold when they are full."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from collections.abc import Awaitable
from typing import TypeVar

from freestone.call import (
    Dispatcher,
    MemoryAddress,
    MemoryNetwork,
    Pool,
    Server,
    StaticResolver,
    WireTransport,
    client,
)
from freestone.contract import Contract, query
from freestone.wire import Hello

T = TypeVar("T")
HELLO = Hello(application="academy", process="desk", instance="1")
IDLE = 20 * 1024
"""Bytes that an idle connection may take at one end; a socket takes more in the system, which is not counted here."""


class Desk(Contract):
    """Keeps people waiting."""

    @query
    async def wait(self) -> int:
        """Return when released."""

    @query
    async def now(self) -> int:
        """Return at once."""


class DeskService(Desk):
    def __init__(self) -> None:
        self.waiting = 0
        self.full = asyncio.Event()
        self.released = asyncio.Event()
        self.expected = 0

    async def wait(self) -> int:
        self.waiting += 1
        if self.waiting == self.expected:
            self.full.set()
        await self.released.wait()
        return 1

    async def now(self) -> int:
        return 1


async def soon(awaitable: Awaitable[T]) -> T:
    async with asyncio.timeout(60):
        return await awaitable


def taken() -> int:
    """Return the bytes that Python has given out and not had back."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def test_an_idle_connection_takes_little_memory() -> None:
    """Both ends of it are in this process, and so are counted together."""
    network = MemoryNetwork()
    server = Server(Dispatcher({"desk": DeskService()}), HELLO, network=network)
    await server.listen(MemoryAddress("desk"))
    resolver = StaticResolver({"desk": [MemoryAddress("desk")]})
    pools = [Pool(HELLO, resolver, random=random.Random(1), network=network) for _ in range(110)]
    tracemalloc.start()
    try:
        before = 0
        for number, pool in enumerate(pools):
            if number == 10:  # what is made once is made by then
                before = taken()
            await soon(client(Desk, WireTransport(pool, "desk", "desk")).now())
        each = (taken() - before) / 100
    finally:
        tracemalloc.stop()
        for pool in pools:
            await pool.close()
        await server.close()
    assert each < 2 * IDLE, f"{each:.0f} bytes for both ends of a connection"


async def test_ten_thousand_calls_are_in_flight_on_one_connection() -> None:
    """And all of them are answered."""
    network, service = MemoryNetwork(), DeskService()
    service.expected = 10_000
    dispatcher = Dispatcher({})
    dispatcher.add("desk", service, essential=True)  # let in whatever the load is
    server = Server(dispatcher, HELLO, network=network)
    await server.listen(MemoryAddress("desk"))
    pool = Pool(HELLO, StaticResolver({"desk": [MemoryAddress("desk")]}), random=random.Random(1), network=network)
    desk = client(Desk, WireTransport(pool, "desk", "desk"))
    try:
        calls = [asyncio.ensure_future(desk.wait()) for _ in range(10_000)]
        await soon(service.full.wait())
        assert server.sessions == 1
        service.released.set()
        assert sum(await soon(asyncio.gather(*calls))) == 10_000
    finally:
        await pool.close()
        await server.close()
