"""Both event loops: what drives the wire is tested on asyncio's own and on uvloop, which differ in how they close."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager

import pytest
import uvloop

from freestone.call import (
    CodecTransport,
    Dispatcher,
    LocalTransport,
    MemoryAddress,
    MemoryNetwork,
    Pool,
    Server,
    StaticResolver,
    Transport,
    WireTransport,
)
from freestone.clock import system_random
from freestone.wire import Hello

ON_BOTH_LOOPS = {
    "test_admission",
    "test_conformance",
    "test_dialling",
    "test_exchange",
    "test_batching",
    "test_caching",
    "test_fuzz",
    "test_gather",
    "test_link",
    "test_memory",
    "test_moving",
    "test_names",
    "test_network",
    "test_watched",
    "test_pool",
    "test_owner",
    "test_server",
    "test_tls",
    "test_starter",
}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tell pytest-asyncio the loops to run a test on."""
    if item.path.stem in ON_BOTH_LOOPS:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


Served = Callable[[object], AbstractAsyncContextManager[Transport]]
"""Serves one service for a block, and gives the transport to it."""


@contextlib.asynccontextmanager
async def _over_the_wire(service: object) -> AsyncGenerator[Transport]:
    hello, network = Hello(application="academy", process="bench", instance="1"), MemoryNetwork()
    server = Server(Dispatcher({"bench": service}), hello, network=network)
    address = await server.listen(MemoryAddress("bench"))
    pool = Pool(hello, StaticResolver({"bench": [address]}), random=system_random(), network=network)
    try:
        yield WireTransport(pool, "bench", "bench")
    finally:
        await pool.close()
        await server.close()
        assert server.in_flight == 0


@pytest.fixture(params=["local", "codec", "memory"])
def served(request: pytest.FixtureRequest) -> Served:
    """One service, placed in each of the ways that need no socket: the same test holds for all of them."""
    if request.param == "memory":
        return _over_the_wire
    near = {"local": LocalTransport, "codec": CodecTransport}[request.param]
    return lambda service: contextlib.nullcontext(near(Dispatcher({"bench": service}), "bench"))
