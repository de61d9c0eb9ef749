"""Time, chance and identity that a test controls."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import final

from freestone.clock import Random


@final
class FakeClock:
    """A clock that stands still until a test advances it. It passes ``conformance.clock``.

    >>> clock = FakeClock()
    >>> before = clock.now()
    >>> clock.advance(60)
    >>> (clock.now() - before).total_seconds()
    60.0
    """

    def __init__(self, now: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        if now.tzinfo is None:
            raise ValueError("a clock needs an aware time; pass datetime(..., tzinfo=UTC)")
        self._now = now.astimezone(UTC)
        self._monotonic = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Return the time that the test has set."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that the clock was advanced by."""
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock is advanced that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), future))
        await future

    def advance(self, seconds: float) -> None:
        """Let that much time pass. Who has slept long enough wakes, in the order of waking."""
        if seconds < 0:
            raise ValueError("time does not go back; use jump() to move the wall clock alone")
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone, as an administrator or NTP does. Nobody wakes."""
        self._now += timedelta(seconds=seconds)


@final
class FakeIds:
    """Identifiers that count: ``00…01``, ``00…02``."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new(self) -> str:
        """Return the next one."""
        return f"{next(self._numbers):032x}"


def fake_random(seed: int = 0) -> Random:
    """Return chance that is the same in every run."""
    return random.Random(seed)
