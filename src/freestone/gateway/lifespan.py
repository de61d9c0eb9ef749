"""The start and the stop of a mounted ASGI application, by the lifespan protocol.

The application's side runs in a task of its own from start to stop, since it may hold an ``async with`` over both.
An application that knows no lifespan raises when it is called with that scope, or returns: it is then served
without one, as the specification asks
(https://asgi.readthedocs.io/en/latest/specs/lifespan.html).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, final

from starlette.types import ASGIApp, Message

_log = logging.getLogger("freestone.gateway")


class LifespanFailed(Exception):
    """A mounted application did not start, or did not stop, and said why."""


@final
class Lifespan:
    """One application's lifespan. ``state`` is what its requests find in ``scope["state"]``."""

    def __init__(self, app: ASGIApp, name: str, state: dict[str, Any]) -> None:
        self.state = state
        self._app = app
        self._name = name
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._answer: asyncio.Future[Message | None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the application. Raises LifespanFailed with its reason."""
        self._task = asyncio.create_task(self._run(), name=f"lifespan of {self._name}")
        try:
            answer = await self._ask("lifespan.startup")
        except BaseException:
            await self._end()
            raise
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            await self._end()
            raise LifespanFailed(f"{self._name} did not start: {answer.get('message') or 'it gave no reason'}")

    async def stop(self) -> None:
        """Stop the application. Raises LifespanFailed with its reason."""
        if self._task is None or self._task.done():
            return
        try:
            answer = await self._ask("lifespan.shutdown")
        finally:
            await self._end()
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            raise LifespanFailed(f"{self._name} did not stop: {answer.get('message') or 'it gave no reason'}")

    async def _ask(self, event: str) -> Message | None:
        """Send an event; return the answer, or None if the application left without one."""
        self._answer = asyncio.get_running_loop().create_future()
        self._to_app.put_nowait({"type": event})
        return await self._answer

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._to_app.get, self._send)
        except Exception as error:
            _log.debug("%s left its lifespan: %r", self._name, error)
        finally:
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(None)

    async def _send(self, message: Message) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        if not task.done():
            task.cancel()
        await asyncio.wait([task])
