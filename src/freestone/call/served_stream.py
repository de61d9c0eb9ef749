"""The items of one call in flight, made as the caller grants them and the network takes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, final

from freestone.errors import Internal
from freestone.wire import FrameTooLarge

from .dispatch import Streaming

if TYPE_CHECKING:
    from .served_call import ServedCall

_BURST: Final = 16
"""Frames that a stream may add to in one turn of the loop."""


@final
class ServedStream:
    """Runs a method that streams, and sends what it makes."""

    __slots__ = ("_call", "_items", "_waiter")

    def __init__(self, call: ServedCall, items: Streaming) -> None:
        self._call = call
        self._items = items
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Credit has come, or the network takes more."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def run(self) -> None:
        """Send every item, and the end. Raises ServiceError, or is cancelled."""
        call = self._call
        session, operation, items = call.session, call.target.operation, self._items
        try:
            while True:
                # Nothing is made before it can be sent: the producer goes no faster than the consumer.
                await self._room()
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    break
                if session.link.closing:
                    return
                session.wire.send_item(call.call_id, operation.encode_result(item))
                session.link.send()
        except FrameTooLarge as error:
            raise Internal(f"an item of {call.target.name} can't be sent: {error}") from None
        finally:
            await items.aclose()
        if session.link.closing:
            return
        session.wire.send_end(call.call_id)
        session.link.send()

    async def _room(self) -> None:
        call = self._call
        wire, link = call.session.wire, call.session.link
        if call.cancelled:  # a generator that caught its cancellation goes no further
            raise asyncio.CancelledError
        if len(wire.outgoing) >= _BURST:
            # A generator that never suspends would keep the loop to itself: nothing would be written, nor paused.
            await asyncio.sleep(0)
        while not wire.credit(call.call_id) or link.paused or call.call_id in wire.large:
            self._waiter = call.session.loop.create_future()
            await self._waiter
