"""The limit: bytes of the same sizes, with no codec and no protocol but a length, on a Unix socket with uvloop.

Each message is answered by itself, as by a server that knows them apart; uvloop writes the answers of a turn together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import cast

import msgspec

from benchmarks.payload import ORDER

from . import Calls, Connected

QUESTION, ANSWER = bytes(58), msgspec.msgpack.encode(ORDER)


class Server(asyncio.Protocol):
    """Counts what comes, and answers as often."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.rest = 0

    def data_received(self, data: bytes) -> None:
        asked, self.rest = divmod(self.rest + len(data), len(QUESTION))
        self.answer(asked)

    def answer(self, asked: int) -> None:
        """Answer so many messages, which have come together."""
        write = self.transport.write
        for _ in range(asked):
            write(ANSWER)


class _Client(asyncio.Protocol):
    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.rest = 0
        self.loop = asyncio.get_running_loop()
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answered, self.rest = divmod(self.rest + len(data), len(ANSWER))
        for _ in range(answered):
            self.waiting.popleft().set_result(None)

    def call(self) -> asyncio.Future[None]:
        future = self.loop.create_future()
        self.waiting.append(future)
        if not self.asked:
            self.loop.call_soon(self.flush)
        self.asked += 1
        return future

    def flush(self) -> None:
        self.transport.write(QUESTION * self.asked)
        self.asked = 0


async def serve(address: str) -> None:
    """Answer until cancelled."""
    await serve_with(Server, address)


async def serve_with(protocol: type[Server], address: str) -> None:
    """Answer with that protocol, until cancelled."""
    server = await asyncio.get_running_loop().create_unix_server(protocol, address)
    await server.serve_forever()


@asynccontextmanager
async def connect(address: str) -> Connected:
    """Give the call."""
    transport, protocol = await asyncio.get_running_loop().create_unix_connection(_Client, address)
    yield Calls(protocol.call)
    transport.close()
