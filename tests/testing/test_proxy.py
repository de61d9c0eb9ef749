"""A network that is bad on demand: bytes that are late, in pieces, lost, and connections that end."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from freestone import Contract, deadline, errors, query
from freestone.call import (
    Address,
    Dispatcher,
    Listener,
    MemoryAddress,
    Pool,
    Server,
    SocketNetwork,
    StaticResolver,
    TcpAddress,
    UnixAddress,
    WireTransport,
    client,
)
from freestone.testing import Flow, Proxy, fake_random, proxied
from freestone.wire import Hello

HELLO = Hello(application="shop", process="test", instance="1")


@dataclass
class End(asyncio.Protocol):
    """One end of a connection, which notes what comes."""

    chunks: list[bytes] = field(default_factory=list)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    made: Callable[[End], None] = lambda _: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.made(self)

    def data_received(self, data: bytes) -> None:
        self.chunks.append(data)
        self.changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc
        self.lost.set()

    def send(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]

    async def received(self, data: bytes) -> None:
        """Wait until exactly that has come, in whatever chunks."""
        async with asyncio.timeout(20):
            while b"".join(self.chunks) != data:
                assert len(b"".join(self.chunks)) < len(data), self.chunks
                await self.changed.wait()
                self.changed.clear()

    async def ended(self) -> Exception | None:
        await asyncio.wait_for(self.lost.wait(), 20)
        return self.error


class Place:
    """Somebody who listens, and a proxy before him."""

    def __init__(self, listener: Listener, between: Proxy, accepted: asyncio.Queue[End]) -> None:
        self.listener = listener
        self.proxy = between
        self._accepted = accepted

    async def dial(self) -> tuple[End, End]:
        """Return the caller's end and the callee's."""
        caller = End()
        await SocketNetwork().dial(self.proxy.address, lambda: caller)
        return caller, await asyncio.wait_for(self._accepted.get(), 20)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until that holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


@pytest.fixture(params=["tcp", "unix"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """A listener on such a socket, and a proxy."""
    accepted: asyncio.Queue[End] = asyncio.Queue()

    def factory() -> End:
        return End(made=accepted.put_nowait)

    with tempfile.TemporaryDirectory() as directory:
        where: Address = TcpAddress("127.0.0.1", 0) if request.param == "tcp" else UnixAddress(f"{directory}/s")
        listener = await SocketNetwork().listen(where, factory)
        async with proxied(listener.address) as between:
            yield Place(listener, between, accepted)
        listener.close()


async def test_bytes_pass_both_ways(place: Place) -> None:
    """As they come, and are counted; an end of one side is passed on to the other."""
    caller, callee = await place.dial()
    caller.send(b"ping")
    await callee.received(b"ping")
    callee.send(b"pong!")
    await caller.received(b"pong!")
    assert place.proxy.passed == (4, 5)
    assert (place.proxy.accepted, place.proxy.open, place.proxy.cuts) == (1, 1, 0)
    caller.transport.close()  # type: ignore[attr-defined]
    assert await callee.ended() is None


async def test_a_long_message_arrives_whole(place: Place) -> None:
    """More than the proxy's buffers and the kernel's hold."""
    caller, callee = await place.dial()
    data = bytes(range(256)) * 40_000
    caller.send(data)
    await callee.received(data)


async def test_bytes_are_late(place: Place) -> None:
    """By the delay at least, in that direction alone; and in their order, however they are spread."""
    caller, callee = await place.dial()
    loop = asyncio.get_running_loop()
    place.proxy.back = Flow(delay=0.05, spread=0.05)
    caller.send(b"at once")
    await callee.received(b"at once")
    began = loop.time()
    for number in range(10):
        callee.send(bytes([number]))
        await asyncio.sleep(0)
    await caller.received(bytes(range(10)))
    assert loop.time() - began >= 0.05


async def test_what_is_late_is_not_waited_for_once_that_is_over(place: Place) -> None:
    """A test does not sit out the delay that it set."""
    caller, callee = await place.dial()
    place.proxy.both(Flow(delay=3600))
    caller.send(b"x")
    callee.send(b"y")
    await until(lambda: place.proxy.held == 2)
    place.proxy.both(Flow())
    await callee.received(b"x")
    await caller.received(b"y")


async def test_pieces_are_passed_on_one_by_one(place: Place) -> None:
    """A reader gets more than one of them only if it is slower than the proxy."""
    caller, callee = await place.dial()
    place.proxy.there = Flow(piece=1, pause=0.001)
    caller.send(b"abcdefgh")
    await callee.received(b"abcdefgh")
    assert len(callee.chunks) > 1


async def test_what_is_stalled_waits(place: Place) -> None:
    """The other direction goes on; what waited arrives later, and nothing is lost."""
    caller, callee = await place.dial()
    place.proxy.there = Flow(stalled=True)
    caller.send(b"later")
    callee.send(b"now")
    await caller.received(b"now")
    await until(lambda: place.proxy.held == 5)
    assert callee.chunks == []
    place.proxy.there = Flow()
    await callee.received(b"later")


async def test_what_is_swallowed_is_gone(place: Place) -> None:
    """The connection stays, and the sender notices nothing."""
    caller, callee = await place.dial()
    place.proxy.there = Flow(swallowed=True)
    caller.send(b"lost")
    callee.send(b"a sign")
    await caller.received(b"a sign")
    await until(lambda: place.proxy.swallowed == 4)
    place.proxy.there = Flow()
    caller.send(b"kept")
    await callee.received(b"kept")


async def test_a_cut_ends_both_sides(place: Place) -> None:
    """New connections are accepted."""
    caller, callee = await place.dial()
    place.proxy.cut()
    await caller.ended()
    await callee.ended()
    assert place.proxy.cuts == 1
    caller, callee = await place.dial()
    caller.send(b"again")
    await callee.received(b"again")


async def test_a_connection_is_cut_within_a_message(place: Place) -> None:
    """After so many bytes."""
    caller, callee = await place.dial()
    place.proxy.there = Flow(cut_after=3)
    caller.send(b"abcdef")
    await callee.received(b"abc")
    await callee.ended()
    await caller.ended()
    assert place.proxy.cuts == 1


async def test_a_reset_is_an_error_on_tcp(place: Place) -> None:
    """On both sides; a Unix socket knows no reset, and ends."""
    caller, callee = await place.dial()
    caller.send(b"hello")
    await callee.received(b"hello")  # the proxy has both connections by now
    place.proxy.reset()
    for end in (caller, callee):
        error = await end.ended()
        if isinstance(place.proxy.address, TcpAddress):
            assert isinstance(error, ConnectionResetError)


async def test_who_dials_is_refused(place: Place) -> None:
    """As where nobody listens; a connection that is there stays, and the address is the same afterwards."""
    caller, callee = await place.dial()
    address = place.proxy.address
    await place.proxy.refuse()
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        await SocketNetwork().dial(address, End)
    caller.send(b"still here")
    await callee.received(b"still here")
    await place.proxy.accept()
    assert place.proxy.address == address
    await place.dial()


async def test_nobody_behind_the_proxy_ends_the_connection(place: Place) -> None:
    """A caller who comes too early is not left waiting."""
    place.listener.close()
    caller = End()
    await SocketNetwork().dial(place.proxy.address, lambda: caller)
    await caller.ended()


async def test_a_socket_file_is_gone_afterwards() -> None:
    """With the directory that was made for it."""
    async with proxied(UnixAddress("/nowhere/s")) as between:
        assert isinstance(between.address, UnixAddress)
        path = Path(between.address.path)
        assert path.is_socket()
    assert not path.parent.exists()


async def test_only_sockets_have_a_proxy() -> None:
    """A network in memory is made bad by faults, not by a proxy."""
    with pytest.raises(OSError, match="memory://app is no socket; a proxy stands before TCP or Unix sockets"):
        async with proxied(MemoryAddress("app")):
            pass


class Shop(Contract):
    """Something to ask over the wire."""

    @query
    async def price(self, thing: str) -> int:
        """Return the price."""
        ...


class ShopService(Shop):
    async def price(self, thing: str) -> int:
        return len(thing)


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[Shop, Proxy]]:
    """Serve the shop, and give a client that reaches it through a proxy."""
    dispatcher = Dispatcher({"shop": ShopService()})
    server = Server(dispatcher, HELLO)
    address = await server.listen(TcpAddress("127.0.0.1", 0))
    async with proxied(address) as between:
        pool = Pool(HELLO, StaticResolver({"shop": [between.address]}), random=fake_random())
        try:
            yield client(Shop, WireTransport(pool, "shop", "shop")), between
        finally:
            await pool.close()
            await server.drain(0)


async def test_the_wire_lives_through_all_of_it() -> None:
    """Calls are right byte by byte and late; one whose answer is swallowed ends by its deadline; a reset is recovered
    from.
    """
    async with served() as (shop, between):
        assert await shop.price("tea") == 3
        between.both(Flow(piece=1, delay=0.001, spread=0.002))
        assert await shop.price("coffee") == 6
        between.both(Flow(swallowed=True))
        with pytest.raises(errors.DeadlineExceeded):
            async with deadline(0.1):
                await shop.price("milk")
        between.both(Flow())
        between.reset()
        assert await shop.price("sugar") == 5
        assert between.accepted == 2
