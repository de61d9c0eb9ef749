"""Many deadlines on one timer."""

from __future__ import annotations

import asyncio
import math

from freestone.call.wheel import TimerWheel


async def test_entries_expire_in_order_and_never_early() -> None:
    """Each is told once, after its time."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    expired: list[tuple[str, float]] = []

    def expire(entry: str) -> None:
        expired.append((entry, loop.time()))
        if len(expired) == 3:
            done.set()

    wheel = TimerWheel(loop, expire)
    start = loop.time()
    for name, seconds in (("late", 0.06), ("early", 0.02), ("at once", -1.0)):
        wheel.arm(start + seconds, name)
    async with asyncio.timeout(5):
        await done.wait()
    assert [name for name, _ in expired] == ["at once", "early", "late"]
    assert expired[1][1] >= start + 0.02
    assert expired[2][1] >= start + 0.06


async def test_an_entry_that_is_taken_back_does_not_expire() -> None:
    """Most calls end before their deadline."""
    loop = asyncio.get_running_loop()
    expired: asyncio.Queue[str] = asyncio.Queue()
    wheel = TimerWheel(loop, expired.put_nowait)
    now = loop.time()
    wheel.arm(now + 0.01, "over").discard("over")
    wheel.arm(now + 0.03, "due")
    async with asyncio.timeout(5):
        assert await expired.get() == "due"
    assert expired.empty()


async def test_nothing_is_kept_of_entries_that_were_taken_back() -> None:
    """Neither the entries nor their slots: a wheel does not grow with the number of calls."""
    loop = asyncio.get_running_loop()
    expired: asyncio.Queue[object] = asyncio.Queue()
    wheel: TimerWheel[object] = TimerWheel(loop, expired.put_nowait)
    now = loop.time()
    for number in range(20_000):
        entry = object()
        wheel.arm(now + 0.02 + number % 10 / 1000, entry).discard(entry)
    wheel.arm(now + 0.05, "last")
    async with asyncio.timeout(5):
        assert await expired.get() == "last"
    assert not wheel._slots
    assert not wheel._order
    assert wheel._timer is None


async def test_a_closed_wheel_tells_nobody() -> None:
    """It belongs to a loop that may be ending."""
    loop = asyncio.get_running_loop()
    told: list[str] = []
    wheel = TimerWheel(loop, told.append)
    wheel.arm(loop.time() + 0.01, "never")
    wheel.close()
    reached = asyncio.Event()
    loop.call_later(0.04, reached.set)
    await reached.wait()
    assert told == []


async def test_an_entry_without_an_end_takes_no_place() -> None:
    """A stream that is looked at for as long as anybody likes has no deadline."""
    expired: asyncio.Queue[str] = asyncio.Queue()
    wheel = TimerWheel(asyncio.get_running_loop(), expired.put_nowait)
    wheel.arm(math.inf, "endless").discard("endless")
    assert not wheel._slots
    assert wheel._timer is None
