"""Limits on the calls in flight, in every placement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from freestone.app import local
from freestone.call import Bulkheads, CallPolicy, Dispatcher, LocalTransport, Policies, client
from freestone.contract import Contract, query
from freestone.errors import ResourceExhausted
from freestone.service import service
from freestone.signals import SIGNALS, CallRefused, Signal
from freestone.testing.memory import wire_in_memory


class Desk(Contract):
    """Who answers, one after another."""

    @query
    async def ask(self) -> str:
        """Wait until released."""

    @query
    async def look(self) -> str:
        """Wait until released, too."""

    @query
    def watch(self) -> AsyncIterator[int]:
        """Count for ever."""


@service
class DeskService(Desk):
    async def start(self) -> None:
        self.released = asyncio.Event()

    async def ask(self) -> str:
        await self.released.wait()
        return "answer"

    async def look(self) -> str:
        return await self.ask()

    async def watch(self) -> AsyncIterator[int]:
        yield 1
        await self.released.wait()
        yield 2


POLICIES = Policies(services={"desk": CallPolicy(limit=3)}, methods={"desk.ask": CallPolicy(limit=2)})


@pytest.fixture(params=["local", "memory"])
async def near(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    if request.param == "local":
        yield LocalTransport
    else:
        async with wire_in_memory() as transport:
            yield transport


async def begun(calls: int, desk: Desk, name: str) -> list[asyncio.Task[str]]:
    tasks = [asyncio.ensure_future(getattr(desk, name)()) for _ in range(calls)]
    for _ in range(20):
        await asyncio.sleep(0)
    return tasks


async def test_what_is_over_the_limit_of_a_method_is_refused_at_once(near: Any) -> None:
    """The others of the service are not touched by it; and when one has ended, there is room."""
    heard: list[Signal] = []
    async with local(near=near, policies=POLICIES, desk=DeskService) as application:
        desk = application.client(Desk)
        tasks = await begun(2, desk, "ask")
        SIGNALS.subscribe(heard.append)
        try:
            with pytest.raises(ResourceExhausted) as caught:
                await desk.ask()
        finally:
            SIGNALS.unsubscribe(heard.append)
        assert str(caught.value) == (
            "desk.ask was not called: this process has 2 calls to desk.ask in flight, "
            'and calls.methods."desk.ask".limit allows no more'
        )
        assert CallRefused("desk.ask", 'calls.methods."desk.ask".limit', 2) in heard
        tasks += await begun(1, desk, "look")
        application.service("desk").released.set()
        assert await asyncio.wait_for(asyncio.gather(*tasks), 5) == ["answer"] * 3
        assert await desk.ask() == "answer"


async def test_all_clients_of_a_service_share_its_limit(near: Any) -> None:
    """A call that is given up makes room; a refused one takes none of the method's."""
    async with local(near=near, policies=POLICIES, desk=DeskService) as application:
        tasks = await begun(3, application.client(Desk), "look")
        desk = application.client(Desk)
        for _ in range(3):
            with pytest.raises(ResourceExhausted, match=r"3 calls to desk in flight, and calls.services.desk.limit"):
                await desk.ask()
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        tasks += await begun(1, desk, "ask")
        application.service("desk").released.set()
        assert await asyncio.wait_for(asyncio.gather(*tasks[1:]), 5) == ["answer"] * 3


async def test_a_stream_counts_until_it_is_over(near: Any) -> None:
    """Whether it ends, is closed, or is let go of."""
    policies = Policies(CallPolicy(limit=1))
    async with local(near=near, policies=policies, desk=DeskService) as application:
        desk = application.client(Desk)
        items = desk.watch()
        assert await anext(items) == 1
        with pytest.raises(ResourceExhausted, match=r"1 calls to desk in flight, and calls.limit allows no more"):
            await anext(desk.watch())
        await items.aclose()  # type: ignore[attr-defined]
        async for _ in desk.watch():
            break
        application.service("desk").released.set()
        assert [number async for number in desk.watch()] == [1, 2]
        assert await desk.look() == "answer"


def test_without_a_limit_nothing_stands_in_the_way() -> None:
    """The transport is the one that it was."""
    transport = LocalTransport(Dispatcher({}), "desk")
    assert Bulkheads(Policies()).around(transport, "desk") is transport
    assert Bulkheads(POLICIES).around(transport, "other") is transport


async def test_a_refused_call_leaves_no_coroutine_behind() -> None:
    """It was made, and is never awaited; that would be a warning."""
    transport = Bulkheads(Policies(CallPolicy(limit=1))).around(
        LocalTransport(Dispatcher({"desk": DeskService()}), "desk"), "desk"
    )
    gate: Any = transport
    gate._gate.inside = 1
    with pytest.raises(ResourceExhausted):
        await client(Desk, transport).look()
