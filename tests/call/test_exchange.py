"""Calls whose caller sends items, over the wire: what is sent again, what is left behind, and what is closed."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from freestone.call import (
    Dispatcher,
    LocalTransport,
    MemoryAddress,
    MemoryNetwork,
    Policies,
    Pool,
    Server,
    StaticResolver,
    WireTransport,
    client,
)
from freestone.call.policy import Backoff
from freestone.contract import Contract, query
from freestone.errors import ConnectionLost, InvalidArgument, ResourceExhausted
from freestone.wire import Hello, Limits


class Store(Contract):
    """Takes things."""

    @query
    async def take(self, things: AsyncIterator[str], most: int = 100) -> str:
        """Return the name of the replica and what came, when released."""

    @query
    async def leave(self, things: AsyncIterator[str]) -> None:
        """Take nothing, and leave a task behind that tries."""

    @query
    def echo(self, things: AsyncIterator[str], first: int) -> AsyncIterator[str]:
        """Return what comes after that many."""


class Replica(Store):
    def __init__(self, name: str) -> None:
        self.name = name
        self.begun = asyncio.Event()
        self.released = asyncio.Event()
        self.closed = asyncio.Event()
        self.left: asyncio.Task[str] | None = None

    async def take(self, things: AsyncIterator[str], most: int = 100) -> str:
        taken = [await anext(things, "end") for _ in range(most)]
        self.begun.set()
        await self.released.wait()
        return f"{self.name}: {' '.join([*taken, *[thing async for thing in things]])}"

    async def leave(self, things: AsyncIterator[str]) -> None:
        released = self.released

        async def later() -> str:
            await released.wait()
            return await anext(things)

        self.left = asyncio.ensure_future(later())

    async def echo(self, things: AsyncIterator[str], first: int) -> AsyncIterator[str]:
        for _ in range(first):
            await anext(things)
        self.begun.set()
        await self.released.wait()
        try:
            async for thing in things:
                yield thing
        finally:
            self.closed.set()


class World:
    """Two replicas in memory, and a client."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.network = MemoryNetwork()
        self.replicas = {name: Replica(name) for name in "ab"}
        self.servers: dict[str, Server] = {}
        hello = Hello(application="academy", process="edge", instance="1")
        self.pool = Pool(
            hello, StaticResolver({"store": [MemoryAddress(name) for name in "ab"]}), network=self.network,
            random=random.Random(1), backoff=Backoff(0.001, 0.01),
        )  # fmt: skip
        self.store = client(Store, WireTransport(self.pool, "store", "store", Policies(deadline=5.0)))
        self._limits = limits

    async def __aenter__(self) -> World:
        for name, replica in self.replicas.items():
            hello = Hello(application="academy", process="store", instance=name)
            dispatcher = Dispatcher({"store": replica})
            self.servers[name] = Server(dispatcher, hello, network=self.network, limits=self._limits)
            await self.servers[name].listen(MemoryAddress(name))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.pool.close()
        for server in self.servers.values():
            await server.close()
            assert server.in_flight == 0

    async def begun(self) -> str:
        """Return the replica that has begun a call."""
        tasks = {asyncio.ensure_future(replica.begun.wait()): name for name, replica in self.replicas.items()}
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        for task in pending:
            task.cancel()
        return tasks[done.pop()]

    async def kill(self, name: str) -> None:
        """End a replica as a crash does."""
        server = self.servers.pop(name)
        for session in list(server._sessions):
            session.link.abort("killed")
        await server.close()

    def release(self) -> None:
        """Let every call end."""
        for replica in self.replicas.values():
            replica.released.set()


class Things:
    """What a caller sends, and what became of it."""

    def __init__(self, *things: object) -> None:
        self.asked = 0
        self.closed = False
        self._things = things

    async def __call__(self) -> AsyncIterator[str]:
        try:
            for thing in self._things:
                self.asked += 1
                yield cast(Any, thing)
        finally:
            self.closed = True


async def soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, 5)


async def listed(items: AsyncIterator[str]) -> list[str]:
    return [item async for item in items]


@pytest.mark.parametrize("kind", ["unary", "stream"])
async def test_a_query_of_which_nothing_was_taken_is_sent_again(kind: str) -> None:
    """To another replica, with all of its items."""
    async with World() as world:
        things = Things("pen", "cup")
        call = world.store.take(things(), 0) if kind == "unary" else listed(world.store.echo(things(), 0))
        waiting = asyncio.ensure_future(call)
        first = await world.begun()
        assert things.asked == 0
        await world.kill(first)
        world.release()
        other = "b" if first == "a" else "a"
        assert await soon(waiting) == (f"{other}: pen cup" if kind == "unary" else ["pen", "cup"])
        assert things.closed


@pytest.mark.parametrize("kind", ["unary", "stream"])
async def test_a_query_of_which_something_was_taken_is_not_sent_again(kind: str) -> None:
    """What was taken is gone."""
    async with World() as world:
        things = Things("pen", "cup")
        call = world.store.take(things(), 1) if kind == "unary" else listed(world.store.echo(things(), 1))
        waiting = asyncio.ensure_future(call)
        first = await world.begun()
        assert things.asked
        await world.kill(first)
        world.release()
        with pytest.raises(ConnectionLost, match=r"store\.(take|echo) was sent, and no answer came"):
            await soon(waiting)
        assert things.closed


async def test_items_can_not_be_taken_when_the_call_is_over() -> None:
    """A task that a handler left behind is told, in every placement."""
    async with World() as world:
        replica = Replica("near")
        for store in (world.store, client(Store, LocalTransport(Dispatcher({"store": replica}), "store"))):
            await soon(store.leave(Things("pen")()))
        world.release()
        replica.released.set()
        left = [it.left for it in (*world.replicas.values(), replica) if it.left is not None]
        assert len(left) == 2
        for task in left:
            with pytest.raises(RuntimeError, match="the call has ended, and with it the items of its caller"):
                await soon(task)


async def test_an_item_that_can_not_cross_ends_the_call() -> None:
    """Its maker hears why."""
    async with World() as world:
        with pytest.raises(InvalidArgument):
            await soon(world.store.take(Things("pen", object())()))
        limits = Limits(frame=65536, message=70_000, unfinished=70_000)
    async with World(limits) as world:
        with pytest.raises(ResourceExhausted, match="an item for take can't be sent: the item has 80005 bytes"):
            await soon(world.store.take(Things("x" * 80_000)()))


async def test_a_caller_that_lets_go_of_a_stream_both_ways_leaves_nothing_behind() -> None:
    """Even without closing it."""
    async with World() as world:
        world.release()
        things = Things(*map(str, range(1000)))
        with contextlib.suppress(StopAsyncIteration):
            items = world.store.echo(things(), 0)
            assert await soon(anext(items)) == "0"
            del items
        waits = [asyncio.ensure_future(replica.closed.wait()) for replica in world.replicas.values()]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        assert len(done) == 1
        pending.pop().cancel()
        assert not any(connection.feeds for connection in world.pool.peer("store")._connections)
