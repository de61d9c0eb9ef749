"""Request and reply with nats-py and MessagePack. The server's CPU is that of the responder and of the NATS server."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from benchmarks.payload import CUSTOMER, NUMBER, Order, OrdersService

from . import Calls, Connected


class _Question(msgspec.Struct):
    customer: str
    number: str


async def serve(address: str) -> None:
    """Answer until killed, with a NATS server as a child."""
    import nats

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    binary = Path(sys.executable).parent / "nats-server"
    subprocess.Popen([binary, "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL)  # noqa: ASYNC220
    url = f"nats://127.0.0.1:{port}"
    with socket.socket() as trial:
        while trial.connect_ex(("127.0.0.1", port)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    connection = await nats.connect(url)
    service, read, write = OrdersService(), msgspec.msgpack.Decoder(_Question).decode, msgspec.msgpack.Encoder().encode

    async def order(message: nats.aio.msg.Msg) -> None:
        question = read(message.data)
        await message.respond(write(await service.order(question.customer, question.number)))

    await connection.subscribe("orders.order", cb=order)
    await connection.flush()
    Path(f"{address}.new").write_text(url)
    os.rename(f"{address}.new", address)
    await asyncio.Event().wait()


@asynccontextmanager
async def connect(address: str) -> Connected:
    """Give the calls."""
    import nats

    connection = await nats.connect(Path(address).read_text())
    read, write = msgspec.msgpack.Decoder(Order).decode, msgspec.msgpack.Encoder().encode

    async def call() -> Order:
        answer = await connection.request("orders.order", write(_Question(CUSTOMER, NUMBER)), timeout=10)
        return read(answer.data)

    yield Calls(call)
    await connection.close()
