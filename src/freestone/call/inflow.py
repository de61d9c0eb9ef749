"""The items of a stream that have come and have not been taken yet; the credit that was granted bounds them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import final

from .connection import EXPIRED, Answer


@final
class Inflow:
    """A queue with an end, for one taker."""

    __slots__ = ("_answer", "_items", "_loop", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: deque[bytes] = deque()
        self._answer: Answer | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, item: bytes) -> None:
        """Add an item."""
        self._items.append(item)
        self._wake()

    def done(self) -> bool:
        """Whether the stream has ended; there may be items left."""
        return self._answer is not None

    def set_result(self, answer: Answer) -> None:
        """End the stream, with the reason. What came before a deadline and was not taken by then is dropped."""
        if answer is EXPIRED:
            self._items.clear()
        self._answer = answer
        self._wake()

    async def take(self) -> Answer:
        """Return the next item, as bytes, or how the stream ended after the last of them.

        Raises RuntimeError if somebody else waits for an item.
        """
        while not self._items:
            if self._answer is not None:
                return self._answer
            if self._waiter is not None:
                raise RuntimeError("two tasks ask the same stream for its next item at once")
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._items.popleft()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
