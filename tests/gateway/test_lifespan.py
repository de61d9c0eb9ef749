"""The start and the stop of mounted applications."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette

from freestone.gateway.lifespan import Lifespan, LifespanFailed


async def test_an_application_is_started_and_stopped() -> None:
    """Its state is what it yields beside what it was given."""
    events: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        events.append("start")
        yield {"pool": "its pool"}
        events.append("stop")

    state: dict[str, Any] = {"given": 1}
    life = Lifespan(Starlette(lifespan=lifespan), "the shop", state)
    await life.start()
    assert (events, state) == (["start"], {"given": 1, "pool": "its pool"})
    await life.stop()
    assert events == ["start", "stop"]


async def test_it_starts_and_stops_in_one_task() -> None:
    """A cancel scope or a task group may be held over both."""
    tasks: list[Any] = []

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks.append(asyncio.current_task())
        async with asyncio.TaskGroup():
            yield
        tasks.append(asyncio.current_task())

    life = Lifespan(Starlette(lifespan=lifespan), "the shop", {})
    await life.start()
    await life.stop()
    assert tasks[0] is tasks[1]


async def test_an_application_that_fails_to_start_says_why() -> None:
    """The reason is its own, and nothing is left running."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "the pool is empty"})

    before = asyncio.all_tasks()
    with pytest.raises(LifespanFailed) as caught:
        await Lifespan(app, "the shop", {}).start()
    assert str(caught.value) == "the shop did not start: the pool is empty"
    assert asyncio.all_tasks() == before


async def test_an_application_that_fails_to_stop_says_why() -> None:
    """The reason is its own."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed"})

    life = Lifespan(app, "the shop", {})
    await life.start()
    with pytest.raises(LifespanFailed, match="the shop did not stop: it gave no reason"):
        await life.stop()


async def raises(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("HTTP only")


async def returns(scope: Any, receive: Any, send: Any) -> None:
    return None


@pytest.mark.parametrize("app", [raises, returns])
async def test_an_application_without_a_lifespan_is_served_all_the_same(app: Any) -> None:
    """The specification asks for it: not every application knows the protocol."""
    life = Lifespan(app, "the shop", {})
    async with asyncio.timeout(5):
        await life.start()
        await life.stop()


async def test_an_application_that_dies_before_its_stop_is_stopped_already() -> None:
    """Nobody waits for an answer from it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    life = Lifespan(app, "the shop", {})
    async with asyncio.timeout(5):
        await life.start()
        await asyncio.sleep(0)
        await life.stop()
        await life.stop()


async def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    """The application's side is cancelled too."""
    before = asyncio.all_tasks()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Lifespan(app, "the shop", {}).start()
    assert asyncio.all_tasks() == before
