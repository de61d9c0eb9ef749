"""All schedules of a process, from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import final

from freestone.clock import Clock, Random

from .ticker import Bound, Ticker


@final
class Schedules:
    """Runs the schedules of the services of one process."""

    def __init__(self, bound: Iterable[Bound], clock: Clock, random: Random) -> None:
        self._tickers = [Ticker(each, clock, random) for each in bound]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to run ticks."""
        self._tasks = [
            asyncio.create_task(ticker.run(), name=f"schedule {ticker.bound.name}") for ticker in self._tickers
        ]

    async def stop(self, seconds: float) -> None:
        """Begin no more; let what runs end within that many seconds, and cancel it then. It is run again elsewhere."""
        for ticker in self._tickers:
            ticker.stop()
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        _, pending = await asyncio.wait(tasks, timeout=seconds)
        for task in pending:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
