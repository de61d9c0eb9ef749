"""Addresses change at any moment: calls in flight finish on the old connection, new ones go to the new place."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from freestone.call import (
    Dispatcher,
    MemoryAddress,
    MemoryNetwork,
    Policies,
    Pool,
    Server,
    TableResolver,
    WireTransport,
    client,
)
from freestone.call.policy import Backoff
from freestone.contract import Contract, command, query
from freestone.errors import Unavailable
from freestone.service import deadline
from freestone.wire import Hello


class Shop(Contract):
    """Sells things."""

    @query
    async def where(self) -> str:
        """Return the replica that answers."""

    @command
    async def buy(self) -> str:
        """Wait until released."""


class Replica(Shop):
    def __init__(self, name: str) -> None:
        self.name = name
        self.begun, self.released = asyncio.Event(), asyncio.Event()

    async def where(self) -> str:
        return self.name

    async def buy(self) -> str:
        self.begun.set()
        await self.released.wait()
        return self.name


class World:
    """Two replicas of a shop, at ``memory://a`` and ``memory://b``, and somebody who calls those in a table."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.replicas = {name: Replica(name) for name in "ab"}
        self.servers: dict[str, Server] = {}
        self.table = TableResolver()
        hello = Hello(application="academy", process="edge", instance="1")
        self.pool = Pool(hello, self.table, random=random.Random(1), network=self.network, backoff=Backoff(0.001, 0.01))
        self.shop = client(Shop, WireTransport(self.pool, "shop", "shop", Policies(deadline=5.0)))

    def move(self, *names: str) -> None:
        self.table.put("shop", [MemoryAddress(name) for name in names])


@contextlib.asynccontextmanager
async def world() -> AsyncGenerator[World]:
    it = World()
    for name, replica in it.replicas.items():
        hello = Hello(application="academy", process="shop", instance=name)
        it.servers[name] = Server(Dispatcher({"shop": replica}), hello, network=it.network)
        await it.servers[name].listen(MemoryAddress(name))
    yield it
    await it.pool.close()
    for server in it.servers.values():
        await server.close()


async def soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, 5)


async def test_a_call_in_flight_ends_where_it_began_and_the_next_goes_to_the_new_place() -> None:
    """A command is not repeated, so its connection must outlive its address."""
    async with world() as it:
        it.move("a")
        buying = asyncio.ensure_future(it.shop.buy())
        await soon(it.replicas["a"].begun.wait())
        it.move("b")
        async with asyncio.timeout(5):
            assert await it.shop.where() == "b"  # in this very turn of the loop
        assert it.servers["a"].in_flight == 1
        it.replicas["a"].released.set()
        assert await soon(buying) == "a"


async def test_the_old_connection_closes_when_its_last_call_is_answered() -> None:
    """Nothing is left behind at the old place."""
    async with world() as it:
        it.move("a")
        buying = asyncio.ensure_future(it.shop.buy())
        await soon(it.replicas["a"].begun.wait())
        [session] = it.servers["a"]._sessions
        it.move("b")
        it.replicas["a"].released.set()
        await soon(buying)
        await soon(session.link.disconnected)
        assert it.servers["a"].sessions == 0


async def test_a_new_replica_is_connected_without_a_call_that_asks_for_it() -> None:
    """So that it takes its share at once."""
    async with world() as it:
        it.move("a")
        assert await soon(it.shop.where()) == "a"
        it.move("a", "b")
        seen: set[str] = set()
        while seen != {"a", "b"}:
            seen.add(await soon(it.shop.where()))


async def test_a_call_waits_for_an_address_to_come() -> None:
    """Within its deadline, as it waits for a replica that starts."""
    async with world() as it:
        it.move()
        waiting = asyncio.ensure_future(it.shop.where())
        await asyncio.sleep(0)
        it.move("b")
        assert await soon(waiting) == "b"


async def test_a_call_to_a_process_that_stays_away_did_not_happen() -> None:
    """The error says what kept it from being found."""
    async with world() as it:
        it.move()
        with pytest.raises(Unavailable, match="nobody knows where shop runs: shop has no address now"):
            async with deadline(2):
                await it.shop.where()


async def test_a_process_that_nobody_knows_fails_at_once() -> None:
    """Nothing would come of waiting."""
    async with world() as it:
        with pytest.raises(Unavailable, match=r"nobody knows where shop runs$"):
            await soon(it.shop.where())
