"""A bounded pool of connections of one kind, and the bounded queue before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from freestone.errors import ResourceExhausted, Unavailable


@final
@dataclass(frozen=True, slots=True)
class Patience:
    """How long somebody waits for a connection."""

    until: float
    """In the loop's time."""
    is_over: Callable[[], bool]
    """Whether there is no more reason to."""


PATIENCE: ContextVar[Patience | None] = ContextVar("freestone.patience", default=None)
"""For what makes a connection below SQLAlchemy's pool, which hands nothing down."""


@final
class Lane:
    """Lets at most ``slots`` transactions in, in the order in which they came; at most ``waiting`` may wait.

    The pool of the engine has a connection for each slot, so that nobody waits, or times out, inside of it. Lanes that
    have a pool together are given what bounds all of them, ``shared``: each place of it is a connection.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        slots: int,
        waiting: int,
        database: str,
        shared: asyncio.Semaphore | None = None,
    ) -> None:
        self.slots = slots
        self.open = 0
        """How many transactions are in."""
        self.engine = engine
        self._free = asyncio.Semaphore(slots)
        self._shared = shared
        self._queue = 0
        self._limit = waiting
        self._database = database
        self._closed = False

    async def enter(self, owner: str) -> None:
        """Wait for a slot; whose it will be does not matter here.

        Raises ResourceExhausted when too many wait, Unavailable when the lane is closed.
        """
        if self._closed:
            raise Unavailable(f"the database {self._database} is closed")
        if self._queue >= self._limit:
            raise ResourceExhausted(
                f"{self._queue} transactions already wait for the database {self._database}, and no more may"
            )
        self._queue += 1
        try:
            await self._free.acquire()
            if self._shared is not None:
                try:
                    await self._shared.acquire()
                except BaseException:
                    self._free.release()
                    raise
        finally:
            self._queue -= 1
        self.open += 1

    def leave(self, kept: bool = False) -> None:
        """Give the slot back. What was done is decided by then, and there is nothing to wait for."""
        self.open -= 1
        self._free.release()
        if self._shared is not None:
            self._shared.release()

    async def connect(self, patience: Patience | None = None) -> AsyncConnection:
        """Return a connection for the slot that the caller has."""
        token = PATIENCE.set(patience)
        try:
            return await self.engine.connect()
        finally:
            PATIENCE.reset(token)

    async def give_back(self, connection: AsyncConnection) -> None:
        """Take a connection back, before its slot."""
        await connection.close()

    async def drain(self) -> None:
        """Let nobody in any more, and wait for those that are in or wait."""
        self._closed = True
        for _ in range(self.slots):
            await self._free.acquire()

    async def close(self) -> None:
        """Drain it, and close the connections. Of lanes that have one pool, all are drained first."""
        try:
            await self.drain()
        finally:
            await self.engine.dispose()
