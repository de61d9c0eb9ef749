"""``python -m benchmarks.beside [SECONDS [LANE]]``: how long small calls take beside one with 64 MB, on one connection.

Small calls are made one at a time, two milliseconds apart, while one large call follows the other. Caller and callee
are two processes. The same is done with grpc.aio: on one channel, its bytes neither encoded nor decoded.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from random import Random
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvloop

from freestone import Contract, Message, command, query
from freestone.call import Dispatcher, Policies, Pool, Server, StaticResolver, WireTransport, client, parse_address
from freestone.clock import system_random
from freestone.wire import Hello, Limits

from .callee import callee

SIZE: Final = 64 * 1000 * 1000
PAUSE: Final = 0.002
HELLO: Final = Hello(application="bench", process="store", instance="1")
ZSTD: Final = Limits(compress=1 << 16)
Call = Callable[[], Awaitable[object]]


class Picture(Message):
    """Bytes, and more."""

    title: str
    pixels: bytes


class Point(Message):
    """A small record: 38 bytes in MessagePack."""

    name: str
    left: int
    top: int


class Store(Contract):
    """Keeps what is large."""

    @query
    async def small(self, number: int) -> int:
        """Return the number."""

    @query
    async def data(self) -> bytes:
        """Return 64 MB."""

    @query
    async def picture(self) -> Picture:
        """Return them as a field."""

    @query
    async def points(self) -> tuple[Point, ...]:
        """Return them as records."""

    @command
    async def keep(self, data: bytes) -> int:
        """Take them, and return how many bytes that is."""


class StoreService(Store):
    """Has it all in memory."""

    def __init__(self) -> None:
        self._data = content()
        self._points: tuple[Point, ...] = ()

    async def small(self, number: int) -> int:
        """Return the number."""
        return number

    async def data(self) -> bytes:
        """Return 64 MB."""
        return self._data

    async def picture(self) -> Picture:
        """Return them as a field."""
        return Picture(title="large", pixels=self._data)

    async def points(self) -> tuple[Point, ...]:
        """Return them as records."""
        if not self._points:
            self._points = tuple(Point(name=f"point {n:09d}", left=n, top=-n) for n in range(SIZE // 38))
        return self._points

    async def keep(self, data: bytes) -> int:
        """Return how many bytes that is."""
        return len(data)


def content() -> bytes:
    """Return 64 MB that zstd makes a third smaller or so, at some cost, as it does with what is no text."""
    page = bytes(byte & 0x3F for byte in Random(1).randbytes(1 << 20))
    return (page * (SIZE // len(page) + 1))[:SIZE]


async def serve(address: str, how: str) -> None:
    """Answer until cancelled."""
    if how == "grpc":
        await _serve_grpc(address)
    else:
        limits = ZSTD if how == "zstd" else None
        server = Server(Dispatcher({"store": StoreService()}), HELLO, limits=limits)
        print(await server.listen(parse_address(address)), flush=True)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def through_freestone(address: str, how: str) -> AsyncGenerator[dict[str, Call]]:
    """Give the calls."""
    resolver = StaticResolver({"store": [parse_address(address)]})
    pool = Pool(HELLO, resolver, random=system_random(), limits=ZSTD if how == "zstd" else None)
    store = client(Store, WireTransport(pool, "store", "store", Policies(deadline=60)))
    data = content()
    try:
        yield {
            "small": lambda: store.small(1),
            "reply": lambda: store.data(),
            "field": lambda: store.picture(),
            "records": lambda: store.points(),
            "upload": lambda: store.keep(data),
        }
    finally:
        await pool.close()


# --- grpc.aio

_OPTIONS: Final = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


async def _serve_grpc(address: str) -> None:
    import grpc

    data = content()

    async def small(request: bytes, context: Any) -> bytes:
        return request

    async def reply(request: bytes, context: Any) -> bytes:
        return data

    async def upload(request: bytes, context: Any) -> bytes:
        return b"%d" % len(request)

    server = grpc.aio.server(options=_OPTIONS)
    methods = {name: grpc.unary_unary_rpc_method_handler(it) for name, it in
               (("small", small), ("reply", reply), ("upload", upload))}  # fmt: skip
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Store", methods),))
    server.add_insecure_port(address.replace("unix://", "unix:"))
    await server.start()
    print(address, flush=True)
    await server.wait_for_termination()


@contextlib.asynccontextmanager
async def through_grpc(address: str, how: str) -> AsyncGenerator[dict[str, Call]]:
    """Give the calls."""
    import grpc

    data = content()
    target = address.replace("unix://", "unix:")
    async with grpc.aio.insecure_channel(target, options=_OPTIONS) as channel:
        small, reply, upload = (channel.unary_unary(f"/Store/{name}") for name in ("small", "reply", "upload"))
        yield {"small": lambda: small(b"1"), "reply": lambda: reply(b""), "upload": lambda: upload(data)}


# --- what is measured


async def measure(small: Call, large: Call | None, seconds: float) -> tuple[list[float], int]:
    """Return the seconds that each small call took, and how many large ones were made meanwhile."""
    took: list[float] = []
    ended = 0

    async def repeat() -> None:
        nonlocal ended
        while large is not None:
            await large()
            ended += 1

    await small()
    if large is not None:
        await large()
    beside = asyncio.ensure_future(repeat())
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        await small()
        took.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE)
    beside.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beside
    return took, ended


async def lane(over: str, how: str, kind: str, seconds: float) -> None:
    """Measure one line of the table, in processes of its own, and print it."""
    with TemporaryDirectory(prefix="fsb-") as directory:
        address = f"unix://{directory}/store.sock" if over == "Unix" else "tcp://127.0.0.1:0"
        with callee("benchmarks.beside", address, how) as server:
            through = through_grpc if how == "grpc" else through_freestone
            async with through(server.said, how) as calls:
                took, ended = await measure(calls["small"], calls.get(kind), seconds)
    cuts = quantiles(took, n=100)
    figures = " | ".join(f"{value * 1e3:.1f}" for value in (cuts[49], cuts[98], max(took)))
    print(f"| {_WAYS[how]} | {over} | {_KINDS[kind]} | {figures} | {ended / seconds:.1f} |", flush=True)


_WAYS: Final = {"plain": "Freestone", "zstd": "Freestone, zstd", "grpc": "grpc.aio"}
_KINDS: Final = {
    "": "nothing",
    "reply": "replies, `bytes`",
    "field": "replies, `bytes` as a field",
    "records": "replies, 1.7 million records",
    "upload": "uploads, `bytes`",
}
LANES: Final = [
    *((over, "plain", kind) for over in ("Unix", "TCP") for kind in ("", "reply", "field", "upload")),
    ("Unix", "plain", "records"),
    *(("Unix", "zstd", kind) for kind in ("reply", "upload")),
    *(("Unix", "grpc", kind) for kind in ("", "reply", "upload")),
]


async def main(seconds: float, only: str = "") -> None:
    """Print a table, of all lanes or of those of that kind."""
    print("| | over | beside | p50 ms | p99 ms | worst ms | large calls a second |\n|---|---|---|---|---|---|---|")
    for over, how, kind in LANES:
        if only in ("", f"{over} {how} {kind}".strip()):
            await lane(over, how, kind, seconds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(serve(sys.argv[2], sys.argv[3]))
    else:
        uvloop.run(main(float(sys.argv[1]) if sys.argv[1:] else 6, *sys.argv[2:3]))
