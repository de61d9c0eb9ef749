"""Services are started in the order of their dependencies, and stopped in the opposite one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, final

from freestone.errors import FreestoneError
from freestone.signals import SIGNALS, ServiceStarted, ServiceStopped

from .binder import Binder

_log = logging.getLogger("freestone.app")

STOP_SECONDS = 10.0
"""How long a service's ``stop`` may take."""


class StartError(FreestoneError):
    """A service could not be started. Says which one, and why."""


@final
class Lifecycle:
    """The services of one process, from start to stop."""

    def __init__(self, services: Mapping[str, type[Any]], binder: Binder) -> None:
        self._services = services
        self._binder = binder
        self._running = AsyncExitStack()

    async def start(self) -> None:
        """Make and start the services in the given order: its resources, then its ``start`` hook, then the next.

        Raises StartError for the first that fails; what was started before it is stopped.
        """
        try:
            for name, cls in self._services.items():
                await self._start(name, cls)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop what was started, the latest first. A hook that fails is logged, and the others still run."""
        await self._running.aclose()

    async def _start(self, name: str, cls: type[Any]) -> None:
        try:
            self._binder.make(name, cls)
            for resource in self._binder.resources.get(name, ()):
                self._running.push_async_callback(self._quietly, name, resource.close)
                await resource.start()
            instance = self._binder.instances[name]
            start: Callable[[], Awaitable[None]] | None = getattr(instance, "start", None)
            if start is not None:
                await start()
        except Exception as error:
            _log.debug("the service %s did not start", name, exc_info=error)
            reason = str(error) if isinstance(error, FreestoneError) else f"{type(error).__name__}: {error}"
            raise StartError(f"the service {name} did not start: {reason}") from error
        stop: Callable[[], Awaitable[None]] | None = getattr(instance, "stop", None)
        if stop is not None:
            self._running.push_async_callback(self._quietly, name, stop)
        self._running.callback(SIGNALS.announce, ServiceStopped(name))
        SIGNALS.announce(ServiceStarted(name))

    @staticmethod
    async def _quietly(name: str, action: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await action()
        except Exception:
            _log.exception("the service %s did not stop well", name)
