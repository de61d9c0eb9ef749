"""Every transport keeps the rules of the seam: co-located, through the codec, and over the wire three ways."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from freestone.call import (
    Address,
    CodecTransport,
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
    UnixAddress,
    WireTransport,
    client,
)
from freestone.errors import Unimplemented
from freestone.testing.conformance.transport import CHECKS, SENDING_CHECKS, Place
from freestone.testing.conformance.workbench import Tool, Workbench, WorkbenchService
from freestone.wire import VERSIONS, Hello


@contextlib.asynccontextmanager
async def local(services: Mapping[str, object]) -> AsyncGenerator[Callable[[str], Transport]]:
    dispatcher = Dispatcher(services)
    yield lambda service: LocalTransport(dispatcher, service)


@contextlib.asynccontextmanager
async def codec(services: Mapping[str, object]) -> AsyncGenerator[Callable[[str], Transport]]:
    dispatcher = Dispatcher(services)
    yield lambda service: CodecTransport(dispatcher, service)


def over_the_wire(
    network: Network, address: Address, caller: tuple[int, ...] = VERSIONS, callee: tuple[int, ...] = VERSIONS
) -> Place:
    """Serve at that address, and call from a pool of its own, each side speaking those versions of the protocol."""

    @contextlib.asynccontextmanager
    async def place(services: Mapping[str, object]) -> AsyncGenerator[Callable[[str], Transport]]:
        hello = Hello(application="academy", process="bench", instance="1")
        server = Server(Dispatcher(services), replace(hello, versions=callee), network=network)
        bound = await server.listen(address)
        resolver = StaticResolver({"bench": [bound]})
        pool = Pool(replace(hello, versions=caller), resolver, random=random.Random(1), network=network)
        try:
            yield lambda service: WireTransport(pool, "bench", service)
        finally:
            await pool.close()
            await server.close()
            assert server.sessions == server.in_flight == 0

    return place


@pytest.fixture(params=["local", "codec", "memory", "unix", "tcp"])
def place(request: pytest.FixtureRequest) -> Any:
    with tempfile.TemporaryDirectory() as directory:
        yield {
            "local": local,
            "codec": codec,
            "memory": over_the_wire(MemoryNetwork(), MemoryAddress("bench")),
            "unix": over_the_wire(SocketNetwork(), UnixAddress(str(Path(directory) / "bench.sock"))),
            "tcp": over_the_wire(SocketNetwork(), TcpAddress("127.0.0.1", 0)),
        }[request.param]


OLD: Final = (1,)
NEWER: Final = (1, 2, 9)


@pytest.mark.parametrize(
    ("caller", "callee"), [(OLD, VERSIONS), (VERSIONS, OLD), (NEWER, VERSIONS), (VERSIONS, NEWER)],
    ids=["old-new", "new-old", "newer-new", "new-newer"],
)  # fmt: skip
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_an_older_and_a_newer_peer_keep_the_rules(
    check: Callable[[Place], Any], caller: tuple[int, ...], callee: tuple[int, ...]
) -> None:
    """They speak the newest version that both know; processes of an application can be replaced one by one."""
    with tempfile.TemporaryDirectory() as directory:
        place = over_the_wire(SocketNetwork(), UnixAddress(str(Path(directory) / "bench.sock")), caller, callee)
        if check in SENDING_CHECKS and OLD in (caller, callee):
            await refuses_to_send_items(place)
        else:
            await check(place)


async def refuses_to_send_items(place: Place) -> None:
    """Require that a call which takes a stream is not made, and that its error says what to do."""

    async def tools() -> AsyncIterator[Tool]:
        yield Tool(name="saw")

    message = (
        "near.{} was not called: it takes a stream, and bench speaks version 1 of the wire protocol, which has none; "
        "bring it up to date"
    )
    async with place({"near": WorkbenchService()}) as transport:
        bench = client(Workbench, transport("near"))
        with pytest.raises(Unimplemented) as caught:
            await bench.take(tools())
        assert caught.value.message == message.format("take")
        with pytest.raises(Unimplemented) as caught:
            await anext(bench.echo("x", tools()))
        assert caught.value.message == message.format("echo")
        assert await bench.kept() == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_p39_every_transport_keeps_the_same_rules(check: Callable[[Place], Any], place: Place) -> None:
    """The suite of the seam, for each transport: what a call means does not depend on where its callee is."""
    await check(place)
