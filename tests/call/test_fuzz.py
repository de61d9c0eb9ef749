"""A server among strangers: whatever they send, good clients go on working and get right answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from freestone.call import (
    Address,
    Dispatcher,
    Pool,
    Server,
    StaticResolver,
    TcpAddress,
    UnixAddress,
    WireTransport,
    client,
)
from freestone.contract import Contract, query
from freestone.wire import (
    Cancel,
    Chunk,
    Credit,
    End,
    Error,
    Frame,
    Goodbye,
    Header,
    Hello,
    Item,
    Limits,
    Ping,
    Pong,
    Reason,
    Reply,
    Request,
    encode,
)

HELLO = Hello(application="academy", process="stranger", instance="1")
TRACE = "0af7651916cd43dd8448eb211c80319c"
LIMITS = Limits(
    handshake=0.3, frame_time=0.3, ping=0.2, idle=0.6, calls=64, frame=2**20, message=2**21, unfinished=2**21
)


class Sums(Contract):
    """Arithmetic."""

    @query
    async def add(self, a: int, b: int) -> int:
        """Return the sum."""

    @query
    def count(self, to: int) -> AsyncIterator[int]:
        """Count."""

    @query
    async def total(self, numbers: AsyncIterator[int]) -> int:
        """Add up what comes."""


class SumService(Sums):
    async def add(self, a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    async def total(self, numbers: AsyncIterator[int]) -> int:
        return sum([number async for number in numbers])


FRAMES: tuple[Frame, ...] = (
    HELLO,
    Request(1, Header("sums.add", 0, 0, 1000, TRACE, None), b"\x82\xa1a\x01\xa1b\x02"),
    Request(2, Header("sums.count", 0, 5, None, TRACE, ("ada", ("x",))), b"\x81\xa2to\x09"),
    Reply(1, b"\x03"),
    Error(1, 5, "NotFound", "none", b"\x80", None, begun=True),
    Cancel(1),
    Item(1, b"\x01"),
    Credit(2, 7),
    Ping(b"12345678"),
    Pong(b"12345678"),
    Request(3, Header("sums.total", 2, 0, None, TRACE, None), b"\x80"),
    Item(3, b"\x01"),
    End(3),
    Chunk(4, encode(Request(4, Header("sums.add", 0, 0, 1000, TRACE, None), b""))[9:]),
    Request(4, Header("sums.add", 0, 0, 1000, TRACE, None), b"\x82\xa1a\x01\xa1b\x02"),
    Goodbye(Reason.DRAINING, "bye", 0),
)


def noise(chance: random.Random) -> bytes:
    """Bytes of no meaning."""
    return chance.randbytes(chance.randrange(1, 400))


def noise_after_hello(chance: random.Random) -> bytes:
    """A good beginning, then bytes of no meaning."""
    return encode(HELLO) + noise(chance)


def mutated(chance: random.Random) -> bytes:
    """Good frames in any order, with some bytes changed, lost or doubled."""
    data = bytearray(encode(HELLO) + b"".join(encode(chance.choice(FRAMES)) for _ in range(chance.randrange(1, 8))))
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(data))
        match chance.randrange(3):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at]
            case _:
                data[at:at] = data[at : at + chance.randrange(40)]
    return bytes(data)


def oversized(chance: random.Random) -> bytes:
    """A length that nobody keeps room for."""
    return encode(HELLO) + chance.choice([2**20 + 1, 2**31, 2**32 - 1]).to_bytes(4, "big") + b"\x02"


def deep(chance: random.Random) -> bytes:
    """Arguments that are nested deeper than a stack is high."""
    request = Request(1, Header("sums.add", 0, 0, None, TRACE, None), b"\x81\xa1a" + b"\x91" * 200_000)
    return encode(HELLO) + encode(request)


def unfinished(chance: random.Random) -> bytes:
    """Frames of which the last never ends."""
    data = encode(HELLO) + encode(FRAMES[1]) * 3
    return data[: chance.randrange(1, len(data))]


def ping_flood(chance: random.Random) -> bytes:
    """More pings than anybody needs."""
    return encode(HELLO) + encode(Ping(b"12345678")) * 5000


def http(chance: random.Random) -> bytes:
    """Somebody who is in the wrong place."""
    return b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def call_flood(chance: random.Random) -> bytes:
    """More calls than are served at a time."""
    header = Header("sums.add", 0, 0, None, TRACE, None)
    calls = (encode(Request(number, header, b"\x82\xa1a\x01\xa1b\x02")) for number in range(1, 500))
    return encode(HELLO) + b"".join(calls)


def chunk_flood(chance: random.Random) -> bytes:
    """Messages that begin and never end."""
    return encode(HELLO) + b"".join(encode(Chunk(number, b"x")) for number in range(1, 500))


def endless_message(chance: random.Random) -> bytes:
    """A message that grows over every limit."""
    return encode(HELLO) + encode(Chunk(1, bytes(60_000))) * 40


def ungranted(chance: random.Random) -> bytes:
    """Items that nobody has asked for."""
    request = Request(1, Header("sums.total", 2, 0, None, TRACE, None), b"\x80")
    return encode(HELLO) + encode(request) + encode(Item(1, b"\x01")) * 100


HOSTILE = (
    noise, noise_after_hello, mutated, oversized, deep, unfinished, ping_flood, http, call_flood, chunk_flood,
    endless_message, ungranted,
)  # fmt: skip


@contextlib.asynccontextmanager
async def served(address: Address, **options: Any) -> AsyncIterator[tuple[Server, Address, Sums]]:
    """Serve sums, and give a good client."""
    hello = Hello(application="academy", process="sums", instance="1")
    server = Server(Dispatcher({"sums": SumService()}), hello, limits=LIMITS, **options)
    bound = await server.listen(address)
    pool = Pool(hello, StaticResolver({"sums": [bound]}), random=random.Random(1))
    try:
        yield server, bound, client(Sums, WireTransport(pool, "sums", "sums"))
    finally:
        await pool.close()
        await server.close()
        assert server.sessions == server.in_flight == 0


@pytest.fixture(params=["unix", "tcp"])
def address(request: pytest.FixtureRequest) -> Any:
    if request.param == "tcp":
        yield TcpAddress("127.0.0.1", 0)
        return
    with tempfile.TemporaryDirectory() as directory:
        yield UnixAddress(str(Path(directory) / "sums.sock"))


async def dial(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect without the wire."""
    if isinstance(address, UnixAddress):
        return await asyncio.open_unix_connection(address.path)
    assert isinstance(address, TcpAddress)
    return await asyncio.open_connection(address.host, address.port)


async def attack(address: Address, data: bytes, chance: random.Random) -> None:
    """Send bytes in pieces, and stay until the server has had enough."""
    reader, writer = await dial(address)
    with contextlib.suppress(ConnectionError):
        for at in range(0, len(data), 50_000):
            writer.write(data[at : at + 50_000])
            await writer.drain()
        while await reader.read(65536):
            pass
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def good_work(sums: Sums, stop: asyncio.Event) -> int:
    """Call until told to stop; return how many answers came, all of them right."""
    answers = 0
    while not stop.is_set():
        assert await asyncio.gather(*(sums.add(answers, n) for n in range(8))) == [answers + n for n in range(8)]
        assert [number async for number in sums.count(20)] == list(range(20))
        assert await sums.total(sums.count(20)) == 190
        answers += 10
    return answers


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda it: it.__name__)
async def test_strangers_end_their_own_connection_and_no_other(
    address: Address, hostile: Callable[[random.Random], bytes]
) -> None:
    """Each is dropped, sooner or later; a good client does not notice any of them."""
    chance = random.Random(hostile.__name__)
    async with served(address) as (server, bound, sums):
        stop = asyncio.Event()
        working = asyncio.ensure_future(good_work(sums, stop))
        async with asyncio.timeout(20):
            for _ in range(2):
                await asyncio.gather(*(attack(bound, hostile(chance), chance) for _ in range(6)))
        stop.set()
        assert await asyncio.wait_for(working, 10) > 0
        assert server.sessions == 1


async def test_a_flood_of_connections_is_bounded(address: Address) -> None:
    """Those over the limit are turned away, and a client that is connected works on."""
    async with served(address, connections=50) as (server, bound, sums):
        assert await sums.add(1, 2) == 3
        stop = asyncio.Event()
        working = asyncio.ensure_future(good_work(sums, stop))
        most = 0
        async with asyncio.timeout(20):
            for _ in range(2):
                flood = [asyncio.ensure_future(attack(bound, b"", random.Random(1))) for _ in range(100)]
                while not all(task.done() for task in flood):
                    most = max(most, server.sessions)
                    await asyncio.wait(flood, timeout=0.05)
        stop.set()
        assert await asyncio.wait_for(working, 10) > 0
        assert 1 < most <= 50
        assert server.sessions == 1


async def test_a_stranger_that_never_reads_is_dropped(address: Address) -> None:
    """Its answers are not kept without bound, and its connection does not stay for ever."""
    async with served(address) as (server, bound, sums):
        _reader, writer = await dial(bound)
        writer.write(encode(HELLO))
        header = Header("sums.add", 0, 0, None, TRACE, None)
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(1):
                for number in range(1, 200_000):
                    writer.write(encode(Request(number, header, b"\x82\xa1a\x01\xa1b\x02")))
                    await writer.drain()
        assert await sums.add(1, 2) == 3
        writer.transport.abort()
        async with asyncio.timeout(5):
            while server.sessions > 1:
                await sums.add(1, 2)
