"""A connection that lives long holds no more than a young one, at either end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import pytest

from freestone import clock
from freestone.call import (
    Dispatcher,
    MemoryAddress,
    MemoryNetwork,
    Pool,
    Server,
    StaticResolver,
    WireTransport,
    client,
    wheel,
)
from freestone.clock import system_random
from freestone.contract import Contract, command, query
from freestone.errors import NotFound
from freestone.wire import Hello

HELLO = Hello(application="academy", process="desk", instance="1")
CALLS = 1000
FEW = 16
"""Bytes that a call may leave behind: fewer than any object has that something refers to."""
BY_TIME = (wheel.__file__, clock.__file__, tracemalloc.__file__)
"""What is not counted: the wheel keeps empty slots for some seconds, the clock's room random digits in store. What a
slot or anything else holds is counted where it was made."""

Way: TypeAlias = "Callable[[Desk, DeskService], Awaitable[None]]"


class Desk(Contract):
    """Answers in every way."""

    @query
    async def ask(self, text: str) -> str:
        """Return the text."""

    @command
    async def write(self, text: str) -> None:
        """Do nothing."""

    @query
    async def miss(self) -> None:
        """Fail."""

    @query
    def count(self, to: int) -> AsyncIterator[int]:
        """Return numbers."""

    @query
    async def add(self, numbers: AsyncIterator[int]) -> int:
        """Return the sum."""

    @query
    async def wait(self) -> None:
        """Never return."""


class DeskService(Desk):
    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def ask(self, text: str) -> str:
        return text

    async def write(self, text: str) -> None:
        await asyncio.sleep(0)

    async def miss(self) -> None:
        raise NotFound("there is none")

    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    async def add(self, numbers: AsyncIterator[int]) -> int:
        return sum([number async for number in numbers])

    async def wait(self) -> None:
        self.begun.set()
        await asyncio.Event().wait()


async def ask(desk: Desk, service: DeskService) -> None:
    assert await desk.ask("a") == "a"


async def ask_much(desk: Desk, service: DeskService) -> None:
    assert len(await desk.ask("a" * 200_000)) == 200_000


async def write(desk: Desk, service: DeskService) -> None:
    await desk.write("a")


async def miss(desk: Desk, service: DeskService) -> None:
    with contextlib.suppress(NotFound):
        await desk.miss()


async def count(desk: Desk, service: DeskService) -> None:
    assert [number async for number in desk.count(3)] == [0, 1, 2]


async def count_and_leave(desk: Desk, service: DeskService) -> None:
    async with contextlib.aclosing(desk.count(1000)) as numbers:  # type: ignore[type-var]
        async for _ in numbers:
            break


async def add(desk: Desk, service: DeskService) -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    assert await desk.add(numbers()) == 3


async def give_up(desk: Desk, service: DeskService) -> None:
    service.begun.clear()
    call = asyncio.ensure_future(desk.wait())
    await service.begun.wait()
    call.cancel()
    await asyncio.wait([call])


@pytest.mark.parametrize("way", [ask, ask_much, write, miss, count, count_and_leave, add, give_up])
async def test_calls_leave_nothing_behind(way: Way) -> None:
    """However they end."""
    service, network = DeskService(), MemoryNetwork()
    server = Server(Dispatcher({"desk": service}), HELLO, network=network)
    address = await server.listen(MemoryAddress("desk"))
    pool = Pool(HELLO, StaticResolver({"desk": [address]}), random=system_random(), network=network)
    desk = client(Desk, WireTransport(pool, "desk", "desk"))
    calls = CALLS // 10 if way is ask_much else CALLS
    tracemalloc.start()
    try:
        before, after = [await held_after(way, desk, service, calls) for _ in range(2)]
        assert after - before < FEW * calls
    finally:
        tracemalloc.stop()
        await pool.close()
        await server.close()


async def held_after(way: Way, desk: Desk, service: DeskService, calls: int) -> int:
    """Make calls, and return the bytes that are held then."""
    for _ in range(calls):
        await way(desk, service)
    await desk.ask("the end of all before it")
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, path) for path in BY_TIME])
    return sum(trace.size for trace in snapshot.traces)
