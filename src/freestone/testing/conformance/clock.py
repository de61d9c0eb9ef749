"""What every ``Clock`` does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from freestone.clock import Clock


def check_now_is_aware_and_in_utc(clock: Clock) -> None:
    """A wall-clock time without a zone can't be compared."""
    assert clock.now().utcoffset() == timedelta(0)


def check_monotonic_never_goes_back(clock: Clock, advance: Callable[[float], None]) -> None:
    """Whatever happens in between."""
    before = clock.monotonic()
    advance(0.001)
    assert clock.monotonic() >= before


async def check_sleep_lasts(clock: Clock, advance: Callable[[float], None]) -> None:
    """A sleeper wakes after its time, by the monotonic clock, and not before."""
    before = clock.monotonic()
    sleeper = asyncio.create_task(clock.sleep(0.02))
    await asyncio.sleep(0)
    assert not sleeper.done()
    advance(0.02)
    await asyncio.wait_for(sleeper, 5)
    # The event loop's own clock is coarse: it may wake a sleeper up to its resolution early.
    assert clock.monotonic() - before >= 0.018


async def check_sleepers_wake_in_order(clock: Clock, advance: Callable[[float], None]) -> None:
    """The shorter sleep ends first, whoever began first."""
    woken: list[str] = []

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    tasks = [asyncio.create_task(sleep("long", 0.04)), asyncio.create_task(sleep("short", 0.01))]
    await asyncio.sleep(0)
    advance(0.04)
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert woken == ["short", "long"]


async def check_sleep_can_be_cancelled(clock: Clock, advance: Callable[[float], None]) -> None:
    """And does no harm to the clock."""
    sleeper = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)
    sleeper.cancel()
    await asyncio.wait([sleeper])
    assert sleeper.cancelled()
    advance(0.001)


async def check_sleeping_no_time_gives_way(clock: Clock) -> None:
    """``sleep(0)`` lets others run, and returns."""
    ran = False

    def other() -> None:
        nonlocal ran
        ran = True

    asyncio.get_running_loop().call_soon(other)
    await clock.sleep(0)
    assert ran
