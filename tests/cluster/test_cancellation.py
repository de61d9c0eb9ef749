"""A cancellation that a library swallows is a cancellation all the same."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from freestone.cluster import heeding


async def swallowing() -> str:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return "an answer"


async def failing() -> str:
    await swallowing()
    raise TimeoutError


@pytest.mark.parametrize("work", [swallowing, failing])
async def test_a_task_that_was_cancelled_ends(work: object) -> None:
    """Whether the library had an answer or an error for it."""
    task = asyncio.create_task(heeding(work()))  # type: ignore[operator]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_deadline_that_is_over_is_one() -> None:
    """It cancels the task too."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await heeding(swallowing())


async def test_what_comes_in_time_is_given() -> None:
    """And so is what is raised."""

    async def raising() -> None:
        raise ValueError("no")

    assert await heeding(asyncio.sleep(0, "yes")) == "yes"
    with pytest.raises(ValueError, match="no"):
        await heeding(raising())
