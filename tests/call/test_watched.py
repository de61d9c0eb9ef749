"""For how long a call keeps the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from freestone.call.watched import watched


class Clock:
    """A clock that goes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def seen(work: Callable[[Clock], Awaitable[None]]) -> list[float]:
    """Run a call; return what was learnt of it."""
    clock, kept = Clock(), list[float]()

    async def run() -> None:
        await work(clock)

    await watched(run(), clock, kept.append)
    return kept


async def test_what_it_computes_counts_and_what_it_waits_for_does_not() -> None:
    """Over all of its turns."""

    async def work(clock: Clock) -> None:
        clock.now += 1.0
        waiting = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lambda: setattr(clock, "now", clock.now + 100.0))
        asyncio.get_running_loop().call_soon(waiting.set_result, None)
        await waiting
        clock.now += 2.0
        await asyncio.sleep(0)
        clock.now += 4.0

    assert await seen(work) == [7.0]


async def test_what_ends_at_once_tells_nothing() -> None:
    """It is known from its beginning and its end."""

    async def work(clock: Clock) -> None:
        clock.now += 1.0

    assert await seen(work) == []


async def test_an_error_comes_through() -> None:
    """From any turn, and it has kept the loop until then."""
    clock, kept = Clock(), list[float]()

    async def work() -> None:
        clock.now += 1.0
        await asyncio.sleep(0)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await watched(work(), clock, kept.append)
    assert kept == [1.0]


async def test_a_cancellation_goes_in() -> None:
    """The call may tidy up, wait meanwhile, and even take it back."""
    clock, told = Clock(), list[str]()
    started = asyncio.Event()

    async def work() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            await asyncio.sleep(0)
            told.append("tidied up")
            raise

    task = asyncio.ensure_future(watched(work(), clock, lambda seconds: None))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["cancelled", "tidied up"]


async def test_timeouts_and_task_groups_work_within() -> None:
    """They ask for the current task, and cancel it."""
    clock, ended = Clock(), list[str]()

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        ended.append("timeout")
        with pytest.RaisesGroup(LookupError) if hasattr(pytest, "RaisesGroup") else pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await asyncio.Event().wait()
        ended.append("group")

    async def fail() -> None:
        raise LookupError

    await asyncio.ensure_future(watched(work(), clock, lambda seconds: None))
    assert ended == ["timeout", "group"]


async def test_a_call_that_is_dropped_is_closed() -> None:
    """As when the loop stops."""
    closed = list[bool]()

    async def work() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    call = watched(work(), Clock(), lambda seconds: None)
    call.send(None)
    call.close()
    assert closed == [True]
