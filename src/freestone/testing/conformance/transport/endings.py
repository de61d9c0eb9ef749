"""Every call ends: at its deadline, or when its caller gives it up, and so does what it has led to."""

from __future__ import annotations

import asyncio
import math
from typing import Final

from freestone.errors import DeadlineExceeded
from freestone.service import deadline

from .place import Place, raised, runs_out, soon, workbench

_MICROSECOND: Final = 1e-6
"""In which a deadline goes over the wire."""


async def check_a_result_over_its_deadline_is_an_error(place: Place) -> None:
    """The callee is cancelled when the time is over."""
    async with workbench(place) as bench:
        await runs_out(bench, "slow", lambda: bench.wait("slow"))


async def check_every_call_has_a_deadline(place: Place) -> None:
    """One that nobody set is the default of ten seconds."""
    async with workbench(place) as bench:
        assert 5 < (await soon(bench.standing())).seconds <= 10


async def check_a_deadline_can_be_lifted(place: Place) -> None:
    """For a call, for what it leads to, and for a stream."""
    async with workbench(place) as bench, deadline(math.inf):
        assert (await soon(bench.standing())).seconds == math.inf
        assert (await soon(bench.beyond())).seconds == math.inf
        assert [tool.name async for tool in bench.count(3)] == ["1", "2", "3"]


async def check_a_deadline_that_has_passed_begins_nothing(place: Place) -> None:
    """Not even when it passed before the call."""
    async with workbench(place) as bench:

        async def late() -> None:
            async with deadline(0):
                await bench.wait("late")

        await raised(DeadlineExceeded, late())


async def check_a_callee_inherits_what_is_left(place: Place) -> None:
    """And so does the callee's callee."""
    async with workbench(place) as bench:
        async with deadline(3):
            one = await soon(bench.standing())
            two = await soon(bench.beyond())
        assert 0 < two.seconds <= 3
        assert 0 < one.seconds <= 3
        assert two.seconds <= one.seconds + _MICROSECOND  # of the first, a part of one may have been cut off


async def check_a_callee_of_a_callee_is_cancelled_at_the_deadline(place: Place) -> None:
    """Work stops all the way down."""
    async with workbench(place) as bench:
        await runs_out(bench, "deep", lambda: bench.wait_beyond("deep"))


async def check_a_task_of_its_own_is_under_the_deadline_too(place: Place) -> None:
    """A call made in another task than the one that set the deadline ends with it, and by itself."""
    async with workbench(place) as bench:

        async def spawn() -> asyncio.Future[int]:
            async with deadline(0.2):
                return asyncio.ensure_future(bench.wait("apart"))

        await raised(DeadlineExceeded, await spawn())
        assert await soon(bench.ended("apart")) == 1


async def check_cancelling_the_caller_cancels_the_callee(place: Place) -> None:
    """The handler's clean-up runs."""
    async with workbench(place) as bench:
        task = asyncio.ensure_future(bench.wait("gone"))
        await soon(bench.began("gone"))
        task.cancel()
        await soon(asyncio.wait([task]))
        assert task.cancelled()
        assert await soon(bench.ended("gone")) == 1


CHECKS: Final = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
