"""Work that is waited for, whatever happens to the one who waits."""

from __future__ import annotations

import asyncio

import pytest

from freestone.data.uninterrupted import after_first_step, uninterrupted


async def test_it_returns_and_raises_what_the_work_does() -> None:
    """Without a cancellation nothing is different."""

    async def fine() -> int:
        return 7

    async def failing() -> int:
        raise LookupError("no")

    assert await uninterrupted(fine()) == 7
    with pytest.raises(LookupError, match="no"):
        await uninterrupted(failing())


@pytest.mark.parametrize("fails", [False, True])
async def test_a_cancelled_caller_leaves_when_the_work_is_over(fails: bool) -> None:
    """It is told to hurry, once for each cancellation, and what it came to is dropped."""
    begun, hurried = asyncio.Event(), asyncio.Queue[None]()
    over = False

    async def work() -> None:
        nonlocal over
        begun.set()
        await hurried.get()
        await hurried.get()
        over = True
        if fails:
            raise LookupError

    async def wait() -> None:
        await uninterrupted(work(), lambda: hurried.put_nowait(None))

    task = asyncio.create_task(wait())
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert over


async def test_a_timeout_around_it_is_a_timeout() -> None:
    """The cancellation counts as one, so that asyncio.timeout knows its own."""
    hurried = asyncio.Event()

    async def work() -> None:
        await hurried.wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await uninterrupted(work(), hurried.set)


async def test_work_that_is_cancelled_itself_says_so() -> None:
    """As when the loop shuts down."""

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await uninterrupted(work())


async def test_one_is_called_when_work_first_waits() -> None:
    """What was asked for has left then, and no answer is known. The work goes on as if nobody had looked."""
    steps: list[str] = []

    async def work(fails: bool = False) -> str:
        steps.append("asks")
        await asyncio.sleep(0)
        steps.append("hears")
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0)
        except TimeoutError:
            steps.append("is told no")
        if fails:
            raise LookupError("no")
        return "done"

    assert await after_first_step(work(), lambda: steps.append("looked at")) == "done"
    assert steps == ["asks", "looked at", "hears", "is told no"]
    with pytest.raises(LookupError, match="no"):
        await after_first_step(work(fails=True), lambda: None)


async def test_nobody_is_called_for_work_that_waits_for_nothing() -> None:
    """There is no moment between."""

    async def work() -> int:
        return 7

    assert await after_first_step(work(), pytest.fail) == 7  # type: ignore[arg-type]
