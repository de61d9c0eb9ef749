"""Freestone's wire, on TCP. The port is written to the file that the others use as their socket's name."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from benchmarks.payload import OrdersService
from freestone.call import Dispatcher, Server, parse_address
from freestone.wire import Hello

from . import Calls
from .freestone_unix import connect_to


async def serve(address: str) -> None:
    """Answer until cancelled."""
    server = Server(Dispatcher({"orders": OrdersService()}), Hello(application="bench", process="orders", instance="1"))
    bound = await server.listen(parse_address("tcp://127.0.0.1:0"))
    Path(f"{address}.new").write_text(str(bound))
    Path(f"{address}.new").rename(address)
    from freestone.app import settle

    settle()
    await asyncio.Event().wait()


def connect(address: str) -> AbstractAsyncContextManager[Calls]:
    """Give the calls."""
    return connect_to(Path(address).read_text())
