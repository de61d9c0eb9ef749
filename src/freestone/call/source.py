"""The items that a caller sends with a call, as they are taken from its iterator.

However the call is carried, they are made with the caller's context current, closed when the call is over if they
were begun, and what they raise ends the call and is the caller's own: the callee only learns that it was cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, final

from freestone.contract import Operation
from freestone.errors import InvalidArgument
from freestone.service import CURRENT, Context


@final
class Source:
    """An iterator of the caller's. ``taken`` says whether it was ever asked for an item."""

    __slots__ = ("_context", "_items", "failure", "over", "taken")

    def __init__(self, operation: Operation, items: Any, context: Context | None) -> None:
        if not hasattr(items, "__aiter__"):
            name = "" if operation.takes is None else operation.takes.name
            raise InvalidArgument(f"{name}: it is no stream; pass an asynchronous iterator", field=name)
        self._items: AsyncIterator[Any] = aiter(items)
        self._context = context
        self.taken = False
        self.over = False
        """Whether nothing more is asked of it."""
        self.failure: BaseException | None = None
        """What it raised."""

    async def next(self) -> Any:
        """Return the next item. Raises StopAsyncIteration at the end, and when ``failure`` says why there is none."""
        if self.over:
            raise StopAsyncIteration
        self.taken = True
        token = CURRENT.set(self._context)
        try:
            return await anext(self._items)
        except asyncio.CancelledError:
            raise
        except StopAsyncIteration:
            self.over = True
            raise
        except BaseException as error:
            self.over = True
            self.failure = error
            raise StopAsyncIteration from None
        finally:
            CURRENT.reset(token)

    async def close(self) -> None:
        """Ask for nothing more: the ``finally`` blocks of a generator that was begun run."""
        self.over = True
        close = getattr(self._items, "aclose", None)
        if not self.taken or close is None:
            return
        self.taken = False
        token = CURRENT.set(self._context)
        try:
            await close()
        finally:
            CURRENT.reset(token)


@final
class Lent:
    """The items of a caller of the same process, as the callee takes them."""

    __slots__ = ("_copy", "ended", "source")

    def __init__(self, operation: Operation, source: Source) -> None:
        self.source = source
        self.ended = False
        """Whether the call is over."""
        self._copy = operation.copy_item

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self.ended:
            raise RuntimeError("the call has ended, and with it the items of its caller")
        try:
            item = await self.source.next()
        except StopAsyncIteration:
            if self.source.failure is not None:
                raise asyncio.CancelledError from None  # as a callee of another process hears of it
            raise
        return item if self._copy is None else self._copy(item)
