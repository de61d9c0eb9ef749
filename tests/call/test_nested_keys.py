"""What a command's handler calls has keys that follow from its own, near and far alike."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from freestone.call import (
    CodecTransport,
    Dispatcher,
    LocalTransport,
    MemoryAddress,
    MemoryNetwork,
    Pool,
    Server,
    StaticResolver,
    Transport,
    WireTransport,
    client,
)
from freestone.clock import system_random
from freestone.contract import Contract, command, query
from freestone.errors import Aborted
from freestone.service import current, is_made, keyed
from freestone.wire import Hello


class Bottom(Contract):
    @command
    async def take(self, item: str, count: int = 1) -> str:
        """Return the key."""

    @command
    async def pack(self, items: list[str]) -> str:
        """Return the key."""

    @command
    async def fill(self, name: str, items: AsyncIterator[str]) -> str:
        """Return the key."""


class Middle(Contract):
    @command
    async def hand(self, item: str) -> str:
        """Return the key that the bottom saw; this one has no use for its own."""


class Top(Contract):
    @command
    async def run(self, plan: str) -> tuple[str, ...]:
        """Make the calls of the plan, and return the keys that the bottom saw."""

    @query
    async def look(self) -> tuple[str, str]:
        """Call twice, from a query."""


def here() -> Any:
    context = current()
    assert context is not None
    return context


class BottomService(Bottom):
    def __init__(self) -> None:
        self.attempts: list[int] = []

    def key(self) -> str:
        self.attempts.append(here().attempt)
        key: str = here().idempotency_key
        return key

    async def take(self, item: str, count: int = 1) -> str:
        return self.key()

    async def pack(self, items: list[str]) -> str:
        items.clear()
        return self.key()

    async def fill(self, name: str, items: AsyncIterator[str]) -> str:
        async for _ in items:
            pass
        return self.key()


class MiddleService(Middle):
    bottom: Bottom

    async def hand(self, item: str) -> str:
        return await self.bottom.take(item)


class TopService(Top):
    bottom: Bottom
    middle: Middle

    def __init__(self) -> None:
        self.losses = 0
        self.keys: list[str] = []

    async def run(self, plan: str) -> tuple[str, ...]:
        keys = [await self.step(step) for step in plan]
        self.keys += keys
        if self.losses:
            self.losses -= 1
            error = Aborted("somebody was faster")
            error.lost_race = True
            raise error
        return tuple(keys)

    async def step(self, step: str) -> str:
        match step:
            case "l":
                return await self.bottom.pack(["a", "b"])
            case "f":
                return await self.bottom.fill("box", one())
            case "m":
                return await self.middle.hand("tea")
            case "k":
                with keyed("mine"):
                    return await self.bottom.take("a")
            case "g":
                return "+".join(await asyncio.gather(self.bottom.take("x"), self.bottom.take("y")))
            case item:
                return await self.bottom.take(item)

    async def look(self) -> tuple[str, str]:
        return await self.bottom.take("a"), await self.bottom.take("a")


async def one() -> AsyncIterator[str]:
    yield "pen"


Town = tuple[Top, TopService, BottomService]


@contextlib.asynccontextmanager
async def over_the_wire(dispatcher: Dispatcher) -> AsyncGenerator[Callable[[str], Transport]]:
    hello, network = Hello(application="town", process="all", instance="1"), MemoryNetwork()
    server = Server(dispatcher, hello, network=network)
    address = await server.listen(MemoryAddress("all"))
    pool = Pool(hello, StaticResolver({"all": [address]}), random=system_random(), network=network)
    try:
        yield lambda service: WireTransport(pool, "all", service)
    finally:
        await pool.close()
        await server.close()


@pytest.fixture(params=["local", "codec", "memory"])
def town(request: pytest.FixtureRequest) -> Callable[[], AbstractAsyncContextManager[Town]]:
    @contextlib.asynccontextmanager
    async def place() -> AsyncGenerator[Town]:
        top, middle, bottom = TopService(), MiddleService(), BottomService()
        dispatcher = Dispatcher({"top": top, "middle": middle, "bottom": bottom})
        async with contextlib.AsyncExitStack() as stack:
            if request.param == "memory":
                way = await stack.enter_async_context(over_the_wire(dispatcher))
            else:
                near = {"local": LocalTransport, "codec": CodecTransport}[request.param]

                def way(service: str) -> Transport:
                    return near(dispatcher, service)

            top.bottom = middle.bottom = client(Bottom, way("bottom"))
            top.middle = client(Middle, way("middle"))
            yield client(Top, way("top")), top, bottom

    return place


async def run(town: Any, key: str, plan: str) -> tuple[str, ...]:
    async with town() as (top, _, _):
        with keyed(key):
            return await top.run(plan)  # type: ignore[no-any-return]


async def test_the_same_handler_sends_the_same_keys(town: Any) -> None:
    """Whatever it calls: with arguments that can change, through others, with a stream, from tasks."""
    plan = "aablfmmg"
    first, second = await run(town, "order-17", plan), await run(town, "order-17", plan)
    assert first == second
    assert len({*first, *first[-1].split("+")}) == len(plan) + 2
    assert all(is_made(key) for key in first[:-1])
    assert not {*first} & {*await run(town, "order-18", plan)}


async def test_near_and_far_have_the_same_keys(town: Any) -> None:
    """So a handler may begin in one placement, or in one version, and be repeated in another."""
    keys = await run(town, "order-17", "aal")
    assert keys == (
        "k46bc4071f7594ff938fec8d08ac722a",
        "k4f8232ee6fc70c045a3ed77d1a9d29a",
        "k46f78cced7b52412bbce5051baa338e",
    )


async def test_what_differs_has_another_key_whatever_the_order(town: Any) -> None:
    """The same call counts, and others do not."""
    a, b = await run(town, "order-17", "ab")
    assert await run(town, "order-17", "ba") == (b, a)
    again = await run(town, "order-17", "aba")
    assert again[:2] == (a, b)
    assert again[2] not in (a, b)


async def test_a_key_that_is_given_is_the_key(town: Any) -> None:
    assert (await run(town, "order-17", "k"))[0] == "mine"


async def test_a_handler_that_lost_a_race_sends_the_same_keys_again(town: Any) -> None:
    """Its callees are told that they may know them."""
    async with town() as (top, service, bottom):
        service.losses = 1
        keys = await top.run("abm")
    assert tuple(service.keys) == keys * 2
    assert bottom.attempts == [0, 0, 0, 1, 1, 1]


async def test_a_query_has_no_key_to_derive_from(town: Any) -> None:
    async with town() as (top, _, _):
        one, other = await top.look()
    assert one != other
    assert is_made(one)


async def test_a_command_that_nobody_gave_a_key_has_one_all_the_same(town: Any) -> None:
    async with town() as (top, _, _):
        assert not {*await top.run("ab")} & {*await top.run("ab")}
