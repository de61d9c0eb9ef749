"""What runs in a process besides its services: relays, subscriptions, schedules."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Protocol, final

_log = logging.getLogger("freestone.app")


class Worker(Protocol):
    """Something that works on its own between the start of the services and their stop."""

    async def start(self) -> None:
        """Begin. All services of the process are started; what it raises keeps the process from starting."""
        ...

    async def stop(self, seconds: float) -> None:
        """End: take on nothing new, and let what is under way finish for that many seconds.

        No call is served any more; the services, and their databases, are still open.
        """
        ...


@final
class Background:
    """The workers of one process, from start to stop."""

    def __init__(self, workers: Sequence[Worker] = ()) -> None:
        self._workers = list(workers)
        self._running: list[Worker] = []

    def add(self, worker: Worker) -> None:
        """Have one more, which is started after those that there are. Call it before ``start``."""
        self._workers.append(worker)

    async def start(self) -> None:
        """Start them in order. When one fails, stop those before it, and raise what it raised."""
        try:
            for worker in self._workers:
                self._running.append(worker)
                await worker.start()
        except BaseException:
            await self.stop(0)
            raise

    async def stop(self, seconds: float) -> None:
        """Stop those that were started, the latest first. One that fails is logged, and keeps no other from it."""
        async with AsyncExitStack() as steps:
            while self._running:
                steps.push_async_callback(self._stop, self._running.pop(0), seconds)

    @staticmethod
    async def _stop(worker: Worker, seconds: float) -> None:
        try:
            await worker.stop(seconds)
        except Exception:
            _log.exception("%s did not stop well", worker)
