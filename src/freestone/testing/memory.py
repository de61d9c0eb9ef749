"""The whole wire within one process: real connections, pool and server, on pipes in memory."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncGenerator
from typing import final

from freestone.app import Interposer, Near
from freestone.call import (
    Address,
    Dispatcher,
    Listener,
    MemoryAddress,
    MemoryNetwork,
    Policies,
    Pool,
    ProtocolFactory,
    Server,
    StaticResolver,
    Transport,
    WireTransport,
)
from freestone.wire import Hello

from .clock import fake_random

_ADDRESS = MemoryAddress("app")
_HELLO = Hello(application="in-memory", process="app", instance="test")


@contextlib.asynccontextmanager
async def wire_in_memory(interposer: Interposer | None = None) -> AsyncGenerator[Near]:
    """Give a maker of transports that take a co-located call over the wire and back."""
    network = _Loopback()
    dialled = network if interposer is None else interposer.network(network, lambda _: "app")
    pool = Pool(_HELLO, StaticResolver({"app": [_ADDRESS]}), random=fake_random(), network=dialled)

    def near(dispatcher: Dispatcher, service: str, policies: Policies) -> Transport:
        network.dispatcher = dispatcher
        return WireTransport(pool, "app", service, policies)

    try:
        yield near
    finally:
        await pool.close(1.0)
        await network.close()


@final
class _Loopback:
    """A network in memory whose server listens from when it is first dialled: a service may call in its ``start``."""

    def __init__(self) -> None:
        self.dispatcher: Dispatcher | None = None
        self._memory = MemoryNetwork()
        self._server: Server | None = None

    async def dial(self, address: Address, factory: ProtocolFactory) -> None:
        if self._server is None:
            assert self.dispatcher is not None
            self._server = Server(self.dispatcher, _HELLO, network=self._memory)
            await self._server.listen(_ADDRESS)
        await self._memory.dial(address, factory)

    async def listen(self, where: Address | socket.socket, factory: ProtocolFactory) -> Listener:
        return await self._memory.listen(where, factory)

    async def close(self) -> None:
        if self._server is not None:
            await self._server.drain(1.0)
