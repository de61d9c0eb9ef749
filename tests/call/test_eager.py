"""What is written in the middle of a turn: earlier, in order, and never past a transport that has something to say."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from freestone.call.eager import EARLY, WRAPS
from freestone.call.link import Link
from freestone.call.pulse import Pulse
from freestone.wire import Connection, Event, Hello, Request, Side, encode
from freestone.wire.codec import HEAD

from .test_link import HELLO, REQUEST

LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
Run = Callable[[Coroutine[Any, Any, None]], None]


class Answering:
    """A receiver that answers each request when it comes, and looks at what the peer has got so far."""

    link: Link

    def __init__(self, peer: socket.socket, size: int) -> None:
        self.peer = peer
        self.size = size
        self.seen = b""
        """What the peer could read before the turn was over."""

    def received(self, events: list[Event]) -> None:
        requests = [event for event in events if isinstance(event, Request)]
        for request in requests:
            self.link.wire.send_reply(request.call_id, bytes([request.call_id % 251]) * self.size)
            self.link.send()
        if requests:
            self.seen += read(self.peer)

    def writable(self) -> None: ...

    def silent(self) -> None: ...

    def ended(self, reason: str) -> None: ...


def read(peer: socket.socket) -> bytes:
    """Return what there is to read."""
    data = b""
    while True:
        try:
            more = peer.recv(1 << 20)
        except BlockingIOError:
            return data
        if not more:
            return data
        data += more


@asynccontextmanager
async def answering(size: int, between: Callable[[Link], asyncio.Protocol] | None = None) -> AsyncIterator[Answering]:
    """A callee on a socket, greeted, whose peer reads when the test does."""
    here, there = socket.socketpair()
    here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
    there.setblocking(False)
    receiver = Answering(there, size)
    loop = asyncio.get_running_loop()
    hello = Hello(application="academy", process="here", instance="2")
    receiver.link = link = Link(Connection(Side.CALLEE, hello), receiver, Pulse(loop, 1), reads_on=False)
    await loop.create_connection(lambda: link if between is None else between(link), sock=here)
    there.send(encode(HELLO))
    await until(lambda: link.wire.peer is not None)
    await until(lambda: bool(read(there)))
    try:
        yield receiver
    finally:
        there.close()
        link.abort("the test is over")
        await link.disconnected


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop go round until it is so."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - what is waited for is on a socket
            await asyncio.sleep(0)


def ask(peer: socket.socket, count: int) -> None:
    """Make so many calls at once."""
    peer.send(b"".join(encode(Request(number, REQUEST.header, b"\x80")) for number in range(1, count + 1)))


async def replies(receiver: Answering, count: int) -> list[tuple[int, bytes]]:
    """Return so many replies, in the order in which they come; the peer begins to read now."""
    data = receiver.seen
    size = count * (HEAD.size + receiver.size)

    def all_there() -> bool:
        nonlocal data
        data += read(receiver.peer)
        return len(data) >= size

    await until(all_there)
    found: list[tuple[int, bytes]] = []
    while data:
        length, _, call_id = HEAD.unpack_from(data)
        found.append((call_id, data[HEAD.size : 4 + length]))
        data = data[4 + length :]
    return found


@LOOPS
def test_a_peer_gets_the_first_answers_while_the_others_are_made(run: Run) -> None:
    """Of many requests that came together, those that are answered first are on their way at once."""
    count = 2 * EARLY + 3

    async def body() -> None:
        async with answering(10) as receiver:
            ask(receiver.peer, count)
            await until(lambda: bool(receiver.seen))
            assert len(receiver.seen) == 2 * EARLY * (HEAD.size + 10)
            got = await replies(receiver, count)
            assert got == [(number, bytes([number]) * 10) for number in range(1, count + 1)]

    run(body())


@LOOPS
def test_what_the_network_does_not_take_follows_in_order(run: Run) -> None:
    """A write that was cut short anywhere, with more behind it, comes whole and in its place."""
    count, size = 10 * EARLY, 3000

    async def body() -> None:
        async with answering(size) as receiver:
            ask(receiver.peer, count)
            await until(lambda: bool(receiver.seen))
            assert len(receiver.seen) < count * size  # so it was cut short
            got = await replies(receiver, count)
            assert got == [(number, bytes([number]) * size) for number in range(1, count + 1)]

    run(body())


class Wrapped(asyncio.Transport):
    """A transport that writes something else than it is given, as one that encrypts does."""

    def __init__(self, inner: asyncio.Transport) -> None:
        super().__init__()
        self.inner = inner
        self.writes = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return True if name == WRAPS else self.inner.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.writes += 1
        self.inner.write(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.inner.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self.inner.get_write_buffer_size()

    def close(self) -> None:
        self.inner.close()

    def abort(self) -> None:
        self.inner.abort()


class Wrapping(asyncio.Protocol):
    """Puts such a transport between a link and its socket."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.link.connection_made(Wrapped(transport))

    def data_received(self, data: bytes) -> None:
        self.link.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.connection_lost(exc)


async def test_a_transport_that_wraps_another_is_not_passed_by() -> None:
    """What it is to encrypt, or to hold back, goes through it to the last byte, at the end of the turn."""
    count = 2 * EARLY + 3
    async with answering(10, Wrapping) as receiver:
        ask(receiver.peer, count)
        got = await replies(receiver, count)
        assert receiver.seen == b""
        assert len(got) == count
        transport = receiver.link.transport
        assert isinstance(transport, Wrapped)
        assert transport.writes == 2  # the greeting, and all the answers
