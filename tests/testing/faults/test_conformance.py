"""What stands between keeps the rules of the seam: calls that are late, and connections that are slow, are right."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import pytest

from freestone.call import (
    Deadlines,
    Dispatcher,
    LocalTransport,
    MemoryAddress,
    MemoryNetwork,
    Network,
    Pool,
    Server,
    SocketNetwork,
    StaticResolver,
    TcpAddress,
    Transport,
    WireTransport,
)
from freestone.testing.conformance.transport import CHECKS, Place
from freestone.testing.faults import Fault, FaultPlan, Faults, Injector, Latency, Slow
from freestone.wire import Hello

HELLO = Hello(application="academy", process="bench", instance="1")


@contextlib.asynccontextmanager
async def late(services: Mapping[str, object]) -> AsyncGenerator[Callable[[str], Transport]]:
    """Near, and every other call a little later."""
    dispatcher = Dispatcher(services)
    injector = Injector(Faults(FaultPlan((Fault("late", Latency(0.0, 0.002), probability=0.5),))), "bench")
    yield lambda it: injector.transport("", it, "bench", LocalTransport(dispatcher, it), Deadlines())


def slow(network: Network, address: Any, what: Slow) -> Place:
    """Over connections that pass on few bytes at a time."""

    @contextlib.asynccontextmanager
    async def place(services: Mapping[str, object]) -> AsyncGenerator[Callable[[str], Transport]]:
        injector = Injector(Faults(FaultPlan((Fault("slow", what),))), "bench")
        server = Server(Dispatcher(services), HELLO, network=network)
        bound = await server.listen(address)
        between = injector.network(network, lambda _: "bench")
        pool = Pool(HELLO, StaticResolver({"bench": [bound]}), random=random.Random(1), network=between)
        try:
            yield lambda service: WireTransport(pool, "bench", service)
        finally:
            await pool.close()
            await server.close()

    return place


PLACES: dict[str, Place] = {
    "late": late,
    "slow in memory": slow(MemoryNetwork(), MemoryAddress("bench"), Slow(500)),
    "slow on tcp": slow(SocketNetwork(), TcpAddress("127.0.0.1", 0), Slow(2000)),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_what_stands_between_keeps_the_same_rules(check: Callable[[Place], Any], place: Place) -> None:
    """The suite of the seam: faults that lose nothing change nothing but the time."""
    await check(place)
