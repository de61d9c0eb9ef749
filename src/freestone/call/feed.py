"""The caller's items of one call over the wire, sent as the callee grants them and the network takes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, final

from freestone.contract import Operation
from freestone.errors import ResourceExhausted
from freestone.wire import FrameTooLarge

from .connection import ENDED, Waiting
from .source import Source

if TYPE_CHECKING:
    from .connection import PeerConnection

_BURST: Final = 16
"""Frames that a feed may add to in one turn of the loop."""


@final
class Feed:
    """Takes items from a source in a task of its own, because an answer may come while it waits for one."""

    __slots__ = ("_call_id", "_connection", "_loop", "_operation", "_source", "_task", "_waiter", "_waiting")

    def __init__(
        self,
        connection: PeerConnection,
        call_id: int,
        operation: Operation,
        source: Source,
        waiting: Waiting,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._connection = connection
        self._call_id = call_id
        self._operation = operation
        self._source = source
        self._waiting = waiting
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        connection.feeds[call_id] = self
        self._task = loop.create_task(self._run(), name=f"items for {operation.name}")

    def wake(self) -> None:
        """Credit has come, or the network takes more."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def cancel(self) -> None:
        """Send nothing more; ``stop`` waits until the source is at rest."""
        self._connection.feeds.pop(self._call_id, None)
        self._task.cancel()

    async def stop(self) -> None:
        """Send nothing more, and wait until nothing more is asked of the source."""
        self.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        wire, link = self._connection.wire, self._connection.link
        while True:
            await self._room()
            try:
                data = self._operation.encode_item(await self._source.next())
                if not wire.sends_items(self._call_id):
                    return  # it was answered meanwhile
                wire.send_item(self._call_id, data)
            except StopAsyncIteration:
                break
            except FrameTooLarge as error:
                self._source.failure = ResourceExhausted(f"an item for {self._operation.name} can't be sent: {error}")
                break
            except Exception as error:  # one that can't cross; it belongs to the caller
                self._source.failure = error
                break
            link.send()
        if self._source.failure is not None:
            self._connection.cancel(self._call_id)
            if not self._waiting.done():
                self._waiting.set_result(ENDED)
        elif wire.sends_items(self._call_id):
            wire.send_end(self._call_id)
            link.send()

    async def _room(self) -> None:
        """Wait until an item may be sent: none is taken before."""
        wire, link = self._connection.wire, self._connection.link
        if len(wire.outgoing) >= _BURST:
            await asyncio.sleep(0)  # a source that never suspends would keep the loop to itself
        while not wire.allowance(self._call_id) or link.paused or self._call_id in wire.large:
            self._waiter = self._loop.create_future()
            await self._waiter
