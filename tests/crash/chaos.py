"""Kills what an application consists of, at random and really, and has it come back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from freestone.testing import Processes


class Victim(Protocol):
    """Something that can be killed, and comes back."""

    name: str
    share: float
    """How often it is killed, compared with others."""

    async def strike(self) -> bool:
        """Kill it with SIGKILL, and see to it that it comes back. False if it is not up, so that nothing was done."""
        ...


class Server(Protocol):
    """A server of the testing kit."""

    async def start(self) -> None: ...

    async def kill(self) -> None: ...


class ServerVictim:
    """A server that the test itself runs: it stays away for a moment. It is back more quickly than a service."""

    share = 2.0

    def __init__(self, name: str, server: Server, chance: random.Random) -> None:
        self.name = name
        self._server = server
        self._chance = chance

    async def strike(self) -> bool:
        await self._server.kill()
        await asyncio.sleep(self._chance.uniform(0, 0.5))
        await self._server.start()
        return True


class ReplicaVictim:
    """A process of a service, which the supervisor starts again."""

    share = 1.0

    def __init__(self, running: Processes, process: str, replica: int) -> None:
        self.name = f"{process}.{replica}"
        self._running = running
        self._process = process
        self._replica = replica

    async def strike(self) -> bool:
        for it in self._running.record().replicas:
            if (it.process, it.replica, it.state) == (self._process, self._replica, "running") and it.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(it.pid, signal.SIGKILL)
                    return True
        return False


async def havoc(
    victims: Sequence[Victim], kills: int, chance: random.Random, pause: float, suffices: Callable[[], bool]
) -> Counter[str]:
    """Kill one after the other until so many were, about ``pause`` seconds apart; return how many of each.

    If that has not brought about what it should have, go on, for as many again at most.
    """
    struck: Counter[str] = Counter()
    while struck.total() < kills or (struck.total() < 2 * kills and not suffices()):
        # Whoever was struck least is struck rather, so that a run has kills of everything.
        victim = min(victims, key=lambda it: (struck[it.name] / it.share + chance.uniform(0, 3), it.name))
        if await victim.strike():
            struck[victim.name] += 1
        await asyncio.sleep(pause * chance.uniform(0.3, 1.7))
    return struck
