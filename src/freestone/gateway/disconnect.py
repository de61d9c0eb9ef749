"""A client that goes away cancels the work that is done for it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import final

from starlette.types import Receive


class Disconnected(Exception):
    """The client is gone; nobody waits for an answer."""


@final
class while_connected:  # noqa: N801 - reads as a statement, as asyncio.timeout does
    """Cancel a block when the client of an ASGI request disconnects; raises Disconnected at its end then.

    The request's body must have been read: what still comes of it is dropped.
    """

    __slots__ = ("_cancelling", "_gone", "_receive", "_task", "_watch")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False
        self._cancelling = 0
        self._task: asyncio.Task[object] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "an ASGI application runs in a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._watch = asyncio.create_task(self._wait(task))

    async def _wait(self, task: asyncio.Task[object]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._watch is not None
        assert self._task is not None
        self._watch.cancel()
        # As asyncio.timeout does: the cancellation is ours unless somebody else has asked for one as well.
        if self._gone and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise Disconnected from error
