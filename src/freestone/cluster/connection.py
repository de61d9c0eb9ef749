"""The connection of this process to NATS: made in the background, made again for ever, closed in a bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from freestone.errors import ConfigurationError, Mistake, Unavailable

if TYPE_CHECKING:
    from nats.aio.client import Client

_log = logging.getLogger("freestone.cluster")

_FIRST: Final = 2.0
"""Seconds that a start waits for the connection; then it goes on without, and the connection comes when it comes."""
_CLOSE: Final = 2.0
"""Seconds that a close takes at most."""
_AGAIN: Final = 0.5
"""Seconds between two tries to connect."""


@final
@dataclass(frozen=True, slots=True)
class NatsSettings:
    """Where NATS is, and how one proves there who one is."""

    urls: tuple[str, ...]
    """The servers, as ``nats://10.0.0.9:4222`` or ``tls://nats.example:4222``; any of them will do."""
    credentials: str | None = None
    """The path of a credentials file, as ``nsc`` makes it."""


@final
class NatsConnection:
    """One connection, which all that use NATS in this process share."""

    def __init__(self, settings: NatsSettings, name: str = "freestone") -> None:
        """``name`` is how the server's monitoring calls it. Raises ConfigurationError if nats-py is not installed."""
        try:
            importlib.import_module("nats")
        except ImportError as error:
            advice = 'pip install "freestone[nats]"'
            raise ConfigurationError([Mistake("nats", "the package nats-py is not installed", advice)]) from error
        self._settings = settings
        self._name = name
        self._client: Client | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._watchers: list[Callable[[], None]] = []
        self._told = False
        self._closing = False

    @property
    def is_connected(self) -> bool:
        """Whether a server answers now."""
        return self._client is not None and self._client.is_connected

    @property
    def client(self) -> Client:
        """The connection of nats-py. Raises Unavailable while there is none."""
        if self._client is None or not self._client.is_connected:
            raise Unavailable(f"NATS at {', '.join(self._shown())} can't be reached now")
        return self._client

    @property
    def local_host(self) -> str | None:
        """The address of this machine from which it reaches NATS; None while it does not."""
        transport: Any = getattr(getattr(self._client, "_transport", None), "_io_writer", None)
        name = None if transport is None or not self.is_connected else transport.get_extra_info("sockname")
        return str(name[0]) if name else None

    def watch(self, connected: Callable[[], None]) -> Callable[[], None]:
        """Call ``connected`` each time that a connection was made, until what is returned is called."""
        self._watchers.append(connected)

        def end() -> None:
            if connected in self._watchers:
                self._watchers.remove(connected)

        return end

    async def connected(self) -> Client:
        """Wait until there is a connection, and return that of nats-py. Waits for ever."""
        while not self.is_connected:
            await self._ready.wait()
            if not self.is_connected:  # it was lost in this very turn, and nobody has been told yet
                await asyncio.sleep(_AGAIN / 10)
        return self.client

    async def start(self) -> None:
        """Begin to connect, and wait up to 2 s for it. Goes on for ever in the background; does not raise for it."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST):
                await self._ready.wait()

    async def close(self) -> None:
        """Send what was published, and end the connection, in 2 s at most."""
        self._closing = True
        self._watchers.clear()
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        client, self._client = self._client, None
        if client is None:
            return
        with contextlib.suppress(Exception):  # whatever it is, the connection is of no more use
            async with asyncio.timeout(_CLOSE / 2):
                await client.flush()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE / 2):
                await client.close()

    async def _connect(self) -> None:
        """Connect, and connect anew if nats-py gives up, as it does when it is refused."""
        from nats.aio.client import Client

        while True:
            closed = asyncio.Event()

            async def ended(closed: asyncio.Event = closed) -> None:
                closed.set()

            self._client = client = Client()
            try:
                await client.connect(
                    list(self._settings.urls),
                    name=self._name,
                    user_credentials=self._settings.credentials,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_AGAIN,  # type: ignore[arg-type]  # nats-py says int, and sleeps any number
                    connect_timeout=2,
                    ping_interval=2,
                    max_outstanding_pings=2,
                    error_cb=self._failed,
                    disconnected_cb=self._disconnected,
                    reconnected_cb=self._connected,
                    closed_cb=ended,
                )
            except Exception as error:
                await self._failed(error)
            else:
                await self._connected()
                await closed.wait()
            await asyncio.sleep(_AGAIN)

    async def _connected(self) -> None:
        _log.info("connected to NATS")
        self._told = False
        self._ready.set()
        for watcher in tuple(self._watchers):
            watcher()

    async def _disconnected(self) -> None:
        self._ready.clear()
        if not self._closing:
            _log.warning("the connection to NATS at %s is lost; it is made again", ", ".join(self._shown()))

    async def _failed(self, error: Exception) -> None:
        """Say once that there is no connection; nats-py tells it with every try."""
        level = logging.DEBUG if self._told or self.is_connected else logging.WARNING
        self._told = self._told or level == logging.WARNING
        _log.log(level, "NATS at %s: %s", ", ".join(self._shown()), error or type(error).__name__)

    def _shown(self) -> list[str]:
        """Return the servers without the passwords that their URLs may have."""
        parted = (url.partition("://") for url in self._settings.urls)
        return [f"{scheme}://{rest.rpartition('@')[2]}" for scheme, _, rest in parted]
